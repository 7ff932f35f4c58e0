//! What a query looks at: a segment, or the caller's friends among themselves.

use bytes::Bytes;
use kernel::{AccountId, Refusal};
use platform::Peers;
use proto::social::{FriendsOfRequest, GroupsOfRequest};
use uuid::Uuid;

use super::{App, access::Viewer, named::Stands};
use crate::{
    boards::Cell,
    domain::board::{ALL, Board, Scope},
    wire,
};

/// The segment that is computed for each caller.
pub const FRIENDS: &str = "friends";
/// A group's segment, before the group's id.
const CLUB: &str = "club:";

pub struct Wanted {
    segment: String,
    /// These only, each of whom the caller may know by name.
    among: Option<Vec<AccountId>>,
}

impl Wanted {
    pub fn scope(&self) -> Scope<'_> {
        self.among.as_deref().map_or(Scope::Segment(&self.segment), Scope::Among)
    }

    pub fn name(&self) -> &str {
        &self.segment
    }

    /// Whether so few stand there that who is anonymous to the caller gets no row: in a group of two, a row without a
    /// name has one. Everybody counts, so ranks are the same for all who look.
    pub fn needs_names(&self, board: &Board) -> bool {
        self.among.is_none() && board.is_of_few(&self.segment)
    }
}

impl App {
    /// A group's segment is empty for whoever is not in the group.
    ///
    /// # Errors
    /// `unauthenticated` when a stranger asks for its friends; `unavailable` when it cannot be known who they are, which
    /// groups the caller is in, or which of the friends may be named.
    pub async fn wanted(&self, cell: &Cell, viewer: Viewer, segment: &str) -> Result<Wanted, Refusal> {
        let segment = if segment.is_empty() { ALL } else { segment }.to_owned();
        let among = if segment == FRIENDS {
            let me = viewer.account()?;
            Some(self.known_by_name(cell, Some(me), &self.with_friends(me).await?).await?)
        } else if !is_admitted(&self.peers, viewer.account, &segment).await? {
            Some(Vec::new())
        } else {
            None
        };
        Ok(Wanted { segment, among })
    }

    async fn with_friends(&self, me: AccountId) -> Result<Vec<AccountId>, Refusal> {
        let request = FriendsOfRequest { account_id: bytes_of(me) };
        let answer = self.peers.social().friends_of(request).await;
        let answer = answer.map_err(|status| platform::refusal(&status))?.into_inner();
        let friends = answer.account_ids.iter().filter_map(|id| wire::id(id).ok());
        Ok(friends.chain([me]).collect())
    }

    /// Those of the accounts that stand on the board and that the viewer may know there. Whoever is anonymous to the
    /// viewer is not found by naming them.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn known_by_name(
        &self,
        cell: &Cell,
        viewer: Option<AccountId>,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountId>, Refusal> {
        let standing: Vec<Stands> = {
            let board = cell.board();
            let stands = |account: &AccountId| {
                let member = board.member(board.slot(*account)?);
                member.score.map(|_| (*account, member.show_as))
            };
            accounts.iter().filter_map(stands).collect()
        };
        let known = self.named(viewer, &standing).await?;
        let known = standing.into_iter().zip(known).filter(|(_, person)| person.is_some());
        Ok(known.map(|((account, _), _)| account).collect())
    }
}

/// Whether the segment may be looked at: a group's by those who are in the group now.
///
/// # Errors
/// `unavailable` when it cannot be known.
pub async fn is_admitted(peers: &Peers, viewer: Option<AccountId>, segment: &str) -> Result<bool, Refusal> {
    match segment.strip_prefix(CLUB) {
        Some(group) => is_member(peers, viewer, group).await,
        None => Ok(true),
    }
}

/// Whether the viewer is in the group now.
///
/// # Errors
/// `unavailable` when it cannot be known.
pub async fn is_member(peers: &Peers, viewer: Option<AccountId>, group: &str) -> Result<bool, Refusal> {
    let (Some(me), Ok(group)) = (viewer, Uuid::parse_str(group)) else { return Ok(false) };
    let request = GroupsOfRequest { account_ids: vec![bytes_of(me)] };
    let answer = peers.social().groups_of(request).await;
    let answer = answer.map_err(|status| platform::refusal(&status))?.into_inner();
    Ok(answer.items.iter().flat_map(|item| &item.group_ids).any(|id| id[..] == group.as_bytes()[..]))
}

fn bytes_of(account: AccountId) -> Bytes {
    Bytes::copy_from_slice(account.as_bytes())
}
