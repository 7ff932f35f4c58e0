//! The rows that scores are made of, inside the projection's transaction.

use std::{collections::HashMap, sync::Arc};

use eventing::{
    Row, Tx, Value, args,
    many::{self, Rows},
    sql::DbError,
};
use kernel::AccountId;
use prost::Message;
use uuid::Uuid;

use crate::{
    domain::{
        ChallengeId, Terms,
        challenge::{Marks, State},
        participation::ShowAs,
        scoring::{Contest, Contribution, Score, Taking},
    },
    wire::challenge::{terms_from_wire, terms_to_row},
};

/// A challenge as it measures.
#[derive(Clone, Debug)]
pub struct ContestRow {
    pub id: ChallengeId,
    pub author: AccountId,
    /// Cut where it was stopped.
    pub terms: Arc<Terms>,
    pub opened_us: Option<i64>,
    pub stopped_us: Option<i64>,
    /// Settling has begun: the line through activity's journal.
    pub head: Option<u64>,
    pub settled_us: Option<i64>,
    /// Who take part; settled: who took part then, whoever is erased since.
    pub participants: i64,
    /// Placements fixed so far.
    pub placed: i64,
    /// When, and where in our own journal, it changed last.
    pub at_us: i64,
    pub revision: i64,
}

impl ContestRow {
    pub fn contest(&self) -> Contest<'_> {
        Contest { terms: &self.terms, head: self.head, late_too: false }
    }

    /// Scores move from its opening to its settlement, and never where it was stopped before its window began.
    pub fn is_scoring(&self) -> bool {
        !matches!(self.state(), State::Draft | State::Settled | State::Stopped)
    }

    /// As of its last event.
    pub fn state(&self) -> State {
        let marks = Marks {
            opened_us: self.opened_us,
            stopped_us: self.stopped_us,
            settling: self.head.is_some(),
            settled_us: self.settled_us,
            start_us: self.terms.window.start_us,
            end_us: self.terms.window.end_us,
        };
        State::of(&marks, self.at_us)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Active,
    Left,
    Erased,
}

impl Part {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Left => "left",
            Self::Erased => "erased",
        }
    }

    fn parse(text: &str) -> Self {
        [Self::Active, Self::Left].into_iter().find(|part| part.as_str() == text).unwrap_or(Self::Erased)
    }
}

/// A participant and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    pub challenge: ChallengeId,
    pub account: AccountId,
    pub member: u32,
    pub part: Part,
    pub show_as: ShowAs,
    pub count_private: bool,
    pub joined_us: i64,
    pub segments: Vec<String>,
    pub time_zone: String,
    pub score: Option<Score>,
    pub revision: i64,
}

impl ScoreRow {
    pub fn taking(&self, terms: &Terms, only_me_usual: bool) -> Taking {
        Taking {
            zone: terms.window.participant_zone(&self.time_zone),
            joined_us: self.joined_us,
            count_private: self.count_private,
            only_me_usual,
        }
    }
}

// ── challenges ─────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) const CONTEST: &str =
    "SELECT challenge_id, author_id, terms, opened_us, stopped_us, head, settled_us,
    participants, placed, at_us, revision FROM score_challenge";

pub(crate) fn contest_row(row: &Row) -> Result<ContestRow, DbError> {
    let bytes: Vec<u8> = row.get(2)?;
    let unreadable =
        |error: String| DbError::Statement(format!("a challenge's terms are not readable: {error}"));
    let kept = proto::gamification::ChallengeTerms::decode(bytes.as_slice())
        .map_err(|error| unreadable(error.to_string()))?;
    let mut terms = terms_from_wire(kept).map_err(|error| unreadable(error.to_string()))?;
    let stopped_us: Option<i64> = row.get(4)?;
    terms.window.cut_us = stopped_us;
    Ok(ContestRow {
        id: row.get(0)?,
        author: row.get(1)?,
        terms: Arc::new(terms),
        opened_us: row.get(3)?,
        stopped_us,
        head: row.get(5)?,
        settled_us: row.get(6)?,
        participants: row.get(7)?,
        placed: row.get(8)?,
        at_us: row.get(9)?,
        revision: row.get(10)?,
    })
}

pub(crate) async fn contest(tx: &mut dyn Tx, id: ChallengeId) -> Result<Option<ContestRow>, DbError> {
    let row = tx.fetch_one(&format!("{CONTEST} WHERE challenge_id = $1"), args![id]).await?;
    row.as_ref().map(contest_row).transpose()
}

