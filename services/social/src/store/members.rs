//! Who is in which group.

use std::collections::HashMap;

use eventing::{args, sql::DbError};
use kernel::AccountId;
use privacy::GroupId;

use super::{NAMED, Store, places, with_ids};

impl Store {
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
