//! Runs a reactor: its keyed commands first, then its cursor, so that a crash between the two repeats without effect.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, stream};
use tracing::{error, warn};

use super::{
    Feed, Ground, POISON_TRIES, Pace, Replayed, back_off,
    cursor::{CursorError, Cursors, hold_places},
    over_owned,
    owned::Parts,
    parking::{Parked, Why, park, parked_keys, release, still_waits},
    source_word,
    step::{Step, Taken},
};
use crate::{
    readers::{Failure, Reactor, Source},
    sql::DbError,
};

/// Reads what is owned of `source` until the process stops.
pub(crate) async fn react(ground: Ground, reactor: Arc<dyn Reactor>, source: Source) {
    over_owned(&ground, reactor.name(), source, |parts| run(&ground, &reactor, source, parts)).await;
}

async fn run(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    source: Source,
    parts: Parts,
) -> Result<(), String> {
    let head = ground.store.head().await.map_err(|error| error.to_string())?;
    let (name, of) = (reactor.name(), (source, ground.service));
    let mut cursors = Cursors::open(&ground.db, &*ground.bus, name, of, reactor.start(), parts, head)
        .await
        .map_err(|error| error.to_string())?;
    let mut feed = Feed::open(ground, source, &cursors).await?;
    let mut pace = Pace::default();
    while !ground.shutdown.is_cancelled() {
        let arrivals = tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            arrivals = feed.next(&cursors) => arrivals?,
        };
        if arrivals.is_empty() {
            continue;
        }
        let stepping = pace.begin();
        let word = source_word(source, ground.service);
        let step = Step::open(arrivals, word, &ground.sealer).await.map_err(|error| error.to_string())?;
        let events = step.taken.len();
        take(ground, reactor, &mut cursors, step).await?;
        feed.reached(&cursors).await;
        stepping.rest(events, &ground.shutdown).await;
    }
    Ok(())
}

/// Reacts to each event, parks what is poison, and moves the cursor once behind all of them. Keys side by side, as many
/// as the reactor bears; the events of one key in their order.
async fn take(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    cursors: &mut Cursors,
    step: Step,
) -> Result<(), String> {
    let consumer = reactor.name();
    // Only an owner parks, and these places are ours: where nothing waited when they were moved, nothing waits.
    let waiting: HashSet<String> = match cursors.waits {
        Some(false) => HashSet::new(),
        _ => ground
            .db
            .transact(move |tx| Box::pin(async move { parked_keys(tx, consumer).await }))
            .await
            .map_err(|error: DbError| error.to_string())?,
    };
    let held: &Cursors = cursors;
    if reactor.keys_at_once() <= 1 {
        let mut waiting = waiting;
        for taken in &step.taken {
            if take_one(ground, reactor, held, taken, waiting.contains(&taken.key)).await? {
                waiting.insert(taken.key.clone());
            }
        }
    } else {
        let mut keys = Vec::new();
        for (key, of_key) in by_key(&step.taken) {
            keys.push(take_key(ground, reactor, held, of_key, waiting.contains(key)));
        }
        stream::iter(keys).buffer_unordered(reactor.keys_at_once()).try_collect::<Vec<()>>().await?;
    }
    cursors.step_to(&ground.db, step.moves).await.map_err(|error| error.to_string())
}

fn by_key(taken: &[Taken]) -> BTreeMap<&str, Vec<&Taken>> {
    let mut keys: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for one in taken {
        keys.entry(&one.key).or_default().push(one);
    }
    keys
}

async fn take_key(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    cursors: &Cursors,
    of_key: Vec<&Taken>,
    mut waits: bool,
) -> Result<(), String> {
    for taken in of_key {
        waits = take_one(ground, reactor, cursors, taken, waits).await?;
    }
    Ok(())
}

/// Whether the event's key waits from here on.
async fn take_one(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    cursors: &Cursors,
    taken: &Taken,
    waits: bool,
) -> Result<bool, String> {
    let behind = Why::behind(ground.now_us());
    if waits && park_one(ground, cursors, taken, behind, Park::BehindOthers).await? {
        return Ok(true);
    }
    let Err(error) = attempt(ground, reactor, taken).await? else { return Ok(false) };
    error!(reactor = reactor.name(), %error, "poison: its key is parked");
    let why = Why { error: &error, attempts: POISON_TRIES, at_us: ground.now_us() };
    park_one(ground, cursors, taken, why, Park::Itself).await
}

/// The outer error says "later", the inner one "never".
async fn attempt(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    taken: &Taken,
) -> Result<Result<(), String>, String> {
    let incoming = match &taken.opened {
        Ok(incoming) => incoming,
        Err(unopened) => return Ok(Err(unopened.why.clone())),
    };
    let mut poison_tries = 0;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let reaction = reactor.react(incoming);
        let reacted = match &ground.witness {
            Some(witness) => witness.reacting(ground.service, reactor.name(), incoming, reaction).await,
            None => reaction.await,
        };
        match reacted {
            Ok(()) => return Ok(Ok(())),
            Err(Failure::Retry(error)) => {
                warn!(reactor = reactor.name(), %error, attempt, "a reaction is tried again");
            }
            Err(Failure::Poison(error)) => {
                poison_tries += 1;
                if poison_tries >= POISON_TRIES {
                    return Ok(Err(error));
                }
            }
        }
        if !back_off(attempt, &ground.shutdown).await {
            return Err("stopping".to_owned());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Park {
    Itself,
    /// Only while there are others of its key to wait for.
    BehindOthers,
}

/// Parks one event, as long as its partition is ours and stands where this step began. `false`: nobody of its key waits
/// any more, and it was not parked either.
async fn park_one(
    ground: &Ground,
    cursors: &Cursors,
    taken: &Taken,
    why: Why<'_>,
    how: Park,
) -> Result<bool, String> {
    let (held, taken) = (cursors.clone(), taken.clone());
    let (error, attempts, at_us) = (why.error.to_owned(), why.attempts, why.at_us);
    let parked: Result<bool, CursorError> = ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                held.guard(tx, taken.to.part).await?;
                if how == Park::BehindOthers && !still_waits(tx, &held.consumer, &taken.key).await? {
                    return Ok(false);
                }
                let why = Why { error: &error, attempts, at_us };
                park(tx, &held.consumer, &held.source, &taken, &why).await?;
                Ok(true)
            })
        })
        .await;
    parked.map_err(|error| error.to_string())
}

/// Reacts to parked events again.
pub(crate) async fn replay_reactor(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    key: Option<&str>,
) -> Result<Replayed, String> {
    release(ground, reactor.name(), key, |letter| replay_one(ground, reactor, letter)).await
}

/// `false`: somebody else has taken it; the reaction's command was answered once.
async fn replay_one(ground: &Ground, reactor: &Arc<dyn Reactor>, letter: Parked) -> Result<bool, String> {
    let incoming = letter.open(&ground.sealer).await?;
    reactor.react(&incoming).await.map_err(|failure| failure.to_string())?;
    let forgotten: Result<bool, DbError> = ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                hold_places(tx, &letter.consumer).await?;
                letter.forget(tx).await
            })
        })
        .await;
    forgotten.map_err(|error| error.to_string())
}
