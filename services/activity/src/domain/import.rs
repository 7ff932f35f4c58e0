//! An archive as one thing: looked through, run file by file, taken back as a whole.

use std::collections::BTreeSet;

use eventing::Aggregate;
use kernel::{AccountId, ActivityId, Code, Refusal};

use super::{ImportId, SessionId, UploadId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Unknown,
    /// Its files are looked through.
    Planning,
    /// Looked through; nothing was changed yet.
    Planned,
    Running,
    Finished,
    Failed,
    /// What it made is being deleted.
    RollingBack,
    RolledBack,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown | Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// The archive that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    pub account_id: AccountId,
    pub session_id: Option<SessionId>,
    pub hash: Vec<u8>,
    pub blob: String,
    pub size_bytes: i64,
    /// `None`: there was none, or it was erased.
    pub filename: Option<String>,
    pub dry_run: bool,
    pub source: String,
    /// It was uploaded, as the upload of the same id.
    pub of_upload: bool,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Recorded,
    /// Damaged: what could be read was kept.
    Partial,
    /// The same file, or entry, was there already.
    Duplicate,
    /// An entry that says otherwise is there already, and stays as it is.
    Kept,
    Failed,
}

impl Outcome {
    pub const ALL: [Self; 5] = [Self::Recorded, Self::Partial, Self::Duplicate, Self::Kept, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Partial => "partial",
            Self::Duplicate => "duplicate",
            Self::Kept => "kept",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FileDone {
    /// Of the plan.
    pub number: u32,
    pub outcome: Outcome,
    pub upload_id: Option<UploadId>,
    pub activity_ids: Vec<ActivityId>,
    /// Those that this import recorded or brought back.
    pub made: Vec<ActivityId>,
    /// Why it failed.
    pub code: String,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub import_id: ImportId,
    pub account_id: AccountId,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Opened(Archive),
    Planned {
        plan_blob: String,
        kind: String,
        files: u32,
    },
    Started,
    FileDone(FileDone),
    Finished,
    Failed {
        code: String,
        detail: String,
    },
    RollbackStarted,
    RolledBack {
        activities: u32,
    },
    /// The archive is kept no longer; what came of it stays.
    ArchivePurged,
}

#[derive(Clone, Debug, Default)]
pub struct Import {
    pub phase: Phase,
    pub archive: Option<Archive>,
    pub plan_blob: Option<String>,
    pub files: u32,
    /// Numbers of the files that are done.
    pub done: BTreeSet<u32>,
    /// Of all files, each once, as they came.
    pub activity_ids: Vec<ActivityId>,
    pub made: Vec<ActivityId>,
    /// Files of each outcome.
    pub outcomes: std::collections::BTreeMap<Outcome, u32>,
    /// Its archive is kept no longer.
    pub purged: bool,
}

impl Aggregate for Import {
    type Event = Event;
    const KIND: &'static str = "import";

    fn evolve(&mut self, event: &Event) {
        match &event.change {
            Change::Opened(archive) => {
                self.archive = Some(archive.clone());
                self.phase = Phase::Planning;
            }
            Change::Planned { plan_blob, files, .. } => {
                self.plan_blob = Some(plan_blob.clone());
                self.files = *files;
                self.phase = Phase::Planned;
            }
            Change::Started => self.phase = Phase::Running,
            Change::FileDone(done) => {
                self.done.insert(done.number);
                *self.outcomes.entry(done.outcome).or_default() += 1;
                self.activity_ids.extend(&done.activity_ids);
                self.made.extend(&done.made);
            }
            Change::Finished => self.phase = Phase::Finished,
            Change::Failed { .. } => self.phase = Phase::Failed,
            Change::RollbackStarted => self.phase = Phase::RollingBack,
            Change::RolledBack { .. } => self.phase = Phase::RolledBack,
            Change::ArchivePurged => self.purged = true,
        }
    }
}

impl Import {
    /// The archive, if it is this account's; anybody else's is not found.
    pub fn owned_by(&self, account: AccountId) -> Result<&Archive, Refusal> {
        self.archive.as_ref().filter(|archive| archive.account_id == account).ok_or_else(Refusal::not_found)
    }

    /// A new import's first event: nothing, when it was opened before.
    pub fn open(&self, archive: Archive) -> Vec<Change> {
        if self.phase == Phase::Unknown { vec![Change::Opened(archive)] } else { Vec::new() }
    }

    /// One that was looked through starts; one that started, and maybe ended, stays as it is.
    pub fn run(&self) -> Result<Vec<Change>, Refusal> {
        match self.phase {
            Phase::Planned if self.purged => {
                Err(Refusal::new(Code::Conflict, "it waited too long to be run; import the archive again"))
            }
            Phase::Planned => Ok(vec![Change::Started]),
            Phase::Running | Phase::Finished => Ok(Vec::new()),
            Phase::Unknown | Phase::Planning => {
                Err(Refusal::new(Code::Conflict, "it is still looked through"))
            }
            Phase::Failed => Err(Refusal::new(Code::Conflict, "the archive could not be opened")),
            Phase::RollingBack | Phase::RolledBack => {
                Err(Refusal::new(Code::Conflict, "it was rolled back; import the archive again"))
            }
        }
    }

    /// The archive goes when nobody reads it any more. `None`: it is read still.
    pub fn purge_archive(&self) -> Option<Vec<Change>> {
        match self.phase {
            Phase::Unknown | Phase::Planning | Phase::Running | Phase::RollingBack => None,
            _ if self.purged => Some(Vec::new()),
            _ => Some(vec![Change::ArchivePurged]),
        }
    }

    /// Nothing more is imported from here on.
    pub fn roll_back(&self) -> Vec<Change> {
        match self.phase {
            Phase::RollingBack | Phase::RolledBack | Phase::Unknown => Vec::new(),
            _ => vec![Change::RollbackStarted],
        }
    }

    /// A file of a running import, once.
    pub fn is_open_for(&self, number: u32) -> bool {
        self.phase == Phase::Running && !self.done.contains(&number)
    }

    pub fn count(&self, outcome: Outcome) -> u32 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(changes: Vec<Change>) -> Import {
        let mut import = Import::default();
        for change in changes {
            import.evolve(&Event { import_id: ImportId::random(), account_id: AccountId::random(), change });
        }
        import
    }

    fn opened() -> Change {
        Change::Opened(Archive {
            account_id: AccountId::random(),
            session_id: None,
            hash: vec![1],
            blob: "b".to_owned(),
            size_bytes: 3,
            filename: None,
            dry_run: true,
            source: "upload".to_owned(),
            of_upload: false,
        })
    }

    fn planned() -> Change {
        Change::Planned { plan_blob: "p".to_owned(), kind: "zip".to_owned(), files: 2 }
    }

    fn done(number: u32) -> Change {
        Change::FileDone(FileDone {
            number,
            outcome: Outcome::Recorded,
            upload_id: None,
            activity_ids: vec![ActivityId::derived(&[&number.to_be_bytes()])],
            made: vec![ActivityId::derived(&[&number.to_be_bytes()])],
            code: String::new(),
            detail: String::new(),
        })
    }

    #[test]
    fn it_starts_once_it_was_looked_through() {
        assert_eq!(given(vec![opened()]).run().unwrap_err().code, Code::Conflict);
        assert_eq!(given(vec![opened(), planned()]).run().unwrap(), [Change::Started]);
        assert_eq!(given(vec![opened(), planned(), Change::Started]).run().unwrap(), []);
    }

    #[test]
    fn a_file_is_done_once_and_not_after_a_rollback() {
        let running = given(vec![opened(), planned(), Change::Started, done(0)]);
        assert!(!running.is_open_for(0) && running.is_open_for(1));
        let stopped = given(vec![opened(), planned(), Change::Started, done(0), Change::RollbackStarted]);
        assert!(!stopped.is_open_for(1));
        assert_eq!(stopped.made.len(), 1);
        assert_eq!(stopped.run().unwrap_err().code, Code::Conflict);
        assert_eq!(stopped.roll_back(), []);
    }

    #[test]
    fn an_archive_goes_when_nobody_reads_it_and_is_then_run_no_more() {
        assert_eq!(given(vec![opened()]).purge_archive(), None);
        assert_eq!(given(vec![opened(), planned(), Change::Started]).purge_archive(), None);
        let waits = given(vec![opened(), planned()]);
        assert_eq!(waits.purge_archive(), Some(vec![Change::ArchivePurged]));
        let gone = given(vec![opened(), planned(), Change::ArchivePurged]);
        assert_eq!(gone.run().unwrap_err().code, Code::Conflict);
        assert_eq!(gone.purge_archive(), Some(Vec::new()));
        assert_eq!(gone.roll_back(), [Change::RollbackStarted]);
    }

    #[test]
    fn what_was_never_opened_is_nobodys() {
        assert_eq!(Import::default().roll_back(), []);
        assert_eq!(Import::default().owned_by(AccountId::random()).unwrap_err().code, Code::NotFound);
        assert_eq!(
            given(vec![opened()]).open(match opened() {
                Change::Opened(archive) => archive,
                _ => unreachable!(),
            }),
            []
        );
    }
}
