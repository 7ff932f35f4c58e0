//! Which board, and whether the caller may look at it.

use std::sync::Arc;

use kernel::{AccountId, Code, Refusal};

use super::App;
use crate::boards::{Cell, ChallengeId, Phase, Terms};

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
    pub fn open(&self, id: ChallengeId, viewer: Viewer) -> Result<(Arc<Cell>, Arc<Terms>), Refusal> {
        self.fresh.check()?;
        let cell = self.boards.get(id).ok_or_else(Refusal::not_found)?;
        let terms = cell.terms().filter(|terms| terms.phase != Phase::Draft);
        let terms = terms.ok_or_else(Refusal::not_found)?;
        if !terms.public && !viewer.trusted {
            viewer.account()?;
        }
        Ok((cell, terms))
    }
}

fn unauthenticated() -> Refusal {
    Refusal::new(Code::Unauthenticated, "sign in first")
}
