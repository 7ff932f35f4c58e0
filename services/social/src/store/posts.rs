//! What appears in feeds: ids only. Written by projections, in any order any number of times.

use bytes::Bytes;
use eventing::{Row, Tx, args, sql::DbError};
use kernel::AccountId;
use uuid::Uuid;

use super::{Place, Store};
use crate::domain::edges::Rel;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    pub item: Uuid,
    pub author: AccountId,
    pub at_us: i64,
    pub kind: Kind,
    /// The activity, or the challenge in which it was reached.
    pub subject: Option<Uuid>,
    pub badge: String,
    /// Of a challenge's result.
    pub place: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Activity,
    Achievement,
    ChallengeResult,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Activity, Self::Achievement, Self::ChallengeResult];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Achievement => "achievement",
            Self::ChallengeResult => "challenge_result",
        }
    }
}

/// Puts a post, or back what was taken away: it keeps the time when it was first seen. Erased accounts post nothing.
pub async fn put(tx: &mut dyn Tx, post: &Post) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO post (item, author, at_us, kind, subject, badge, place, shown)
         SELECT $1, $2, $3, $4, $5, $6, $7, 1
         WHERE NOT EXISTS (SELECT 1 FROM person WHERE account_id = $2 AND erased = 1)
         ON CONFLICT (item) DO UPDATE SET shown = 1",
        args![
            post.item,
            post.author,
            post.at_us,
            post.kind.as_str(),
            post.subject,
            post.badge.as_str(),
            post.place
        ],
    )
    .await
    .map(drop)
}

pub async fn take_away(tx: &mut dyn Tx, item: Uuid) -> Result<(), DbError> {
    tx.execute("UPDATE post SET shown = 0 WHERE item = $1", args![item]).await.map(drop)
}

/// All that the account posted.
pub async fn forget(tx: &mut dyn Tx, author: AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM post WHERE author = $1", args![author]).await.map(drop)
}

impl Store {
    /// Posts of those whom the viewer follows, the newest first, behind `before` and not older than `from_us`.
    pub async fn feed(
        &self,
        viewer: AccountId,
        before: Place,
        from_us: i64,
        limit: u32,
    ) -> Result<Vec<Post>, DbError> {
        self.rows(
            "SELECT p.item, p.author, p.at_us, p.kind, p.subject, p.badge, p.place FROM edge e
             JOIN post p ON p.author = e.other AND p.at_us >= $4 AND p.at_us <= $2
             WHERE e.owner = $1 AND e.rel = $5 AND p.shown = 1 AND (p.at_us < $2 OR p.item < $3)
             ORDER BY p.at_us DESC, p.item DESC LIMIT $6",
            args![viewer, before.at_us, before.id, from_us, Rel::Following.number(), limit],
            post,
        )
        .await
    }
}

fn post(row: &Row) -> Result<Post, DbError> {
    let kind: String = row.get(3)?;
    Ok(Post {
        item: row.get(0)?,
        author: row.get(1)?,
        at_us: row.get(2)?,
        kind: Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(|| DbError::Column {
            index: 3,
            wanted: "a kind of post",
            found: kind.clone(),
        })?,
        subject: row.get(4)?,
        badge: row.get(5)?,
        place: row.get(6)?,
    })
}

impl Post {
    /// A place, or a badge that was a reward.
    pub fn is_of_challenge(&self) -> bool {
        self.kind != Kind::Activity && self.subject.is_some()
    }

    pub fn subject_bytes(&self) -> Bytes {
        self.subject.map(|id| Bytes::copy_from_slice(id.as_bytes())).unwrap_or_default()
    }
}
