//! A running challenge with thousands in it, for load tests and demonstrations: the events of its author and of those
//! who join, without the calls that would have led to them.

use bytes::Bytes;
use eventing::{Command, Error, Journal, Loaded, store::Timer};
use kernel::{AccountId, time::micros};
use platform::Resources;

use crate::{
    app::challenges::{SETTLE, seating, stream_of},
    domain::{
        Challenge, ChallengeId, Participation, Terms,
        participation::{self, Event, Frozen, ShowAs},
        seats::Seats,
    },
};

pub use crate::domain::challenge::terms::{Written, WrittenReward};

/// Who writes them.
const ACTOR: &str = "service:seed";

/// Somebody who is to take part.
#[derive(Clone, Debug)]
pub struct Entrant {
    pub account: AccountId,
    pub region: String,
    pub time_zone: String,
}

/// Drafts and opens a challenge; one that is open already stays as it is.
///
/// # Errors
/// `invalid_field` for terms that nobody may write, `challenge_closed` for one that is over; a store that cannot be
/// written.
pub async fn open(
    resources: &Resources,
    id: ChallengeId,
    author: AccountId,
    written: &Written,
) -> Result<(), Error> {
    let journal = &resources.journal;
    let stream = stream_of(id);
    journal
        .retrying(|| async {
            let now_us = micros(journal.now());
            let loaded = journal.load::<Challenge>(&stream).await?;
            if loaded.exists() {
                loaded.state.joinable(now_us)?;
                return Ok(());
            }
            let terms = Terms::parse(written)?;
            let due_us = terms.settles_at_us();
            let mut challenge = loaded.state.clone();
            let mut events = challenge.draft(id, author, terms);
            events.iter().for_each(|event| challenge.evolve(event));
            events.extend(challenge.open(author, now_us)?);
            let mut batch = journal.batch(&Command::by(ACTOR));
            batch.write(&loaded, &id.to_string(), events);
            let (stream, command_id) = (stream.clone(), SETTLE.to_owned());
            batch.timer(Timer::Set { due_us, stream, command_id, payload: Bytes::new() });
            batch.commit().await.map(drop)
        })
        .await
}

/// Seats those who have never taken part, under their names, all in one append. How many.
///
/// # Errors
/// `challenge_closed`, `challenge_full`; a store that cannot be written.
pub async fn join(resources: &Resources, id: ChallengeId, entrants: &[Entrant]) -> Result<usize, Error> {
    let journal = &resources.journal;
    let fresh = |entrant: &Entrant| Loaded {
        state: Participation::default(),
        version: 0,
        stream: participation::stream_of(id, entrant.account),
    };
    let all: Vec<(&Entrant, Loaded<Participation>)> = entrants.iter().map(|one| (one, fresh(one))).collect();
    match seat(journal, id, &all).await {
        Err(Error::Conflict) => {}
        seated => return seated.map(|()| all.len()),
    }
    journal
        .retrying(|| async {
            let mut absent = Vec::new();
            for entrant in entrants {
                let stream = participation::stream_of(id, entrant.account);
                let loaded = journal.load::<Participation>(&stream).await?;
                if !loaded.exists() {
                    absent.push((entrant, loaded));
                }
            }
            seat(journal, id, &absent).await?;
            Ok(absent.len())
        })
        .await
}

async fn seat(
    journal: &Journal,
    id: ChallengeId,
    entrants: &[(&Entrant, Loaded<Participation>)],
) -> Result<(), Error> {
    if entrants.is_empty() {
        return Ok(());
    }
    let now_us = micros(journal.now());
    let challenge = journal.load::<Challenge>(&stream_of(id)).await?;
    let capacity = challenge.state.joinable(now_us)?.terms.capacity;
    let seats = journal.load::<Seats>(&seating::stream_of(id)).await?;
    let mut after = seats.state;
    let mut batch = journal.batch(&Command::by(ACTOR));
    // Stopped at the same moment: nobody joins any more.
    batch.write(&challenge, &id.to_string(), Vec::new());
    for (entrant, loaded) in entrants {
        let joined = Event::Joined {
            challenge: id,
            account: entrant.account,
            member: after.take(capacity, None)?,
            show_as: ShowAs::Name,
            count_private: false,
            joined_us: now_us,
            frozen: Some(frozen(entrant)),
        };
        batch.write(loaded, &id.to_string(), vec![joined]);
    }
    batch.write(&seats, &id.to_string(), vec![after.changed(id)]);
    batch.commit().await.map(drop)
}

/// As at a joining: whoever is seeded is new, in no club and on the first level.
fn frozen(entrant: &Entrant) -> Frozen {
    let segments = vec!["level:1".to_owned(), format!("region:{}", entrant.region)];
    Frozen { segments, time_zone: entrant.time_zone.clone() }
}
