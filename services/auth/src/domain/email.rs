//! E-mail addresses as people write them, and the one form in which two of them are compared.

use kernel::FieldError;
use unicode_normalization::UnicodeNormalization;

/// RFC 5321: a path is at most 254 octets.
const BYTES_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;

/// An address, NFC and lower-case: the form that is compared, claimed and mailed to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The shape only: one `@`, a sane local part, a domain of labels. Whether it exists, the mailed code tells.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.trim().nfc().collect::<String>().to_lowercase();
        if text.len() > BYTES_MAX {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        let local_fits = !local.is_empty()
            && local.len() <= LOCAL_BYTES_MAX
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(local_char);
        (local_fits && domain_fits(domain)).then_some(Self(text))
    }

    /// As [`Email::parse`], with the field at fault.
    pub fn parse_field(pointer: &str, text: &str) -> Result<Self, FieldError> {
        Self::parse(text).ok_or_else(|| FieldError {
            pointer: pointer.to_owned(),
            code: "not_an_email".to_owned(),
            detail: "this is not an e-mail address".to_owned(),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`: what a password should not be made of.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// Personal: a log line never shows it.
impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
    }
}

fn local_char(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn domain_fits(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let label_fits = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    labels.len() >= 2 && labels.iter().all(label_fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_without_case_and_composition() {
        let composed = Email::parse("Ren\u{e9}@Example.ORG").expect("an address");
        assert_eq!(composed, Email::parse(" rene\u{301}@example.org ").expect("an address"));
        assert_eq!(composed.local(), "ren\u{e9}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.de",
            "a@b..de",
            ".a@b.de",
            "a..b@c.de",
            "a@-b.de",
            "a\n@b.de",
            "a\u{200b}@b.de",
            &long,
        ] {
            assert!(Email::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn an_address_never_reaches_a_log_line() {
        let email = Email::parse("athlete@example.org").expect("an address");
        assert_eq!(format!("{email:?}"), "Email(…)");
    }
}
