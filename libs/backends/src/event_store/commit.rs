//! A group's way into the store, and what is done when it does not go through.

use std::{collections::HashMap, time::Duration};

use eventing::{
    event::{Position, StreamId, Version},
    sql::{Db, DbError, Tx, Value},
    store::{Append, Outcome, StoreError},
};
use tracing::warn;
use uuid::Uuid;

use super::{group, tail::Tail};

/// How often a group that was rolled back for the sake of others is tried.
const TRIES: u32 = 5;
/// How often, and with which pause at first, a store that was lost in COMMIT is looked for: twelve seconds in all.
const LOOKS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Event ids asked for in one statement.
const IDS_MAX: usize = 256;

type Results = Vec<Result<Outcome, StoreError>>;

/// All in one transaction. When a statement of one append breaks it, in halves, until only the culprit fails: a storm of
/// broken appends costs others a few transactions and no refusal.
pub(super) async fn commit(db: &Db, tail: &Tail, appends: Vec<Append>) -> Results {
    let mut results = Vec::with_capacity(appends.len());
    let mut waiting = vec![appends];
    while let Some(mut group) = waiting.pop() {
        match attempt(db, tail, &group).await {
            Ok(outcomes) => results.extend(outcomes.into_iter().map(Ok)),
            Err(StoreError::Db(DbError::Statement(error))) if group.len() > 1 => {
                warn!(%error, appends = group.len(), "a group of appends failed: tried in halves");
                let behind = group.split_off(group.len() / 2);
                waiting.push(behind);
                waiting.push(group);
            }
            Err(lost @ StoreError::Db(DbError::Unknown(_))) => {
                warn!(error = %lost, appends = group.len(), "whether a group was committed is looked up");
                results.extend(settled((db, tail), group, lost).await);
            }
            Err(error) => results.extend(group.iter().map(|_| Err(error.clone()))),
        }
    }
    results
}

/// Deadlocks are nobody's fault: again, at once.
async fn attempt(db: &Db, tail: &Tail, appends: &[Append]) -> Result<Vec<Outcome>, StoreError> {
    let mut tries = 1;
    loop {
        match group::commit(db, appends.to_vec()).await {
            Err(StoreError::Db(DbError::Contended(_))) if tries < TRIES => tries += 1,
            Ok((outcomes, events)) => {
                tail.push(events);
                return Ok(outcomes);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The connection was lost in COMMIT. An append whose events stand in the journal was taken; one whose events do not was
/// not, nobody was told anything of it, and it is tried again. Without events its command's key tells; without a key
/// and with inline rows nothing does: its caller is told so.
async fn settled((db, tail): (&Db, &Tail), group: Vec<Append>, lost: StoreError) -> Results {
    let Ok(found) = look(db, &group).await else { return group.iter().map(|_| Err(lost.clone())).collect() };
    let mut results: Vec<Option<Result<Outcome, StoreError>>> = Vec::with_capacity(group.len());
    let mut again = Vec::new();
    for append in group {
        let eventless = append.writes.iter().all(|write| write.events.is_empty());
        results.push(match taken(&append, &found) {
            Some(outcome) => Some(Ok(outcome)),
            None if eventless && append.commands.is_empty() && !append.inline.is_empty() => {
                Some(Err(lost.clone()))
            }
            None => {
                again.push(append);
                None
            }
        });
    }
    let anew: Results = match attempt(db, tail, &again).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) => again.iter().map(|_| Err(error.clone())).collect(),
    };
    let mut anew = anew.into_iter();
    let mut next = || anew.next().unwrap_or_else(|| Err(lost.clone()));
    results.into_iter().map(|known| known.unwrap_or_else(&mut next)).collect()
}

type Found = HashMap<Uuid, (Position, Version)>;

fn taken(append: &Append, found: &Found) -> Option<Outcome> {
    let mut position = None;
    let mut versions: Vec<(StreamId, Version)> = Vec::with_capacity(append.writes.len());
    for write in &append.writes {
        let Some(last) = write.events.last() else { continue };
        let (at, version) = *found.get(&last.event_id)?;
        position = position.max(Some(at));
        versions.push((write.stream.clone(), version));
    }
    position.map(|position| Outcome::Appended { position, versions })
}

/// Where the appends' last events stand. Looked for inside the lock: whoever was committing is at its end.
async fn look(db: &Db, group: &[Append]) -> Result<Found, StoreError> {
    let writes = group.iter().flat_map(|append| &append.writes);
    let ids: Vec<Uuid> = writes.filter_map(|write| write.events.last()).map(|event| event.event_id).collect();
    let mut pause = FIRST_PAUSE;
    let mut looks = 1;
    loop {
        let ids = ids.clone();
        let seen = db.transact(move |tx| Box::pin(async move { look_in(tx, &ids).await })).await;
        match seen {
            Err(_) if looks < LOOKS => looks += 1,
            answer => return Ok(answer?),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

async fn look_in(tx: &mut dyn Tx, ids: &[Uuid]) -> Result<Found, DbError> {
    group::lock(tx).await?;
    let mut found = Found::new();
    for chunk in ids.chunks(IDS_MAX) {
        let places: Vec<String> = (1..=chunk.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT event_id, position, version FROM es_event WHERE event_id IN ({})",
            places.join(", ")
        );
        for row in tx.fetch(&sql, chunk.iter().map(|id| Value::from(*id)).collect()).await? {
            found.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        }
    }
    Ok(found)
}
