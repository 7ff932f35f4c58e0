//! `/v1/challenges/{id}/participants/me`: taking part.

use axum::extract::State;
use proto::gamification;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    json::MaybeJson,
    query::PathId,
    routes::{Doors, Shared, boards::member},
    values::{AnId, Instant},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(join, leave))
}

/// My part in a challenge.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Participation {
    /// The challenge.
    id: AnId,
    /// Mine on its board; it stays when I leave and come back.
    #[schema(example = "m17")]
    member: String,
    /// `name` or `anonymous`.
    #[schema(example = "name")]
    show_as: String,
    /// Whether activities that only I see count.
    count_private: bool,
    /// The group that I compete for, where groups or teams do.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<Instant>,
    /// The boards that I am on besides `all`.
    #[schema(example = json!(["region:KZ-75"]))]
    segments: Vec<String>,
}

impl Participation {
    pub(super) fn of(part: gamification::Participation) -> Self {
        Self {
            id: AnId::must(&part.challenge_id),
            member: member(part.member),
            show_as: part.show_as,
            count_private: part.count_private,
            group_id: AnId::of(&part.group_id),
            joined_at: Instant::known(part.joined_us),
            segments: part.segments,
        }
    }
}

/// How I am shown, and what counts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Joining)]
struct Joining {
    /// `name` (unless said) or `anonymous`.
    #[schema(example = "name")]
    show_as: Option<String>,
    count_private: Option<bool>,
    /// Where groups or teams compete: the one of mine that I compete for, to the end. Left out: the only one that I am
    /// in. Whoever looks at the board sees who competes for whom, as far as names are shown.
    group_id: Option<AnId>,
}

/// Takes a seat, or changes how I am shown: from the opening of a challenge, also before its window begins, to its end. Only
/// what lies in the window counts. What I told of my sex and my year of birth places me on boards of my sex and
/// age, unless I am a minor.
#[utoipa::path(put, path = "/challenges/{id}/participants/me", tag = "challenges", params(IdParam),
    request_body = Joining, responses((status = 200, body = Participation)))]
async fn join(
    State(door): Shared,
    caller: Account,
    id: PathId,
    MaybeJson(body): MaybeJson<Joining>,
) -> Answer {
    let request = gamification::JoinChallengeRequest {
        challenge_id: id.bytes(),
        show_as: body.show_as.unwrap_or_default(),
        count_private: body.count_private,
        group_id: body.group_id.map(AnId::bytes).unwrap_or_default(),
    };
    let reply = caller.call(door.peers.gamification().join_challenge(request)).await?;
    answer::ok(&Participation::of(reply))
}

/// Gives the seat back.
#[utoipa::path(delete, path = "/challenges/{id}/participants/me", tag = "challenges", params(IdParam),
    responses((status = 204)))]
async fn leave(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = gamification::LeaveChallengeRequest { challenge_id: id.bytes() };
    caller.call(door.peers.gamification().leave_challenge(request)).await?;
    answer::no_content()
}
