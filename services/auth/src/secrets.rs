//! The key-encryption key of this installation and what is derived from it. Whoever has the database without this file
//! has no key, no e-mail index and no code.

use std::{io, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hkdf, hmac, rand,
};
use platform::installation::private_once;
use zeroize::Zeroizing;

const KEK_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("the key-encryption key {path} cannot be read or made: {detail}")]
    Kek { path: String, detail: String },
    #[error("the system gives no randomness")]
    NoRandomness,
    /// Another KEK, or bytes that somebody changed.
    #[error("what was wrapped does not open")]
    DoesNotOpen,
}

/// What an index key is for: the same text under two purposes has nothing in common.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Email,
    Code,
    Throttle,
    RefreshChain,
    Zone,
}

/// Derived keys; cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    wrapping: std::sync::Arc<LessSafeKey>,
    email: hmac::Key,
    code: hmac::Key,
    throttle: hmac::Key,
    refresh: hmac::Key,
    zone: hmac::Key,
}

impl Secrets {
    /// Reads the file, or makes it (readable by its owner only) when it is missing. Processes that start together on an
    /// empty folder end up with the same key.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretsError> {
        let fault = |detail: String| SecretsError::Kek { path: path.display().to_string(), detail };
        let make =
            || random::<KEK_BYTES>().map(|kek| hex::encode(kek).into_bytes()).map_err(io::Error::other);
        let text = private_once(path, make).map_err(|error| fault(error.to_string()))?;
        let text = Zeroizing::new(text);
        let bytes = Zeroizing::new(hex::decode(text.trim_ascii()).map_err(|error| fault(error.to_string()))?);
        let kek = <[u8; KEK_BYTES]>::try_from(bytes.as_slice())
            .map_err(|_| fault("it is not 256 bits".to_owned()))?;
        Self::of(&Zeroizing::new(kek)).ok_or_else(|| fault("no key can be derived from it".to_owned()))
    }

    fn of(kek: &[u8; KEK_BYTES]) -> Option<Self> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"stadion.auth.kek.v1").extract(kek);
        let derive = |label: &str| -> Option<Zeroizing<[u8; 32]>> {
            let mut key = Zeroizing::new([0_u8; 32]);
            let info = [label.as_bytes()];
            extracted.expand(&info, hkdf::HKDF_SHA256).ok()?.fill(key.as_mut_slice()).ok()?;
            Some(key)
        };
        let mac = |label: &str| Some(hmac::Key::new(hmac::HMAC_SHA256, derive(label)?.as_slice()));
        let wrapping =
            UnboundKey::new(&AES_256_GCM, derive("wrap")?.as_slice()).ok().map(LessSafeKey::new)?;
        Some(Self {
            wrapping: std::sync::Arc::new(wrapping),
            email: mac("email")?,
            code: mac("code")?,
            throttle: mac("throttle")?,
            refresh: mac("refresh")?,
            zone: mac("zone")?,
        })
    }

    /// A blind index: equal parts give equal bytes, and nothing more can be learned without the KEK.
    pub fn index(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let key = match purpose {
            Purpose::Email => &self.email,
            Purpose::Code => &self.code,
            Purpose::Throttle => &self.throttle,
            Purpose::RefreshChain => &self.refresh,
            Purpose::Zone => &self.zone,
        };
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Encrypts what is kept; `about` says where it belongs and must be said again to open it.
    pub fn wrap(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = plain.to_vec();
        self.wrapping
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut bytes)
            .map_err(|_| SecretsError::DoesNotOpen)?;
        Ok([nonce.as_slice(), &bytes].concat())
    }

    pub fn unwrap(&self, about: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        let (nonce, bytes) = wrapped.split_at_checked(NONCE_LEN).ok_or(SecretsError::DoesNotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretsError::DoesNotOpen)?;
        let mut bytes = Zeroizing::new(bytes.to_vec());
        let length = self
            .wrapping
            .open_in_place(nonce, Aad::from(about), &mut bytes)
            .map_err(|_| SecretsError::DoesNotOpen)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N], SecretsError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| SecretsError::NoRandomness)?;
    Ok(bytes)
}

/// SHA-256, for tokens that are random enough to need no more.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// A uniform number below `bound`, by rejection.
pub fn random_below(bound: u32) -> Result<u32, SecretsError> {
    let limit = u32::MAX - u32::MAX % bound.max(1);
    loop {
        let number = u32::from_be_bytes(random::<4>()?);
        if number < limit {
            return Ok(number % bound.max(1));
        }
    }
}

/// Six digits.
pub fn six_digits() -> Result<String, SecretsError> {
    Ok(format!("{:06}", random_below(1_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(seed: u8) -> Secrets {
        Secrets::of(&[seed; KEK_BYTES]).expect("derived")
    }

    #[test]
    fn what_is_wrapped_opens_only_where_it_belongs() {
        let wrapped = secrets(1).wrap(b"here", b"secret").expect("wrapped");
        assert_eq!(secrets(1).unwrap(b"here", &wrapped).expect("opened").as_slice(), b"secret");
        assert!(secrets(1).unwrap(b"there", &wrapped).is_err());
        assert!(secrets(2).unwrap(b"here", &wrapped).is_err());
        assert!(secrets(1).unwrap(b"here", b"short").is_err());
    }

    #[test]
    fn an_index_depends_on_purpose_key_and_parts() {
        let index = |seed, purpose, parts: &[&[u8]]| secrets(seed).index(purpose, parts);
        assert_eq!(index(1, Purpose::Email, &[b"a"]), index(1, Purpose::Email, &[b"a"]));
        assert_ne!(index(1, Purpose::Email, &[b"a"]), index(1, Purpose::Code, &[b"a"]));
        assert_ne!(index(1, Purpose::Email, &[b"a"]), index(2, Purpose::Email, &[b"a"]));
        assert_ne!(index(1, Purpose::Email, &[b"ab", b"c"]), index(1, Purpose::Email, &[b"a", b"bc"]));
    }

    #[test]
    fn the_file_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("auth.kek");
        let first = Secrets::load_or_create(&path).expect("made");
        let wrapped = first.wrap(b"x", b"y").expect("wrapped");
        let second = Secrets::load_or_create(&path).expect("read");
        assert_eq!(second.unwrap(b"x", &wrapped).expect("opened").as_slice(), b"y");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn processes_that_start_together_have_one_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("auth/auth.kek");
        let made: Vec<Secrets> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Secrets::load_or_create(&path).expect("made"))).collect();
            starts.into_iter().map(|one| one.join().expect("ended")).collect()
        });
        let wrapped = made[0].wrap(b"x", b"y").expect("wrapped");
        assert!(made.iter().all(|one| one.unwrap(b"x", &wrapped).is_ok()));
    }
}
