//! One group of appends in one transaction.

use eventing::{
    event::Recorded,
    sql::{Db, DbError, Engine, Tx, Value},
    store::{Append, Outcome, StoreError},
};

use super::{picture::Picture, rows};

/// Serialises the writers of one PostgreSQL store; held to the end of the transaction. The lower half is the event
/// table's own number: stores that share a database as schemas do not wait for each other.
const LOCK: &str =
    "SELECT pg_advisory_xact_lock((1400136036::bigint << 32) | 'es_event'::regclass::oid::bigint)";

/// Takes the store for this transaction.
pub(super) async fn lock(tx: &mut dyn Tx) -> Result<(), DbError> {
    if tx.engine() == Engine::Postgres {
        // In a statement of its own: the head read behind it must see what the last holder committed.
        tx.execute(LOCK, vec![]).await?;
    }
    Ok(())
}

/// What became of each, and the events that the journal now ends with.
pub(super) async fn commit(
    db: &Db,
    appends: Vec<Append>,
) -> Result<(Vec<Outcome>, Vec<Recorded>), StoreError> {
    db.transact(move |tx| Box::pin(async move { commit_in(tx, appends).await })).await
}

async fn commit_in(
    tx: &mut dyn Tx,
    appends: Vec<Append>,
) -> Result<(Vec<Outcome>, Vec<Recorded>), StoreError> {
    lock(tx).await?;
    let mut picture = Picture::read(tx, &appends).await?;
    let mut first_position = picture.head + 1;
    let mut outcomes = Vec::with_capacity(appends.len());
    let mut pending = rows::Pending::default();
    let mut inline: Vec<(String, Vec<Value>)> = Vec::new();
    for append in appends {
        let outcome = picture.take(&append);
        if let Outcome::Appended { position, versions } = &outcome {
            pending.add(&append, first_position, versions, *position)?;
            inline.extend(append.inline.into_iter().map(|statement| {
                let args = statement.args.into_iter().map(|arg| placed(arg, *position)).collect();
                (statement.sql, args)
            }));
            first_position = position + 1;
        }
        outcomes.push(outcome);
    }
    let events = pending.write(tx).await?;
    for (sql, args) in inline {
        tx.execute(&sql, args).await?;
    }
    Ok((outcomes, events))
}

fn placed(arg: Value, position: i64) -> Value {
    if arg == Value::AppendPosition { Value::Int(position) } else { arg }
}
