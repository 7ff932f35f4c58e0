//! `/v1/challenges/{id}/preview`, `…/settlement`: what it would be, and what it came to.

use axum::extract::State;
use proto::gamification::{self, preview_challenge_response, settlement_response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::IdParam;
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::{Page, Params, PathId},
    routes::{
        Doors, Shared,
        boards::{Entry, member},
    },
    values::{AnId, Figure, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(settlement))
}

/// Who could join, and how a board of what is known would look.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChallengePreview)]
struct Preview {
    /// The challenge.
    id: AnId,
    accounts_looked_at: u32,
    /// false: there are more accounts than one preview looks at.
    complete: bool,
    eligible: u32,
    /// How many fail by each clause of the rule.
    refused: Vec<RefusedBy>,
    /// Of those who are eligible, who would have a score.
    scoring: u32,
    /// The best of them, at most 10; none while fewer than 20 are eligible.
    scores_best: Vec<Figure>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RefusedBy {
    /// As it was written.
    #[schema(value_type = Object)]
    clause: Value,
    accounts: u32,
}

/// What a challenge would be, for the staff who run it; those who run a group alone may not ask. Nothing is written.
#[utoipa::path(get, path = "/challenges/{id}/preview", tag = "challenges", params(IdParam),
    responses((status = 200, body = Preview)))]
async fn preview(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = gamification::PreviewChallengeRequest { challenge_id: id.bytes() };
    let reply = caller.call(door.peers.gamification().preview_challenge(request)).await?;
    let refused = |refused: preview_challenge_response::Refused| {
        let clause = serde_json::from_str(&refused.clause_json).ok()?;
        Some(RefusedBy { clause, accounts: refused.accounts })
    };
    answer::ok(&Preview {
        id: AnId(id.0),
        accounts_looked_at: reply.accounts_looked_at,
        complete: reply.complete,
        eligible: reply.eligible,
        refused: reply.refused.into_iter().filter_map(refused).collect(),
        scoring: reply.scoring,
        scores_best: reply.scores_best.into_iter().map(Figure::thousandths).collect(),
    })
}

/// The final order, and what changed after it.
#[derive(Debug, Serialize, ToSchema)]
struct Settlement {
    /// The challenge.
    id: AnId,
    settled_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<Instant>,
    participants: u32,
    /// Everybody's, by what they have themselves.
    placements: List<Entry>,
    /// With the first page, where groups or teams competed: the best 500 of them, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    teams: Vec<Team>,
    /// With the first page: activities deleted, edited or restored since, of those whose names I may see; the order
    /// stays.
    adjustments: Vec<Adjustment>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Adjustment {
    account_id: AnId,
    before: Figure,
    after: Figure,
    /// `deleted edited restored late`
    #[schema(example = "deleted")]
    reason: String,
    at: Instant,
}

/// A team's place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamResult)]
struct Team {
    rank: u32,
    group_id: AnId,
    score: Figure,
    tied: bool,
    /// Who have a score for it.
    members: u32,
    /// The share of teams that stands strictly behind, 0 to 100.
    percentile: Figure,
}

impl Team {
    fn of(team: &gamification::TeamPlacement, teams: u32) -> Self {
        Self {
            rank: team.rank,
            group_id: AnId::must(&team.team_id),
            score: Figure::thousandths(team.score),
            tied: team.tied,
            members: team.members,
            percentile: Figure(f64::from(team.behind) * 100.0 / f64::from(teams.max(1))),
        }
    }
}

fn placed(place: settlement_response::SettledPlace) -> Entry {
    let placement = place.placement.unwrap_or_default();
    let display_name = known(place.display_name);
    Entry {
        rank: placement.rank,
        member: member(placement.member),
        // An id is as good as a name.
        account_id: display_name.as_ref().and_then(|_| AnId::of(&placement.account_id)),
        group_id: placement.team.and_then(|team| AnId::of(&team.team_id)),
        members: None,
        display_name,
        score: Figure::thousandths(placement.score),
        tied: placement.tied,
        percentile: Figure(place.percentile),
    }
}

/// What a challenge came to; 404 before it is settled.
#[utoipa::path(get, path = "/challenges/{id}/settlement", tag = "challenges", params(IdParam, Page),
    responses((status = 200, body = Settlement)))]
async fn settlement(State(door): Shared, caller: Account, id: PathId, Params(page): Params<Page>) -> Answer {
    let request = gamification::SettlementRequest {
        challenge_id: id.bytes(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.gamification().settlement(request)).await?;
    let adjustment = |one: settlement_response::Adjustment| {
        Some(Adjustment {
            account_id: AnId::of(&one.account_id)?,
            before: Figure::thousandths(one.before),
            after: Figure::thousandths(one.after),
            reason: one.reason,
            at: Instant(one.at_us),
        })
    };
    answer::ok(&Settlement {
        id: AnId(id.0),
        teams: reply.teams.iter().map(|team| Team::of(team, reply.of_teams)).collect(),
        settled_at: Instant(reply.settled_us),
        stopped_at: Instant::known(reply.stopped_us),
        participants: reply.participants,
        placements: List {
            next_cursor: caller.next_cursor(&reply.next_cursor),
            items: reply.placements.into_iter().map(placed).collect(),
        },
        adjustments: reply.adjustments.into_iter().filter_map(adjustment).collect(),
    })
}
