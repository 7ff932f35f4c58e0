//! What was taken away of an account, and up to where in our own journal: what was begun before that must not bring it
//! back, whichever of the readers and commands that write the account's rows is last.

use std::collections::HashMap;

use eventing::{
    Position, Row, args,
    sql::{Db, DbError, Tx, Value},
};
use kernel::AccountId;
use uuid::Uuid;

use super::places;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub erased: bool,
    /// How often the consent to keep health data was withdrawn.
    pub withdrawals: i64,
    /// Events of our journal up to here have lost what they told of the body.
    pub health_until: Position,
}

const COLUMNS: &str = "erased, withdrawals, health_until";

fn read(row: &Row, first: usize) -> Result<Taken, DbError> {
    Ok(Taken { erased: row.get(first)?, withdrawals: row.get(first + 1)?, health_until: row.get(first + 2)? })
}

/// As it is now. A command that is about to ask what it may keep looks first.
pub async fn now(db: &Db, account: AccountId) -> Result<Taken, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM taken_away WHERE account_id = $1");
    db.fetch_one(&sql, args![account]).await?.map_or(Ok(Taken::default()), |row| read(&row, 0))
}

/// Of those of these that have lost something, by their ids. The accounts are held.
pub async fn of(tx: &mut dyn Tx, accounts: &[Uuid]) -> Result<HashMap<Uuid, Taken>, DbError> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let places = places(1, accounts.len());
    let sql = format!("SELECT account_id, {COLUMNS} FROM taken_away WHERE account_id IN ({places})");
    let arguments = accounts.iter().copied().map(Value::from).collect();
    tx.fetch(&sql, arguments).await?.iter().map(|row| Ok((row.get(0)?, read(row, 1)?))).collect()
}

/// The account is erased, once and for all.
pub async fn erase(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    let sql = "INSERT INTO taken_away (account_id, erased, withdrawals, health_until) VALUES ($1, 1, 0, 0)
         ON CONFLICT (account_id) DO UPDATE SET erased = 1";
    tx.execute(sql, args![account]).await.map(drop)
}

/// What tells of the body is taken out of everything that our journal holds by now.
pub async fn health(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    let sql = "INSERT INTO taken_away (account_id, erased, withdrawals, health_until)
         VALUES ($1, 0, 1, (SELECT COALESCE(MAX(position), 0) FROM es_event))
         ON CONFLICT (account_id) DO UPDATE SET withdrawals = taken_away.withdrawals + 1,
           health_until = excluded.health_until";
    tx.execute(sql, args![account]).await.map(drop)
}
