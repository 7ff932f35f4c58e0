//! Cursors that belong to one caller and one query.
//!
//! What a service hands out as `next_cursor` is sealed into `version ‖ mac(16) ‖ inner`, base64url. The MAC covers the
//! caller, the route and the query without `cursor` and `limit`: a cursor carried to another list says nothing there.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Refusal};

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;
/// Longer than any keyset cursor we make.
const TEXT_MAX: usize = 1024;

/// The key that cursors are bound with.
#[derive(Clone)]
pub(crate) struct Cursors(hmac::Key);

/// What a cursor is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    /// The caller's account, partner or nothing.
    pub caller: &'a str,
    /// The path asked for.
    pub path: &'a str,
    /// Its query string as it came.
    pub query: &'a str,
}

impl Cursors {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The public form of a service's cursor; `None` when the service says that there is no more.
    pub(crate) fn seal(&self, binding: Binding<'_>, inner: &str) -> Option<String> {
        if inner.is_empty() {
            return None;
        }
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.mac(binding, inner)[..MAC_BYTES]);
        bytes.extend_from_slice(inner.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The service's cursor in `text`, empty when the caller begins at the beginning.
    ///
    /// # Errors
    /// `bad_cursor` when it is not ours, or was made for another caller or query.
    pub(crate) fn open(&self, binding: Binding<'_>, text: Option<&str>) -> Result<String, Refusal> {
        let Some(text) = text else { return Ok(String::new()) };
        self.read(binding, text).ok_or_else(|| {
            Refusal::new(Code::BadCursor, "the cursor does not belong to this query; begin without one")
        })
    }

    fn read(&self, binding: Binding<'_>, text: &str) -> Option<String> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (head, inner) = bytes.split_at_checked(1 + MAC_BYTES)?;
        let inner = std::str::from_utf8(inner).ok()?;
        let expected = self.mac(binding, inner);
        let same = bool::from(subtle::ConstantTimeEq::ct_eq(&head[1..], &expected[..MAC_BYTES]));
        (head[0] == VERSION && same).then(|| inner.to_owned())
    }

    fn mac(&self, binding: Binding<'_>, inner: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [binding.caller, binding.path, &canonical(binding.query), inner] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }
}

/// The query's pairs in one order, without those that a reader changes from page to page.
fn canonical(query: &str) -> String {
    let mut pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=") && !pair.starts_with("limit="))
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Binding<'static> =
        Binding { caller: "account:a", path: "/v1/activities", query: "sport=running&limit=5" };

    #[test]
    fn a_cursor_comes_back_as_the_service_made_it() {
        let cursors = Cursors::new(b"secret");
        let text = cursors.seal(MINE, "1777597200:ab").expect("a cursor");
        let next = Binding { query: "cursor=x&sport=running&limit=50", ..MINE };
        assert_eq!(cursors.open(next, Some(&text)).expect("opens"), "1777597200:ab");
        assert_eq!(cursors.open(MINE, None).expect("the beginning"), "");
        assert_eq!(cursors.seal(MINE, ""), None);
    }

    #[test]
    fn a_cursor_of_another_caller_or_query_is_refused() {
        let cursors = Cursors::new(b"secret");
        let text = cursors.seal(MINE, "1777597200:ab").expect("a cursor");
        let others = [
            Binding { caller: "account:b", ..MINE },
            Binding { path: "/v1/uploads", ..MINE },
            Binding { query: "sport=cycling", ..MINE },
        ];
        for other in others {
            assert_eq!(cursors.open(other, Some(&text)).expect_err("refused").code, Code::BadCursor);
        }
        for forged in ["", "abc", "%%%", &text[..20], &"A".repeat(5000)] {
            assert!(cursors.open(MINE, Some(forged)).is_err(), "{forged}");
        }
    }
}
