//! How people are mailed. Half of a setting is a fault, never a guess.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// The server must offer it, and nothing is said before it stands (port 587, mostly).
    #[default]
    Starttls,
    /// From the first byte on (port 465, mostly).
    Implicit,
    /// In the clear: only to this machine.
    None,
}

/// Where mail is taken to.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mail {
    /// `host:port` of an SMTP server; empty: mail ends in the data folder, for `stadion mail`.
    pub smtp: String,
    pub tls: MailTls,
    /// Empty: the server asks for none.
    pub user: String,
    /// Better in the environment, `STADION_MAIL__PASSWORD`, or in a file.
    pub password: String,
    /// The file that holds the password instead.
    pub password_file: PathBuf,
    /// Certificates (PEM) that are believed beside the system's own.
    pub ca_file: PathBuf,
    /// The longest silence of the server.
    pub timeout_s: u64,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp: String::new(),
            tls: MailTls::default(),
            user: String::new(),
            password: String::new(),
            password_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            timeout_s: 20,
        }
    }
}

/// It holds a password.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("smtp", &self.smtp).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Mail {
    /// Whether mail is taken to a server.
    pub fn is_taken_on(&self) -> bool {
        !self.smtp.is_empty()
    }

    /// The server's host and port; `None` when they are not readable.
    pub fn server(&self) -> Option<(&str, u16)> {
        let (host, port) = self.smtp.rsplit_once(':')?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_bare = !host.contains([':', '/', '@', '[', ']']) && !host.is_empty();
        let host = inner.filter(|inner| !inner.is_empty()).or(is_bare.then_some(host))?;
        Some((host, port.parse().ok().filter(|port| *port != 0)?))
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    /// The password, from wherever it is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn secret(&self) -> std::io::Result<String> {
        if self.password_file.as_os_str().is_empty() {
            return Ok(self.password.clone());
        }
        Ok(std::fs::read_to_string(&self.password_file)?.trim_end_matches(['\r', '\n']).to_owned())
    }

    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let fault = |key: &str, what: &str| (format!("mail.{key}"), what.to_owned());
        if !self.is_taken_on() {
            let said = !self.user.is_empty() || !self.password.is_empty() || self.has_password_file();
            return said
                .then(|| fault("smtp", "is needed too: host:port of the server"))
                .into_iter()
                .collect();
        }
        let mut faults = Vec::new();
        let server = self.server();
        if server.is_none() {
            faults.push(fault("smtp", "must be host:port; user and password have settings of their own"));
        }
        if self.tls == MailTls::None && server.is_some_and(|(host, _)| !is_here(host)) {
            faults.push(fault("tls", "may be \"none\" only towards this machine: say starttls or implicit"));
        }
        let has_password = !self.password.is_empty() || self.has_password_file();
        if !self.password.is_empty() && self.has_password_file() {
            faults.push(fault("password", "is given twice: take it out here or in mail.password_file"));
        }
        if self.user.is_empty() && has_password {
            faults.push(fault("user", "is needed with a password"));
        }
        if !self.user.is_empty() && !has_password {
            faults.push(fault("password", "is needed with a user; or mail.password_file"));
        }
        if self.timeout_s == 0 {
            faults.push(fault("timeout_s", "must be at least 1"));
        }
        faults
    }

    fn has_password_file(&self) -> bool {
        !self.password_file.as_os_str().is_empty()
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(smtp: &str) -> Mail {
        Mail { smtp: smtp.to_owned(), ..Mail::default() }
    }

    fn first_fault(mail: &Mail) -> String {
        mail.faults().into_iter().next().map(|(key, _)| key).unwrap_or_default()
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        assert_eq!(at("mail.example.org:587").server(), Some(("mail.example.org", 587)));
        assert_eq!(at("[::1]:25").server(), Some(("::1", 25)));
        for wrong in ["mail.example.org", "::1", "smtp://a:25", "user:word@a:25", ":25", "a:0", "[]:25"] {
            assert_eq!(first_fault(&at(wrong)), "mail.smtp", "{wrong}");
        }
    }

    #[test]
    fn half_of_a_setting_is_a_fault_that_names_it() {
        let user = Mail { user: "u".to_owned(), ..at("a:25") };
        assert_eq!(first_fault(&user), "mail.password");
        let twice = Mail { password: "p".to_owned(), password_file: "f".into(), ..user.clone() };
        assert_eq!(first_fault(&twice), "mail.password");
        assert_eq!(first_fault(&Mail { password: "p".to_owned(), ..at("a:25") }), "mail.user");
        assert_eq!(first_fault(&Mail { smtp: String::new(), ..user }), "mail.smtp");
        assert_eq!((Mail::default().faults(), at("a:25").faults()), (vec![], vec![]));
    }

    #[test]
    fn nothing_leaves_this_machine_in_the_clear() {
        let clear = |smtp| Mail { tls: MailTls::None, ..at(smtp) };
        assert_eq!(first_fault(&clear("mail.example.org:25")), "mail.tls");
        for here in ["127.0.0.1:25", "[::1]:25", "localhost:25"] {
            assert_eq!(clear(here).faults(), vec![], "{here}");
        }
    }

    #[test]
    fn a_password_is_not_told() {
        let mail = Mail { password: "hush".to_owned(), ..at("a:25") };
        assert!(!format!("{mail:?}").contains("hush"));
    }
}