/// Those of the challenges that are known.
pub(crate) async fn contests(tx: &mut dyn Tx, ids: &[Vec<Value>]) -> Result<Vec<ContestRow>, DbError> {
    let sql = format!("{CONTEST} WHERE challenge_id IN (VALUES {{}})");
    many::fetch(tx, &sql, ids).await?.iter().map(contest_row).collect()
}

pub(crate) async fn keep_contest(tx: &mut dyn Tx, row: &ContestRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO score_challenge (challenge_id, author_id, terms, opened_us, stopped_us, head, settled_us, scoring,
           participants, placed, at_us, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (challenge_id) DO UPDATE SET terms = excluded.terms, opened_us = excluded.opened_us,
           stopped_us = excluded.stopped_us, head = excluded.head, settled_us = excluded.settled_us,
           scoring = excluded.scoring, participants = excluded.participants, placed = excluded.placed,
           at_us = excluded.at_us, revision = excluded.revision",
        args![
            row.id,
            row.author,
            terms_to_row(&row.terms),
            row.opened_us,
            row.stopped_us,
            row.head.map(signed),
            row.settled_us,
            row.is_scoring(),
            row.participants,
            row.placed,
            row.at_us,
            row.revision
        ],
    )
    .await?;
    Ok(())
}

// ── participants ───────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) const SCORE: &str =
    "SELECT s.challenge_id, s.account_id, s.member, s.state, s.show_as, s.count_private,
    s.joined_us, s.segments, s.time_zone, s.score, s.reached_us, s.revision FROM score s";

pub(crate) fn score_row(row: &Row) -> Result<ScoreRow, DbError> {
    let segments: String = row.get(7)?;
    let (value, reached_us): (Option<i64>, Option<i64>) = (row.get(9)?, row.get(10)?);
    Ok(ScoreRow {
        challenge: row.get(0)?,
        account: row.get(1)?,
        member: row.get(2)?,
        part: Part::parse(&row.get::<String>(3)?),
        show_as: ShowAs::parse(&row.get::<String>(4)?).unwrap_or(ShowAs::Anonymous),
        count_private: row.get(5)?,
        joined_us: row.get(6)?,
        segments: segments.lines().map(str::to_owned).collect(),
        time_zone: row.get(8)?,
        score: value.zip(reached_us).map(|(value, reached_us)| Score { value, reached_us }),
        revision: row.get(11)?,
    })
}

pub(crate) async fn score(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    account: AccountId,
) -> Result<Option<ScoreRow>, DbError> {
    let sql = format!("{SCORE} WHERE s.challenge_id = $1 AND s.account_id = $2");
    tx.fetch_one(&sql, args![challenge, account]).await?.as_ref().map(score_row).transpose()
}

/// Where these participants stand.
pub(crate) async fn scores(
    tx: &mut dyn Tx,
    of: &[(ChallengeId, AccountId)],
) -> Result<HashMap<(ChallengeId, AccountId), ScoreRow>, DbError> {
    let sql = format!("{SCORE} WHERE (s.challenge_id, s.account_id) IN (VALUES {{}})");
    let rows = many::fetch(tx, &sql, &pairs(of)).await?;
    rows.iter().map(|row| score_row(row).map(|row| ((row.challenge, row.account), row))).collect()
}

/// Where each of these accounts takes part and scores still move.
pub(crate) async fn running_of(tx: &mut dyn Tx, accounts: &[Vec<Value>]) -> Result<Vec<ScoreRow>, DbError> {
    let sql = format!(
        "{SCORE} JOIN score_challenge c ON c.challenge_id = s.challenge_id
         WHERE s.account_id IN (VALUES {{}}) AND s.state = 'active' AND c.scoring = 1
         ORDER BY s.account_id, s.challenge_id"
    );
    many::fetch(tx, &sql, accounts).await?.iter().map(score_row).collect()
}

