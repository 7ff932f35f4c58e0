//! Four kinds of reader, distinct types.
//!
//! *Inline* rows are no type of their own: they are [`crate::sql::Statement`]s of a decision, written in its append.

use async_trait::async_trait;
use kernel::{Code, Refusal};

use crate::{
    bus::Topic,
    error::Error,
    event::{DecodeError, Incoming, Plain},
    sealing::SealingError,
    sql::{DbError, Tx},
    store::DueTimer,
};

/// Where a reader's events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The service's own journal.
    OwnJournal,
    /// Another service's event topic, by the service's name.
    Topic(&'static str),
}

/// Where a reader begins that has no cursor yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Beginning,
    Present,
}

/// Why a reader could not take an event.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The world is not ready: the same event is tried again, and everything behind it waits.
    #[error("try again: {0}")]
    Retry(String),
    /// The event itself is at fault: after some tries its key is parked, with its bytes, and others go on.
    #[error("poison: {0}")]
    Poison(String),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_)
            | DbError::Contended(_)
            | DbError::Unknown(_)
            | DbError::Unusable(_)
            | DbError::Fatal(_)
            | DbError::RolledBack(_) => Self::Retry(error.to_string()),
            DbError::Statement(_) | DbError::Column { .. } => Self::Poison(error.to_string()),
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Poison(error.to_string())
    }
}

impl From<Refusal> for Failure {
    /// What is away comes back, and what is too much now is not later; everything else was decided.
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Timeout
            | Code::Overloaded
            | Code::RateLimited => Self::Retry(refusal.to_string()),
            _ => Self::Poison(refusal.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Corrupt(_) | Error::Claimed { .. } | Error::IdempotencyMismatch => {
                Self::Poison(error.to_string())
            }
            // A subject that is gone, or never was, does not come back: its key waits, everybody else goes on.
            Error::Sealing(
                SealingError::Tampered { .. }
                | SealingError::NoSubject { .. }
                | SealingError::Destroyed { .. }
                | SealingError::UnknownSubject { .. },
            ) => Self::Poison(error.to_string()),
            _ => Self::Retry(error.to_string()),
        }
    }
}

/// What a projection writes, for whoever makes it anew beside the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Rows of these tables: no command writes them, and nobody else makes them up. Projections that name the same table
    /// are made anew together. `spared` are written too and are no read model: a rebuild leaves them alone.
    Tables { tables: &'static [&'static str], spared: &'static [&'static str] },
    /// It cannot be made anew: why.
    Never(&'static str),
}

impl Keeps {
    /// Rows of these tables, and nothing else.
    pub const fn tables(tables: &'static [&'static str]) -> Self {
        Self::Tables { tables, spared: &[] }
    }
}

/// Turns events into rows: cursor and rows in one transaction.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// The cursor's name; what is made anew beside it has one of its own until both are flipped.
    fn name(&self) -> &'static str;
    fn sources(&self) -> Vec<Source>;
    /// What of it can be made anew (see [`crate::rebuild`]). A rebuild calls `apply` with a transaction that leads to other
    /// tables: everything goes through it, and anything else that it does is done twice.
    fn keeps(&self) -> Keeps {
        Keeps::Never("it does not say which tables it writes")
    }
    /// Batches are the normal case. A poison batch is tried again one event at a time.
    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure>;
}

/// Turns events into commands, keyed by [`crate::Command::reacting`], then moves its cursor.
#[async_trait]
pub trait Reactor: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn sources(&self) -> Vec<Source>;
    /// A new reactor does not answer for the past unless it says so.
    fn start(&self) -> Start {
        Start::Beginning
    }
    /// How many keys may be reacted to at the same time; the events of one key always follow each other. More than one
    /// lets the commands share the store's commits: for reactors whose commands of different keys do not meet.
    fn keys_at_once(&self) -> usize {
        1
    }
    async fn react(&self, event: &Incoming) -> Result<(), Failure>;
}

/// A value of a state topic, opened.
#[derive(Clone, Debug)]
pub struct StateValue {
    pub key: String,
    pub revision: u64,
    /// The partition of the topic, and the value's place in it: what a live sequence is made of.
    pub part: u32,
    pub offset: i64,
    /// Of the event that made it so, where there is one that somebody follows.
    pub trace_parent: String,
    pub plain: Plain,
}

/// Keeps a state topic in this process' memory: no lease, no cursor row. Not ready until caught up.
#[async_trait]
pub trait Follower: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn topic(&self) -> Topic;
    /// `Present` for one that only hears what changes: whoever it tells asks for the whole themselves.
    fn start(&self) -> Start {
        Start::Beginning
    }
    /// Where to go on in partitions of which the follower has kept, over a restart, what it was told before; `ends` are the
    /// log's. All before such a place is known, and perhaps some behind it. Asked once, before anything is read.
    async fn kept(&self, _ends: &[i64]) -> Vec<(u32, i64)> {
        Vec::new()
    }
    /// For one that keeps count of revisions itself: whether it has this one, or a newer, of a key. What it has is not even
    /// opened. `None`: it does not keep count.
    fn has(&self, _key: &str, _revision: u64) -> Option<bool> {
        None
    }
    /// The newest value of a key so far; may come more than once.
    async fn apply(&self, value: &StateValue);
    /// The service that is asked for the whole of it while the log is silent, each time anew: for what must not be missed
    /// for long, and may be told in any order and twice. `None`: nobody is, and [`crate::Freshness::lag`] grows.
    fn owner(&self) -> Option<&'static str> {
        None
    }
    /// A value of this partition does not open, and was passed over: what is kept must not say that it was heard.
    fn missed(&self, _part: u32) {}
}

/// Takes what time brings. The handler issues a command that the aggregate decides anew.
#[async_trait]
pub trait TimerHandler: Send + Sync + 'static {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::Class;

    #[test]
    fn an_erased_subject_holds_nobody_up_and_a_silent_key_store_loses_nothing() {
        let subject = uuid::Uuid::nil();
        let erased = Error::Sealing(SealingError::Destroyed { subject, class: Class::Activity });
        assert!(matches!(Failure::from(erased), Failure::Poison(_)));
        let silent = Error::Sealing(SealingError::Unavailable("auth is away".to_owned()));
        assert!(matches!(Failure::from(silent), Failure::Retry(_)));
    }

    #[test]
    fn a_sibling_that_is_away_parks_nothing_and_ends_no_timer() {
        let refused = |code| Failure::from(Error::Refused(Refusal::new(code, "no")));
        assert!(matches!(refused(Code::Unavailable), Failure::Retry(_)));
        assert!(matches!(refused(Code::Overloaded), Failure::Retry(_)));
        assert!(matches!(refused(Code::NotEligible), Failure::Poison(_)));
    }
}
