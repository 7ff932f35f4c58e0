//! Which board, and whether the caller may look at it.

use std::{sync::Arc, time::Duration};

use kernel::{AccountId, Code, Refusal};
use platform::Peers;

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
        let signed_in = viewer.account.is_some() || viewer.trusted;
        if !terms.public && !signed_in {
            return Err(unauthenticated());
        }
        if may_look(&self.peers, (&cell, &terms), viewer).await? {
            return Ok(Opened { cell, terms });
        }
        Err(Refusal::not_found())
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

/// Whether the viewer may look at the board under these terms. `cell`: where participants stand.
///
/// # Errors
/// `unavailable` when it cannot be known.
pub async fn may_look(
    peers: &Peers,
    (cell, terms): (&Cell, &Terms),
    viewer: Viewer,
) -> Result<bool, Refusal> {
    if terms.public || viewer.trusted {
        return Ok(true);
    }
    let Some(me) = viewer.account else { return Ok(false) };
    let takes_part = terms.author == Some(me) || cell.board().slot(me).is_some();
    match &terms.circle {
        Some(group) if !takes_part => is_member(peers, Some(me), group).await,
        _ => Ok(true),
    }
}

fn unauthenticated() -> Refusal {
    Refusal::new(Code::Unauthenticated, "sign in first")
}
