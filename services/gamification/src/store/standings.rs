//! Challenges and their participants as they stand, read from outside the projection.

use eventing::{args, sql::DbError};
use kernel::AccountId;
use uuid::Uuid;

use super::{
    Store,
    scores::{self, ContestRow, ScoreRow},
};
use crate::domain::ChallengeId;

impl Store {
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
