//! Challenges and who takes part, as they are read.

use std::sync::Arc;

use eventing::{
    Row, Tx, args,
    sql::{DbError, Value},
};
use kernel::{AccountId, Sport, place::Region};
use prost::Message;
use proto::gamification as wire;

use super::Store;
use crate::{
    domain::{
        ChallengeId, Terms,
        challenge::{Marks, State},
        participation::{ShowAs, Standing},
    },
    wire::challenge::{terms_from_wire, terms_to_row},
};

/// A challenge, and the viewer's part in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChallengeRow {
    pub id: ChallengeId,
    pub author: AccountId,
    /// Its window is cut where it was stopped.
    pub terms: Arc<Terms>,
    pub marks: Marks,
    pub taken: u32,
    pub revision: u64,
    /// Of its draft in the journal.
    pub position: i64,
    /// Only while the viewer takes part.
    pub mine: Option<Mine>,
}

/// The viewer's own part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mine {
    pub member: u32,
    pub show_as: ShowAs,
    pub count_private: bool,
    pub joined_us: i64,
    pub segments: Vec<String>,
}

/// Somebody's part in a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub challenge: ChallengeId,
    pub standing: Standing,
}

/// What a list is narrowed to.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub viewer: AccountId,
    pub region: Option<Region>,
    pub sport: Option<Sport>,
    pub state: Option<State>,
    /// Those that the viewer takes part in.
    pub mine: bool,
    /// Drafts of others too.
    pub all_drafts: bool,
    /// Only those drafted before this position.
    pub before: i64,
    pub now_us: i64,
    pub limit: u32,
}

const COLUMNS: &str = "SELECT c.challenge_id, c.author_id, c.terms, c.opened_us, c.stopped_us, c.settling, c.settled_us, c.start_us,
    c.end_us, c.taken, c.revision, c.position, p.member, p.show_as, p.count_private, p.joined_us, p.segments
    FROM challenge c LEFT JOIN participation p
    ON p.challenge_id = c.challenge_id AND p.account_id = $1 AND p.standing = 'active'";

impl Store {
    /// A challenge as `viewer` meets it; the nil account takes part in nothing.
    pub async fn challenge(
        &self,
        id: ChallengeId,
        viewer: AccountId,
    ) -> Result<Option<ChallengeRow>, DbError> {
        let sql = format!("{COLUMNS} WHERE c.challenge_id = $2");
        self.db.fetch_one(&sql, args![viewer, id]).await?.as_ref().map(challenge).transpose()
    }

    /// The newest first.
    pub async fn challenges(&self, wanted: &Wanted) -> Result<Vec<ChallengeRow>, DbError> {
        let mut sql = format!("{COLUMNS} WHERE c.position < $2");
        let mut args = args![wanted.viewer, wanted.before];
        let mut with = |value: Value| {
            args.push(value);
            format!("${}", args.len())
        };
        if !wanted.all_drafts {
            sql += " AND (c.opened_us IS NOT NULL OR c.author_id = $1)";
        }
        if let Some(region) = &wanted.region {
            let place = with(format!("%,{region},%").into());
            sql += &format!(" AND (c.regions = '' OR c.regions LIKE {place})");
        }
        if let Some(sport) = wanted.sport {
            let place = with(format!("%,{sport},%").into());
            sql += &format!(" AND (c.sports = '' OR c.sports LIKE {place})");
        }
        if wanted.mine {
            sql += " AND p.member IS NOT NULL";
        }
        if let Some(state) = wanted.state {
            let clause = of_state(state);
            let timed = clause.contains("{now}");
            sql += &if timed { clause.replace("{now}", &with(wanted.now_us.into())) } else { clause };
        }
        let limit = with(wanted.limit.into());
        sql += &format!(" ORDER BY c.position DESC LIMIT {limit}");
        self.db.fetch(&sql, args).await?.iter().map(challenge).collect()
    }

