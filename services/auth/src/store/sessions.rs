//! Sessions and their chains of refresh tokens.

use eventing::{
    Db, Row, Statement, args,
    sql::{DbError, Engine, Tx},
};
use kernel::AccountId;
use uuid::Uuid;

use super::revocations;

const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// How often a token may come again.
const RETRIES_MAX: i64 = 3;

/// Who holds the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: &'static str,
    pub scope: &'static str,
    /// Unused for so long, a session ends.
    pub idle_us: i64,
    /// So old, it ends in any case.
    pub absolute_us: i64,
    /// A token that comes again within this time of its first use gets the same successor, unless that was used.
    pub retry_us: i64,
}

/// The app of an athlete.
pub const APP: Client = Client {
    id: "stadion-app",
    scope: "account",
    idle_us: 60 * DAY_US,
    absolute_us: 365 * DAY_US,
    retry_us: 30 * 1_000_000,
};
/// A paired wearable: it may bring in, and read nothing. One that lost the answer may be out of reach for weeks before it
/// asks again, and is not to be paired anew for that; whoever comes second with a token whose successor is in use is a
/// thief here too.
pub const DEVICE: Client = Client {
    id: "stadion-device",
    scope: "activity:ingest",
    idle_us: 180 * DAY_US,
    absolute_us: 730 * DAY_US,
    retry_us: 30 * DAY_US,
};

impl Client {
    fn of(id: &str) -> Self {
        if id == DEVICE.id { DEVICE } else { APP }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Uuid,
    pub account_id: AccountId,
    pub client_id: String,
    pub device_name: Option<String>,
    pub scope: String,
    pub created_us: i64,
    pub seen_us: i64,
    pub expires_us: i64,
}

const COLUMNS: &str =
    "session_id, account_id, client_id, device_name, scope, created_us, seen_us, expires_us";

fn read(row: &Row) -> Result<Session, DbError> {
    Ok(Session {
        id: row.get(0)?,
        account_id: row.get(1)?,
        client_id: row.get(2)?,
        device_name: row.get(3)?,
        scope: row.get(4)?,
        created_us: row.get(5)?,
        seen_us: row.get(6)?,
        expires_us: row.get(7)?,
    })
}

/// A session that begins now.
pub fn begun(account_id: AccountId, client: Client, device_name: Option<String>, now_us: i64) -> Session {
    Session {
        id: Uuid::new_v4(),
        account_id,
        client_id: client.id.to_owned(),
        device_name,
        scope: client.scope.to_owned(),
        created_us: now_us,
        seen_us: now_us,
        expires_us: now_us + client.absolute_us,
    }
}

/// Keeps a new session with the first token of its chain.
pub async fn put(tx: &mut dyn Tx, session: &Session, token_hash: Vec<u8>) -> Result<(), DbError> {
    let Session { id, account_id, client_id, device_name, scope, created_us, seen_us, expires_us } =
        session.clone();
    tx.execute(
        "INSERT INTO session (session_id, account_id, client_id, device_name, scope, created_us, seen_us, expires_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![id, account_id, client_id, device_name, scope, created_us, seen_us, expires_us],
    )
    .await?;
    put_token(tx, session, token_hash, created_us).await
}

/// As [`put`], for who knew the password as it was set then; `false`: it has been changed meanwhile, and nothing is kept.
/// Its row is held: who changes it is before this, or behind, and then finds the session ([`began_before`]).
pub async fn put_by_password(
    tx: &mut dyn Tx,
    session: &Session,
    token_hash: Vec<u8>,
    password_set_us: i64,
) -> Result<bool, DbError> {
    let held = match tx.engine() {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR SHARE",
    };
    let sql = format!("SELECT changed_us FROM credential WHERE account_id = $1 AND changed_us = $2{held}");
    if tx.fetch_one(&sql, args![session.account_id, password_set_us]).await?.is_none() {
        return Ok(false);
    }
    put(tx, session, token_hash).await?;
    Ok(true)
}

/// Whatever their clocks said: the sessions that there are behind a change of the password began before it. For the
/// change's own append.
pub fn began_before(account_id: AccountId, changed_us: i64) -> Statement {
    Statement::new(
        "UPDATE session SET created_us = $2 WHERE account_id = $1 AND ended_us IS NULL AND created_us > $2",
        args![account_id, changed_us],
    )
}

async fn put_token(tx: &mut dyn Tx, session: &Session, hash: Vec<u8>, now_us: i64) -> Result<(), DbError> {
    let expires_us = session.expires_us.min(now_us + Client::of(&session.client_id).idle_us);
    tx.execute(
        "INSERT INTO refresh (token_hash, session_id, issued_us, expires_us, retries) VALUES ($1, $2, $3, $4, 0)",
        args![hash, session.id, now_us, expires_us],
    )
    .await?;
    Ok(())
}

/// What became of a refresh token that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was unused: its successor is the chain's newest.
    Next(Session),
    /// It was used not long ago and its successor not yet: the same successor again.
    Again(Session),
    /// It came twice: the session has ended.
    Stolen(Session),
    /// No such token, or its time is over.
    Refused,
}

