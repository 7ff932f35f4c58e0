//! Access tokens (RFC 9068), verified offline.
//!
//! `jsonwebtoken` alone would take a token without audience or issuer, an unknown `crit`, `typ: JWT` and an expiry half a
//! minute ago, and reads the machine's clock. So it is asked for the signature only, and everything else is said here.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kernel::{AccountId, Code, Id, Refusal};
use serde::Deserialize;
use uuid::Uuid;

/// Longer than any token we issue.
const TOKEN_BYTES_MAX: usize = 4096;
/// How far two machines' clocks may be apart.
const LEEWAY_S: i64 = 5;
/// No token lives longer; one that says so is not ours. Revocations are kept as long.
pub(crate) const LIFE_S_MAX: i64 = 48 * 3600;

/// What names a session.
pub enum Session {}
pub(crate) type SessionId = Id<Session>;

/// The scope of a paired wearable.
pub(crate) const SCOPE_INGEST: &str = "activity:ingest";

/// A token that was verified: who, in which session, with what permission, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub account: AccountId,
    pub session: SessionId,
    pub scopes: Vec<String>,
    /// Seconds since 1970.
    pub issued_s: i64,
    pub expires_s: i64,
}

impl Verified {
    /// A wearable's token: it may bring in, and read nothing.
    pub fn is_ingest_only(&self) -> bool {
        self.scopes.iter().all(|scope| scope == SCOPE_INGEST)
    }

    /// `token_expired` once its time is over.
    pub fn check_life(&self, now_s: i64) -> Result<(), Refusal> {
        if now_s <= self.expires_s + LEEWAY_S { Ok(()) } else { Err(expired()) }
    }
}

/// What tokens must say to be ours.
#[derive(Clone, Debug)]
pub struct Expectations {
    pub issuer: String,
    pub audience: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: Uuid,
    sid: Uuid,
    jti: String,
    iat: i64,
    exp: i64,
    scope: String,
    #[serde(default)]
    nbf: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// The key id in a token's header, once the header is one of ours.
///
/// # Errors
/// `unauthenticated`: not a JWT, another algorithm or type, or a critical extension (we know none).
pub(crate) fn key_id(token: &str) -> Result<String, Refusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(refused());
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused());
    };
    let header: Header = read(header)?;
    let typ = header.typ.to_ascii_lowercase();
    let ours = header.alg == "EdDSA" && matches!(typ.as_str(), "at+jwt" | "application/at+jwt");
    if ours && header.crit.is_none() { Ok(header.kid) } else { Err(refused()) }
}

/// The token's claims, when `key` signed it and they are all there and in time.
///
/// # Errors
/// `token_expired` when that is its only fault, else `unauthenticated`.
pub(crate) fn verify(
    token: &str,
    key: &DecodingKey,
    expected: &Expectations,
    now_s: i64,
) -> Result<Verified, Refusal> {
    key_id(token)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    // The signature; the claims are read again below, where a claim said twice is an error.
    jsonwebtoken::decode::<serde::de::IgnoredAny>(token, key, &validation).map_err(|_| refused())?;

    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims: Claims = read(payload)?;
    let in_order = claims.exp > claims.iat && claims.exp - claims.iat <= LIFE_S_MAX;
    let begun = claims.iat <= now_s + LEEWAY_S && claims.nbf.is_none_or(|nbf| nbf <= now_s + LEEWAY_S);
    let ours = claims.iss == expected.issuer && claims.aud.names(&expected.audience);
    if !ours || !in_order || !begun || claims.jti.is_empty() {
        return Err(refused());
    }
    let verified = Verified {
        account: Id::new(claims.sub),
        session: Id::new(claims.sid),
        scopes: claims.scope.split_ascii_whitespace().map(str::to_owned).collect(),
        issued_s: claims.iat,
        expires_s: claims.exp,
    };
    verified.check_life(now_s)?;
    Ok(verified)
}

/// A JWT part as `T`: serde's structs refuse a name that stands twice.
fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}

/// One answer for every fault: a forger learns nothing from it.
pub(crate) fn refused() -> Refusal {
    Refusal::new(Code::Unauthenticated, "the access token is not valid")
}

fn expired() -> Refusal {
    Refusal::new(Code::TokenExpired, "the access token has expired; refresh it")
}

/// Public keys by their id.
pub type Keys = HashMap<String, DecodingKey>;

/// An Ed25519 public key of 32 bytes.
pub fn public_key(x: &[u8]) -> Option<DecodingKey> {
    (x.len() == 32).then(|| DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(x)).ok()).flatten()
}
