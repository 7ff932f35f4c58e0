//! What a group writes, in as few statements as the engines allow.

use eventing::{
    args,
    event::{Position, Recorded, StreamId, Version},
    many,
    sql::{Db, DbError, Tx, Value},
    store::{Append, Claim, DueTimer, Snapshot, StoreError, Timer},
};
use prost::Message;

/// Answered commands forgotten by one statement.
const SWEPT_AT_ONCE: u32 = 5_000;

#[derive(Debug, Default)]
pub(super) struct Pending {
    events: Vec<Recorded>,
    commands: Vec<Vec<Value>>,
    claims: Vec<Claim>,
    timers: Vec<Timer>,
}

impl Pending {
    /// `versions` are the streams' versions behind each write; positions run from `first`.
    pub(super) fn add(
        &mut self,
        append: &Append,
        first: Position,
        versions: &[(StreamId, Version)],
        last: Position,
    ) -> Result<(), StoreError> {
        let mut position = first;
        for (write, (_, after)) in append.writes.iter().zip(versions) {
            let count = Version::try_from(write.events.len()).unwrap_or(Version::MAX);
            for (version, event) in (after - count + 1..).zip(&write.events) {
                self.events.push(Recorded {
                    position,
                    stream: write.stream.clone(),
                    version,
                    event_id: event.event_id,
                    partition_key: write.partition_key.clone(),
                    kind: event.kind.clone(),
                    schema_ver: event.schema_ver,
                    payload: event.payload.clone(),
                    meta: event.meta.clone(),
                    at_us: append.at_us,
                });
                position += 1;
            }
        }
        if position != last + 1 {
            return Err(StoreError::Corrupt(format!("positions {first}..{last} were miscounted")));
        }
        for row in &append.commands {
            self.commands.push(args![
                &row.actor,
                &row.key,
                row.request_hash.clone(),
                row.stream.as_str(),
                last,
                row.result.encode_to_vec(),
                append.at_us
            ]);
        }
        self.claims.extend(append.claims.iter().cloned());
        self.timers.extend(append.timers.iter().cloned());
        Ok(())
    }

    /// The events as they are written.
    pub(super) async fn write(self, tx: &mut dyn Tx) -> Result<Vec<Recorded>, DbError> {
        let events = "INSERT INTO es_event (position, stream_id, version, event_id, partition_key, type, schema_ver, payload, meta, at_us)";
        many::insert(tx, events, self.events.iter().map(event_row).collect(), "").await?;
        let commands =
            "INSERT INTO es_command (actor, key, request_hash, stream_id, position, result, at_us)";
        many::insert(tx, commands, self.commands, "").await?;
        for claim in self.claims {
            write_claim(tx, claim).await?;
        }
        for timer in self.timers {
            write_timer(tx, timer).await?;
        }
        Ok(self.events)
    }
}

fn event_row(event: &Recorded) -> Vec<Value> {
    args![
        event.position,
        event.stream.as_str(),
        event.version,
        event.event_id,
        &event.partition_key,
        &event.kind,
        event.schema_ver,
        event.payload.clone(),
        event.meta.encode_to_vec(),
        event.at_us
    ]
}

async fn write_claim(tx: &mut dyn Tx, claim: Claim) -> Result<(), DbError> {
    let take = "INSERT INTO es_claim (scope, key, stream_id) VALUES ($1, $2, $3) ON CONFLICT (scope, key) DO NOTHING";
    let release = "DELETE FROM es_claim WHERE scope = $1 AND key = $2 AND stream_id = $3";
    match claim {
        Claim::Take { scope, key, stream } => {
            tx.execute(take, args![scope, key, stream.as_str()]).await?;
        }
        Claim::Release { scope, key, stream } => {
            tx.execute(release, args![scope, key, stream.as_str()]).await?;
        }
        Claim::Move { scope, from, to, stream } => {
            tx.execute(release, args![&scope, from, stream.as_str()]).await?;
            tx.execute(take, args![scope, to, stream.as_str()]).await?;
        }
    }
    Ok(())
}

async fn write_timer(tx: &mut dyn Tx, timer: Timer) -> Result<(), DbError> {
    match timer {
        Timer::Set { due_us, stream, command_id, payload } => {
            let set = "INSERT INTO es_timer (due_us, stream_id, command_id, payload, state) VALUES ($1, $2, $3, $4, 'waiting')
                 ON CONFLICT (stream_id, command_id) DO UPDATE SET due_us = excluded.due_us, payload = excluded.payload, state = 'waiting'";
            tx.execute(set, args![due_us, stream.as_str(), command_id, payload]).await?;
        }
        Timer::Cancel { stream, command_id } => {
            let cancel = "DELETE FROM es_timer WHERE stream_id = $1 AND command_id = $2";
            tx.execute(cancel, args![stream.as_str(), command_id]).await?;
        }
    }
    Ok(())
}

pub(super) async fn save_snapshot(db: &Db, stream: &StreamId, snapshot: Snapshot) -> Result<(), StoreError> {
    let sql = "INSERT INTO es_snapshot (stream_id, version, state_ver, state) VALUES ($1, $2, $3, $4)
         ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, state_ver = excluded.state_ver, state = excluded.state
         WHERE excluded.version > es_snapshot.version OR excluded.state_ver > es_snapshot.state_ver";
    db.execute(sql, args![stream.as_str(), snapshot.version, snapshot.state_ver, snapshot.state]).await?;
    Ok(())
}

/// Forgotten, if it was not set anew meanwhile.
pub(super) async fn timer_done(db: &Db, timer: &DueTimer) -> Result<(), StoreError> {
    let sql = "DELETE FROM es_timer WHERE stream_id = $1 AND command_id = $2 AND due_us = $3";
    db.execute(sql, args![timer.stream.as_str(), &timer.command_id, timer.due_us]).await?;
    Ok(())
}

pub(super) async fn sweep_commands(db: &Db, before_us: i64) -> Result<u64, StoreError> {
    // In pieces: however many there are, no statement takes long.
    let sql = "DELETE FROM es_command WHERE (actor, key) IN
         (SELECT actor, key FROM es_command WHERE at_us < $1 ORDER BY at_us LIMIT $2)";
    let mut swept = 0;
    loop {
        let piece = db.execute(sql, args![before_us, SWEPT_AT_ONCE]).await?;
        swept += piece;
        if piece < u64::from(SWEPT_AT_ONCE) {
            return Ok(swept);
        }
    }
}
