//! Bytes into text. Only ASCII matters to us, so whatever is not UTF-8 is taken for ISO-8859-1.

use std::borrow::Cow;

use crate::UTF8_BOM;

const DECLARATION_BYTES_MAX: usize = 200;

pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    if !declares_latin1(bytes)
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
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
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>")
                .chars()
                .filter(|c| *c == 'é')
                .count(),
            1
        );
        assert_eq!(decode(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(decode(b"<a>\xff</a>"), "<a>\u{ff}</a>");
    }
}
