//! Whose relations changed, and when last: the state topic `stadion.social.relations.v1` and the table behind it.

use eventing::{Db, Plain, Position, Row, Topic, Tx, args, outbox, sql::DbError};
use kernel::AccountId;
use proto::{envelope, social as p};
use uuid::Uuid;

use crate::wire::bytes_of;

pub fn topic() -> Topic {
    Topic::state("social", "relations")
}

/// The revision is the position of the event that changed them.
pub async fn changed(tx: &mut dyn Tx, account: AccountId, position: Position) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO relation_state (account_id, revision) VALUES ($1, $2)
         ON CONFLICT (account_id) DO UPDATE SET revision = excluded.revision
         WHERE excluded.revision > relation_state.revision",
        args![account, position],
    )
    .await?;
    let key = account.to_string();
    outbox::put(tx, &topic(), &key, &key, position, &value(account)).await
}

fn value(account: AccountId) -> Plain {
    Plain::of(&p::RelationsChanged { account_id: bytes_of(account) })
}

/// Values after a key, in the order of keys: which is that of the ids.
pub async fn page(db: &Db, after_key: &str, max: usize) -> Result<Vec<envelope::State>, DbError> {
    let after = Uuid::try_parse(after_key).map_or_else(|_| Vec::new(), |id| id.as_bytes().to_vec());
    let rows = db
        .fetch(
            "SELECT account_id, revision FROM relation_state WHERE account_id > $1 ORDER BY account_id LIMIT $2",
            args![after, i64::try_from(max).unwrap_or(i64::MAX)],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<envelope::State, DbError> {
    let account: AccountId = row.get(0)?;
    let plain = value(account);
    Ok(envelope::State {
        key: account.to_string(),
        partition_key: account.to_string(),
        revision: row.get(1)?,
        value: Some(envelope::Parcel {
            r#type: plain.kind,
            schema_ver: plain.schema_ver,
            payload: plain.payload,
            ..envelope::Parcel::default()
        }),
        ..envelope::State::default()
    })
}
