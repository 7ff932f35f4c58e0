//! Bytes into text. Only ASCII matters to us, so whatever is neither UTF-8 nor marked as UTF-16 is taken for ISO-8859-1.

use std::borrow::Cow;

use crate::UTF8_BOM;

const DECLARATION_BYTES_MAX: usize = 200;
const UTF16_LE_BOM: &[u8] = &[0xff, 0xfe];
const UTF16_BE_BOM: &[u8] = &[0xfe, 0xff];

/// Whether it begins like a document, in any of the encodings.
pub(crate) fn looks_like_xml(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES_MAX)).unwrap_or_default();
    decode(head).trim_ascii_start().starts_with('<')
}

pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(units) = bytes.strip_prefix(UTF16_LE_BOM) {
        return Cow::Owned(utf16(units, u16::from_le_bytes));
    }
    if let Some(units) = bytes.strip_prefix(UTF16_BE_BOM) {
        return Cow::Owned(utf16(units, u16::from_be_bytes));
    }
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    if !declares_latin1(bytes)
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    char::decode_utf16(units.iter().map(|bytes| unit(*bytes)))
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn declares_latin1(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES_MAX)).unwrap_or_default();
    let declaration = head.split(|byte| *byte == b'>').next().unwrap_or_default().to_ascii_lowercase();
    declaration.windows(b"iso-8859-1".len()).any(|window| window == b"iso-8859-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_is_heard() {
        let declared = decode(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>");
        assert_eq!(declared.chars().filter(|character| *character == 'é').count(), 1);
        assert_eq!(decode(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(decode(b"<a>\xff</a>"), "<a>\u{ff}</a>");
    }

    #[test]
    fn utf_16_is_known_by_its_mark() {
        assert_eq!(decode(b"\xff\xfe<\0a\0/\0>\0"), "<a/>");
        assert_eq!(decode(b"\xfe\xff\0<\0a\0/\0>"), "<a/>");
        assert!(looks_like_xml(b"\xff\xfe<\0a\0") && !looks_like_xml(b"\xff\xfea\0") && !looks_like_xml(b""));
    }
}
