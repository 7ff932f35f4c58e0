//! Friends, followers, following, blocks: newest first, each with what the caller may see of the person.

use kernel::{AccountId, Refusal};
use proto::social as p;

use super::{App, fault, page};
use crate::{domain::edges::Rel, store::Place, wire::bytes_of};

/// A list's states: the word, and what the others are to the owner.
pub type States = &'static [(&'static str, Rel)];

/// The first is meant where none is named.
pub const FRIENDS: States =
    &[("friend", Rel::Friend), ("invited", Rel::Invited), ("received", Rel::Received)];
pub const FOLLOWING: States = &[("following", Rel::Following), ("requested", Rel::Requested)];
pub const FOLLOWERS: States = &[("following", Rel::Follower), ("requested", Rel::Requester)];
pub const BLOCKS: States = &[("blocked", Rel::Blocks)];

impl App {
    pub async fn list_edges(
        &self,
        owner: AccountId,
        states: States,
        request: &p::ListEdgesRequest,
    ) -> Result<p::ListEdgesResponse, Refusal> {
        let (word, rel) = named(states, &request.state)?;
        let limit = page(request.limit, 50, 200);
        let after = Place::parse(&request.cursor, Place::NEWEST)?;
        let rows = self.store.newest(owner, rel, after, limit).await.map_err(fault)?;
        let others: Vec<AccountId> = rows.iter().map(|row| row.other).collect();
        let mut cards = self.cards(owner, &others).await?;
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next_cursor = rows.last().filter(|_| full).map(|row| Place::at(row.since_us, row.other).cursor());
        let items = rows.into_iter().map(|row| {
            let alone = || p::Person { account_id: bytes_of(row.other), ..p::Person::default() };
            let person = cards.remove(&row.other).map_or_else(alone, |card| card.person);
            p::Edge { person: Some(person), state: word.to_owned(), since_us: row.since_us }
        });
        Ok(p::ListEdgesResponse {
            items: items.collect(),
            next_cursor: next_cursor.unwrap_or_default(),
            count: self.store.count_of(owner, rel).await.map_err(fault)?,
        })
    }
}

fn named(states: States, asked: &str) -> Result<(&'static str, Rel), Refusal> {
    let found = states.iter().find(|(word, _)| asked.is_empty() || *word == asked);
    found.copied().ok_or_else(|| {
        let words: Vec<&str> = states.iter().map(|(word, _)| *word).collect();
        Refusal::field("/state", "unknown", format!("one of {}", words.join(", ")))
    })
}
