//! `/v1/boards`: the order of a challenge's participants.

mod live;
mod socket;

use axum::extract::State;
use kernel::Refusal;
use proto::leaderboard;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    caller::{Account, Caller, MaybeAccount},
    problem::Problem,
    query::{Page, Params, PathId, ids, moment, places, span},
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, Time, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(top))
        .routes(routes!(around))
        .routes(routes!(ranks))
        .routes(routes!(history))
        .merge(live::routes())
}

/// The path parameter `challenge_id`, for documents.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only read by the document")]
struct ChallengeParam {
    challenge_id: AnId,
}

/// How a participant is called on a board and in its live frames.
pub(in crate::routes) fn member(number: u32) -> String {
    format!("m{number}")
}

/// The segment asked for, one of the vocabulary, in the one way that it is written; `all` unless said.
fn segment(asked: Option<String>) -> Result<String, Problem> {
    let Some(text) = asked.filter(|text| !text.is_empty()) else { return Ok(String::new()) };
    let (kind, value) = text.split_once(':').unwrap_or((&text, ""));
    let known = match kind {
        "all" | "friends" | "teams" => (text == kind).then(|| text.clone()),
        "region" => kernel::place::Region::parse(value).map(|_| text.clone()),
        "club" | "team" => uuid::Uuid::try_parse(value).ok().map(|id| format!("{kind}:{id}")),
        "sex" => ["f", "m", "x"].contains(&value).then(|| text.clone()),
        "age" => value.split_once('-').and_then(|(from, to)| {
            let (from, to) = (number(from)?, number(to)?);
            (from <= to).then(|| format!("age:{from}-{to}"))
        }),
        "level" => number(value).map(|level| format!("level:{level}")),
        "league" => is_word(value).then(|| text.clone()),
        _ => None,
    };
    let detail = "all, teams, friends, region:{code}, club:{id}, team:{id}, sex:{f·m·x}, age:{20-29}, level:{n} or league:{tier}";
    known.ok_or_else(|| Refusal::field("segment", "unknown_value", detail).into())
}

fn number(text: &str) -> Option<u32> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// As the rules name their tiers.
fn is_word(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(part)
}

/// A place. Who is anonymous to me has neither name nor id; a team's name is that of its group, where I may know of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BoardEntry)]
pub(super) struct Entry {
    pub(super) rank: u32,
    #[schema(example = "m17")]
    pub(super) member: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account_id: Option<AnId>,
    /// Of a board of teams: the group whose place it is. Of a settlement: the group that it competed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group_id: Option<AnId>,
    /// Of a board of teams: who have a score for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) members: Option<u32>,
    /// In the metric's unit.
    #[schema(example = 5012.3)]
    pub(super) score: Figure,
    pub(super) tied: bool,
    /// The share of the segment that stands strictly behind, 0 to 100.
    pub(super) percentile: Figure,
}

impl Entry {
    fn of(entry: leaderboard::Entry) -> Self {
        Self {
            rank: entry.rank,
            member: member(entry.member),
            display_name: known(entry.display_name),
            account_id: AnId::of(&entry.account_id),
            group_id: AnId::of(&entry.team_id),
            members: (!entry.team_id.is_empty()).then_some(entry.members),
            score: Figure::thousandths(entry.score),
            tied: entry.tied,
            percentile: Figure(entry.percentile),
        }
    }
}

/// Places of a board, best first.
#[derive(Debug, Serialize, ToSchema)]
struct Board {
    /// The challenge.
    id: AnId,
    entries: Vec<Entry>,
    /// Of the newest score in it: the same that live frames carry.
    sequence: u64,
    as_of: Instant,
    #[schema(example = "all")]
    segment: String,
    /// All who stand in the segment, whether they have a row here or not.
    participants: u32,
    #[schema(example = "distance_m")]
    metric: String,
    /// Send it as `cursor` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Board {
    fn answered(caller: &Caller, id: &PathId, page: leaderboard::BoardPage) -> Answer {
        answer::ok(&Self {
            id: AnId(id.0),
            next_cursor: caller.next_cursor(&page.next_cursor),
            entries: page.entries.into_iter().map(Entry::of).collect(),
            sequence: page.sequence,
            as_of: Instant(page.as_of_us),
            segment: page.segment,
            participants: page.participants,
            metric: page.metric,
        })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Top {
    /// `all`, `friends`, `region:{code}`, `club:{group id}`, `team:{group id}`, `sex:{f·m·x}`, `age:{20-29}`, `level:{n}`,
    /// `league:{tier}`, the last two as they were at joining;
    /// where groups or teams compete also `teams`, their own board. Unless said: `teams` there, else `all`.
    #[param(example = "all")]
    segment: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many places at most, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, deserialize_with = "places")]
    limit: Option<u32>,
}

