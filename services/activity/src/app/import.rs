//! Imports: an archive as one thing. A file of it is decided in one append together with what it came to, so that a
//! crash falls between two files and never within one.
//!
//! | command | query |
//! |---|---|
//! | `open`, `run`, `roll_back`; the job behind them: `work` (`opened`, `plan`, `file`, `health`); `purge` of the archive | `show` |

mod file;
mod health;
mod open;
mod opened;
mod plan;
mod purge;
mod roll_back;
mod run;
mod show;
mod work;

pub(super) use opened::is_importable;

use eventing::{Aggregate, Command, Error, StreamId, Timer};
use kernel::{AccountId, Refusal, time};

use super::App;
use crate::domain::{
    ImportId,
    import::{Change, Event, Import},
};

/// Words of a plan.
const NEW: &str = "new";
const DUPLICATE: &str = "duplicate";
const CHANGED: &str = "changed";
const REFUSED: &str = "refused";
const IGNORED: &str = "ignored";

/// Where entries of a Strava export that were made by hand come from.
const STRAVA: &str = "strava";

pub(super) fn import_stream(id: ImportId) -> StreamId {
    StreamId::of(Import::KIND, id)
}

fn import_events(import_id: ImportId, account_id: AccountId, changes: Vec<Change>) -> Vec<Event> {
    changes.into_iter().map(|change| Event { import_id, account_id, change }).collect()
}

impl App {
    /// When the archive is let go, if it is not read again: as long after now as a deleted activity is kept.
    fn purge_archive_later(&self, id: ImportId) -> Timer {
        self.archive_timer(import_stream(id), time::micros(self.journal.now()))
    }

    /// What follows from an import having been opened.
    async fn following_import(&self, id: ImportId) -> Result<Command, Refusal> {
        const ACTOR: &str = "service:activity";
        let first = self.journal.store().load(&import_stream(id), 0, 1).await.map_err(Error::from)?;
        Ok(first.first().map_or_else(|| Command::by(ACTOR), |opened| Command::after(ACTOR, opened)))
    }
}
