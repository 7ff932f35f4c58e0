//! The state topic of changed standings, and the table behind it.

use eventing::{
    Db, Plain, Position, Topic, args, outbox,
    sql::{DbError, Tx},
};
use kernel::AccountId;
use proto::{auth as p, envelope};
use uuid::Uuid;

use super::revocations::parcel;
use crate::wire;

pub fn topic() -> Topic {
    Topic::state("auth", "standings")
}

/// The standing of this account is another since this position of the journal.
pub async fn changed(tx: &mut dyn Tx, id: AccountId, position: Position) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO standing_change (account_id, revision) VALUES ($1, $2)
         ON CONFLICT (account_id) DO UPDATE SET revision = excluded.revision",
        args![id, position],
    )
    .await?;
    let key = id.to_string();
    outbox::put(tx, &topic(), &key, &key, position, &value(id)).await
}

fn value(id: AccountId) -> Plain {
    Plain::of(&p::StandingChanged { account_id: wire::bytes(id) })
}

/// Values after a key, in the order of keys; a key that is none is before all of them.
pub async fn page(db: &Db, after_key: &str, max: usize) -> Result<Vec<envelope::State>, DbError> {
    let after: Uuid = after_key.parse().unwrap_or_default();
    let rows = db
        .fetch(
            "SELECT account_id, revision FROM standing_change WHERE account_id > $1 ORDER BY account_id LIMIT $2",
            args![after, i64::try_from(max).unwrap_or(i64::MAX)],
        )
        .await?;
    let read = |row: &eventing::Row| {
        let id: AccountId = row.get(0)?;
        Ok(envelope::State {
            key: id.to_string(),
            partition_key: id.to_string(),
            revision: row.get(1)?,
            value: Some(parcel(value(id))),
            ..envelope::State::default()
        })
    };
    rows.iter().map(read).collect()
}
