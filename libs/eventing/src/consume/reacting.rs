//! Runs a reactor: its keyed commands first, then its cursor, so that a crash between the two repeats without effect.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, stream};
use tracing::{error, warn};

use super::{
    Feed, Ground, POISON_TRIES, Replayed, back_off,
    cursor::Cursors,
    over_owned,
    owned::Parts,
    parking::{Parked, Why, park, parked_keys, release},
    projector::park_step,
    source_name,
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
    while !ground.shutdown.is_cancelled() {
        let arrivals = tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            arrivals = feed.next(&cursors) => arrivals?,
        };
        if arrivals.is_empty() {
            continue;
        }
        let source_word = source_name(source, ground.service);
        let word = source_word.split(':').next_back().unwrap_or_default();
        let step = Step::open(arrivals, word, &ground.sealer).await.map_err(|error| error.to_string())?;
        take(ground, reactor, &mut cursors, step).await?;
        feed.reached(&cursors).await;
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
    let waiting: HashSet<String> = ground
        .db
        .transact(move |tx| Box::pin(async move { parked_keys(tx, consumer).await }))
        .await
        .map_err(|error: DbError| error.to_string())?;
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
    let rest = Step { taken: Vec::new(), moves: step.moves };
    park_step(ground, cursors, rest, String::new(), 0).await
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
    let consumer = reactor.name();
    if waits {
        park_one(ground, cursors, taken, Why::behind(ground.now_us())).await?;
    } else if let Err(error) = attempt(ground, reactor, taken).await? {
        error!(reactor = consumer, %error, "poison: its key is parked");
        let why = Why { error: &error, attempts: POISON_TRIES, at_us: ground.now_us() };
        park_one(ground, cursors, taken, why).await?;
        return Ok(true);
    }
    Ok(waits)
}

/// The outer error says "later", the inner one "never".
async fn attempt(
    ground: &Ground,
    reactor: &Arc<dyn Reactor>,
    taken: &Taken,
) -> Result<Result<(), String>, String> {
    let incoming = match &taken.opened {
        Ok(incoming) => incoming,
        Err(error) => return Ok(Err(error.clone())),
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

async fn park_one(ground: &Ground, cursors: &Cursors, taken: &Taken, why: Why<'_>) -> Result<(), String> {
    let (consumer, source, taken) = (cursors.consumer.clone(), cursors.source.clone(), taken.clone());
    let (error, attempts, at_us) = (why.error.to_owned(), why.attempts, why.at_us);
    let parked: Result<(), DbError> = ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                park(tx, &consumer, &source, &taken, &Why { error: &error, attempts, at_us }).await
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

async fn replay_one(ground: &Ground, reactor: &Arc<dyn Reactor>, letter: Parked) -> Result<(), String> {
    let incoming = letter.open(&ground.sealer).await?;
    reactor.react(&incoming).await.map_err(|failure| failure.to_string())?;
    let forgotten: Result<(), DbError> =
        ground.db.transact(move |tx| Box::pin(async move { letter.forget(tx).await })).await;
    forgotten.map_err(|error| error.to_string())
}
