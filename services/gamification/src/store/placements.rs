//! The final orders of challenges, and what was said of them afterwards.

use eventing::{Row, Tx, args, many::Rows, sql::DbError};
use kernel::AccountId;

use super::Store;
use crate::domain::{
    ChallengeId,
    challenge::{Placement, TeamPlace, TeamPlacement},
    participation::ShowAs,
    teams::TeamId,
};

/// What would have been, had it been heard in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    pub account: AccountId,
    pub score_before: i64,
    pub score_after: i64,
    pub reason: String,
    pub at_us: i64,
}

/// Adjustments shown with a settlement.
const ADJUSTMENTS_MAX: i64 = 500;

pub(crate) async fn keep(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    from: i64,
    placements: &[Placement],
) -> Result<(), DbError> {
    for (nth, placement) in (from..).zip(placements) {
        tx.execute(
            "INSERT INTO placement (challenge_id, nth, account_id, rank, member, score, reached_us, tied, anonymous,
               team_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (challenge_id, nth) DO UPDATE SET account_id = excluded.account_id, rank = excluded.rank,
               member = excluded.member, score = excluded.score, reached_us = excluded.reached_us,
               tied = excluded.tied, anonymous = excluded.anonymous, team_id = excluded.team_id",
            args![
                challenge,
                nth,
                placement.account,
                placement.rank,
                placement.member,
                placement.score,
                placement.reached_us,
                placement.tied,
                placement.anonymous,
                placement.team.map(|team| team.team)
            ],
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn keep_teams(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    teams: &[TeamPlacement],
) -> Result<(), DbError> {
    let mut rows = Rows::new(
        "INSERT INTO team_placement (challenge_id, team_id, rank, score, reached_us, tied, members, behind)",
        2,
        "ON CONFLICT (challenge_id, team_id) DO UPDATE SET rank = excluded.rank, score = excluded.score,
           reached_us = excluded.reached_us, tied = excluded.tied, members = excluded.members,
           behind = excluded.behind",
    );
    for team in teams {
        rows.put(args![
            challenge,
            team.team,
            team.rank,
            team.score,
            team.reached_us,
            team.tied,
            team.members,
            team.behind
        ]);
    }
    rows.write(tx).await
}

pub(crate) async fn adjust(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    position: i64,
    said: &Adjustment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO placement_adjustment (challenge_id, position, account_id, score_before, score_after, reason, at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (challenge_id, position) DO NOTHING",
        args![challenge, position, said.account, said.score_before, said.score_after, &said.reason, said.at_us],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Placements in their order, from the `nth` on, counted from 0.
    pub async fn placements(
        &self,
        challenge: ChallengeId,
        nth: i64,
        limit: u32,
    ) -> Result<Vec<Placement>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT p.account_id, p.rank, p.member, p.score, p.reached_us, p.tied, p.anonymous, t.team_id, t.rank, t.score
                 FROM placement p
                 LEFT JOIN team_placement t ON t.challenge_id = p.challenge_id AND t.team_id = p.team_id
                 WHERE p.challenge_id = $1 AND p.nth >= $2 ORDER BY p.nth LIMIT $3",
                args![challenge, nth, limit],
            )
            .await?;
        rows.iter().map(placement_row).collect()
    }

    /// Teams in their order, the best of them, and how many there are.
    pub async fn team_placements(
        &self,
        challenge: ChallengeId,
        limit: u32,
    ) -> Result<(Vec<TeamPlacement>, i64), DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT team_id, rank, score, reached_us, tied, members, behind FROM team_placement
                 WHERE challenge_id = $1 ORDER BY rank, reached_us, team_id LIMIT $2",
                args![challenge, limit],
            )
            .await?;
        let count = "SELECT COUNT(*) FROM team_placement WHERE challenge_id = $1";
        let of = self.db.fetch_one(count, args![challenge]).await?.map(|row| row.get(0)).transpose()?;
        let teams: Result<Vec<_>, DbError> = rows.iter().map(team_row).collect();
        Ok((teams?, of.unwrap_or_default()))
    }

    /// Where the first one stands whose place is behind this rank, counted from 0 and looked for from the `nth` on.
    pub async fn placed_behind(
        &self,
        challenge: ChallengeId,
        nth: i64,
        rank: u32,
    ) -> Result<Option<i64>, DbError> {
        let sql = "SELECT nth FROM placement WHERE challenge_id = $1 AND nth >= $2 AND rank > $3 ORDER BY nth LIMIT 1";
        self.db.fetch_one(sql, args![challenge, nth, rank]).await?.map(|row| row.get(0)).transpose()
    }

    /// What was said of the order afterwards, the newest first, and whether it is of somebody without a name: as the
    /// placement says, else the participation, else so.
    pub async fn adjustments(&self, challenge: ChallengeId) -> Result<Vec<(Adjustment, bool)>, DbError> {
        let rows = self
            .db
            .fetch(
                "SELECT a.account_id, a.score_before, a.score_after, a.reason, a.at_us, p.anonymous, t.show_as
                 FROM placement_adjustment a
                 LEFT JOIN placement p ON p.challenge_id = a.challenge_id AND p.account_id = a.account_id
                 LEFT JOIN participation t ON t.challenge_id = a.challenge_id AND t.account_id = a.account_id
                 WHERE a.challenge_id = $1 ORDER BY a.position DESC LIMIT $2",
                args![challenge, ADJUSTMENTS_MAX],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let adjustment = Adjustment {
                    account: row.get(0)?,
                    score_before: row.get(1)?,
                    score_after: row.get(2)?,
                    reason: row.get(3)?,
                    at_us: row.get(4)?,
                };
                let (placed, show_as): (Option<bool>, Option<String>) = (row.get(5)?, row.get(6)?);
                let takes_part = show_as.as_deref().and_then(ShowAs::parse);
                Ok((adjustment, placed.unwrap_or(takes_part != Some(ShowAs::Name))))
            })
            .collect()
    }
}

fn team_row(row: &Row) -> Result<TeamPlacement, DbError> {
    Ok(TeamPlacement {
        team: row.get(0)?,
        rank: row.get(1)?,
        score: row.get(2)?,
        reached_us: row.get(3)?,
        tied: row.get(4)?,
        members: row.get(5)?,
        behind: row.get(6)?,
    })
}

fn placement_row(row: &Row) -> Result<Placement, DbError> {
    let team: Option<TeamId> = row.get(7)?;
    let team = match team {
        Some(team) => Some(TeamPlace { team, rank: row.get(8)?, score: row.get(9)? }),
        None => None,
    };
    Ok(Placement {
        account: row.get(0)?,
        rank: row.get(1)?,
        member: row.get(2)?,
        score: row.get(3)?,
        reached_us: row.get(4)?,
        tied: row.get(5)?,
        anonymous: row.get(6)?,
        team,
        // Paid by the event that says so.
        earned: None,
    })
}
