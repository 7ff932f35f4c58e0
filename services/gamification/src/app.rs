//! Everything gamification does.
//!
//! | file | |
//! |---|---|
//! | [`observe`] | command, by the reactor: an activity now is this |
//! | [`get_progress`] | query: XP, level, streak as of today |
//! | [`achievements`] | queries: badges, the newest first; why one is held |
//! | [`challenges`] | commands and queries: challenges, from the draft to the last who leaves |
//! | [`facts`] | query of siblings: what rules' clauses need |
//! | [`adjust`] | command, by the reactor: what came too late for a settlement |
//! | [`leagues`] | weekly leagues: closed by the timer, read by their members |
//! | [`settle`] | command, by the timer: the final order of a challenge, exactly once |
//! | [`settlement`] | query: the final order as somebody may see it |
//! | [`reward`] | command, by the reactor: what places are worth |
//! | [`backfill`] | work of its own: every account is brought to the rules in force |
//! | [`rules`] | queries of operators: the rules in force; what others would change |

pub mod achievements;
pub mod adjust;
pub mod backfill;
pub mod challenges;
pub mod facts;
pub mod get_progress;
pub mod leagues;
pub mod observe;
pub mod reward;
pub mod rules;
pub mod settle;
pub mod settlement;

use std::sync::Arc;

use eventing::{Journal, Projected, StreamId};
use kernel::{AccountId, Clock, Code, Refusal};
use platform::{Peers, Sight};
use proto::auth::{AccountStanding, StandingRequest};

use crate::{
    Config,
    domain::{Rulebook, Rules},
    store::Store,
    wire::bytes_of,
};

/// What commands and queries stand on; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub journal: Journal,
    pub store: Store,
    pub rulebook: Arc<Rulebook>,
    pub clock: Arc<dyn Clock>,
    pub peers: Peers,
    pub sight: Sight,
    /// How far the read models have come.
    pub projected: Projected,
    /// Who gets the seats of each challenge.
    pub seating: challenges::seating::Seating,
    /// Of members of a group who write a challenge for it.
    pub members_writing: challenges::members::Turns,
    pub config: Config,
}

impl App {
    /// The rules in force.
    pub(crate) fn rules(&self) -> &Rules {
        self.rulebook.in_force()
    }

    /// What auth says of an account now.
    pub(crate) async fn standing(&self, account: AccountId) -> Result<Option<AccountStanding>, Refusal> {
        let request = StandingRequest { account_ids: vec![bytes_of(account)], held: vec![] };
        let answer =
            self.peers.auth().standing(request).await.map_err(|status| platform::refusal(&status))?;
        Ok(answer
            .into_inner()
            .accounts
            .into_iter()
            .next()
            .filter(|standing| standing.known && !standing.erased))
    }

    /// `forbidden` unless auth says, now, that the account is an operator.
    pub(crate) async fn operator(&self, account: AccountId) -> Result<(), Refusal> {
        let standing = self.standing(account).await?;
        let holds =
            standing.is_some_and(|standing| standing.roles.iter().any(|role| role.role == "operator"));
        if holds { Ok(()) } else { Err(Refusal::new(Code::Forbidden, "only operators may do this")) }
    }
}

/// The stream of an account's progress.
pub fn stream_of(account: AccountId) -> StreamId {
    StreamId::of("progress", account)
}
