//! `/v1/me/league`, `/v1/me/leagues`: the weekly league that I play in, and those that are over.

use axum::extract::State;
use proto::gamification::{self, get_league_response, list_leagues_response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Page, Params},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(league)).routes(routes!(leagues))
}

/// My cohort as it stands. Without `rank`: I have earned nothing this week, and am in none yet.
#[derive(Debug, Serialize, ToSchema)]
struct League {
    /// The ISO week.
    #[schema(example = "2026-W20")]
    week: String,
    /// Monday, 00:00 in UTC.
    week_start: Instant,
    ends_at: Instant,
    #[schema(example = "bronze")]
    tier: String,
    tier_name: String,
    /// From 1, the lowest.
    tier_number: u32,
    tiers: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
    xp: i64,
    /// How many are ranked.
    size: u32,
    /// So many of the first rise, so many of the last fall, were the week over now.
    promotion_places: u32,
    demotion_places: u32,
    entries: Vec<LeagueEntry>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LeagueEntry {
    rank: u32,
    /// Absent, as the name: anonymous to me.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    xp: i64,
    me: bool,
}

/// My league of this week. 404 where no leagues are played.
#[utoipa::path(get, path = "/me/league", tag = "game", responses((status = 200, body = League)))]
async fn league(State(door): Shared, caller: Account) -> Answer {
    let reply = caller.call(door.peers.gamification().get_league(gamification::GetLeagueRequest {})).await?;
    let entry = |entry: get_league_response::Entry| LeagueEntry {
        rank: entry.rank,
        account_id: AnId::of(&entry.account_id),
        name: known(entry.name),
        xp: entry.xp,
        me: entry.me,
    };
    answer::ok(&League {
        week: reply.week,
        week_start: Instant(reply.start_us),
        ends_at: Instant(reply.end_us),
        tier: reply.tier,
        tier_name: reply.tier_name,
        tier_number: reply.tier_number,
        tiers: reply.tiers,
        rank: reply.rank,
        xp: reply.xp,
        size: reply.size,
        promotion_places: reply.promotion_places,
        demotion_places: reply.demotion_places,
        entries: reply.entries.into_iter().map(entry).collect(),
    })
}

/// A week that is over, and how it ended for me.
#[derive(Debug, Serialize, ToSchema)]
struct PastLeague {
    #[schema(example = "2026-W19")]
    week: String,
    week_start: Instant,
    ends_at: Instant,
    tier: String,
    tier_name: String,
    rank: u32,
    xp: i64,
    size: u32,
    /// promoted, kept, demoted
    outcome: String,
    /// Where the next week was to be played.
    next_tier: String,
    next_tier_name: String,
}

/// My leagues of past weeks, newest first.
#[utoipa::path(get, path = "/me/leagues", tag = "game", params(Page),
    responses((status = 200, body = List<PastLeague>)))]
async fn leagues(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request = gamification::ListLeaguesRequest {
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.gamification().list_leagues(request)).await?;
    let past = |past: list_leagues_response::PastLeague| PastLeague {
        week: past.week,
        week_start: Instant(past.start_us),
        ends_at: Instant(past.end_us),
        tier: past.tier,
        tier_name: past.tier_name,
        rank: past.rank,
        xp: past.xp,
        size: past.size,
        outcome: past.outcome,
        next_tier: past.next_tier,
        next_tier_name: past.next_tier_name,
    };
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(past).collect(),
    })
}
