//! Counters of what may happen only so often in an hour. Who is counted is kept as a blind index only.

use eventing::{Db, args, sql::DbError};
use kernel::{Code, Refusal};

use super::codes::returning;
use crate::secrets::{Purpose, Secrets};

const WINDOW_US: i64 = 3600 * 1_000_000;

/// What is counted, of whom, and how often it may happen; a limit of 0 is none.
#[derive(Clone, Copy, Debug)]
pub struct Throttle<'a> {
    pub scope: &'static str,
    pub of: &'a str,
    pub limit: u32,
}

impl Throttle<'_> {
    fn key(&self, secrets: &Secrets) -> Vec<u8> {
        secrets.index(Purpose::Throttle, &[self.scope.as_bytes(), self.of.as_bytes()]).to_vec()
    }

    /// `rate_limited` when the limit is reached; counts nothing.
    pub async fn check(
        &self,
        db: &Db,
        secrets: &Secrets,
        now_us: i64,
    ) -> Result<Result<(), Refusal>, DbError> {
        if self.limit == 0 {
            return Ok(Ok(()));
        }
        let row = db
            .fetch_one(
                "SELECT count, window_us FROM throttle WHERE scope = $1 AND key = $2 AND window_us > $3",
                args![self.scope, self.key(secrets), now_us - WINDOW_US],
            )
            .await?;
        let Some(row) = row else { return Ok(Ok(())) };
        Ok(self.within(row.get(0)?, row.get(1)?, now_us))
    }

    /// Counts one, whatever the limit; `rate_limited` when it is one too many.
    pub async fn count(
        &self,
        db: &Db,
        secrets: &Secrets,
        now_us: i64,
    ) -> Result<Result<(), Refusal>, DbError> {
        if self.limit == 0 {
            return Ok(Ok(()));
        }
        let row = returning(
            db,
            "INSERT INTO throttle (scope, key, window_us, count) VALUES ($1, $2, $3, 1)
             ON CONFLICT (scope, key) DO UPDATE SET
                 count = CASE WHEN throttle.window_us > $4 THEN throttle.count + 1 ELSE 1 END,
                 window_us = CASE WHEN throttle.window_us > $4 THEN throttle.window_us ELSE excluded.window_us END
             RETURNING count, window_us",
            args![self.scope, self.key(secrets), now_us, now_us - WINDOW_US],
        )
        .await?;
        let Some(row) = row else { return Ok(Ok(())) };
        // What was just counted is within the limit as long as the ones before it were.
        Ok(self.within(row.get::<i64>(0)? - 1, row.get(1)?, now_us))
    }

    /// Forgets what was counted: the right password was given.
    pub async fn forget(&self, db: &Db, secrets: &Secrets) -> Result<(), DbError> {
        let key = self.key(secrets);
        let sql = "SELECT count FROM throttle WHERE scope = $1 AND key = $2";
        if db.fetch_one(sql, args![self.scope, key.clone()]).await?.is_some() {
            db.execute("DELETE FROM throttle WHERE scope = $1 AND key = $2", args![self.scope, key]).await?;
        }
        Ok(())
    }

    fn within(&self, count: i64, window_us: i64, now_us: i64) -> Result<(), Refusal> {
        if count < i64::from(self.limit) {
            return Ok(());
        }
        let wait_s = (window_us + WINDOW_US - now_us) / 1_000_000 + 1;
        let refusal = Refusal::new(Code::RateLimited, "too many attempts; try again later");
        Err(refusal.retry_after_s(u32::try_from(wait_s).unwrap_or(1)))
    }
}