    /// What an account has written that is neither stopped nor settled, without drafts whose window is past: those are
    /// never opened.
    pub async fn unfinished_of(
        &self,
        author: AccountId,
        now_us: i64,
    ) -> Result<Vec<(ChallengeId, Terms)>, DbError> {
        let sql = "SELECT challenge_id, terms FROM challenge
                   WHERE author_id = $1 AND stopped_us IS NULL AND settled_us IS NULL
                     AND (opened_us IS NOT NULL OR end_us > $2)
                   ORDER BY position";
        let rows = self.db.fetch(sql, args![author, now_us]).await?;
        rows.iter().map(|row| Ok((row.get(0)?, terms(&row.get::<Vec<u8>>(1)?)?))).collect()
    }

    /// Everything an account takes or took part in.
    pub async fn parts_of(&self, account: AccountId) -> Result<Vec<Part>, DbError> {
        let sql =
            "SELECT challenge_id, standing FROM participation WHERE account_id = $1 ORDER BY challenge_id";
        let rows = self.db.fetch(sql, args![account]).await?;
        rows.iter()
            .map(|row| Ok(Part { challenge: row.get(0)?, standing: standing(&row.get::<String>(1)?) }))
            .collect()
    }
}

/// The same as [`State::of`] says, over rows; `{now}` stands for the time.
fn of_state(state: State) -> String {
    let running =
        "c.opened_us IS NOT NULL AND c.stopped_us IS NULL AND c.settling = 0 AND c.settled_us IS NULL";
    let clause = match state {
        State::Draft => "c.opened_us IS NULL AND c.stopped_us IS NULL".to_owned(),
        State::Stopped => {
            "c.settled_us IS NULL AND (c.opened_us IS NULL OR c.stopped_us < c.start_us) AND c.stopped_us IS NOT NULL".to_owned()
        }
        State::Scheduled => format!("{running} AND c.start_us > {{now}}"),
        State::Open => format!("{running} AND c.start_us <= {{now}} AND c.end_us > {{now}}"),
        State::Ended => format!("{running} AND c.end_us <= {{now}}"),
        State::Settling => {
            "c.settled_us IS NULL AND c.opened_us IS NOT NULL AND (c.settling <> 0 OR c.stopped_us IS NOT NULL)
             AND (c.stopped_us IS NULL OR c.stopped_us >= c.start_us)"
                .to_owned()
        }
        State::Settled => "c.settled_us IS NOT NULL".to_owned(),
    };
    format!(" AND {clause}")
}

fn challenge(row: &Row) -> Result<ChallengeRow, DbError> {
    let encoded: Vec<u8> = row.get(2)?;
    let stopped_us: Option<i64> = row.get(4)?;
    let mut terms = terms(&encoded)?;
    terms.window.cut_us = stopped_us;
    let marks = Marks {
        opened_us: row.get(3)?,
        stopped_us,
        settling: row.get(5)?,
        settled_us: row.get(6)?,
        start_us: row.get(7)?,
        end_us: row.get(8)?,
    };
    let member: Option<u32> = row.get(12)?;
    let mine = match member {
        Some(member) => Some(Mine {
            member,
            show_as: ShowAs::parse(&row.get::<String>(13)?).unwrap_or(ShowAs::Anonymous),
            count_private: row.get(14)?,
            joined_us: row.get(15)?,
            segments: row.get::<String>(16)?.lines().map(str::to_owned).collect(),
        }),
        None => None,
    };
    Ok(ChallengeRow {
        id: row.get(0)?,
        author: row.get(1)?,
        terms: Arc::new(terms),
        marks,
        taken: row.get(9)?,
        revision: row.get(10)?,
        position: row.get(11)?,
        mine,
    })
}

fn terms(encoded: &[u8]) -> Result<Terms, DbError> {
    let unreadable = |error: String| DbError::Statement(format!("a challenge's terms: {error}"));
    let message = wire::ChallengeTerms::decode(encoded).map_err(|error| unreadable(error.to_string()))?;
    terms_from_wire(message).map_err(|error| unreadable(error.to_string()))
}

fn standing(text: &str) -> Standing {
    match text {
        "active" => Standing::Active,
        "left" => Standing::Left,
        _ => Standing::Erased,
    }
}

/// `,a,b,`: each can be found with its commas.
fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let joined = items.collect::<Vec<_>>().join(",");
    if joined.is_empty() { joined } else { format!(",{joined},") }
}

