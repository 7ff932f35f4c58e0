//! The texts that are handed out: refresh tokens, device codes, user codes, partner secrets, access tokens' claims.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use crate::secrets::{Purpose, Secrets, SecretsError, random, random_below, sha256};

/// What scanners of leaked secrets look for.
pub const REFRESH_PREFIX: &str = "str_";
pub const PARTNER_PREFIX: &str = "whsec_";
pub const ACCESS_TYP: &str = "at+jwt";
pub const RECEIPT_TYP: &str = "consent-receipt+jwt";

/// A refresh token of 256 bits; the first of a family.
pub fn first_refresh() -> Result<String, SecretsError> {
    Ok(format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

/// The one successor of a refresh token: a retry gets the same, and nothing but hashes is kept. Without the KEK it
/// cannot be told from the token before.
pub fn next_refresh(secrets: &Secrets, token: &str) -> String {
    let next = secrets.index(Purpose::RefreshChain, &[token.as_bytes()]);
    format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(next))
}

pub fn hash(token: &str) -> Vec<u8> {
    sha256(token.as_bytes()).to_vec()
}

pub fn device_code() -> Result<String, SecretsError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Consonants only: no words, nothing that looks like another (RFC 8628 § 6.1).
const USER_CODE: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// `WDJB-MJHT`: 34 bits, behind a throttle.
pub fn user_code() -> Result<String, SecretsError> {
    let mut code = String::with_capacity(9);
    for place in 0..8 {
        if place == 4 {
            code.push('-');
        }
        let letter = random_below(20)? as usize;
        code.push(char::from(USER_CODE[letter]));
    }
    Ok(code)
}

/// As people type it: any case, with or without dash and spaces. `None` when it cannot be one.
pub fn typed_user_code(text: &str) -> Option<String> {
    if text.len() > 32 {
        return None;
    }
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    (letters.len() == 8).then(|| letters.to_ascii_uppercase())
}

/// A signing secret as Standard Webhooks writes it.
pub fn partner_secret() -> Result<(String, [u8; 32]), SecretsError> {
    let bytes = random::<32>()?;
    Ok((format!("{PARTNER_PREFIX}{}", STANDARD.encode(bytes)), bytes))
}

/// RFC 9068 § 2.2.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub client_id: String,
    /// The session; a partner's token has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sid: Option<String>,
    pub jti: String,
    pub iat: i64,
    pub exp: i64,
    pub scope: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_however_it_is_typed() {
        let code = user_code().expect("a code");
        assert_eq!(code.len(), 9);
        let plain: String = code.chars().filter(|c| *c != '-').collect();
        assert_eq!(typed_user_code(&code), Some(plain.clone()));
        assert_eq!(typed_user_code(&format!(" {} ", code.to_lowercase().replace('-', " "))), Some(plain));
        assert_eq!(typed_user_code("WDJB"), None);
        assert_eq!(typed_user_code(&"A".repeat(1_000_000)), None);
    }
}
