//! Points: two rows an entry, whose amounts sum to nothing.

use eventing::{Tx, args, sql::DbError};
use kernel::AccountId;

use super::Store;
use crate::domain::points::{ACCOUNT, Posted};

pub(crate) async fn keep(tx: &mut dyn Tx, entry: &Posted) -> Result<(), DbError> {
    let points = i64::from(entry.points);
    for (side, amount) in [(&entry.debit, -points), (&entry.credit, points)] {
        let holder = if side == ACCOUNT { entry.account.as_bytes().to_vec() } else { Vec::new() };
        tx.execute(
            "INSERT INTO points_side (entry_id, side, holder, amount, challenge_id, at_us)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (entry_id, side) DO NOTHING",
            args![entry.entry, side, holder, amount, entry.challenge, entry.at_us],
        )
        .await?;
    }
    Ok(())
}

impl Store {
    /// What an account has received, less what it has paid.
    pub async fn points(&self, account: AccountId) -> Result<i64, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM points_side WHERE holder = $1",
                args![account],
            )
            .await?;
        row.map_or(Ok(0), |row| row.get(0))
    }
}
