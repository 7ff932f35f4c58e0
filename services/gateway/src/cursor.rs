//! Cursors that belong to one caller and one query, and tell nobody where they point.
//!
//! What a service hands out as `next_cursor` is sealed into `version ‖ nonce(12) ‖ AES-256-GCM(inner)`, base64url. The
//! tag covers the caller, the route and the query without `cursor` and `limit`: a cursor carried to another list says
//! nothing there. It is encrypted, because a place in a list may be that of a row which its reader may not see.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Refusal};

const VERSION: u8 = 2;
/// Longer than any keyset cursor we make.
const TEXT_MAX: usize = 1024;

/// The key that cursors are sealed under.
pub(crate) struct Cursors(RandomizedNonceKey);

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
    /// # Errors
    /// `internal` when the library has no such cipher.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, Refusal> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"stadion cursors");
        context.update(secret);
        let key = RandomizedNonceKey::new(&AES_256_GCM, context.finish().as_ref());
        key.map(Self).map_err(|_| Refusal::new(Code::Internal, "cursors cannot be sealed"))
    }

    /// The public form of a service's cursor; `None` when the service says that there is no more.
    pub(crate) fn seal(&self, binding: Binding<'_>, inner: &str) -> Option<String> {
        if inner.is_empty() {
            return None;
        }
        let mut sealed = inner.as_bytes().to_vec();
        // It fails only for texts far longer than any cursor.
        let nonce = self.0.seal_in_place_append_tag(binding.aad(), &mut sealed).ok()?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.append(&mut sealed);
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
        let (head, sealed) = bytes.split_at_checked(1 + NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(&head[1..]).ok()?;
        let mut sealed = sealed.to_vec();
        let inner = self.0.open_in_place(nonce, binding.aad(), &mut sealed).ok()?;
        (head[0] == VERSION).then(|| String::from_utf8(inner.to_vec()).ok())?
    }
}

impl Binding<'_> {
    /// What the tag covers: each part with its length, so that none runs into the next.
    fn aad(&self) -> Aad<Vec<u8>> {
        let mut covered = Vec::new();
        for part in [self.caller, self.path, &canonical(self.query)] {
            covered.extend_from_slice(&(part.len() as u64).to_be_bytes());
            covered.extend_from_slice(part.as_bytes());
        }
        Aad::from(covered)
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
        let cursors = Cursors::new(b"secret").expect("a key");
        let text = cursors.seal(MINE, "1777597200:ab").expect("a cursor");
        let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
        assert!(!bytes.windows(4).any(|part| part == b"1777"), "it tells nobody where it points");
        let next = Binding { query: "cursor=x&sport=running&limit=50", ..MINE };
        assert_eq!(cursors.open(next, Some(&text)).expect("opens"), "1777597200:ab");
        assert_eq!(cursors.open(MINE, None).expect("the beginning"), "");
        assert_eq!(cursors.seal(MINE, ""), None);
    }

    #[test]
    fn a_cursor_of_another_caller_or_query_is_refused() {
        let cursors = Cursors::new(b"secret").expect("a key");
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
