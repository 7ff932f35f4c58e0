//! The secret that codes and click tokens are derived from: configured, or made once and kept in the data folder.

use std::{io, path::Path};

use aws_lc_rs::rand;
use platform::installation::private_once;

use crate::domain::code::Secrets;

const FILE: &str = "promo.key";

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("promo.secret is not 64 hex digits")]
    Malformed,
    #[error("the secret {path} cannot be read or made: {source}")]
    Io { path: String, source: io::Error },
}

/// `configured` wins; else the file, made (readable by its owner only) when it is missing: once, also when several
/// processes start together.
pub fn secrets(configured: &str, data: &Path) -> Result<Secrets, SecretError> {
    if !configured.is_empty() {
        return parse(configured).map(|secret| Secrets::new(&secret));
    }
    let path = data.join(FILE);
    let make = || {
        let mut secret = [0; 32];
        rand::fill(&mut secret).map_err(|_| io::Error::other("the system gives no randomness"))?;
        Ok(hex::encode(secret).into_bytes())
    };
    let bytes = private_once(&path, make);
    let bytes = bytes.map_err(|source| SecretError::Io { path: path.display().to_string(), source })?;
    parse(&String::from_utf8_lossy(&bytes)).map(|secret| Secrets::new(&secret))
}

fn parse(text: &str) -> Result<[u8; 32], SecretError> {
    hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(SecretError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_start_together_have_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<Secrets> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| secrets("", folder.path()).unwrap())).collect();
            starts.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let lookup = |one: &Secrets| one.lookup("ABCD-EFGH-JKMN").unwrap();
        assert!(made.iter().all(|one| lookup(one) == lookup(&made[0])));
    }
}
