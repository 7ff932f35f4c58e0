//! Runs a projection: cursor and rows in one transaction.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{error, info};

use super::{
    Feed, Ground, POISON_TRIES, Pace, Progress, Replayed, back_off,
    cursor::{CursorError, Cursors, hold_places},
    over_owned,
    owned::Parts,
    parking::{Parked, Why, park, parked_keys, release},
    source_word,
    step::Step,
};
use crate::{
    event::Incoming,
    readers::{Failure, Projection, Source, Start},
    sql::{DbError, Tx},
};

/// While nothing arrives, its cursor is looked at so often.
const LOOK_AT_CURSOR: Duration = Duration::from_secs(1);

/// What can end one transaction.
pub(crate) enum StepError {
    Failure(Failure),
    Fenced,
}

impl From<DbError> for StepError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<CursorError> for StepError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Fenced => Self::Fenced,
            CursorError::Db(error) => error.into(),
            CursorError::Bus(error) => Self::Failure(Failure::Retry(error)),
        }
    }
}

/// Reads what is owned of `source` until the process stops.
pub(crate) async fn project(
    ground: Ground,
    projection: Arc<dyn Projection>,
    source: Source,
    progress: Option<Arc<Progress>>,
) {
    let work = |parts| run(&ground, &projection, source, parts, progress.as_deref());
    over_owned(&ground, projection.name(), source, work).await;
}

async fn run(
    ground: &Ground,
    projection: &Arc<dyn Projection>,
    source: Source,
    parts: Parts,
    progress: Option<&Progress>,
) -> Result<(), String> {
    let (name, of) = (projection.name(), (source, ground.service));
    let mut cursors = Cursors::open(&ground.db, &*ground.bus, name, of, Start::Beginning, parts, 0)
        .await
        .map_err(|error| error.to_string())?;
    let mut feed = Feed::open(ground, source, &cursors).await?;
    let mut pace = Pace::default();
    let report = |cursors: &Cursors| {
        if let (Some(progress), Some(place)) = (progress, cursors.place(0)) {
            progress.reached(name, place.source_pos);
        }
    };
    report(&cursors);
    let mut looked = Instant::now();
    while !ground.shutdown.is_cancelled() {
        let arrivals = tokio::select! {
            biased;
            () = ground.shutdown.cancelled() => return Ok(()),
            arrivals = feed.next(&cursors) => arrivals?,
        };
        if arrivals.is_empty() {
            if looked.elapsed() >= LOOK_AT_CURSOR {
                looked = Instant::now();
                if !cursors.are_stored(&ground.db).await.map_err(|error| error.to_string())? {
                    return Err("its cursor was set elsewhere".to_owned());
                }
            }
            continue;
        }
        let stepping = pace.begin();
        let word = source_word(source, ground.service);
        let step = Step::open(arrivals, word, &ground.sealer).await.map_err(|error| error.to_string())?;
        let events = step.taken.len();
        take(ground, projection, &mut cursors, step).await?;
        report(&cursors);
        feed.reached(&cursors).await;
        stepping.rest(events, &ground.shutdown).await;
    }
    Ok(())
}

/// A whole step at once; when an event of it is poison, one by one.
pub(crate) async fn take(
    ground: &Ground,
    projection: &Arc<dyn Projection>,
    cursors: &mut Cursors,
    step: Step,
) -> Result<(), String> {
    let step = Arc::new(step);
    if step.is_whole() && step.taken.len() != 1 {
        match try_step(ground, projection, cursors, &step).await {
            Ok(()) => return Ok(()),
            Err(StepError::Fenced) => return Err("another owner has moved the cursor".to_owned()),
            Err(StepError::Failure(Failure::Retry(error))) => return Err(error),
            Err(StepError::Failure(Failure::Poison(error))) => {
                info!(projection = projection.name(), %error, "a batch holds poison: one by one");
            }
        }
    }
    for single in Arc::unwrap_or_clone(step).one_by_one() {
        if single.taken.is_empty() && cursors.are_at(&single.moves) {
            continue;
        }
        take_single(ground, projection, cursors, Arc::new(single)).await?;
    }
    Ok(())
}