// ── what the projection writes ─────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn keep_draft(
    tx: &mut dyn Tx,
    id: ChallengeId,
    author: AccountId,
    terms: &Terms,
    position: i64,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO challenge (challenge_id, author_id, terms, regions, sports, start_us, end_us, settling, taken, revision, position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 1, $8) ON CONFLICT (challenge_id) DO NOTHING",
        args![
            id,
            author,
            terms_to_row(terms),
            list(terms.regions.iter().map(String::as_str)),
            list(terms.sports.iter().map(|sport| sport.as_str())),
            terms.window.start_us,
            terms.window.end_us,
            position
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn keep_terms(tx: &mut dyn Tx, id: ChallengeId, terms: &Terms) -> Result<(), DbError> {
    tx.execute(
        "UPDATE challenge SET terms = $2, regions = $3, sports = $4, start_us = $5, end_us = $6 WHERE challenge_id = $1",
        args![
            id,
            terms_to_row(terms),
            list(terms.regions.iter().map(String::as_str)),
            list(terms.sports.iter().map(|sport| sport.as_str())),
            terms.window.start_us,
            terms.window.end_us
        ],
    )
    .await?;
    Ok(())
}

/// The terms as they stand, inside the projection's transaction.
pub(crate) async fn kept_terms(tx: &mut dyn Tx, id: ChallengeId) -> Result<Option<Terms>, DbError> {
    let row = tx.fetch_one("SELECT terms FROM challenge WHERE challenge_id = $1", args![id]).await?;
    row.map(|row| terms(&row.get::<Vec<u8>>(0)?)).transpose()
}

/// One of the marks: `opened_us`, `stopped_us`, `settled_us`.
pub(crate) async fn mark(
    tx: &mut dyn Tx,
    id: ChallengeId,
    column: &'static str,
    value: i64,
) -> Result<(), DbError> {
    tx.execute(&format!("UPDATE challenge SET {column} = $2 WHERE challenge_id = $1"), args![id, value])
        .await?;
    Ok(())
}

pub(crate) async fn revise(tx: &mut dyn Tx, id: ChallengeId, revision: i64) -> Result<(), DbError> {
    tx.execute("UPDATE challenge SET revision = $2 WHERE challenge_id = $1", args![id, revision]).await?;
    Ok(())
}

/// Somebody's part, whole.
pub(crate) struct Joined<'a> {
    pub(crate) challenge: ChallengeId,
    pub(crate) account: AccountId,
    pub(crate) member: u32,
    pub(crate) show_as: ShowAs,
    pub(crate) count_private: bool,
    pub(crate) joined_us: i64,
    pub(crate) segments: &'a [String],
    pub(crate) time_zone: &'a str,
}

pub(crate) async fn keep_part(tx: &mut dyn Tx, part: &Joined<'_>) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO participation (challenge_id, account_id, member, show_as, count_private, joined_us, standing, segments, time_zone)
         VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8)
         ON CONFLICT (challenge_id, account_id) DO UPDATE SET member = excluded.member, show_as = excluded.show_as,
             count_private = excluded.count_private, joined_us = excluded.joined_us, standing = excluded.standing,
             segments = excluded.segments, time_zone = excluded.time_zone",
        args![
            part.challenge,
            part.account,
            part.member,
            part.show_as.as_str(),
            part.count_private,
            part.joined_us,
            part.segments.join("\n"),
            part.time_zone
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn change_part(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    account: AccountId,
    show_as: ShowAs,
    count_private: bool,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE participation SET show_as = $3, count_private = $4 WHERE challenge_id = $1 AND account_id = $2",
        args![challenge, account, show_as.as_str(), count_private],
    )
    .await?;
    Ok(())
}

pub(crate) async fn leave_part(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    account: AccountId,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE participation SET standing = 'left' WHERE challenge_id = $1 AND account_id = $2",
        args![challenge, account],
    )
    .await?;
    Ok(())
}

/// What was personal of it is gone; that there was somebody stays.
pub(crate) async fn erase_part(
    tx: &mut dyn Tx,
    challenge: ChallengeId,
    account: AccountId,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE participation SET standing = 'erased', show_as = 'anonymous', segments = '', time_zone = ''
         WHERE challenge_id = $1 AND account_id = $2",
        args![challenge, account],
    )
    .await?;
    Ok(())
}
