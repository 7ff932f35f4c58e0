//! Who brings things in: the source under which a device's keys are kept, and how far each sender says that it has come.

use eventing::{
    args,
    sql::{Db, DbError, hold},
};
use kernel::AccountId;

use super::taken;
use crate::domain::SessionId;

/// A mark that was not used for so long may mean nothing any more: Health Connect's changes, for one, are kept 30 days.
const MARK_LIFE_US: i64 = 30 * 86_400 * 1_000_000;
/// A mark that is ours: `s` and the moment at which it was given.
const OWN_MARK: &str = "s";

/// The source of a device that is known.
pub async fn source(db: &Db, account: AccountId, session: SessionId) -> Result<Option<String>, DbError> {
    let sql = "SELECT source FROM sync_source WHERE account_id = $1 AND session_id = $2";
    db.fetch_one(sql, args![account, session]).await?.map(|row| row.get(0)).transpose()
}

/// Names a device's source, once: the one that it may inherit, when nobody has, or its own.
pub async fn name(
    db: &Db,
    account: AccountId,
    session: SessionId,
    inherited: Option<&'static str>,
    own: String,
) -> Result<String, DbError> {
    db.transact(move |tx| {
        Box::pin(async move {
            hold(tx, vec![account.uuid()]).await?;
            let sql = "SELECT session_id, source FROM sync_source WHERE account_id = $1";
            let mut taken_on = false;
            for row in tx.fetch(sql, args![account]).await? {
                let (of, source): (SessionId, String) = (row.get(0)?, row.get(1)?);
                if of == session {
                    return Ok(source);
                }
                taken_on |= inherited.is_some_and(|inherited| source == inherited);
            }
            let source = inherited.filter(|_| !taken_on).map_or(own, str::to_owned);
            let gone = taken::of(tx, &[account.uuid()]).await?;
            if !gone.get(&account.uuid()).is_some_and(|taken| taken.erased) {
                let sql = "INSERT INTO sync_source (account_id, session_id, source) VALUES ($1, $2, $3)";
                tx.execute(sql, args![account, session, &source]).await?;
            }
            Ok(source)
        })
    })
    .await
}

/// Whether the account has samples, days or a mark of a source.
pub async fn has_records(db: &Db, account: AccountId, source: &str) -> Result<bool, DbError> {
    for table in ["metric", "sync_cursor", "daily"] {
        let sql = format!("SELECT 1 FROM {table} WHERE account_id = $1 AND source = $2 LIMIT 1");
        if db.fetch_one(&sql, args![account, source]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a sender stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Good(String),
    /// It was never heard of.
    Unknown,
    /// It was used last so long ago that it is not relied on.
    Expired {
        since_us: i64,
    },
}

/// A mark for a sender that has none.
pub fn own_mark(now_us: i64) -> String {
    format!("{OWN_MARK}{now_us}")
}

/// Where a sender says it has come to: kept, or, when it says nothing, told as it was kept.
pub async fn mark(
    db: &Db,
    account: AccountId,
    source: &str,
    session: Option<SessionId>,
    said: &str,
    now_us: i64,
) -> Result<Mark, DbError> {
    let session = session.map_or_else(Vec::new, |session| session.as_bytes().to_vec());
    let is_old = |at_us: i64| at_us < now_us.saturating_sub(MARK_LIFE_US);
    if said.is_empty() {
        let sql =
            "SELECT mark, at_us FROM sync_cursor WHERE account_id = $1 AND source = $2 AND session_id = $3";
        let Some(row) = db.fetch_one(sql, args![account, source, session]).await? else {
            return Ok(Mark::Unknown);
        };
        let (mark, at_us): (String, i64) = (row.get(0)?, row.get(1)?);
        return Ok(if is_old(at_us) { Mark::Expired { since_us: at_us } } else { Mark::Good(mark) });
    }
    let given = said.strip_prefix(OWN_MARK).and_then(|rest| rest.parse::<i64>().ok());
    if let Some(since_us) = given.filter(|at_us| is_old(*at_us)) {
        return Ok(Mark::Expired { since_us });
    }
    db.execute(
        "INSERT INTO sync_cursor (account_id, source, session_id, mark, at_us) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, source, session_id) DO UPDATE SET mark = excluded.mark, at_us = excluded.at_us",
        args![account, source, session, said, now_us],
    )
    .await?;
    Ok(Mark::Good(said.to_owned()))
}
