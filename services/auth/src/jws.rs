//! JWS compact, EdDSA only: access tokens and consent receipts.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct SeenHeader {
    alg: String,
    typ: String,
    kid: String,
    crit: Option<serde_json::Value>,
}

/// Signs the claims under the key's id.
pub fn sign<C: Serialize>(
    pair: &Ed25519KeyPair,
    kid: &str,
    typ: &str,
    claims: &C,
) -> Result<String, serde_json::Error> {
    let header = serde_json::to_vec(&Header { alg: "EdDSA", typ, kid })?;
    let mut text = format!("{}.{}", BASE64.encode(header), BASE64.encode(serde_json::to_vec(claims)?));
    let signature = pair.sign(text.as_bytes());
    text.push('.');
    text.push_str(&BASE64.encode(signature.as_ref()));
    Ok(text)
}

/// The claims of a token of this type that a key of ours signed; `None` for everything else. Says nothing of its time.
pub fn open<C: for<'de> Deserialize<'de>>(
    token: &str,
    typ: &str,
    public: impl Fn(&str) -> Option<Vec<u8>>,
) -> Option<C> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: SeenHeader = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
    if header.alg != "EdDSA" || header.typ != typ || header.crit.is_some() {
        return None;
    }
    let key = UnparsedPublicKey::new(&ED25519, public(&header.kid)?);
    key.verify(signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
    serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::KeyPair;

    use super::*;

    #[test]
    fn only_what_was_signed_for_this_use_opens() {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let public = |kid: &str| (kid == "k1").then(|| pair.public_key().as_ref().to_vec());
        let token = sign(&pair, "k1", "at+jwt", &serde_json::json!({"sub": "x"})).expect("signed");
        let opened: Option<serde_json::Value> = open(&token, "at+jwt", public);
        assert_eq!(opened.expect("opened")["sub"], "x");
        assert!(open::<serde_json::Value>(&token, "receipt+jwt", public).is_none());
        assert!(open::<serde_json::Value>(&token, "at+jwt", |_| None).is_none());
        let forged = token.replace(&token[token.len() - 8..], "AAAAAAAA");
        assert!(open::<serde_json::Value>(&forged, "at+jwt", public).is_none());
        let (_, rest) = token.split_once('.').expect("parts");
        let none = format!("{}.{rest}", BASE64.encode(br#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#));
        assert!(open::<serde_json::Value>(&none, "at+jwt", public).is_none());
    }
}
