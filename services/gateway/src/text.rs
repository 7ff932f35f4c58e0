//! Texts as they come in: control characters, which no field needs and not every store takes, end at the door.

use serde_json::Value;

/// C0, DEL and C1, but the tab and the ends of lines, which longer texts have.
pub(crate) fn is_unwanted(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// Whether something unwanted stands in what is percent-encoded: a path, a query, a form.
pub(crate) fn hides_unwanted(encoded: &[u8]) -> bool {
    let mut plain = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = || {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        match escaped().filter(|_| byte == b'%') {
            Some(meant) => {
                plain.push(meant);
                rest = &behind[2..];
            }
            None => {
                plain.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&plain).chars().any(is_unwanted)
}

/// What a JSON escape or letter at the beginning of `bytes` means, when it is unwanted. `bytes` begin inside a text.
pub(crate) fn begins_unwanted(bytes: &[u8]) -> bool {
    match bytes {
        [b'\\', b'b' | b'f', ..] | [0x7f, ..] | [0xc2, 0x80..=0x9f, ..] => true,
        [b'\\', b'u', digits @ ..] => {
            let digits = digits.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            code.and_then(char::from_u32).is_some_and(is_unwanted)
        }
        _ => false,
    }
}

/// The pointer (RFC 6901) of the first text with something unwanted in it, a field's own name included.
pub(crate) fn place_of_unwanted(value: &Value) -> Option<String> {
    let unwanted = |text: &str| text.chars().any(is_unwanted);
    match value {
        Value::String(text) => unwanted(text).then(String::new),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| place_of_unwanted(item).map(|rest| format!("/{index}{rest}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if unwanted(name) {
                return Some(String::new());
            }
            let name = crate::json::escape(name);
            place_of_unwanted(field).map(|rest| format!("/{name}{rest}"))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_seen() {
        for hidden in ["%00", "q=a%0", "name=%C2%85", "%7f", "x%1B%5b"] {
            assert_eq!(hides_unwanted(hidden.as_bytes()), hidden != "q=a%0", "{hidden}");
        }
        for plain in ["", "q=50%25", "note=two%0D%0Alines%09", "%D0%90%D0%BB", "a%zz", "100%"] {
            assert!(!hides_unwanted(plain.as_bytes()), "{plain}");
        }
    }
}
