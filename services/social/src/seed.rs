//! Friendships by the hundred, for load tests and demonstrations: the same wishes, events and rows as two people's own.

use eventing::{Command, Error, Loaded};
use kernel::{AccountId, Refusal, time::micros};
use platform::Resources;

use crate::{
    app::pairs::{key, stream},
    domain::{
        edges,
        pair::{Ends, Event, Pair, Wish},
    },
    store::edges as rows,
};

/// Who writes them.
const ACTOR: &str = "service:seed";

/// Befriends pairs that nothing connects yet, all in one append: the first of each invites, the second accepts. What is
/// between others stays as it is. How many friendships began.
///
/// # Errors
/// The same account twice in a pair; a store that cannot be written.
pub async fn befriend(resources: &Resources, pairs: &[(AccountId, AccountId)]) -> Result<usize, Error> {
    let journal = &resources.journal;
    let mut ends = Vec::with_capacity(pairs.len());
    for (one, other) in pairs {
        ends.push(Ends::new(*one, *other)?);
    }
    let now_us = micros(journal.now());
    let nothing = |ends: &Ends| Loaded { state: Pair::default(), version: 0, stream: stream(*ends) };
    let fresh: Vec<(Ends, Loaded<Pair>)> = ends.iter().map(|one| (*one, nothing(one))).collect();
    match append(resources, &fresh, now_us).await {
        Err(Error::Conflict) => {}
        appended => return appended.map(|()| fresh.len()),
    }
    journal
        .retrying(|| async {
            let mut unconnected = Vec::new();
            for one in &ends {
                let loaded = journal.load::<Pair>(&stream(*one)).await?;
                if !loaded.exists() {
                    unconnected.push((*one, loaded));
                }
            }
            append(resources, &unconnected, now_us).await?;
            Ok(unconnected.len())
        })
        .await
}

async fn append(resources: &Resources, pairs: &[(Ends, Loaded<Pair>)], now_us: i64) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut batch = resources.journal.batch(&Command::by(ACTOR));
    for (ends, loaded) in pairs {
        let (events, after) = befriended(*ends, &loaded.state, now_us)?;
        for change in edges::changes(&loaded.state, &after, *ends) {
            batch.inline(rows::statement(&change, now_us));
        }
        batch.write(loaded, &key(*ends), events);
    }
    batch.commit().await.map(drop)
}

/// Both wish for it, one after the other.
fn befriended(ends: Ends, before: &Pair, now_us: i64) -> Result<(Vec<Event>, Pair), Refusal> {
    let (mut events, mut pair) = (Vec::new(), before.clone());
    let back = Ends { actor: ends.other, other: ends.actor };
    for ends in [ends, back] {
        if let Some(event) = pair.decide(ends, Wish::Befriend { only_if_received: false }, now_us)? {
            pair.evolve(&event);
            events.push(event);
        }
    }
    Ok((events, pair))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pair::Bond;

    #[test]
    fn an_invitation_and_its_acceptance_make_friends() {
        let ends = Ends::new(AccountId::random(), AccountId::random()).expect("two accounts");
        let (events, pair) = befriended(ends, &Pair::default(), 1).expect("befriended");
        assert_eq!(events.len(), 2);
        assert_eq!(pair.bond, Bond::Friends);
        assert_eq!(
            edges::changes(&Pair::default(), &pair, ends).len(),
            6,
            "friend, following, follower: twice"
        );
    }
}
