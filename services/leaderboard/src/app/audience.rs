//! What a query looks at: a segment, or the caller among its friends.

use std::collections::HashMap;

use bytes::Bytes;
use kernel::{AccountId, Refusal};
use platform::Look;
use proto::social::FriendsOfRequest;

use super::{App, access::Viewer};
use crate::{
    boards::Cell,
    domain::board::{ALL, Scope},
    wire,
};

/// The segment that is computed for each caller.
pub const FRIENDS: &str = "friends";

pub enum Wanted {
    Segment(String),
    /// These accounts, each of which the caller may know by name.
    Among(Vec<AccountId>),
}

impl Wanted {
    pub fn scope(&self) -> Scope<'_> {
        match self {
            Self::Segment(name) => Scope::Segment(name),
            Self::Among(accounts) => Scope::Among(accounts),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Segment(name) => name,
            Self::Among(_) => FRIENDS,
        }
    }
}

impl App {
    /// # Errors
    /// `unauthenticated` when a stranger asks for its friends; `unavailable` when they cannot be known.
    pub async fn wanted(&self, cell: &Cell, viewer: Viewer, segment: &str) -> Result<Wanted, Refusal> {
        if segment != FRIENDS {
            let name = if segment.is_empty() { ALL } else { segment };
            return Ok(Wanted::Segment(name.to_owned()));
        }
        let me = viewer.account()?;
        let request = FriendsOfRequest { account_id: Bytes::copy_from_slice(me.as_bytes()) };
        let answer = self.peers.social().friends_of(request).await;
        let answer = answer.map_err(|status| platform::refusal(&status))?.into_inner();
        let friends = answer.account_ids.iter().filter_map(|id| wire::id(id).ok());
        let audience: Vec<AccountId> = friends.chain([me]).collect();
        Ok(Wanted::Among(self.known_by_name(cell, me, &audience).await?))
    }

    /// Those of the accounts that stand on the board and that the viewer may know there. Whoever is anonymous to the
    /// viewer is not found by naming them, nor by being the one who is left of a few friends.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn known_by_name(
        &self,
        cell: &Cell,
        viewer: AccountId,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountId>, Refusal> {
        let standing: Vec<(AccountId, privacy::BoardName)> = {
            let board = cell.board();
            let stands = |account: &AccountId| {
                let member = board.member(board.slot(*account)?);
                member.score.map(|_| (*account, member.show_as))
            };
            accounts.iter().filter_map(stands).collect()
        };
        let asked: Vec<AccountId> = standing.iter().map(|(account, _)| *account).collect();
        let looks: HashMap<AccountId, Look> = self.sight.looks(Some(viewer), &asked).await?;
        let known = |(account, show_as): &(AccountId, privacy::BoardName)| {
            looks.get(account).is_some_and(|look| look.board_name(*show_as).is_some())
        };
        Ok(standing.iter().filter(|one| known(one)).map(|(account, _)| *account).collect())
    }
}
