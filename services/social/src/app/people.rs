//! People, as a viewer may see them: the one way from rows and standings to a card.

use std::collections::{BTreeSet, HashMap, HashSet};

use kernel::{AccountId, Refusal};
use platform::Look;
use privacy::Relation;
use proto::social as p;

use super::{App, fault};
use crate::{domain::edges::Rel, store::edges::Rels, wire::bytes_of};

/// Accounts asked for in one call.
pub const PEOPLE_MAX: usize = 200;

impl App {
    /// What the viewer is to each owner, from the rows at the head of the store; and those rows.
    pub async fn relations(
        &self,
        viewer: AccountId,
        owners: &[AccountId],
        friends_of_friends: bool,
    ) -> Result<(HashMap<AccountId, Relation>, Rels), Refusal> {
        let rels = self.store.rels(viewer, owners).await.map_err(fault)?;
        let mut shared = self.store.shared_groups(viewer, owners).await.map_err(fault)?;
        let near = if friends_of_friends {
            self.store.friends_of_friends(viewer, owners).await.map_err(fault)?
        } else {
            HashSet::new()
        };
        let relation = |owner: &AccountId| {
            if *owner == viewer {
                return (*owner, Relation::owner());
            }
            let mut relation = of_rels(rels.get(owner));
            relation.friend_of_friend = near.contains(owner);
            relation.shared_groups = shared.remove(owner).map(BTreeSet::from_iter).unwrap_or_default();
            (*owner, relation)
        };
        Ok((owners.iter().map(relation).collect(), rels))
    }

    /// How the viewer stands to each, and the rows that say so; those who share a block or are gone show nothing.
    pub async fn looks(
        &self,
        viewer: AccountId,
        owners: &[AccountId],
        friends_of_friends: bool,
    ) -> Result<(HashMap<AccountId, Look>, Rels), Refusal> {
        let mut owners = owners.to_vec();
        owners.sort_unstable();
        owners.dedup();
        // The rows last: a block that comes meanwhile is among them.
        let standings = self.sight.standings(&owners).await?;
        let (mut relations, rels) = self.relations(viewer, &owners, friends_of_friends).await?;
        let looks = standings.into_iter().map(|(owner, person)| {
            let relation = relations.remove(&owner).unwrap_or_else(Relation::unknown);
            (owner, Look::new(person, relation))
        });
        Ok((looks.collect(), rels))
    }

    /// Cards of all of these: with the id alone where the profile may not be seen.
    pub async fn cards(
        &self,
        viewer: AccountId,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Card>, Refusal> {
        let (looks, rels) = self.looks(viewer, accounts, false).await?;
        Ok(looks.into_iter().map(|(id, look)| (id, Card::of(id, &look, &rels))).collect())
    }

    pub async fn get_person(&self, viewer: AccountId, account: AccountId) -> Result<p::Person, Refusal> {
        let card = self.cards(viewer, &[account]).await?.remove(&account);
        card.filter(|card| card.known).map(|card| card.person).ok_or_else(Refusal::not_found)
    }
}

/// A person on a list.
#[derive(Clone, Debug)]
pub struct Card {
    /// There is such an account, as far as the viewer may know.
    pub known: bool,
    /// Its profile may be seen.
    pub shown: bool,
    pub person: p::Person,
}

impl Card {
    pub fn of(id: AccountId, look: &Look, rels: &Rels) -> Self {
        let known = look.is_present() && !look.relation.blocked;
        let shown = known && look.shows_profile();
        let mut person = p::Person { account_id: bytes_of(id), ..p::Person::default() };
        if known {
            person.relation = Some(relation_view(rels.get(&id)));
        }
        if shown {
            person.display_name.clone_from(&look.standing.display_name);
            person.handle = Some(look.standing.handle.clone()).filter(|handle| !handle.is_empty());
            person.country.clone_from(&look.standing.country);
            person.region.clone_from(&look.standing.region);
        }
        Self { known, shown, person }
    }
}

pub fn relation_view(rels: Option<&HashSet<Rel>>) -> p::PersonRelation {
    let is = |rel: Rel| rels.is_some_and(|rels| rels.contains(&rel));
    p::PersonRelation { friend: is(Rel::Friend), follows: is(Rel::Following), followed_by: is(Rel::Follower) }
}

/// What the rows of a viewer say of an owner.
pub fn of_rels(rels: Option<&HashSet<Rel>>) -> Relation {
    let is = |rel: Rel| rels.is_some_and(|rels| rels.contains(&rel));
    Relation {
        friend: is(Rel::Friend),
        follower: is(Rel::Following),
        blocked: is(Rel::Blocks) || is(Rel::BlockedBy),
        ..Relation::default()
    }
}
