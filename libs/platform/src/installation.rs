//! The installation's own secret: the Ed25519 seed that signs actor tokens, in a file of the data folder.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use aws_lc_rs::{rand, signature::Ed25519KeyPair};

const SEED_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the installation's key {path} cannot be read or made: {source}")]
    Io { path: String, source: io::Error },
    #[error("the installation's key {path} is not 64 hex digits")]
    Malformed { path: String },
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// The key by which this installation's services know each other.
#[derive(Clone)]
pub struct InstallationKey(Arc<Ed25519KeyPair>);

impl InstallationKey {
    /// Reads the key, or makes it (readable by its owner only) when the file is not there yet.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let fault = |source| KeyError::Io { path: path.display().to_string(), source };
        match fs::read_to_string(path) {
            Ok(text) => {
                let seed = hex::decode(text.trim()).ok().filter(|seed| seed.len() == SEED_BYTES);
                let seed = seed.ok_or_else(|| KeyError::Malformed { path: path.display().to_string() })?;
                Self::from_seed(&seed)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = random_seed()?;
                write_private(path, hex::encode(seed).as_bytes()).map_err(fault)?;
                Self::from_seed(&seed)
            }
            Err(error) => Err(fault(error)),
        }
    }

    /// A key that is kept nowhere: for tests.
    pub fn ephemeral() -> Result<Self, KeyError> {
        Self::from_seed(&random_seed()?)
    }

    fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| KeyError::Malformed { path: "seed".to_owned() })
    }

    pub(crate) fn pair(&self) -> Arc<Ed25519KeyPair> {
        self.0.clone()
    }
}

fn random_seed() -> Result<[u8; SEED_BYTES], KeyError> {
    let mut seed = [0; SEED_BYTES];
    rand::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
    Ok(seed)
}

/// Writes a secret so that a crash leaves either no file or the whole one.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()
}
