//! Which board, and whether the caller may look at it.

use std::{sync::Arc, time::Duration};

use kernel::{AccountId, Code, Refusal};

use super::{App, audience::is_member};
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

/// A board that the viewer may look at.
pub struct Opened {
    pub cell: Arc<Cell>,
    pub terms: Arc<Terms>,
    /// The group that it is kept in, for whoever may look as its member and for nothing else.
    pub as_member_of: Option<String>,
}

impl App {
    /// The board, when it is up to date and the viewer may know of it. What a group keeps among its members is for them,
    /// for who takes part and for its author.
    ///
    /// # Errors
    /// `unavailable`, `not_found` (also for drafts, and for what another group keeps), `unauthenticated` where strangers
    /// may not look.
    pub async fn open(&self, id: ChallengeId, viewer: Viewer) -> Result<Opened, Refusal> {
        self.fresh.check()?;
        let known = tokio::time::timeout(ON_ITS_WAY, self.appears(id)).await;
        let (cell, terms) = known.map_err(|_| Refusal::not_found())?;
        if terms.public || viewer.trusted {
            return Ok(Opened { cell, terms, as_member_of: None });
        }
        let me = viewer.account()?;
        let takes_part = terms.author == Some(me) || cell.board().slot(me).is_some();
        let as_member_of = terms.circle.clone().filter(|_| !takes_part);
        if let Some(group) = &as_member_of
            && !is_member(&self.peers, Some(me), group).await?
        {
            return Err(Refusal::not_found());
        }
        Ok(Opened { cell, terms, as_member_of })
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
