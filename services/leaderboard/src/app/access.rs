//! Which board, and whether the caller may look at it.

use std::{sync::Arc, time::Duration};

use kernel::{AccountId, Code, Refusal};

use super::App;
use crate::boards::{Cell, ChallengeId, Phase, Terms};

/// A challenge that was opened a moment ago is on its way here: so long an unknown one is waited for.
const ON_ITS_WAY: Duration = Duration::from_millis(400);
const LOOK_EACH: Duration = Duration::from_millis(10);

/// Whoever asks: an account, or a stranger.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    pub account: Option<AccountId>,
    /// A sibling asks for itself.
    pub trusted: bool,
}

impl Viewer {
    /// # Errors
    /// `unauthenticated` for a stranger.
    pub fn account(&self) -> Result<AccountId, Refusal> {
        self.account.ok_or_else(unauthenticated)
    }
}

impl App {
    /// The board, when it is up to date and the viewer may know of it.
    ///
    /// # Errors
    /// `unavailable`, `not_found` (also for drafts), `unauthenticated` where strangers may not look.
    pub async fn open(&self, id: ChallengeId, viewer: Viewer) -> Result<(Arc<Cell>, Arc<Terms>), Refusal> {
        self.fresh.check()?;
        let known = tokio::time::timeout(ON_ITS_WAY, self.appears(id)).await;
        let (cell, terms) = known.map_err(|_| Refusal::not_found())?;
        if !terms.public && !viewer.trusted {
            viewer.account()?;
        }
        Ok((cell, terms))
    }

    /// The board, once its challenge is known and no draft.
    async fn appears(&self, id: ChallengeId) -> (Arc<Cell>, Arc<Terms>) {
        loop {
            if let Some(cell) = self.boards.get(id)
                && let Some(terms) = cell.terms().filter(|terms| terms.phase != Phase::Draft)
            {
                return (cell, terms);
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
    }
}

fn unauthenticated() -> Refusal {
    Refusal::new(Code::Unauthenticated, "sign in first")
}
