//! Kudos and comments. Inline rows.

use eventing::{Row, Statement, args, sql::DbError};
use kernel::{AccountId, ActivityId};

use super::{Place, Store};
use crate::domain::item::{CommentId, Event};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRow {
    pub id: CommentId,
    pub author: AccountId,
    pub text: String,
    pub at_us: i64,
}

pub fn statement(event: &Event, now_us: i64) -> Statement {
    match event {
        Event::KudosGiven { activity, account, .. } => Statement::new(
            "INSERT INTO kudos (item, account_id, at_us) VALUES ($1, $2, $3) ON CONFLICT (item, account_id) DO NOTHING",
            args![*activity, *account, now_us],
        ),
        Event::KudosTaken { activity, account } => Statement::new(
            "DELETE FROM kudos WHERE item = $1 AND account_id = $2",
            args![*activity, *account],
        ),
        Event::CommentWritten(comment) => Statement::new(
            "INSERT INTO comment (id, item, author_id, text, at_us) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO NOTHING",
            args![
                comment.id,
                comment.activity,
                comment.author,
                comment.text.clone().unwrap_or_default(),
                now_us
            ],
        ),
        Event::CommentDeleted { comment, .. } => {
            Statement::new("DELETE FROM comment WHERE id = $1", args![*comment])
        }
    }
}

impl Store {
    pub async fn kudos(&self, item: ActivityId, account: AccountId) -> Result<(u32, bool), DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT COUNT(*), COALESCE(SUM(CASE WHEN account_id = $2 THEN 1 ELSE 0 END), 0)
                 FROM kudos WHERE item = $1",
                args![item, account],
            )
            .await?;
        row.map_or(Ok((0, false)), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub async fn kudos_since(&self, account: AccountId, from_us: i64) -> Result<u64, DbError> {
        self.count(
            "SELECT COUNT(*) FROM kudos WHERE account_id = $1 AND at_us >= $2",
            args![account, from_us],
        )
        .await
    }

    /// The oldest first.
    pub async fn comments(
        &self,
        item: ActivityId,
        after: Place,
        limit: u32,
    ) -> Result<Vec<CommentRow>, DbError> {
        self.rows(
            "SELECT id, author_id, text, at_us FROM comment
             WHERE item = $1 AND (at_us > $2 OR (at_us = $2 AND id > $3)) ORDER BY at_us, id LIMIT $4",
            args![item, after.at_us, after.id, limit],
            comment_row,
        )
        .await
    }

    pub async fn comment(&self, id: CommentId) -> Result<Option<CommentRow>, DbError> {
        let sql = "SELECT id, author_id, text, at_us FROM comment WHERE id = $1";
        Ok(self.rows(sql, args![id], comment_row).await?.into_iter().next())
    }

    /// Items under which the account left something, and its own activities, in the order of ids, behind `after`.
    pub async fn items_of(
        &self,
        account: AccountId,
        after: ActivityId,
        limit: u32,
    ) -> Result<Vec<ActivityId>, DbError> {
        self.rows(
            "SELECT item FROM (
                SELECT item FROM kudos WHERE account_id = $1
                UNION SELECT item FROM comment WHERE author_id = $1
                UNION SELECT subject FROM post WHERE author = $1 AND kind = 'activity'
             ) AS touched WHERE item > $2 ORDER BY item LIMIT $3",
            args![account, after, limit],
            |row| row.get(0),
        )
        .await
    }
}

fn comment_row(row: &Row) -> Result<CommentRow, DbError> {
    Ok(CommentRow { id: row.get(0)?, author: row.get(1)?, text: row.get(2)?, at_us: row.get(3)? })
}
