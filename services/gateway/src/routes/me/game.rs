//! `/v1/me/progress`, `/v1/me/achievements`: what I have earned.

use axum::extract::State;
use proto::gamification;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Page, Params},
    routes::{Doors, Shared},
    values::{AnId, Date, Instant},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(progress)).routes(routes!(achievements))
}

/// Where I stand.
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    xp: i64,
    level: u32,
    /// The XP at which the next level is reached.
    level_xp_next: i64,
    /// Active days of the running streak.
    streak_days: u32,
    /// Freezes held: each covers a day that is missed.
    streak_freezes: u32,
    /// The days of the running streak that freezes covered; they are none of `streak_days`.
    streak_frozen_days: Vec<Date>,
    points: i64,
}

/// My XP, level, streak and points.
#[utoipa::path(get, path = "/me/progress", tag = "game", responses((status = 200, body = Progress)))]
async fn progress(State(door): Shared, caller: Account) -> Answer {
    let request = gamification::GetProgressRequest::default();
    let reply = caller.call(door.peers.gamification().get_progress(request)).await?;
    answer::ok(&Progress {
        xp: reply.xp,
        level: reply.level,
        level_xp_next: reply.level_xp_next,
        streak_days: reply.streak_days,
        streak_freezes: reply.streak_freezes,
        streak_frozen_days: Date::all(reply.streak_frozen_days),
        points: reply.points,
    })
}

/// A badge that was unlocked.
#[derive(Debug, Serialize, ToSchema)]
struct Achievement {
    id: AnId,
    #[schema(example = "first_run")]
    badge: String,
    name: String,
    unlocked_at: Instant,
}

/// My badges, newest first.
#[utoipa::path(get, path = "/me/achievements", tag = "game", params(Page),
    responses((status = 200, body = List<Achievement>)))]
async fn achievements(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request = gamification::ListAchievementsRequest {
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.gamification().list_achievements(request)).await?;
    let achievement = |one: gamification::Achievement| Achievement {
        id: AnId::must(&one.achievement_id),
        badge: one.badge,
        name: one.name,
        unlocked_at: Instant(one.unlocked_us),
    };
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(achievement).collect(),
    })
}
