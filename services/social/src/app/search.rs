//! People by name or handle, region, sport: found in rows that follow auth by a moment, shown by what holds now.

use std::collections::HashSet;

use kernel::{AccountId, Refusal, Sport, place::Region};
use platform::Look;
use privacy::{DataClass, visibility::found_by_search};
use proto::social as p;
use uuid::Uuid;

use super::{App, fault, page, people::Card, sieve::Sieve};
use crate::{
    domain::{
        fold,
        search::{self, Cost},
    },
    store::{
        Place,
        edges::Rels,
        people::{Among, PersonRow},
    },
};

const QUERY_CHARS_MAX: usize = 100;
/// Words of names that one word of a query stands for.
const WORDS_MAX: u32 = 200;
/// Words that are compared letter by letter.
const COMPARED_MAX: u32 = 2_000;
/// People that are ranked.
const RANKED_MAX: u32 = 1_000;
/// People asked of auth at once, and how often for one answer.
const LOOKED_AT: usize = 100;
const ROUNDS_MAX: usize = 10;

/// Somebody whom the rows name, in the order of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    cost: Cost,
    account: AccountId,
}

impl Found {
    fn place(self) -> Place {
        Place::at(self.cost.into(), self.account)
    }
}

impl App {
    pub async fn search_people(
        &self,
        viewer: AccountId,
        request: &p::SearchPeopleRequest,
    ) -> Result<p::SearchPeopleResponse, Refusal> {
        let among = checked(request)?;
        let wanted = fold::spellings(&request.q);
        if wanted.is_empty() && !request.q.trim().is_empty() {
            return Ok(p::SearchPeopleResponse::default());
        }
        let first = Place { at_us: -1, id: Uuid::nil() };
        let after = Place::parse(&request.cursor, first)?;
        let (found, more) = if wanted.is_empty() {
            let found = self.found_among(among, AccountId::new(after.id)).await?;
            let more = found.len() >= usize::try_from(RANKED_MAX).unwrap_or(usize::MAX);
            (found, more)
        } else {
            (self.found_by_name(&wanted, among).await?, false)
        };
        let behind = |found: &Found| (i64::from(found.cost), found.account.uuid()) > (after.at_us, after.id);
        let found: Vec<Found> = found.into_iter().filter(behind).collect();
        let sieve = Sieve::behind(after, page(request.limit, 20, 50));
        let sieve = self.shown(viewer, &found, among, sieve).await?;
        // What was not looked at is behind the last one that was.
        let (items, next_cursor) = sieve.page_of(more || found.len() > LOOKED_AT * ROUNDS_MAX);
        Ok(p::SearchPeopleResponse { items, next_cursor })
    }

    /// Ranked: exact words, then beginnings, then edits.
    async fn found_by_name(&self, wanted: &[Vec<String>], among: Among<'_>) -> Result<Vec<Found>, Refusal> {
        let mut words = Vec::with_capacity(wanted.len());
        for ways in wanted {
            let mut stands_for: Vec<String> = Vec::new();
            for way in ways {
                stands_for.extend(self.words_for(way).await?);
            }
            if stands_for.is_empty() {
                return Ok(Vec::new());
            }
            words.push(stands_for);
        }
        // Those who bear just this name come first, however many bear one like it.
        let exact = self.store.people_named(wanted, among, RANKED_MAX).await.map_err(fault)?;
        let like = self.store.people_named(&words, among, RANKED_MAX).await.map_err(fault)?;
        let mut seen = HashSet::new();
        let ranked = |row: PersonRow| {
            let name: Vec<&str> = row.name_key.split(' ').collect();
            Some(Found { cost: search::cost(wanted, &name)?, account: row.account })
        };
        let rows = exact.into_iter().chain(like).filter(|row| seen.insert(row.account));
        let mut found: Vec<Found> = rows.filter_map(ranked).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Words of names that a word of the query finds, the best first.
    async fn words_for(&self, wanted: &str) -> Result<Vec<String>, Refusal> {
        let mut words = self.store.words_beginning(wanted, WORDS_MAX).await.map_err(fault)?;
        if search::edits_max(wanted) > 0 {
            let like = self.store.words_like(wanted, search::shared_min(wanted), COMPARED_MAX);
            words.extend(like.await.map_err(fault)?);
        }
        let mut costs: Vec<(Cost, String)> =
            words.into_iter().filter_map(|word| Some((search::cost_of(wanted, &word)?, word))).collect();
        costs.sort_unstable();
        costs.dedup();
        costs.truncate(usize::try_from(WORDS_MAX).unwrap_or(usize::MAX));
        Ok(costs.into_iter().map(|(_, word)| word).collect())
    }

    async fn found_among(&self, among: Among<'_>, after: AccountId) -> Result<Vec<Found>, Refusal> {
        let rows = self.store.people_among(among, after, RANKED_MAX).await.map_err(fault)?;
        Ok(rows.into_iter().map(|row| Found { cost: 0, account: row.account }).collect())
    }

    /// Those whom the viewer may find, by settings, blocks and relations as they are at this moment.
    async fn shown(
        &self,
        viewer: AccountId,
        found: &[Found],
        among: Among<'_>,
        mut sieve: Sieve<p::Person>,
    ) -> Result<Sieve<p::Person>, Refusal> {
        for batch in found.chunks(LOOKED_AT).take(ROUNDS_MAX) {
            let accounts: Vec<AccountId> = batch.iter().map(|found| found.account).collect();
            let (looks, rels) = self.looks(viewer, &accounts, true).await?;
            for found in batch {
                let look = looks.get(&found.account).filter(|look| matches(look, among));
                sieve.put(found.place(), look.map(|look| card(found.account, look, &rels)));
            }
            if sieve.is_full() {
                break;
            }
        }
        Ok(sieve)
    }
}

/// Region and sport count where the viewer may know of them: of a hidden profile only the name is found, and by what
/// they do people are found by those who may see it.
fn matches(look: &Look, among: Among<'_>) -> bool {
    let relation = &look.relation;
    let by_place = relation.owner || look.shows_profile();
    let by_sport = look.mask(None).shows(DataClass::Summary);
    look.is_present()
        && found_by_search(&look.owner(), relation)
        && (among.region.is_empty() || (by_place && look.standing.region.as_deref() == Some(among.region)))
        && (among.sport.is_empty() || (by_place && by_sport))
}

/// Friends of friends find a minor by name: the answer then holds that name, and nothing else.
fn card(account: AccountId, look: &Look, rels: &Rels) -> p::Person {
    let mut person = Card::of(account, look, rels).person;
    person.display_name.clone_from(&look.standing.display_name);
    person
}

fn checked(request: &p::SearchPeopleRequest) -> Result<Among<'_>, Refusal> {
    if request.q.chars().nth(QUERY_CHARS_MAX).is_some() {
        return Err(Refusal::field("/q", "too_long", format!("at most {QUERY_CHARS_MAX} characters")));
    }
    if !request.region.is_empty() && Region::parse(&request.region).is_none() {
        return Err(Refusal::field("/region", "unknown", "a region as in ISO 3166-2, KZ-75"));
    }
    if !request.sport.is_empty() && Sport::parse(&request.sport).is_none() {
        return Err(Refusal::field("/sport", "unknown", "no sport of the vocabulary"));
    }
    if request.q.trim().is_empty() && request.region.is_empty() && request.sport.is_empty() {
        return Err(Refusal::field("/q", "required", "a name, a region or a sport"));
    }
    Ok(Among { region: &request.region, sport: &request.sport })
}
