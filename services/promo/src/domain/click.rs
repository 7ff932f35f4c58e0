//! Click tokens: what the shop gets with a visitor and gives back with the order. They carry no account.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use kernel::{AccountId, time};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{
    code::Secrets,
    ids::{CampaignId, ClickId, OfferId, PartnerId, ProductId},
};

/// How long a click can still be an order's origin.
pub const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
const MAC_BYTES: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub click: ClickId,
    pub account: AccountId,
    pub product: ProductId,
    pub partner: PartnerId,
    pub offer: Option<OfferId>,
    pub campaign: Option<CampaignId>,
    pub expires: Timestamp,
    /// Where the account was at home then; absent: unknown or erased.
    pub region: Option<String>,
}

/// A click as it was recorded, if it was.
#[derive(Clone, Debug, Default)]
pub struct Click(pub Option<Event>);

impl Click {
    pub fn evolve(&mut self, event: &Event) {
        self.0 = Some(event.clone());
    }
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub click: ClickId,
    pub expires: Timestamp,
}

impl Token {
    /// base64url of click id (16) ‖ expiry in µs (8, big endian) ‖ HMAC-SHA-256 over both, cut to 16 bytes.
    pub fn sign(&self, secrets: &Secrets) -> String {
        let mut bytes = self.body().to_vec();
        bytes.extend_from_slice(&mac(secrets, &self.body()));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None`: not one of ours. Whether it has expired is the caller's to ask.
    pub fn read(text: &str, secrets: &Secrets) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, tag) = bytes.split_at_checked(24)?;
        let body: [u8; 24] = body.try_into().ok()?;
        if !bool::from(tag.ct_eq(&mac(secrets, &body))) {
            return None;
        }
        let click = ClickId::new(Uuid::from_slice(&body[..16]).ok()?);
        let expires = time::from_micros(i64::from_be_bytes(body[16..].try_into().ok()?));
        Some(Self { click, expires })
    }

    fn body(&self) -> [u8; 24] {
        let mut body = [0; 24];
        body[..16].copy_from_slice(self.click.as_bytes());
        body[16..].copy_from_slice(&time::micros(self.expires).to_be_bytes());
        body
    }
}

fn mac(secrets: &Secrets, body: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(&hmac::sign(&secrets.click, body).as_ref()[..MAC_BYTES]);
    mac
}

/// The product's page with the token in its query, before any fragment.
pub fn tagged(link: &str, token: &str) -> String {
    let (page, fragment) =
        link.split_once('#').map_or((link, None), |(page, fragment)| (page, Some(fragment)));
    let join = if page.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{page}{join}stadion_click={token}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token { click: ClickId::random(), expires: "2026-05-08T00:00:00Z".parse().unwrap() }
    }

    #[test]
    fn a_token_is_read_back_and_a_forged_one_is_not() {
        let secrets = Secrets::new(&[7; 32]);
        let token = token();
        let text = token.sign(&secrets);
        assert_eq!(Token::read(&text, &secrets), Some(token));
        assert_eq!(Token::read(&text, &Secrets::new(&[8; 32])), None);
        let mut forged = URL_SAFE_NO_PAD.decode(&text).unwrap();
        forged[20] ^= 1;
        assert_eq!(Token::read(&URL_SAFE_NO_PAD.encode(forged), &secrets), None);
        for nonsense in ["", "x", "====", &text[..20], &"a".repeat(5_000)] {
            assert_eq!(Token::read(nonsense, &secrets), None);
        }
    }

    #[test]
    fn the_token_joins_the_query_of_the_link() {
        assert_eq!(tagged("https://shop.example/p/1", "T"), "https://shop.example/p/1?stadion_click=T");
        assert_eq!(
            tagged("https://shop.example/p?id=1#size", "T"),
            "https://shop.example/p?id=1&stadion_click=T#size"
        );
    }
}