/// The best of a board. Open to everybody when the challenge is public. In a segment other than `all` where fewer than ten
/// stand, who is anonymous to me has no row; everybody counts, in ranks and in `participants`. This holds for all boards here.
#[utoipa::path(get, path = "/boards/{challenge_id}/top", tag = "challenges", params(ChallengeParam, Top),
    responses((status = 200, body = Board)), security((), ("bearer" = [])))]
async fn top(State(door): Shared, caller: MaybeAccount, id: PathId, Params(top): Params<Top>) -> Answer {
    let page = Page { cursor: top.cursor, limit: top.limit };
    let request = leaderboard::TopRequest {
        challenge_id: id.bytes(),
        segment: segment(top.segment)?,
        limit: page.limit.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
    };
    let reply = caller.call(door.peers.leaderboard().top(request)).await?;
    Board::answered(&caller, &id, reply)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Around {
    #[param(example = "all")]
    segment: Option<String>,
    /// Places on either side, 1 to 100; 5 unless said.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "span")]
    span: Option<u32>,
}

/// My place and those next to it, of `teams` that of mine; nothing while I have none.
#[utoipa::path(get, path = "/boards/{challenge_id}/around", tag = "challenges", params(ChallengeParam, Around),
    responses((status = 200, body = Board)))]
async fn around(State(door): Shared, caller: Account, id: PathId, Params(around): Params<Around>) -> Answer {
    let request = leaderboard::AroundRequest {
        challenge_id: id.bytes(),
        segment: segment(around.segment)?,
        span: around.span.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.leaderboard().around(request)).await?;
    Board::answered(&caller, &id, reply)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    #[param(example = "all")]
    segment: Option<String>,
    /// At most 200, with commas between them, or the parameter repeated.
    #[serde(deserialize_with = "ids")]
    #[param(value_type = String)]
    accounts: Vec<AnId>,
}

/// Where certain accounts stand, of `teams` theirs; those that have no place are left out.
#[utoipa::path(get, path = "/boards/{challenge_id}/ranks", tag = "challenges", params(ChallengeParam, Whose),
    responses((status = 200, body = Board)))]
async fn ranks(State(door): Shared, caller: Account, id: PathId, Params(whose): Params<Whose>) -> Answer {
    let request = leaderboard::RanksRequest {
        challenge_id: id.bytes(),
        segment: segment(whose.segment)?,
        account_ids: whose.accounts.into_iter().map(AnId::bytes).collect(),
    };
    let reply = caller.call(door.peers.leaderboard().ranks(request)).await?;
    Board::answered(&caller, &id, reply)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Past {
    /// The moment, RFC 3339 with an offset; not in the future.
    #[serde(deserialize_with = "moment")]
    #[param(value_type = Time)]
    at: Time,
    #[param(example = "all")]
    segment: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many places at most, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, deserialize_with = "places")]
    limit: Option<u32>,
}

/// The best of a board as it stood at a moment that is over, by what had been received by then. Who has left since, or
/// is erased, is not on it; names and rules are today's. Its `sequence` is compared with other moments of the past alone.
#[utoipa::path(get, path = "/boards/{challenge_id}/history", tag = "challenges", params(ChallengeParam, Past),
    responses((status = 200, body = Board)), security((), ("bearer" = [])))]
async fn history(
    State(door): Shared,
    caller: MaybeAccount,
    id: PathId,
    Params(past): Params<Past>,
) -> Answer {
    let page = Page { cursor: past.cursor, limit: past.limit };
    let request = leaderboard::HistoryRequest {
        challenge_id: id.bytes(),
        segment: segment(past.segment)?,
        at_us: past.at.us(),
        limit: page.limit.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
    };
    let reply = caller.call(door.peers.leaderboard().history(request)).await?;
    Board::answered(&caller, &id, reply)
}
