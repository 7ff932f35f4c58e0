//! The secret that codes and click tokens are derived from: configured, or made once and kept in the data folder.

use std::{fs, io, path::Path};

use aws_lc_rs::rand;
use platform::installation::write_private;

use crate::domain::code::Secrets;

const FILE: &str = "promo.key";

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("promo.secret is not 64 hex digits")]
    Malformed,
    #[error("the secret {path} cannot be read or made: {source}")]
    Io { path: String, source: io::Error },
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// `configured` wins; else the file, made (readable by its owner only) when it is missing.
pub fn secrets(configured: &str, data: &Path) -> Result<Secrets, SecretError> {
    if !configured.is_empty() {
        return parse(configured).map(|secret| Secrets::new(&secret));
    }
    let path = data.join(FILE);
    let fault = |source| SecretError::Io { path: path.display().to_string(), source };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map(|secret| Secrets::new(&secret)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            rand::fill(&mut secret).map_err(|_| SecretError::NoRandomness)?;
            write_private(&path, hex::encode(secret).as_bytes()).map_err(fault)?;
            Ok(Secrets::new(&secret))
        }
        Err(error) => Err(fault(error)),
    }
}

fn parse(text: &str) -> Result<[u8; 32], SecretError> {
    hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(SecretError::Malformed)
}