/// Changes a token for its successor, both by their hashes, for a client.
pub async fn rotate(
    tx: &mut dyn Tx,
    token: Vec<u8>,
    successor: Vec<u8>,
    client_id: &str,
    now_us: i64,
) -> Result<Rotation, DbError> {
    let Some(session) = by_token(tx, &token).await? else { return Ok(Rotation::Refused) };
    if session.client_id != client_id || session.expires_us <= now_us {
        return Ok(Rotation::Refused);
    }
    let claimed = tx
        .execute(
            "UPDATE refresh SET used_us = $2 WHERE token_hash = $1 AND used_us IS NULL AND expires_us > $2",
            args![token.clone(), now_us],
        )
        .await?;
    if claimed == 1 {
        put_token(tx, &session, successor, now_us).await?;
        tx.execute("UPDATE session SET seen_us = $2 WHERE session_id = $1", args![session.id, now_us])
            .await?;
        return Ok(Rotation::Next(Session { seen_us: now_us, ..session }));
    }
    let retried = tx
        .execute(
            "UPDATE refresh SET retries = retries + 1 WHERE token_hash = $1 AND used_us > $2 AND retries < $3
             AND EXISTS (SELECT 1 FROM refresh AS next WHERE next.token_hash = $4 AND next.used_us IS NULL)",
            args![token.clone(), now_us - Client::of(client_id).retry_us, RETRIES_MAX, successor],
        )
        .await?;
    if retried == 1 {
        return Ok(Rotation::Again(session));
    }
    let used = tx
        .fetch_one("SELECT 1 FROM refresh WHERE token_hash = $1 AND used_us IS NOT NULL", args![token])
        .await?;
    if used.is_none() {
        return Ok(Rotation::Refused);
    }
    end(tx, session.id, now_us).await?;
    Ok(Rotation::Stolen(session))
}

/// The living session that a refresh token belongs to.
pub async fn by_token(tx: &mut dyn Tx, token_hash: &[u8]) -> Result<Option<Session>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE ended_us IS NULL
         AND session_id = (SELECT session_id FROM refresh WHERE token_hash = $1)"
    );
    tx.fetch_one(&sql, args![token_hash]).await?.as_ref().map(read).transpose()
}

/// Ends a session and tells everybody. `false`: it had ended before, or never was.
pub async fn end(tx: &mut dyn Tx, session_id: Uuid, now_us: i64) -> Result<bool, DbError> {
    let ended = tx
        .execute(
            "UPDATE session SET ended_us = $2 WHERE session_id = $1 AND ended_us IS NULL",
            args![session_id, now_us],
        )
        .await?;
    if ended == 1 {
        revocations::revoke_session(tx, session_id, now_us).await?;
    }
    Ok(ended == 1)
}

/// Ends an account's own session; another's is as unknown as one that never was.
pub async fn end_own(
    tx: &mut dyn Tx,
    account_id: AccountId,
    session_id: Uuid,
    now_us: i64,
) -> Result<bool, DbError> {
    let own = tx
        .fetch_one(
            "SELECT 1 FROM session WHERE session_id = $1 AND account_id = $2 AND ended_us IS NULL",
            args![session_id, account_id],
        )
        .await?;
    if own.is_none() { Ok(false) } else { end(tx, session_id, now_us).await }
}

/// Ends all of an account's sessions that began by a moment.
pub async fn end_all(tx: &mut dyn Tx, account_id: AccountId, began_by_us: i64) -> Result<Vec<Uuid>, DbError> {
    let rows = tx
        .fetch(
            "SELECT session_id FROM session WHERE account_id = $1 AND ended_us IS NULL AND created_us <= $2
             ORDER BY session_id",
            args![account_id, began_by_us],
        )
        .await?;
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Uuid>, _>>()?;
    for id in &ids {
        end(tx, *id, began_by_us).await?;
    }
    Ok(ids)
}

/// Living sessions of an account, newest first, after a place in that order.
pub async fn list(
    db: &Db,
    account_id: AccountId,
    after: Option<(i64, Uuid)>,
    now_us: i64,
    limit: i64,
) -> Result<Vec<Session>, DbError> {
    let (created_us, id) = after.unwrap_or((i64::MAX, Uuid::max()));
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE account_id = $1 AND ended_us IS NULL AND expires_us > $2
         AND (created_us < $3 OR (created_us = $3 AND session_id < $4))
         AND EXISTS (SELECT 1 FROM refresh WHERE refresh.session_id = session.session_id
                     AND used_us IS NULL AND refresh.expires_us > $2)
         ORDER BY created_us DESC, session_id DESC LIMIT $5"
    );
    let rows = db.fetch(&sql, args![account_id, now_us, created_us, id, limit]).await?;
    rows.iter().map(read).collect()
}
