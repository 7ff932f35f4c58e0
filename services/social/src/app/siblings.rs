//! What other services ask: always from the head of the store.

use std::collections::HashSet;

use eventing::sql::DbError;
use kernel::{AccountId, Refusal};
use privacy::{GroupId, Relation};
use proto::social as p;

use super::{App, fault, people::PEOPLE_MAX};
use crate::{domain::edges::Rel, wire::bytes_of};

/// Friends told of one account.
const FRIENDS_MAX: u32 = 5_000;
/// So many with whom somebody shares a block are told without asking which of them are meant.
const HIDDEN_FEW: u32 = 100;
/// Groups named at once: as many as a board shows.
const GROUPS_MAX: usize = 500;

impl App {
    /// What the viewer is to each owner, in the order asked.
    pub async fn relations_of(
        &self,
        viewer: Option<AccountId>,
        owners: &[AccountId],
        friends_of_friends: bool,
    ) -> Result<p::RelationsResponse, Refusal> {
        if owners.len() > PEOPLE_MAX {
            return Err(Refusal::field("/owner_ids", "too_many", "at most 200 owners"));
        }
        // The head first: the rows are at least as new.
        let position = self.head().await?;
        let (relations, rels) = match viewer {
            Some(viewer) => self.relations(viewer, owners, friends_of_friends).await?,
            None => Default::default(),
        };
        let unknown = || if viewer.is_some() { Relation::unknown() } else { Relation::stranger() };
        let item = |owner: &AccountId| {
            let relation = relations.get(owner).cloned().unwrap_or_else(unknown);
            p::Relation {
                owner_id: bytes_of(*owner),
                friend: relation.friend,
                follower: relation.follower,
                followed_by: rels.get(owner).is_some_and(|rels| rels.contains(&Rel::Follower)),
                blocked: relation.blocked,
                friend_of_friend: relation.friend_of_friend,
                shared_group_ids: relation.shared_groups.into_iter().map(bytes_of).collect(),
            }
        };
        Ok(p::RelationsResponse { items: owners.iter().map(item).collect(), position })
    }

    /// Everybody with whom the account shares a block, either way; when some are named, those of them, and others
    /// when they are few.
    pub async fn hidden(
        &self,
        account: AccountId,
        among: &[AccountId],
    ) -> Result<p::HiddenResponse, Refusal> {
        if among.len() > PEOPLE_MAX {
            return Err(Refusal::field("/among_ids", "too_many", "at most 200 accounts"));
        }
        let position = self.head().await?;
        let hidden = match among {
            [] => self.store.hidden(account, u32::MAX).await,
            _ => self.hidden_among(account, among).await,
        };
        let account_ids = hidden.map_err(fault)?.into_iter().map(bytes_of).collect();
        Ok(p::HiddenResponse { account_ids, position })
    }

    /// Nearly everybody shares a block with nobody, which is one look.
    async fn hidden_among(&self, account: AccountId, among: &[AccountId]) -> Result<Vec<AccountId>, DbError> {
        let some = self.store.hidden(account, HIDDEN_FEW + 1).await?;
        if some.len() <= HIDDEN_FEW as usize {
            return Ok(some);
        }
        let rels = self.store.rels(account, among).await?;
        let hides = |rels: &HashSet<Rel>| rels.contains(&Rel::Blocks) || rels.contains(&Rel::BlockedBy);
        Ok(rels.into_iter().filter(|(_, rels)| hides(rels)).map(|(other, _)| other).collect())
    }

    pub async fn friends_of(&self, account: AccountId) -> Result<p::FriendsOfResponse, Refusal> {
        let friends = self.store.oldest(account, Rel::Friend, FRIENDS_MAX).await.map_err(fault)?;
        Ok(p::FriendsOfResponse { account_ids: friends.into_iter().map(bytes_of).collect() })
    }

    /// In the order asked.
    pub async fn groups_of(&self, accounts: &[AccountId]) -> Result<p::GroupsOfResponse, Refusal> {
        if accounts.len() > PEOPLE_MAX {
            return Err(Refusal::field("/account_ids", "too_many", "at most 200 accounts"));
        }
        let found = self.store.groups_of(accounts).await.map_err(fault)?;
        let item = |account: &AccountId| {
            let groups = found.get(account).map(Vec::as_slice).unwrap_or_default();
            let staffed = groups.iter().filter(|(_, role)| matches!(role.as_str(), "owner" | "admin"));
            p::AccountGroups {
                account_id: bytes_of(*account),
                group_ids: groups.iter().map(|(group, _)| bytes_of(*group)).collect(),
                staffed_group_ids: staffed.map(|(group, _)| bytes_of(*group)).collect(),
            }
        };
        Ok(p::GroupsOfResponse { items: accounts.iter().map(item).collect() })
    }

    /// Of those that the viewer may know of.
    pub async fn group_names(
        &self,
        viewer: Option<AccountId>,
        groups: &[GroupId],
    ) -> Result<p::GroupNamesResponse, Refusal> {
        if groups.len() > GROUPS_MAX {
            return Err(Refusal::field("/group_ids", "too_many", "at most 500 groups"));
        }
        let found = self.store.names(viewer, groups).await.map_err(fault)?;
        let item = |(group, name)| p::GroupName { group_id: bytes_of(group), name };
        Ok(p::GroupNamesResponse { items: found.into_iter().map(item).collect() })
    }

    async fn head(&self) -> Result<u64, Refusal> {
        let head = self.journal.store().head().await.map_err(eventing::Error::from)?;
        Ok(head.unsigned_abs())
    }
}
