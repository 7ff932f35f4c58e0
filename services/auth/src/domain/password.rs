//! What a password must be. Hashing it is not the domain's.

use kernel::FieldError;
use zxcvbn::{Score, zxcvbn};

const CHARS_MIN: usize = 8;
const CHARS_MAX: usize = 256;
/// Everything longer cannot be 256 characters: refused before anything looks at it.
const BYTES_MAX: usize = CHARS_MAX * 4;

/// 8 to 256 characters of any script, taken as they are: never trimmed, cut or normalised away. Passwords that a
/// machine guesses soon (zxcvbn below 2 of 4) are refused; `about` are the words that their owner would think of first.
pub fn check(pointer: &str, password: &str, about: &[&str]) -> Result<(), FieldError> {
    let fault = |code: &str, detail: &str| FieldError {
        pointer: pointer.to_owned(),
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    let chars = if password.len() > BYTES_MAX { CHARS_MAX + 1 } else { password.chars().count() };
    if chars < CHARS_MIN {
        return Err(fault("too_short", "a password has at least 8 characters"));
    }
    if chars > CHARS_MAX {
        return Err(fault("too_long", "a password has at most 256 characters"));
    }
    if zxcvbn(password, about).score() < Score::Two {
        return Err(fault("weak", "this password is guessed too soon; a few unrelated words are stronger"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> String {
        check("/password", password, &["athlete", "stadion"])
            .err()
            .map_or_else(String::new, |fault| fault.code)
    }

    #[test]
    fn any_script_and_256_characters_are_taken() {
        assert_eq!(code("correct horse battery staple"), "");
        assert_eq!(code("жылы жел соғады бүгін кешке"), "");
        assert_eq!(code(&"aZ9 қ💪x".repeat(36)), "");
        assert_eq!(code("nul\0inside-but-long-enough"), "");
    }

    #[test]
    fn short_long_and_weak_ones_are_named_as_such() {
        assert_eq!(code(""), "too_short");
        assert_eq!(code("1234567"), "too_short");
        assert_eq!(code(&"x".repeat(257)), "too_long");
        assert_eq!(code(&"x".repeat(1_000_000)), "too_long");
        assert_eq!(code("password"), "weak");
        assert_eq!(code("athlete1"), "weak");
    }
}
