//! The installation's own secret: the Ed25519 seeds that sign actor tokens, in a file that its processes share.
//!
//! One seed a line, 64 hex digits; empty lines and `# …` say nothing. The first signs, all are believed. To change the
//! key without a refused call: add the new one below, start every process again; move it to the top, again; take the
//! old one out, again.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
    signature::{Ed25519KeyPair, KeyPair},
};

const SEED_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the installation's key {path} cannot be read or made: {source}")]
    Io { path: String, source: io::Error },
    #[error("the installation's key {path} is not made of lines of 64 hex digits")]
    Malformed { path: String },
    #[error("the installation's key {path} holds no key")]
    Empty { path: String },
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// The key by which this installation's services know each other.
#[derive(Clone)]
pub struct InstallationKey {
    first: Arc<Ed25519KeyPair>,
    /// Believed too, while the key is being changed.
    others: Arc<[Ed25519KeyPair]>,
}

impl InstallationKey {
    /// Reads the key, or makes it (readable by its owner only) when the file is not there yet. Processes that start
    /// together end up with the same one.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let seed = || random_seed().map(|seed| hex::encode(seed).into_bytes()).map_err(io::Error::other);
        let bytes = private_once(path, seed);
        let bytes = bytes.map_err(|source| KeyError::Io { path: path.display().to_string(), source })?;
        Self::parse(&String::from_utf8_lossy(&bytes), path)
    }

    /// The key, where there is one.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no key.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyError::Io { path: path.display().to_string(), source }),
        }
    }

    /// A key that is kept nowhere: for tests.
    pub fn ephemeral() -> Result<Self, KeyError> {
        Self::parse(&hex::encode(random_seed()?), Path::new("seed"))
    }

    fn parse(text: &str, path: &Path) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { path: path.display().to_string() };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut pairs = Vec::new();
        for line in lines {
            let seed =
                hex::decode(line).ok().filter(|seed| seed.len() == SEED_BYTES).ok_or_else(malformed)?;
            pairs.push(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| malformed())?);
        }
        let mut pairs = pairs.into_iter();
        let first = pairs.next().ok_or_else(|| KeyError::Empty { path: path.display().to_string() })?;
        Ok(Self { first: Arc::new(first), others: pairs.collect() })
    }

    /// The pair that signs.
    pub(crate) fn pair(&self) -> Arc<Ed25519KeyPair> {
        self.first.clone()
    }

    /// What names the installation in its stores: a mark for each key that is believed, the signing one's first.
    pub fn marks(&self) -> Vec<String> {
        let mark = |key: Vec<u8>| hex::encode(&digest(&SHA256, &key).as_ref()[..8]);
        self.believed().map(mark).collect()
    }

    /// The public keys that are believed, the signing one first.
    pub(crate) fn believed(&self) -> impl Iterator<Item = Vec<u8>> {
        let all = std::iter::once(&*self.first).chain(self.others.iter());
        all.map(|pair| pair.public_key().as_ref().to_vec())
    }
}

fn random_seed() -> Result<[u8; SEED_BYTES], KeyError> {
    let mut seed = [0; SEED_BYTES];
    rand::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
    Ok(seed)
}

/// Writes a secret so that a crash leaves either no file or the whole one.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = drafted(path, content)?;
    fs::rename(&draft, path)?;
    settled(path)
}

/// What a secret's file holds; `make` says it when there is none yet. Processes that start together on an empty folder
/// end up with the same.
pub fn private_once(path: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_private(path, &make()?)?;
            // Whoever came second has what the first made.
            fs::read(path)
        }
        read => read,
    }
}

/// As [`write_private`], for a file that must not be there yet: of processes that make it together one wins, and
/// `false` tells the others to read what it wrote.
fn make_private(path: &Path, content: &[u8]) -> io::Result<bool> {
    let draft = drafted(path, content)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => settled(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn drafted(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder(path))?;
    // Several processes may write beside each other.
    let draft = path.with_extension(format!("{}.draft", uuid::Uuid::new_v4().simple()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(draft)
}

fn settled(path: &Path) -> io::Result<()> {
    fs::File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
