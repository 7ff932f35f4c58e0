//! Names that others read: display names, and handles that are unique however they are drawn.

use kernel::{FieldError, text::deceives};
use unicode_normalization::UnicodeNormalization;

const DISPLAY_CHARS_MAX: usize = 60;
const HANDLE_MIN: usize = 3;
const HANDLE_MAX: usize = 30;

/// 1–60 characters, NFC, trimmed, inner white space single.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Control characters, invisible ones and direction overrides are refused, not stripped: whoever sends them either
    /// has a broken client or wants to look like somebody else.
    pub fn parse(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let fault = |code: &str, detail: &str| FieldError {
            pointer: pointer.to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        };
        if deceives(text) {
            return Err(fault(
                "invisible_characters",
                "the name holds invisible, control or direction characters",
            ));
        }
        let composed: String = text.nfc().collect();
        let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(fault("required", "a name is needed")),
            count if count > DISPLAY_CHARS_MAX => Err(fault("too_long", "a name has at most 60 characters")),
            _ => Ok(Self(name)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From our own journal, where it was parsed before.
    pub(crate) fn kept(text: String) -> Self {
        Self(text)
    }
}

/// `[a-z0-9._-]`, 3–30 characters, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    pub fn parse(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim().to_ascii_lowercase();
        let fits = (HANDLE_MIN..=HANDLE_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        fits.then_some(Self(text)).ok_or_else(|| FieldError {
            pointer: pointer.to_owned(),
            code: "not_a_handle".to_owned(),
            detail:
                "a handle has 3 to 30 of a–z, 0–9, dot, dash, underscore, and begins with a letter or digit"
                    .to_owned(),
        })
    }

    /// A handle made of a display name: its letters as ASCII as far as we can write them.
    pub fn derived(name: &DisplayName) -> Self {
        let mut text = String::new();
        for c in name.as_str().nfkd().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' => text.push(c),
                ' ' | '-' | '_' | '.' if !text.is_empty() && !text.ends_with('.') => text.push('.'),
                other => text.push_str(latin(other)),
            }
            if text.len() >= HANDLE_MAX - SUFFIX_MAX {
                break;
            }
        }
        text.truncate(HANDLE_MAX - SUFFIX_MAX);
        let trimmed = text.trim_matches('.');
        Self(if trimmed.len() < HANDLE_MIN { format!("athlete{trimmed}") } else { trimmed.to_owned() })
    }

    /// The same handle with a few characters more, for when it is taken.
    pub fn suffixed(&self, suffix: &str) -> Self {
        let suffix: String =
            suffix.chars().filter(char::is_ascii_alphanumeric).take(SUFFIX_MAX - 1).collect();
        let keep = self.0.len().min(HANDLE_MAX - SUFFIX_MAX);
        Self(format!("{}.{}", &self.0[..keep], suffix.to_ascii_lowercase()))
    }

    /// What two handles that look alike have in common: no separators, and one form for 0/o, 1/l/i, 5/s, rn/m, vv/w.
    pub fn skeleton(&self) -> String {
        let plain: String = self
            .0
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| match c {
                '0' => 'o',
                '1' | 'i' => 'l',
                '5' => 's',
                other => other,
            })
            .collect();
        plain.replace("rn", "m").replace("vv", "w")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn kept(text: String) -> Self {
        Self(text)
    }
}

/// A dot and up to eight characters.
const SUFFIX_MAX: usize = 9;

/// Cyrillic (Russian, Kazakh) in Latin letters, as passports and habit have it. Unknown letters vanish.
fn latin(c: char) -> &'static str {
    match c {
        'а' | 'ә' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ғ' => "g",
        'д' => "d",
        'е' | 'э' | 'ё' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' => "i",
        'ы' => "y",
        'к' | 'қ' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'ң' => "ng",
        'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' | 'ү' | 'ұ' => "u",
        'ф' => "f",
        'х' => "kh",
        'һ' => "h",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ю' => "yu",
        'я' => "ya",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DisplayName {
        DisplayName::parse("/display_name", text).expect("a name")
    }

    #[test]
    fn a_name_is_composed_trimmed_and_single_spaced() {
        assert_eq!(name("  Jose\u{301}   Pérez ").as_str(), "José Pérez");
        for text in ["Айгерім 🏃", "Dana 👩\u{200d}🚀"] {
            assert_eq!(name(text).as_str(), text);
        }
    }

    #[test]
    fn names_that_deceive_the_eye_are_refused() {
        for text in [
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{202e}gpj",
            "\u{2066}x",
            "tab\there",
            "nul\0",
            "\u{feff}me",
            "\u{e0041}",
            "\u{3164}",
        ] {
            let refused = DisplayName::parse("/display_name", text).expect_err("refused");
            assert_eq!(refused.code, "invisible_characters", "{text:?}");
        }
        assert_eq!(DisplayName::parse("/n", "   ").expect_err("refused").code, "required");
        assert_eq!(DisplayName::parse("/n", &"x".repeat(61)).expect_err("refused").code, "too_long");
        assert!(DisplayName::parse("/n", &"ж".repeat(60)).is_ok(), "characters are counted, not bytes");
    }

    #[test]
    fn a_handle_follows_from_the_name() {
        assert_eq!(Handle::derived(&name("José Pérez")).as_str(), "jose.perez");
        assert_eq!(Handle::derived(&name("Айгерім Қ.")).as_str(), "aigerim.k");
        assert_eq!(Handle::derived(&name("李")).as_str(), "athlete");
        let long = Handle::derived(&name(&"w".repeat(60)));
        assert!(Handle::parse("/h", long.suffixed("0a1b2c3d9").as_str()).is_ok());
    }

    #[test]
    fn handles_that_look_alike_share_a_skeleton() {
        let skeleton = |text: &str| Handle::parse("/h", text).expect("a handle").skeleton();
        assert_eq!(skeleton("b0b.smith"), skeleton("BOB_5m1th"));
        assert_ne!(skeleton("anna"), skeleton("anne"));
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for text in ["", "ab", "-abc", "a b c", "жжж", &"a".repeat(31), "a@b"] {
            assert!(Handle::parse("/handle", text).is_err(), "{text:?}");
        }
    }
}