/// Where an account takes part and scores still move.
pub(crate) async fn running(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<ScoreRow>, DbError> {
    let sql = format!(
        "{SCORE} JOIN score_challenge c ON c.challenge_id = s.challenge_id
         WHERE s.account_id = $1 AND s.state = 'active' AND c.scoring = 1 ORDER BY s.challenge_id"
    );
    tx.fetch(&sql, args![account]).await?.iter().map(score_row).collect()
}

/// Who take part, in the order of accounts.
pub(crate) async fn taking_part(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    after: Option<AccountId>,
    most: usize,
) -> Result<Vec<ScoreRow>, DbError> {
    let sql = format!(
        "{SCORE} WHERE s.challenge_id = $1 AND s.account_id > $2 AND s.state = 'active'
         ORDER BY s.account_id LIMIT {most}"
    );
    // No id is behind the empty one.
    let after = after.map_or_else(Vec::new, |account| account.as_bytes().to_vec());
    tx.fetch(&sql, args![challenge, after]).await?.iter().map(score_row).collect()
}

/// Participants of a challenge of whom anything heard lies behind one of these: a start, a receipt, a place in
/// activity's journal. Days are compared with a day to spare.
pub(crate) async fn behind(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    start_us: i64,
    received_us: i64,
    position: u64,
) -> Result<Vec<AccountId>, DbError> {
    let first_day = start_us.div_euclid(86_400_000_000) - 2;
    let rows = tx
        .fetch(
            "SELECT s.account_id FROM score s WHERE s.challenge_id = $1 AND s.state = 'active' AND (
               EXISTS (SELECT 1 FROM score_fact f WHERE f.account_id = s.account_id
                 AND (f.start_us >= $2 OR f.received_us > $3 OR f.position > $4))
               OR EXISTS (SELECT 1 FROM score_day d WHERE d.account_id = s.account_id
                 AND (d.local_day >= $5 OR d.received_us > $3 OR d.position > $4))
               OR EXISTS (SELECT 1 FROM score_xp x WHERE x.account_id = s.account_id
                 AND (x.received_us > $3 OR x.position > $4)))
             ORDER BY s.account_id",
            args![challenge, start_us, received_us, signed(position), first_day],
        )
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

pub(crate) async fn keep_scores(tx: &mut dyn Tx, rows: &[ScoreRow]) -> Result<(), DbError> {
    let mut kept = Rows::new(
        "INSERT INTO score (challenge_id, account_id, member, state, show_as, count_private, joined_us, segments,
           time_zone, score, reached_us, revision)",
        2,
        "ON CONFLICT (challenge_id, account_id) DO UPDATE SET member = excluded.member, state = excluded.state,
           show_as = excluded.show_as, count_private = excluded.count_private, joined_us = excluded.joined_us,
           segments = excluded.segments, time_zone = excluded.time_zone, score = excluded.score,
           reached_us = excluded.reached_us, revision = excluded.revision",
    );
    for row in rows {
        kept.put(args![
            row.challenge,
            row.account,
            row.member,
            row.part.as_str(),
            row.show_as.as_str(),
            row.count_private,
            row.joined_us,
            row.segments.join("\n"),
            &row.time_zone,
            row.score.map(|score| score.value),
            row.score.map(|score| score.reached_us),
            row.revision
        ]);
    }
    kept.write(tx).await
}

// ── contributions ──────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) fn contribution_rows() -> Rows {
    Rows::new(
        "INSERT INTO contribution (challenge_id, account_id, item, revision, bucket, value, reached_us)",
        3,
        "ON CONFLICT (challenge_id, account_id, item) DO UPDATE SET revision = excluded.revision,
           bucket = excluded.bucket, value = excluded.value, reached_us = excluded.reached_us",
    )
}

pub(crate) fn contribution_values(
    (challenge, account): (ChallengeId, AccountId),
    item: Uuid,
    revision: u64,
    one: Contribution,
) -> Vec<Value> {
    args![challenge, account, item, signed(revision), one.bucket, one.value, one.reached_us]
}

pub(crate) async fn drop_contribution(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    account: AccountId,
    item: Option<Uuid>,
) -> Result<(), DbError> {
    match item {
        Some(item) => {
            let sql = "DELETE FROM contribution WHERE challenge_id = $1 AND account_id = $2 AND item = $3";
            tx.execute(sql, args![challenge, account, item]).await?
        }
        None => {
            let sql = "DELETE FROM contribution WHERE challenge_id = $1 AND account_id = $2";
            tx.execute(sql, args![challenge, account]).await?
        }
    };
    Ok(())
}

/// What these participants contribute, each one's together.
pub(crate) async fn contributions(
    tx: &mut dyn Tx,
    of: &[(ChallengeId, AccountId)],
) -> Result<HashMap<(ChallengeId, AccountId), Vec<Contribution>>, DbError> {
    let sql = "SELECT challenge_id, account_id, bucket, value, reached_us FROM contribution
         WHERE (challenge_id, account_id) IN (VALUES {})";
    let mut found: HashMap<_, Vec<Contribution>> = HashMap::new();
    for row in many::fetch(tx, sql, &pairs(of)).await? {
        let one = Contribution { bucket: row.get(2)?, value: row.get(3)?, reached_us: row.get(4)? };
        found.entry((row.get(0)?, row.get(1)?)).or_default().push(one);
    }
    Ok(found)
}

fn pairs(of: &[(ChallengeId, AccountId)]) -> Vec<Vec<Value>> {
    of.iter().map(|(challenge, account)| args![*challenge, *account]).collect()
}

/// Positions and revisions stay far below 2^63.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