async fn take_single(
    ground: &Ground,
    projection: &Arc<dyn Projection>,
    cursors: &mut Cursors,
    step: Arc<Step>,
) -> Result<(), String> {
    let mut attempt = 1;
    loop {
        match try_step(ground, projection, cursors, &step).await {
            Ok(()) => return Ok(()),
            Err(StepError::Fenced) => return Err("another owner has moved the cursor".to_owned()),
            Err(StepError::Failure(Failure::Retry(error))) => return Err(error),
            Err(StepError::Failure(Failure::Poison(error))) if attempt >= POISON_TRIES => {
                error!(projection = projection.name(), %error, "poison: its key is parked");
                return park_step(ground, cursors, step, error, attempt).await;
            }
            Err(StepError::Failure(Failure::Poison(_))) => {
                attempt += 1;
                if !back_off(attempt, &ground.shutdown).await {
                    return Err("stopping".to_owned());
                }
            }
        }
    }
}

async fn try_step(
    ground: &Ground,
    projection: &Arc<dyn Projection>,
    cursors: &mut Cursors,
    step: &Arc<Step>,
) -> Result<(), StepError> {
    let (name, began_us) = (projection.name(), ground.now_us());
    let (projection, held, work) = (projection.clone(), cursors.clone(), step.clone());
    ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                let waiting = match held.advance(tx, &work.moves).await? {
                    true => parked_keys(tx, &held.consumer).await?,
                    false => HashSet::new(),
                };
                apply_unparked(tx, &*projection, &held, (&work, &waiting), began_us).await
            })
        })
        .await?;
    step.moves.iter().for_each(|to| cursors.moved(*to));
    if let Some(witness) = &ground.witness {
        let taken: Vec<&Incoming> =
            step.taken.iter().filter_map(|taken| taken.opened.as_ref().ok()).collect();
        witness.projected(ground.service, name, &taken, began_us);
    }
    Ok(())
}

/// The effects of a step, without its cursor. What waits behind parked events of its key is parked too; `waiting`: those
/// keys.
pub(crate) async fn apply_unparked(
    tx: &mut dyn Tx,
    projection: &dyn Projection,
    cursors: &Cursors,
    (step, waiting): (&Step, &HashSet<String>),
    now_us: i64,
) -> Result<(), StepError> {
    let mut events: Vec<Incoming> = Vec::with_capacity(step.taken.len());
    for taken in &step.taken {
        if waiting.contains(&taken.key) {
            park(tx, &cursors.consumer, &cursors.source, taken, &Why::behind(now_us)).await?;
            continue;
        }
        match &taken.opened {
            Ok(incoming) => events.push(incoming.clone()),
            Err(unopened) => return Err(StepError::Failure(Failure::Poison(unopened.why.clone()))),
        }
    }
    if events.is_empty() {
        return Ok(());
    }
    projection.apply(tx, &events).await.map_err(StepError::Failure)
}

async fn park_step(
    ground: &Ground,
    cursors: &mut Cursors,
    step: Arc<Step>,
    error: String,
    attempts: u32,
) -> Result<(), String> {
    let (held, work, at_us) = (cursors.clone(), step.clone(), ground.now_us());
    let parked: Result<(), CursorError> = ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                held.advance(tx, &work.moves).await?;
                for taken in &work.taken {
                    let why = Why { error: &error, attempts, at_us };
                    park(tx, &held.consumer, &held.source, taken, &why).await?;
                }
                Ok(())
            })
        })
        .await;
    parked.map_err(|error| error.to_string())?;
    step.moves.iter().for_each(|to| cursors.moved(*to));
    Ok(())
}

/// Applies parked events again.
pub(crate) async fn replay_projection(
    ground: &Ground,
    projection: &Arc<dyn Projection>,
    key: Option<&str>,
) -> Result<Replayed, String> {
    release(ground, projection.name(), key, |letter| replay_one(ground, projection.clone(), letter)).await
}

/// `false`: somebody else has taken it.
async fn replay_one(
    ground: &Ground,
    projection: Arc<dyn Projection>,
    letter: Parked,
) -> Result<bool, String> {
    let incoming = letter.open(&ground.sealer).await?;
    let applied: Result<bool, StepError> = ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                // Beside the reader itself and others who release: one at a time writes the reader's rows.
                hold_places(tx, &letter.consumer).await?;
                if !letter.forget(tx).await? {
                    return Ok(false);
                }
                projection.apply(tx, &[incoming]).await.map_err(StepError::Failure)?;
                Ok(true)
            })
        })
        .await;
    applied.map_err(|error| match error {
        StepError::Failure(failure) => failure.to_string(),
        StepError::Fenced => "fenced".to_owned(),
    })
}
