//! What accounts are to each other, and their invitations of the last day.

use std::collections::{HashMap, HashSet};

use eventing::{Statement, args, sql::DbError};
use kernel::AccountId;

use super::{NAMED, Place, Store, places, with_ids};
use crate::domain::edges::{Change, Rel};

/// Rels of one account to others.
pub type Rels = HashMap<AccountId, HashSet<Rel>>;

/// A row of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeRow {
    pub other: AccountId,
    pub since_us: i64,
}

pub fn statement(change: &Change, now_us: i64) -> Statement {
    let Change { owner, rel, other, there } = *change;
    if there {
        return Statement::new(
            "INSERT INTO edge (owner, other, rel, since_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (owner, other, rel) DO UPDATE SET since_us = excluded.since_us",
            args![owner, other, rel.number(), now_us],
        );
    }
    Statement::new(
        "DELETE FROM edge WHERE owner = $1 AND other = $2 AND rel = $3",
        args![owner, other, rel.number()],
    )
}

/// Remembers an invitation for the daily limit, and forgets those that no longer count.
pub fn invitation_sent(by: AccountId, to: AccountId, now_us: i64, counted_from_us: i64) -> [Statement; 2] {
    [
        Statement::new(
            "DELETE FROM invitation_sent WHERE account_id = $1 AND at_us < $2",
            args![by, counted_from_us],
        ),
        Statement::new(
            "INSERT INTO invitation_sent (account_id, at_us, other) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, at_us, other) DO NOTHING",
            args![by, now_us, to],
        ),
    ]
}

impl Store {
    /// What each of `others` is to the owner; those that are nothing are absent.
    pub async fn rels(&self, owner: AccountId, others: &[AccountId]) -> Result<Rels, DbError> {
        let mut found = Rels::new();
        for batch in others.chunks(NAMED) {
            let sql = format!(
                "SELECT other, rel FROM edge WHERE owner = $1 AND other IN ({})",
                places(2, batch.len())
            );
            for (other, rel) in self
                .rows(&sql, with_ids(args![owner], batch), |row| Ok((row.get(0)?, row.get::<i64>(1)?)))
                .await?
            {
                found.entry(other).or_default().extend(Rel::of(rel));
            }
        }
        Ok(found)
    }

    /// Of `others`, those who have a friend in common with the owner.
    pub async fn friends_of_friends(
        &self,
        owner: AccountId,
        others: &[AccountId],
    ) -> Result<HashSet<AccountId>, DbError> {
        let mut found = HashSet::new();
        for batch in others.chunks(NAMED) {
            let sql = format!(
                "SELECT DISTINCT theirs.owner FROM edge theirs
                 JOIN edge mine ON mine.owner = $1 AND mine.other = theirs.other AND mine.rel = 1
                 WHERE theirs.rel = 1 AND theirs.owner IN ({})",
                places(2, batch.len())
            );
            found
                .extend(self.rows(&sql, with_ids(args![owner], batch), |row| row.get::<AccountId>(0)).await?);
        }
        Ok(found)
    }

    /// With whom the account shares a block, either way; at most so many.
    pub async fn hidden(&self, account: AccountId, limit: u32) -> Result<Vec<AccountId>, DbError> {
        self.rows(
            "SELECT DISTINCT other FROM edge WHERE owner = $1 AND rel IN ($2, $3) LIMIT $4",
            args![account, Rel::Blocks.number(), Rel::BlockedBy.number(), limit],
            |row| row.get(0),
        )
        .await
    }

    /// The oldest first.
    pub async fn oldest(&self, owner: AccountId, rel: Rel, limit: u32) -> Result<Vec<AccountId>, DbError> {
        self.rows(
            "SELECT other FROM edge WHERE owner = $1 AND rel = $2 ORDER BY since_us, other LIMIT $3",
            args![owner, rel.number(), limit],
            |row| row.get(0),
        )
        .await
    }

    /// The newest first, behind `after`.
    pub async fn newest(
        &self,
        owner: AccountId,
        rel: Rel,
        after: Place,
        limit: u32,
    ) -> Result<Vec<EdgeRow>, DbError> {
        self.rows(
            "SELECT other, since_us FROM edge
             WHERE owner = $1 AND rel = $2 AND (since_us < $3 OR (since_us = $3 AND other < $4))
             ORDER BY since_us DESC, other DESC LIMIT $5",
            args![owner, rel.number(), after.at_us, after.id, limit],
            |row| Ok(EdgeRow { other: row.get(0)?, since_us: row.get(1)? }),
        )
        .await
    }

    /// Since when the other is this to the owner.
    pub async fn since_us(
        &self,
        owner: AccountId,
        other: AccountId,
        rel: Rel,
    ) -> Result<Option<i64>, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT since_us FROM edge WHERE owner = $1 AND other = $2 AND rel = $3",
                args![owner, other, rel.number()],
            )
            .await?;
        row.map(|row| row.get(0)).transpose()
    }

    pub async fn count_of(&self, owner: AccountId, rel: Rel) -> Result<u64, DbError> {
        self.count("SELECT COUNT(*) FROM edge WHERE owner = $1 AND rel = $2", args![owner, rel.number()])
            .await
    }

    pub async fn invitations_since(&self, account: AccountId, from_us: i64) -> Result<u64, DbError> {
        self.count(
            "SELECT COUNT(*) FROM invitation_sent WHERE account_id = $1 AND at_us >= $2",
            args![account, from_us],
        )
        .await
    }

    /// Accounts with whom there is any row, in the order of ids, behind `after`.
    pub async fn connected(
        &self,
        owner: AccountId,
        after: AccountId,
        limit: u32,
    ) -> Result<Vec<AccountId>, DbError> {
        self.rows(
            "SELECT DISTINCT other FROM edge WHERE owner = $1 AND other > $2 ORDER BY other LIMIT $3",
            args![owner, after, limit],
            |row| row.get(0),
        )
        .await
    }
}
