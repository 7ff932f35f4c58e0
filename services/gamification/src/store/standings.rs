//! Challenges and their participants as they stand, read from outside the projection.

use eventing::{
    Tx, args,
    sql::{BoxFuture, DbError},
};
use kernel::AccountId;
use uuid::Uuid;

use super::{
    Store,
    scores::{self, ContestRow, ScoreRow},
};
use crate::domain::ChallengeId;

impl Store {
    /// How far a reader of ours has heard a sibling's topic.
    pub async fn heard(&self, consumer: &str, of: &'static str) -> Result<eventing::Position, DbError> {
        eventing::heard(&self.db, consumer, of).await
    }

    /// A look at several rows of one moment.
    pub async fn read<T, F>(&self, look: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, DbError>> + Send + 'static,
    {
        self.db.transact(look).await
    }

    /// The challenges in which an account takes part, settled ones too.
    pub async fn taking_part(&self, account: AccountId) -> Result<Vec<ContestRow>, DbError> {
        let sql = format!(
            "{} WHERE challenge_id IN (SELECT challenge_id FROM score WHERE account_id = $1 AND state = 'active')
             ORDER BY challenge_id",
            scores::CONTEST
        );
        self.db.fetch(&sql, args![account]).await?.iter().map(scores::contest_row).collect()
    }

    /// The score that was said last of a participant after the settlement.
    pub async fn adjusted(&self, challenge: ChallengeId, account: AccountId) -> Result<Option<i64>, DbError> {
        let row = self
            .db
            .fetch_one(
                "SELECT score_after FROM placement_adjustment WHERE challenge_id = $1 AND account_id = $2
                 ORDER BY position DESC LIMIT 1",
                args![challenge, account],
            )
            .await?;
        row.map(|row| row.get(0)).transpose()
    }

    pub async fn contest(&self, id: ChallengeId) -> Result<Option<ContestRow>, DbError> {
        let sql = format!("{} WHERE challenge_id = $1", scores::CONTEST);
        self.db.fetch_one(&sql, args![id]).await?.as_ref().map(scores::contest_row).transpose()
    }

    /// Challenges in the order of their ids, behind one of them.
    pub async fn contests(&self, after: Option<ChallengeId>, max: i64) -> Result<Vec<ContestRow>, DbError> {
        let after = after.unwrap_or(ChallengeId::new(Uuid::nil()));
        let sql = format!("{} WHERE challenge_id > $1 ORDER BY challenge_id LIMIT $2", scores::CONTEST);
        self.db.fetch(&sql, args![after, max]).await?.iter().map(scores::contest_row).collect()
    }

    /// Participants in the order of challenge and account, behind one of them.
    pub async fn scores(
        &self,
        after: Option<(ChallengeId, AccountId)>,
        max: i64,
    ) -> Result<Vec<ScoreRow>, DbError> {
        let nil = || (ChallengeId::new(Uuid::nil()), AccountId::new(Uuid::nil()));
        let (challenge, account) = after.unwrap_or_else(nil);
        let sql = format!(
            "{} WHERE (s.challenge_id, s.account_id) > ($1, $2) ORDER BY s.challenge_id, s.account_id LIMIT $3",
            scores::SCORE
        );
        self.db.fetch(&sql, args![challenge, account, max]).await?.iter().map(scores::score_row).collect()
    }

    /// Everybody who takes part and has a score.
    pub async fn standing(&self, challenge: ChallengeId) -> Result<Vec<ScoreRow>, DbError> {
        let sql = format!(
            "{} WHERE s.challenge_id = $1 AND s.state = 'active' AND s.score IS NOT NULL ORDER BY s.account_id",
            scores::SCORE
        );
        self.db.fetch(&sql, args![challenge]).await?.iter().map(scores::score_row).collect()
    }
}
