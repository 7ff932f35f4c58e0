//! Who is in which group.

use std::collections::HashMap;

use eventing::{args, sql::DbError};
use kernel::AccountId;
use privacy::GroupId;

use super::{NAMED, Place, Store, places, with_ids};

/// One account's part in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub account: AccountId,
    pub state: String,
    pub role: String,
    pub since_us: i64,
}

fn member_row(row: &eventing::Row) -> Result<MemberRow, DbError> {
    Ok(MemberRow { account: row.get(0)?, state: row.get(1)?, role: row.get(2)?, since_us: row.get(3)? })
}

impl Store {
    pub async fn member(&self, group: GroupId, account: AccountId) -> Result<Option<MemberRow>, DbError> {
        let sql =
            "SELECT account_id, state, role, since_us FROM member WHERE group_id = $1 AND account_id = $2";
        Ok(self.rows(sql, args![group, account], member_row).await?.into_iter().next())
    }

    /// Of one state, the oldest first.
    pub async fn members(
        &self,
        group: GroupId,
        state: &str,
        after: Place,
        limit: u32,
    ) -> Result<Vec<MemberRow>, DbError> {
        self.rows(
            "SELECT account_id, state, role, since_us FROM member
             WHERE group_id = $1 AND state = $2 AND (since_us > $3 OR (since_us = $3 AND account_id > $4))
             ORDER BY since_us, account_id LIMIT $5",
            args![group, state, after.at_us, after.id, limit],
            member_row,
        )
        .await
    }

    /// What an account is in each of these groups.
    pub async fn parts_in(
        &self,
        account: AccountId,
        groups: &[GroupId],
    ) -> Result<HashMap<GroupId, MemberRow>, DbError> {
        let mut found = HashMap::new();
        for batch in groups.chunks(NAMED) {
            let sql = format!(
                "SELECT account_id, state, role, since_us, group_id FROM member
                 WHERE account_id = $1 AND group_id IN ({})",
                places(2, batch.len())
            );
            let read = |row: &eventing::Row| Ok((row.get(4)?, member_row(row)?));
            found.extend(self.rows(&sql, with_ids(args![account], batch), read).await?);
        }
        Ok(found)
    }

    /// Groups in which the account has any part, in the order of ids, behind `after`.
    pub async fn parts_of(
        &self,
        account: AccountId,
        after: GroupId,
        limit: u32,
    ) -> Result<Vec<GroupId>, DbError> {
        self.rows(
            "SELECT group_id FROM member WHERE account_id = $1 AND group_id > $2 ORDER BY group_id LIMIT $3",
            args![account, after, limit],
            |row| row.get(0),
        )
        .await
    }

    /// The groups of which both the viewer and each of the others are members.
    pub async fn shared_groups(
        &self,
        viewer: AccountId,
        others: &[AccountId],
    ) -> Result<HashMap<AccountId, Vec<GroupId>>, DbError> {
        let mut found: HashMap<AccountId, Vec<GroupId>> = HashMap::new();
        for batch in others.chunks(NAMED) {
            let sql = format!(
                "SELECT theirs.account_id, theirs.group_id FROM member theirs
                 JOIN member mine ON mine.group_id = theirs.group_id AND mine.account_id = $1 AND mine.state = 'member'
                 WHERE theirs.state = 'member' AND theirs.account_id IN ({})",
                places(2, batch.len())
            );
            let read = |row: &eventing::Row| Ok((row.get(0)?, row.get(1)?));
            for (account, group) in self.rows(&sql, with_ids(args![viewer], batch), read).await? {
                found.entry(account).or_default().push(group);
            }
        }
        Ok(found)
    }

    /// The groups of each account, with its role there.
    pub async fn groups_of(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Vec<(GroupId, String)>>, DbError> {
        let mut found: HashMap<AccountId, Vec<(GroupId, String)>> = HashMap::new();
        for batch in accounts.chunks(NAMED) {
            let sql = format!(
                "SELECT account_id, group_id, role FROM member
                 WHERE state = 'member' AND account_id IN ({}) ORDER BY account_id, group_id",
                places(1, batch.len())
            );
            let read = |row: &eventing::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            for (account, group, role) in self.rows(&sql, with_ids(Vec::new(), batch), read).await? {
                found.entry(account).or_default().push((group, role));
            }
        }
        Ok(found)
    }
}
