//! The installation's own secret: the Ed25519 seeds that sign actor tokens, in a file that its processes share.
//!
//! One seed a line, 64 hex digits; empty lines and `# …` say nothing. The first signs, all are believed. The file is read
//! again while a process runs, so a key is changed without a restart and without a refused call: the new one is added
//! below, moved to the top once every process believes it, and the old one taken out once every process signs with the
//! new one. [`Step`] is each of these.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
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
    #[error("{0}")]
    WrongStep(&'static str),
}

/// The keys by which this installation's services know each other. Cheap to clone; clones change together.
#[derive(Clone)]
pub struct InstallationKey(Arc<RwLock<Arc<Keys>>>);

/// What the file said when it was read last.
pub(crate) struct Keys {
    /// How often they have changed: what was signed or believed under another number is looked at anew.
    pub(crate) number: u64,
    first: Ed25519KeyPair,
    /// Public halves, the signing one first.
    believed: Vec<Vec<u8>>,
}

/// One step of changing the key. Between two, every process must have read the file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new key below: believed, and signing nothing yet.
    Add,
    /// The newest comes to the top: it signs.
    Turn,
    /// All but the first go: what they signed is refused.
    Retire,
}

impl InstallationKey {
    /// Reads the key, or makes it (readable by its owner only) when the file is not there yet. Processes that start
    /// together end up with the same one.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let seed = || random_seed().map(|seed| hex::encode(seed).into_bytes()).map_err(io::Error::other);
        let bytes = private_once(path, seed);
        let bytes = bytes.map_err(|source| KeyError::Io { path: path.display().to_string(), source })?;
        Self::parse(&String::from_utf8_lossy(&bytes), path).map(Self::of)
    }

    /// The key, where there is one.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no key.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path).map(|keys| Some(Self::of(keys))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyError::Io { path: path.display().to_string(), source }),
        }
    }

    /// A key that is kept nowhere: for tests.
    pub fn ephemeral() -> Result<Self, KeyError> {
        Self::parse(&hex::encode(random_seed()?), Path::new("seed")).map(Self::of)
    }

    fn of(keys: Keys) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys))))
    }

    fn parse(text: &str, path: &Path) -> Result<Keys, KeyError> {
        let malformed = || KeyError::Malformed { path: path.display().to_string() };
        let mut pairs = Vec::new();
        for line in lines(text) {
            let seed =
                hex::decode(line).ok().filter(|seed| seed.len() == SEED_BYTES).ok_or_else(malformed)?;
            pairs.push(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| malformed())?);
        }
        let believed = pairs.iter().map(|pair| pair.public_key().as_ref().to_vec()).collect();
        let first = pairs.into_iter().next();
        let first = first.ok_or_else(|| KeyError::Empty { path: path.display().to_string() })?;
        Ok(Keys { number: 0, first, believed })
    }

    /// What the file at `path` says now, `text`, holds from here on; whether that is anything new.
    ///
    /// # Errors
    /// A file without a key, or that is damaged: then all stays as it was.
    pub fn reread(&self, text: &str, path: &Path) -> Result<bool, KeyError> {
        let read = Self::parse(text, path)?;
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.believed == read.believed {
            return Ok(false);
        }
        let number = current.number + 1;
        *current = Arc::new(Keys { number, ..read });
        Ok(true)
    }

    pub(crate) fn now(&self) -> Arc<Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What names the installation in its stores: a mark for each key that is believed, the signing one's first.
    pub fn marks(&self) -> Vec<String> {
        let mark = |key: &Vec<u8>| hex::encode(&digest(&SHA256, key).as_ref()[..8]);
        self.now().believed.iter().map(mark).collect()
    }
}

impl Keys {
    pub(crate) fn sign(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.first.sign(message)
    }

    pub(crate) fn believe(&self, message: &[u8], signature: &[u8]) -> bool {
        let believes =
            |key: &Vec<u8>| UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok();
        self.believed.iter().any(believes)
    }
}

/// Takes one step of changing the key in its file; what is to be done next, for whoever does it.
///
/// # Errors
/// A file that cannot be read or written, a step out of its turn.
pub fn step(path: &Path, step: Step) -> Result<&'static str, KeyError> {
    let fault = |source| KeyError::Io { path: path.display().to_string(), source };
    let text = fs::read_to_string(path).map_err(fault)?;
    InstallationKey::parse(&text, path)?;
    let mut seeds: Vec<String> = lines(&text).map(str::to_owned).collect();
    let next = match step {
        Step::Add => {
            seeds.push(hex::encode(random_seed()?));
            "once every process has read it: turn"
        }
        Step::Turn if seeds.len() < 2 => {
            return Err(KeyError::WrongStep("there is no newer key: add one first"));
        }
        Step::Turn => {
            seeds.rotate_right(1);
            "once every process has read it: retire"
        }
        Step::Retire if seeds.len() < 2 => return Err(KeyError::WrongStep("there is one key, and it signs")),
        Step::Retire => {
            seeds.truncate(1);
            "what the old key signed is refused from now on"
        }
    };
    write_private(path, (seeds.join("\n") + "\n").as_bytes()).map_err(fault)?;
    Ok(next)
}

/// The lines of the file that hold a seed.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
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
