//! Hashing passwords: argon2id at OWASP's floor, off the async threads, a few at a time.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use kernel::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::secrets::random;

/// OWASP's floor: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a hash of today begins with; others are renewed at the next login.
const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// Callers that may wait for a turn; the rest is told to come again.
const WAITING_MAX: usize = 128;

/// Hands out turns. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    argon2: Argon2<'static>,
    /// A hash of nothing that anybody knows: work for passwords of accounts that are not there.
    decoy: Arc<str>,
}

/// A turn to hash: as many exist as hashes may run at once. Throttles are looked at within it, so that parallel
/// guesses cannot all pass before the first is counted.
pub struct Turn {
    /// Held by the work too: whoever goes away does not let another in before the hash is done.
    permit: Arc<OwnedSemaphorePermit>,
    passwords: Passwords,
}

impl Passwords {
    /// # Errors
    /// When the parameters or the system's randomness are unusable.
    pub fn new(at_once: usize) -> Result<Self, String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = random::<32>().map_err(|error| error.to_string())?;
        let decoy = hash(&argon2, &nobody)?;
        let at_once = at_once.max(1);
        Ok(Self {
            turns: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::new(Semaphore::new(at_once + WAITING_MAX)),
            argon2,
            decoy: decoy.into(),
        })
    }

    /// Waits for a turn; `overloaded` when too many wait.
    pub async fn turn(&self) -> Result<Turn, Refusal> {
        let overloaded =
            || Refusal::new(Code::Overloaded, "too many are signing in at this moment").retry_after_s(1);
        let _waiting = self.waiting.try_acquire().map_err(|_| overloaded())?;
        let permit = self.turns.clone().acquire_owned().await.map_err(|_| overloaded())?;
        Ok(Turn { permit: Arc::new(permit), passwords: self.clone() })
    }
}

impl Turn {
    /// The PHC string of a password, after `check` had no objection to it. The check runs on the same thread: it is
    /// work too.
    pub async fn hash<C>(&self, password: &str, check: C) -> Result<String, Refusal>
    where
        C: FnOnce(&str) -> Result<(), Refusal> + Send + 'static,
    {
        let password = Zeroizing::new(password.to_owned());
        let argon2 = self.passwords.argon2.clone();
        self.aside(move || {
            check(&password)?;
            hash(&argon2, password.as_bytes()).map_err(|error| Refusal::new(Code::Internal, error))
        })
        .await?
    }

    /// Whether the password belongs to the hash. Without a hash the same work is done in vain.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        let password = Zeroizing::new(password.to_owned());
        let argon2 = self.passwords.argon2.clone();
        let known = hash.is_some();
        let against = hash.unwrap_or(&self.passwords.decoy).to_owned();
        let fits =
            self.aside(move || argon2.verify_password(password.as_bytes(), against.as_str()).is_ok()).await?;
        Ok(fits && known)
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.permit.clone();
        let held = move || {
            let done = work();
            drop(permit);
            done
        };
        let done = tokio::task::spawn_blocking(held).await;
        done.map_err(|error| Refusal::new(Code::Internal, format!("hashing ended early: {error}")))
    }
}

/// Whether the hash was made with other parameters than today's.
pub fn is_dated(hash: &str) -> bool {
    !hash.starts_with(TODAY)
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, String> {
    let salt = random::<16>().map_err(|error| error.to_string())?;
    let hash: argon2::PasswordHash =
        argon2.hash_password_with_salt(password, &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let turn = Passwords::new(2).expect("passwords").turn().await.expect("a turn");
        let hash = turn.hash("correct horse", |_| Ok(())).await.expect("hashed");
        assert!(!is_dated(&hash), "{hash}");
        assert_eq!(turn.verify("correct horse", Some(&hash)).await, Ok(true));
        assert_eq!(turn.verify("correct house", Some(&hash)).await, Ok(false));
        assert_eq!(turn.verify("correct horse", None).await, Ok(false));
    }

    #[tokio::test]
    async fn composed_and_decomposed_passwords_are_different_ones() {
        let turn = Passwords::new(1).expect("passwords").turn().await.expect("a turn");
        let hash = turn.hash("caf\u{e9} caf\u{e9}", |_| Ok(())).await.expect("hashed");
        assert_eq!(turn.verify("cafe\u{301} cafe\u{301}", Some(&hash)).await, Ok(false), "taken as they are");
    }
}
