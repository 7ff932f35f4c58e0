//! What people write for others to read: names of groups, comments.

use kernel::{
    Refusal,
    text::{deceives, is_unseen, turns_direction},
};
use unicode_normalization::UnicodeNormalization;

pub const GROUP_NAME_CHARS_MAX: usize = 80;
pub const COMMENT_CHARS_MAX: usize = 2_000;
/// No character is longer than this in UTF-8: longer texts are refused before they are looked at.
const CHAR_BYTES_MAX: usize = 4;
/// Composition shortens: this many characters may become one.
const COMPOSED_OF_MAX: usize = 4;

/// 1–80 characters, NFC, trimmed, inner white space single.
///
/// # Errors
/// `invalid_field` for other lengths, and for characters that are not seen or turn the direction: refused, not
/// stripped, since whoever sends them has a broken client or wants to look like somebody else.
pub fn group_name(pointer: &str, text: &str) -> Result<String, Refusal> {
    if text.len() > GROUP_NAME_CHARS_MAX * CHAR_BYTES_MAX * COMPOSED_OF_MAX {
        return Err(too_long(pointer, GROUP_NAME_CHARS_MAX));
    }
    if deceives(text) {
        return Err(invisible(pointer));
    }
    let composed: String = text.nfc().collect();
    let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        0 => Err(Refusal::field(pointer, "required", "a name is needed")),
        count if count > GROUP_NAME_CHARS_MAX => Err(too_long(pointer, GROUP_NAME_CHARS_MAX)),
        _ => Ok(name),
    }
}

/// 1–2 000 characters, NFC, trimmed; lines may be broken, and emoji joined.
///
/// # Errors
/// `invalid_field` for other lengths, control and direction characters.
pub fn comment(pointer: &str, text: &str) -> Result<String, Refusal> {
    if text.len() > COMMENT_CHARS_MAX * CHAR_BYTES_MAX * COMPOSED_OF_MAX {
        return Err(too_long(pointer, COMMENT_CHARS_MAX));
    }
    let text: String = text.replace("\r\n", "\n").nfc().collect();
    let text = text.trim();
    if text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || turns_direction(c)) {
        return Err(invisible(pointer));
    }
    match text.chars().filter(|c| !is_unseen(*c)).count() {
        0 => Err(Refusal::field(pointer, "required", "a comment says something")),
        _ if text.chars().count() > COMMENT_CHARS_MAX => Err(too_long(pointer, COMMENT_CHARS_MAX)),
        _ => Ok(text.to_owned()),
    }
}

fn too_long(pointer: &str, max: usize) -> Refusal {
    Refusal::field(pointer, "too_long", format!("at most {max} characters"))
}

fn invisible(pointer: &str) -> Refusal {
    Refusal::field(
        pointer,
        "invisible_characters",
        "the text holds invisible, control or direction characters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refused: Result<String, Refusal>) -> String {
        refused.expect_err("refused").fields.remove(0).code
    }

    #[test]
    fn a_group_name_is_composed_and_trimmed() {
        assert_eq!(
            group_name("/name", "  Almaty   Jose\u{301} runners ").expect("a name"),
            "Almaty José runners"
        );
        assert_eq!(group_name("/name", "Aul 👨\u{200d}👩").expect("a name"), "Aul 👨\u{200d}👩");
        assert!(group_name("/name", &"ж".repeat(80)).is_ok(), "characters are counted, not bytes");
        assert_eq!(code(group_name("/name", &"ж".repeat(81))), "too_long");
        assert_eq!(code(group_name("/name", &"x".repeat(1 << 20))), "too_long");
        assert_eq!(code(group_name("/name", " \n ")), "invisible_characters");
        assert_eq!(code(group_name("/name", "   ")), "required");
    }

    #[test]
    fn names_that_deceive_the_eye_are_refused() {
        for text in ["a\u{200b}b", "a\u{202e}b", "\u{2066}x", "a\u{feff}", "\u{e0041}", "a\0", "\u{3164}"] {
            assert_eq!(code(group_name("/name", text)), "invisible_characters", "{text:?}");
        }
    }

    #[test]
    fn a_comment_may_break_lines_and_join_emoji_and_says_something() {
        assert_eq!(
            comment("/text", " well\r\ndone 👨\u{200d}👩 ").expect("a comment"),
            "well\ndone 👨\u{200d}👩"
        );
        assert!(comment("/text", &"й".repeat(2_000)).is_ok());
        assert_eq!(code(comment("/text", &"й".repeat(2_001))), "too_long");
        assert_eq!(code(comment("/text", &"x".repeat(1 << 20))), "too_long");
        assert_eq!(code(comment("/text", " \n ")), "required");
        assert_eq!(code(comment("/text", "\u{200b}\u{200d}")), "required");
        assert_eq!(code(comment("/text", "a\u{202e}b")), "invisible_characters");
        assert_eq!(code(comment("/text", "a\u{7}b")), "invisible_characters");
    }
}
