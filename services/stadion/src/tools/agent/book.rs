//! What the agent must not forget: its tokens, and what became of each file, by the hash of its content.
//!
//! One JSON file, readable by its owner only. It is written whole, beside the old one, flushed to the disk and renamed:
//! whoever is killed leaves the old one or the new one.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    fs::{self, File, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const OWNER_ONLY: u32 = 0o600;
/// Outcomes kept at most; the oldest are forgotten first. The server recognises such a file all the same.
const OUTCOMES_MAX: usize = 50_000;

/// The state file, held by this process alone.
pub(super) struct Book {
    path: PathBuf,
    state: State,
    _lock: File,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
    /// By the SHA-256 of the content, in hex.
    outcomes: BTreeMap<String, Outcome>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tokens {
    pub access_token: String,
    pub access_until: Timestamp,
    pub refresh_token: String,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub file: String,
    pub at: Timestamp,
    /// As the upload has it; `refused` when there is no upload, `sent` when it is known to an earlier pairing only.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Problem {
    pub code: String,
    pub detail: String,
}

impl Outcome {
    pub(super) fn is_final(&self) -> bool {
        !matches!(self.status.as_str(), "queued" | "parsing")
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "refused")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.status)?;
        match self.activity_ids.len() {
            0 => {}
            1 => write!(f, ", 1 activity")?,
            many => write!(f, ", {many} activities")?,
        }
        match &self.problem {
            Some(Problem { code, detail }) => write!(f, " ({code}: {detail})"),
            None => Ok(()),
        }
    }
}

impl Book {
    /// # Errors
    /// A file of another server, one that is no state file, one that another agent holds, one that cannot be kept.
    pub(super) fn open(path: PathBuf, server: &str) -> anyhow::Result<Self> {
        let parent = folder_of(&path);
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        let lock = hold(&path)?;
        let state = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is no state of an agent: move it away", path.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                State { server: server.to_owned(), ..State::default() }
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        if state.server != server {
            bail!("{} belongs to {}: say another --state for {server}", path.display(), state.server);
        }
        let book = Self { path, state, _lock: lock };
        // Whatever its mode was: it is ours alone from now on. And a place that cannot be written is told at once.
        book.save()?;
        Ok(book)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn tokens(&self) -> Option<&Tokens> {
        self.state.tokens.as_ref()
    }

    /// Newly paired. What became of files is of no use to another account.
    pub(super) fn pair(&mut self, account_id: String, tokens: Tokens) -> anyhow::Result<()> {
        if self.state.account_id.as_ref().is_some_and(|known| *known != account_id) {
            self.state.outcomes.clear();
        }
        self.state.account_id = Some(account_id);
        self.state.tokens = Some(tokens);
        self.save()
    }

    pub(super) fn renew(&mut self, tokens: Option<Tokens>) -> anyhow::Result<()> {
        self.state.tokens = tokens;
        self.save()
    }

    pub(super) fn outcome(&self, hash: &str) -> Option<&Outcome> {
        self.state.outcomes.get(hash)
    }

    pub(super) fn keep(&mut self, hash: &str, outcome: Outcome) -> anyhow::Result<()> {
        let outcomes = &mut self.state.outcomes;
        outcomes.insert(hash.to_owned(), outcome);
        if outcomes.len() > OUTCOMES_MAX {
            let oldest = outcomes.iter().min_by_key(|(_, outcome)| outcome.at).map(|(hash, _)| hash.clone());
            oldest.and_then(|hash| outcomes.remove(&hash));
        }
        self.save()
    }

    /// Some of those whose end is not known yet.
    pub(super) fn waiting(&self, most: usize) -> Vec<(String, Outcome)> {
        let waiting = self.state.outcomes.iter().filter(|(_, outcome)| !outcome.is_final());
        waiting.take(most).map(|(hash, outcome)| (hash.clone(), outcome.clone())).collect()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state.outcomes.values().any(|outcome| !outcome.is_final())
    }

    fn save(&self) -> anyhow::Result<()> {
        self.write().with_context(|| format!("{} cannot be kept", self.path.display()))
    }

    fn write(&self) -> anyhow::Result<()> {
        let new = beside(&self.path, ".new");
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&new)?;
        // One that a killed agent left has the mode that it was made with.
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        file.write_all(&serde_json::to_vec_pretty(&self.state)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // The name is durable only with its folder.
        File::open(folder_of(&self.path))?.sync_all()?;
        Ok(())
    }
}

/// Two agents with one state would use one refresh token twice, and be taken for thieves. The lock is a file of its own:
/// the state's is another one after each writing.
fn hold(path: &Path) -> anyhow::Result<File> {
    let lock = beside(path, ".lock");
    let held = || format!("{} cannot be held", lock.display());
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).mode(OWNER_ONLY).open(&lock);
    let file = file.with_context(held)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!("{} is in use by another agent", path.display()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(held),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(refresh_token: &str) -> Tokens {
        Tokens {
            access_token: "a".to_owned(),
            access_until: Timestamp::UNIX_EPOCH,
            refresh_token: refresh_token.to_owned(),
        }
    }

    fn outcome(status: &str) -> Outcome {
        Outcome {
            file: "run.fit".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            status: status.to_owned(),
            upload_id: None,
            activity_ids: vec!["one".to_owned()],
            problem: None,
        }
    }

    #[test]
    fn what_was_kept_is_there_again_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/agent.json");
        let mut book = Book::open(path.clone(), "http://a").unwrap();
        book.pair("aru".to_owned(), tokens("r1")).unwrap();
        book.keep("h1", outcome("queued")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(book);
        let book = Book::open(path.clone(), "http://a").unwrap();
        assert_eq!(book.tokens().map(|tokens| tokens.refresh_token.as_str()), Some("r1"));
        assert_eq!(book.outcome("h1"), Some(&outcome("queued")));
        assert!(book.is_waiting());
    }

    #[test]
    fn a_state_is_held_by_one_agent_and_is_of_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.json");
        let book = Book::open(path.clone(), "http://a").unwrap();
        let held = Book::open(path.clone(), "http://a").err().unwrap();
        assert!(held.to_string().contains("in use by another agent"), "{held:#}");
        drop(book);
        let other = Book::open(path, "http://b").err().unwrap();
        assert!(other.to_string().contains("belongs to http://a"), "{other:#}");
    }

    #[test]
    fn another_account_begins_anew_and_the_same_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(folder.path().join("agent.json"), "http://a").unwrap();
        book.pair("aru".to_owned(), tokens("r1")).unwrap();
        book.keep("h1", outcome("ready")).unwrap();
        book.pair("aru".to_owned(), tokens("r2")).unwrap();
        assert!(book.outcome("h1").is_some());
        book.pair("dana".to_owned(), tokens("r3")).unwrap();
        assert!(book.outcome("h1").is_none());
    }
}
