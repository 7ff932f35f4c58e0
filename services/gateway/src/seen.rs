//! `Stadion-Seen`: how far a caller has seen each service, as a token that says nothing to anybody else.
//!
//! A caller that sends none is helped by what this gateway remembers of its account's writes for a minute.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Refusal;
use moka::sync::Cache;
use platform::seen::Seen;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("stadion-seen");

const TOKEN_BYTES_MAX: usize = 1024;
const REMEMBERED_MAX: u64 = 100_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// What the caller sent; nothing when it sent none.
///
/// # Errors
/// `invalid_field` when it is no token of ours.
pub(crate) fn sent(headers: &HeaderMap) -> Result<Seen, Refusal> {
    let Some(value) = headers.get(HEADER) else { return Ok(Seen::default()) };
    let text = value.to_str().unwrap_or_default();
    decode(text).ok_or_else(|| Refusal::field("Stadion-Seen", "invalid", "not a token that a write answered"))
}

fn decode(text: &str) -> Option<Seen> {
    if text.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

/// The token for an answer; `None` when no service said anything.
pub(crate) fn encode(seen: &Seen) -> Option<HeaderValue> {
    if seen.is_empty() {
        return None;
    }
    HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(seen.to_string())).ok()
}

/// The newest that each account has written through this gateway.
#[derive(Clone)]
pub(crate) struct Remembered(Cache<String, Seen>);

impl Remembered {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED_FOR).build())
    }

    /// What `caller` has seen, together with what it says it has.
    pub(crate) fn with(&self, caller: &str, sent: &Seen) -> Seen {
        let mut seen = sent.clone();
        if let Some(remembered) = self.0.get(caller) {
            seen.merge(&remembered);
        }
        seen
    }

    pub(crate) fn remember(&self, caller: &str, said: &Seen) {
        if said.is_empty() {
            return;
        }
        let _ = self.0.entry_by_ref(caller).and_upsert_with(|held| {
            let mut seen = held.map(moka::Entry::into_value).unwrap_or_default();
            seen.merge(said);
            seen
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given() {
        let seen: Seen = "activity=0.0.12,auth=0.0.7".parse().expect("marks");
        let token = encode(&seen).expect("a token");
        let headers = HeaderMap::from_iter([(HEADER, token)]);
        assert_eq!(sent(&headers).expect("ours"), seen);
        assert_eq!(encode(&Seen::default()), None);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["auth=1", "%%%", "AAAA", &"A".repeat(5000)] {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_str(text).expect("a value"))]);
            assert!(sent(&headers).is_err(), "{text}");
        }
    }

    #[test]
    fn an_account_is_remembered_with_its_newest_marks() {
        let remembered = Remembered::new();
        remembered.remember("account:a", &"auth=0.0.7".parse().expect("marks"));
        remembered.remember("account:a", &"auth=0.0.5,promo=0.0.2".parse().expect("marks"));
        assert_eq!(remembered.with("account:a", &Seen::default()).to_string(), "auth=0.0.7,promo=0.0.2");
        assert!(remembered.with("account:b", &Seen::default()).is_empty());
    }
}
