//! What others read: characters that change how a text looks without being seen themselves.
//!
//! Joiners are such characters, and some writing needs them: an emoji of several pictures, a Persian word whose letters
//! stand apart. They are welcome between pictures and between letters of scripts that join; between others they would only
//! make two names look alike.

/// Whether a name of this text deceives the eye: it holds controls, characters that turn the direction, or unseen ones
/// where no writing needs them.
pub fn deceives(text: &str) -> bool {
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let hides = c.is_control() || turns_direction(c) || is_unseen(c);
        if hides && !is_needed(before, c, rest.peek().copied()) {
            return true;
        }
        before = Some(c);
    }
    false
}

/// Characters that turn the direction of what follows.
pub fn turns_direction(c: char) -> bool {
    matches!(u32::from(c), 0x061C | 0x200E | 0x200F | 0x202A..=0x202E | 0x2066..=0x2069)
}

/// Characters that are there without being seen: soft hyphen, joiners, fillers, separators of lines, tags,
/// non-characters, private use.
pub fn is_unseen(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
        | 0xE0000..=0xE0FFF | 0xE000..=0xF8FF | 0xF0000..=0x10_FFFF)
}

fn is_needed(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let of_script = is_of_joining_script(before) && is_of_joining_script(after);
    match joiner {
        '\u{200C}' => of_script,
        '\u{200D}' => of_script || (is_picture(before) && is_picture(after)),
        _ => false,
    }
}

/// The blocks that hold emoji, with the tones of skin and the selector that makes a sign a picture.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x21FF | 0x2300..=0x23FF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0xFE0F
        | 0x1F000..=0x1FAFF)
}

/// Arabic, Syriac, Thaana, N'Ko, Mongolian, and the scripts of South and South-East Asia that grew from Brahmi.
fn is_of_joining_script(c: char) -> bool {
    matches!(u32::from(c), 0x0600..=0x07FF | 0x0840..=0x0DFF | 0x0F00..=0x109F | 0x1780..=0x18AF | 0xA840..=0xA87F
        | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_deceive_the_eye_are_known() {
        for text in [
            "a\u{200b}b",
            "a\u{202e}gpj",
            "\u{2066}x",
            "\u{061c}x",
            "tab\there",
            "nul\0",
            "\u{feff}me",
            "\u{e0041}",
            "\u{3164}",
            "\u{2028}",
        ] {
            assert!(deceives(text), "{text:?}");
        }
        for text in ["", "José Pérez", "Айгерім 🏃", "李", "Алматы — 5 км"] {
            assert!(!deceives(text), "{text:?}");
        }
    }

    #[test]
    fn joiners_stand_where_writing_needs_them_and_nowhere_else() {
        for text in [
            "👩\u{200d}🚀",
            "🏃🏽\u{200d}♀\u{fe0f}",
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
        ] {
            assert!(!deceives(text), "{text:?}");
        }
        for text in [
            "a\u{200d}b",
            "an\u{200c}na",
            "\u{200d}🚀",
            "🚀\u{200d}",
            "🚀\u{200d}\u{200d}🚀",
            "🚀\u{200c}🚀",
            "ж\u{200d}🚀",
            "1\u{200d}1",
        ] {
            assert!(deceives(text), "{text:?}");
        }
    }
}
