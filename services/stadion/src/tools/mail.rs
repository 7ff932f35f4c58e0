//! `stadion mail [EMAIL]`: the newest mail of the local sink.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::say::say;
use crate::settings::Settings;

/// Prints the newest mail, or the newest to `email`.
///
/// # Errors
/// No such mail.
pub fn run(settings: &Settings, email: Option<&str>) -> anyhow::Result<()> {
    let folder = settings.platform.data.join("mail");
    match newest(&folder, email)? {
        Some(mail) => {
            say(format_args!("{}", mail.text.trim_end()));
            Ok(())
        }
        None => bail!(
            "no mail{} in {}{}",
            email.map(|email| format!(" to {email}")).unwrap_or_default(),
            folder.display(),
            if settings.platform.mail.is_taken_on() { ": it is taken to mail.smtp" } else { "" }
        ),
    }
}

/// A mail as it was written.
pub struct Mail {
    pub text: String,
}

impl Mail {
    /// A header's value; folded lines are joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.replace("\r\n", "\n");
        let head = head.split("\n\n").next()?.replace("\n ", " ").replace("\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    fn is_to(&self, email: &str) -> bool {
        let to = self.header("To").unwrap_or_default().to_lowercase();
        let email = email.to_lowercase();
        to.split(|c: char| c.is_whitespace() || "<>,\"".contains(c)).any(|part| part == email)
    }
}

/// The newest mail of a folder; names are in the order of time.
///
/// # Errors
/// A folder or a mail that cannot be read.
pub fn newest(folder: &Path, email: Option<&str>) -> anyhow::Result<Option<Mail>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    };
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort_unstable();
    for path in paths.iter().rev() {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mail = Mail { text: String::from_utf8_lossy(&bytes).into_owned() };
        if email.is_none_or(|email| mail.is_to(email)) {
            return Ok(Some(mail));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_mail_to_an_address_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for (name, to, code) in
            [("1", "a@example.org", "11"), ("2", "b@example.org", "22"), ("3", "aa@example.org", "33")]
        {
            let text = format!("To: <{to}>\r\nX-Stadion-Code: {code}\r\n\r\nhello\r\n");
            fs::write(folder.path().join(format!("{name}.eml")), text).unwrap();
        }
        fs::write(folder.path().join("4.draft"), "To: a@example.org\r\n\r\n").unwrap();
        let code =
            |email| newest(folder.path(), email).unwrap().and_then(|mail| mail.header("x-stadion-code"));
        assert_eq!(code(Some("A@example.org")).as_deref(), Some("11"));
        assert_eq!(code(None).as_deref(), Some("33"));
        assert_eq!(code(Some("nobody@example.org")), None);
    }
}
