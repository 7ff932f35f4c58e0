//! What a group of appends must know of the store, read once inside the lock and kept current as appends are taken.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use eventing::{
    args,
    event::{Position, StreamId, Version},
    many,
    sql::{DbError, Tx, Value},
    store::{Append, Claim, Expected, Outcome},
};
use prost::Message;
use proto::envelope::CommandResult;

#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) head: Position,
    versions: HashMap<StreamId, Version>,
    commands: HashMap<(String, String), Remembered>,
    claims: HashMap<(String, String), StreamId>,
    epochs: HashMap<String, i64>,
}

#[derive(Debug, Clone)]
struct Remembered {
    request_hash: Bytes,
    position: Position,
    result: CommandResult,
}

impl Picture {
    /// Everything that these appends touch.
    pub(super) async fn read(tx: &mut dyn Tx, appends: &[Append]) -> Result<Self, DbError> {
        let mut picture = Self { head: head(tx).await?, ..Self::default() };
        let streams: BTreeSet<&StreamId> =
            appends.iter().flat_map(|one| &one.writes).map(|write| &write.stream).collect();
        let streams: Vec<Vec<Value>> = streams.into_iter().map(|stream| args![stream.as_str()]).collect();
        // One step down the index for each stream: a MAX with GROUP BY would walk every event of a long one.
        let sql = "WITH wanted (stream_id) AS (VALUES {}) SELECT stream_id, COALESCE((SELECT MAX(version) FROM es_event
             WHERE es_event.stream_id = wanted.stream_id), 0) FROM wanted";
        for row in many::fetch(tx, sql, &streams).await? {
            picture.versions.insert(StreamId::named(&row.get::<String>(0)?), row.get(1)?);
        }
        let commands: BTreeSet<[&str; 2]> =
            appends.iter().flat_map(|one| &one.commands).map(|row| [&*row.actor, &*row.key]).collect();
        let commands: Vec<Vec<Value>> = commands.into_iter().map(|[actor, key]| args![actor, key]).collect();
        let sql = "SELECT actor, key, request_hash, position, result FROM es_command WHERE (actor, key) IN (VALUES {})";
        for row in many::fetch(tx, sql, &commands).await? {
            let result = CommandResult::decode(row.get::<Bytes>(4)?)
                .map_err(|error| DbError::Statement(format!("a command's result is unreadable: {error}")))?;
            let remembered = Remembered { request_hash: row.get(2)?, position: row.get(3)?, result };
            picture.commands.insert((row.get(0)?, row.get(1)?), remembered);
        }
        let claims: BTreeSet<[String; 2]> =
            appends.iter().flat_map(|one| &one.claims).flat_map(claim_keys).collect();
        let claims: Vec<Vec<Value>> = claims.into_iter().map(|[scope, key]| args![scope, key]).collect();
        let sql = "SELECT scope, key, stream_id FROM es_claim WHERE (scope, key) IN (VALUES {})";
        for row in many::fetch(tx, sql, &claims).await? {
            picture.claims.insert((row.get(0)?, row.get(1)?), StreamId::named(&row.get::<String>(2)?));
        }
        let fences: BTreeSet<&str> =
            appends.iter().filter_map(|one| one.fence.as_ref()).map(|fence| &*fence.resource).collect();
        let fences: Vec<Vec<Value>> = fences.into_iter().map(|resource| args![resource]).collect();
        let sql = "SELECT resource, epoch FROM es_lease WHERE resource IN (VALUES {})";
        for row in many::fetch(tx, sql, &fences).await? {
            picture.epochs.insert(row.get(0)?, row.get(1)?);
        }
        Ok(picture)
    }

    /// Decides one append. `Appended` has changed the picture; every other outcome has changed nothing.
    pub(super) fn take(&mut self, append: &Append) -> Outcome {
        if let Some(refused) = self.refused(append) {
            return refused;
        }
        let mut touched: Vec<(StreamId, Version)> = Vec::with_capacity(append.writes.len());
        for write in &append.writes {
            let version = self.versions.entry(write.stream.clone()).or_default();
            let count = Version::try_from(write.events.len()).unwrap_or(Version::MAX);
            *version += count;
            self.head += count;
            touched.push((write.stream.clone(), *version));
        }
        for claim in &append.claims {
            self.apply_claim(claim);
        }
        for row in &append.commands {
            let remembered = Remembered {
                request_hash: row.request_hash.clone(),
                position: self.head,
                result: row.result.clone(),
            };
            self.commands.insert((row.actor.clone(), row.key.clone()), remembered);
        }
        Outcome::Appended { position: self.head, versions: touched }
    }

    fn refused(&self, append: &Append) -> Option<Outcome> {
        if let Some(fence) = &append.fence
            && self.epochs.get(&fence.resource) != Some(&fence.epoch)
        {
            return Some(Outcome::Fenced);
        }
        for row in &append.commands {
            if let Some(known) = self.commands.get(&(row.actor.clone(), row.key.clone())) {
                return Some(if known.request_hash == row.request_hash {
                    Outcome::Replayed { result: known.result.clone(), position: known.position }
                } else {
                    Outcome::Mismatch { key: row.key.clone() }
                });
            }
        }
        let mut ahead: HashMap<&StreamId, Version> = HashMap::new();
        for write in &append.writes {
            let stored = self.versions.get(&write.stream).copied().unwrap_or_default();
            let actual = *ahead.entry(&write.stream).or_insert(stored);
            if let Expected::Exactly(expected) = write.expected
                && expected != actual
            {
                return Some(Outcome::Conflict { stream: write.stream.clone(), actual });
            }
            ahead.insert(
                &write.stream,
                actual + Version::try_from(write.events.len()).unwrap_or(Version::MAX),
            );
        }
        append.claims.iter().find_map(|claim| self.claim_refused(claim))
    }

    fn claim_refused(&self, claim: &Claim) -> Option<Outcome> {
        let (scope, key, stream) = match claim {
            Claim::Take { scope, key, stream } => (scope, key, stream),
            Claim::Move { scope, to, stream, .. } => (scope, to, stream),
            Claim::Release { .. } => return None,
        };
        let holder = self.claims.get(&(scope.clone(), key.clone()))?;
        (holder != stream).then(|| Outcome::Claimed { scope: scope.clone(), by: holder.clone() })
    }

    fn apply_claim(&mut self, claim: &Claim) {
        let mut release = |scope: &String, key: &String, stream: &StreamId| {
            let place = (scope.clone(), key.clone());
            if self.claims.get(&place) == Some(stream) {
                self.claims.remove(&place);
            }
        };
        match claim {
            Claim::Release { scope, key, stream } => release(scope, key, stream),
            Claim::Move { scope, from, to, stream } => {
                release(scope, from, stream);
                self.claims.insert((scope.clone(), to.clone()), stream.clone());
            }
            Claim::Take { scope, key, stream } => {
                self.claims.insert((scope.clone(), key.clone()), stream.clone());
            }
        }
    }
}

pub(super) async fn head(tx: &mut dyn Tx) -> Result<Position, DbError> {
    let row = tx.fetch_one("SELECT COALESCE(MAX(position), 0) FROM es_event", vec![]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

fn claim_keys(claim: &Claim) -> Vec<[String; 2]> {
    match claim {
        Claim::Take { scope, key, .. } | Claim::Release { scope, key, .. } => {
            vec![[scope.clone(), key.clone()]]
        }
        Claim::Move { scope, from, to, .. } => {
            vec![[scope.clone(), from.clone()], [scope.clone(), to.clone()]]
        }
    }
}
