//! `/v1/achievements`: every award explains itself.

use axum::extract::State;
use proto::gamification;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::PathId,
    routes::{Doors, Shared},
    values::{AnId, Date, Figure, Instant},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(explanation))
}

/// Which rule gave a badge, and for what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardExplanation)]
struct Explanation {
    /// `challenge` where a challenge gave it.
    rule: String,
    /// Of a badge that activities earn.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_version: Option<u32>,
    because: Vec<Cause>,
    /// Of a streak: the days in between that freezes covered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frozen_days: Vec<Date>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Cause {
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<AnId>,
    /// The challenge that gave it, instead of an activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_id: Option<AnId>,
    /// The place there that it was for; absent where it was for a score or a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    /// In the rule's own measure: metres, seconds, a count, the day of a streak.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Figure>,
    at: Instant,
}

/// Why I have this badge.
#[utoipa::path(get, path = "/achievements/{id}/explanation", tag = "game", params(IdParam),
    responses((status = 200, body = Explanation)))]
async fn explanation(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = gamification::ExplainAchievementRequest { achievement_id: id.bytes() };
    let reply = caller.call(door.peers.gamification().explain_achievement(request)).await?;
    let cause = |cause: gamification::explain_achievement_response::Cause| Cause {
        value: Figure::known((!cause.activity_id.is_empty()).then_some(cause.value)),
        activity_id: AnId::of(&cause.activity_id),
        challenge_id: AnId::of(&cause.challenge_id),
        place: (cause.place > 0).then_some(cause.place),
        at: Instant(cause.at_us),
    };
    answer::ok(&Explanation {
        rule: reply.rule,
        rule_version: (reply.rule_version > 0).then_some(reply.rule_version),
        because: reply.because.into_iter().map(cause).collect(),
        frozen_days: Date::all(reply.frozen_days),
    })
}
