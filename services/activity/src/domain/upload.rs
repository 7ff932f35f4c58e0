//! An uploaded file, from durable bytes to the activities in it.

use eventing::Aggregate;
use kernel::{AccountId, ActivityId};

use super::{SessionId, UploadId};

/// What has become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Unknown,
    /// Durable, waits to be read.
    Received,
    Parsed {
        activity_ids: Vec<ActivityId>,
        partial: bool,
    },
    Failed {
        code: String,
        detail: String,
    },
    Duplicate {
        original: UploadId,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub state: State,
    pub file: Option<File>,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub account_id: AccountId,
    /// Of the device or app that sent it.
    pub session_id: Option<SessionId>,
    /// Of (account, SHA-256 of the file): one account's file is not recognised in another's.
    pub hash: Vec<u8>,
    pub blob: String,
    pub size_bytes: i64,
    pub source: String,
    /// `None`: there was none, or it was erased.
    pub filename: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub upload_id: UploadId,
    pub account_id: AccountId,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Received(File),
    Parsed(Parsed),
    Failed {
        code: String,
        detail: String,
    },
    Duplicated {
        original: UploadId,
        session_id: Option<SessionId>,
        size_bytes: i64,
        source: String,
        filename: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    pub activity_ids: Vec<ActivityId>,
    pub partial: bool,
    pub salvage: Option<Salvage>,
    pub notices: Vec<String>,
}

/// What was kept of a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    pub records_kept: u64,
    pub bytes_lost: u64,
    pub reasons: Vec<String>,
}

impl Aggregate for Upload {
    type Event = Event;
    const KIND: &'static str = "upload";

    fn evolve(&mut self, event: &Event) {
        self.state = match &event.change {
            Change::Received(file) => {
                self.file = Some(file.clone());
                State::Received
            }
            Change::Parsed(parsed) => {
                State::Parsed { activity_ids: parsed.activity_ids.clone(), partial: parsed.partial }
            }
            Change::Failed { code, detail } => State::Failed { code: code.clone(), detail: detail.clone() },
            Change::Duplicated { original, .. } => State::Duplicate { original: *original },
        };
    }
}

impl Upload {
    /// What to do with the outcome of reading the file: nothing, when it was read before.
    pub fn finish(&self, change: Change) -> Vec<Change> {
        if self.state == State::Received { vec![change] } else { Vec::new() }
    }

    /// A new upload's first event: nothing, when the stream has begun before (a retry of the same command).
    pub fn begin(&self, change: Change) -> Vec<Change> {
        if self.state == State::Unknown { vec![change] } else { Vec::new() }
    }
}

/// The key of the claim that makes a file of an account unique.
pub fn file_hash(account: AccountId, file_sha256: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    hash.update(b"stadion.activity.file");
    hash.update(account.as_bytes());
    hash.update(file_sha256);
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(changes: Vec<Change>) -> Upload {
        let mut upload = Upload::default();
        for change in changes {
            upload.evolve(&Event { upload_id: UploadId::random(), account_id: AccountId::random(), change });
        }
        upload
    }

    fn received() -> Change {
        Change::Received(File {
            account_id: AccountId::random(),
            session_id: None,
            hash: vec![1],
            blob: "b".to_owned(),
            size_bytes: 3,
            source: "upload".to_owned(),
            filename: None,
        })
    }

    #[test]
    fn a_received_file_is_finished_once() {
        let parsed = Change::Parsed(Parsed::default());
        assert_eq!(given(vec![received()]).finish(parsed.clone()).len(), 1);
        assert!(
            given(vec![received(), parsed.clone()]).finish(parsed).is_empty(),
            "a second reading changes nothing"
        );
    }

    #[test]
    fn a_failed_file_stays_failed() {
        let failed = Change::Failed { code: "file_unreadable".to_owned(), detail: String::new() };
        let upload = given(vec![received(), failed]);
        assert!(upload.finish(Change::Parsed(Parsed::default())).is_empty());
        assert!(upload.begin(received()).is_empty());
    }

    #[test]
    fn two_accounts_with_one_file_have_different_hashes() {
        let (one, two) = (AccountId::random(), AccountId::random());
        assert_ne!(file_hash(one, b"sha"), file_hash(two, b"sha"));
        assert_eq!(file_hash(one, b"sha"), file_hash(one, b"sha"));
    }
}
