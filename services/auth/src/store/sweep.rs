//! Forgets plain rows whose time is long over.

use eventing::{Db, args, sql::DbError};

const HOUR_US: i64 = 3600 * 1_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// Each statement with how long ago its rows must have ended.
const SWEEPS: &[(&str, i64)] = &[
    ("DELETE FROM registration WHERE expires_us < $1", HOUR_US),
    ("DELETE FROM reset WHERE expires_us < $1", HOUR_US),
    ("DELETE FROM device_grant WHERE expires_us < $1", HOUR_US),
    // One that cannot be opened, or whose server is set no more: the courier gives up after a day.
    ("DELETE FROM mail WHERE put_us < $1", 2 * DAY_US),
    ("DELETE FROM throttle WHERE window_us < $1", 2 * HOUR_US),
    ("DELETE FROM session WHERE expires_us < $1 OR ended_us < $1", 7 * DAY_US),
    // A used token is remembered for long: until then its second coming tells of theft.
    ("DELETE FROM refresh WHERE used_us < $1", 90 * DAY_US),
    ("DELETE FROM refresh WHERE expires_us < $1", 7 * DAY_US),
    ("DELETE FROM revocation WHERE revoke_before_us < $1", 7 * DAY_US),
];

/// Runs all sweeps; the number of rows forgotten.
pub async fn sweep(db: &Db, now_us: i64) -> Result<u64, DbError> {
    let mut forgotten = 0;
    for (sql, age_us) in SWEEPS {
        forgotten += db.execute(sql, args![now_us - age_us]).await?;
    }
    Ok(forgotten)
}
