//! `/v1/activities/{id}/verdict`, `/crop`, `/appeal` and `/v1/verdicts`: what cannot be, and who decides.

use axum::extract::State;
use proto::activity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Activity, IdParam, figure};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::Json,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, Real, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(show, decide))
        .routes(routes!(crop))
        .routes(routes!(appeal))
        .routes(routes!(list))
}

/// What the rules say of an activity.
#[derive(Debug, Serialize, ToSchema)]
struct Verdict {
    /// The activity.
    id: AnId,
    account_id: AnId,
    #[schema(example = "running")]
    sport: String,
    /// `clear`: it counts. `flagged`: it is on no board. `appealed`: flagged, and a person will look at it.
    #[schema(example = "flagged")]
    state: String,
    /// Of the rules that found the reasons; where there are none, of those of today.
    rules_version: u32,
    reasons: Vec<Reason>,
    /// What its owner may do: `crop`, `make_private`, `appeal`.
    may: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appeal: Option<Appeal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Ruling>,
}

/// A rule that the activity breaks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictReason)]
struct Reason {
    #[schema(example = "speed")]
    rule: String,
    #[schema(example = "22.1 m/s over 90 s; nobody is faster than 9.0 m/s in running")]
    detail: String,
    value: Figure,
    limit: Figure,
    #[schema(example = "m/s")]
    unit: String,
    /// Seconds from the start, where it is about a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_s: Option<Figure>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictAppeal)]
struct Appeal {
    text: String,
    at: Instant,
}

/// What a reviewer decided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictDecision)]
struct Ruling {
    /// `cleared` or `upheld`.
    ruling: String,
    reason: String,
    at: Instant,
}

impl Verdict {
    fn of(view: activity::VerdictView) -> Self {
        let held = view.judgement.unwrap_or_default();
        let decision = held.ruled_us.map(|at_us| Ruling {
            ruling: held.ruling.clone(),
            reason: held.ruling_reason.clone(),
            at: Instant(at_us),
        });
        let may = match view.state.as_str() {
            "flagged" if decision.is_none() => vec!["crop", "make_private", "appeal"],
            "flagged" | "appealed" => vec!["crop", "make_private"],
            _ => Vec::new(),
        };
        Self {
            id: AnId::must(&view.activity_id),
            account_id: AnId::must(&view.account_id),
            sport: view.sport,
            rules_version: if held.rules_version > 0 { held.rules_version } else { view.rules_version },
            reasons: held.reasons.into_iter().map(Reason::of).collect(),
            may,
            appeal: held.appealed_us.map(|at_us| Appeal { text: held.appeal.clone(), at: Instant(at_us) }),
            decision,
            state: known(view.state).unwrap_or_default(),
        }
    }
}

impl Reason {
    fn of(reason: activity::Reason) -> Self {
        Self {
            rule: reason.rule,
            detail: reason.detail,
            value: Figure(reason.value),
            limit: Figure(reason.limit),
            unit: reason.unit,
            from_s: Figure::known(reason.from_s),
            to_s: Figure::known(reason.to_s),
        }
    }
}

/// Whether an activity of mine counts, and if not, why, and what I may do. Moderators see those that are held against
/// somebody.
#[utoipa::path(get, path = "/activities/{id}/verdict", tag = "activities", params(IdParam),
    responses((status = 200, body = Verdict)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::VerdictRequest { activity_id: id.bytes() };
    answer::ok(&Verdict::of(caller.call(door.peers.activity().verdict(request)).await?))
}

/// Seconds from the start; what is left out is the beginning, or the end.
#[derive(Debug, Deserialize, ToSchema)]
struct Crop {
    from_s: Option<Real>,
    to_s: Option<Real>,
}

/// Cuts off the beginning and the end of an activity of mine. All figures are worked out anew and judged anew; the file
/// stays as it came.
#[utoipa::path(post, path = "/activities/{id}/crop", tag = "activities", params(IdParam), request_body = Crop,
    responses((status = 200, body = Activity)))]
async fn crop(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Crop>) -> Answer {
    let request = activity::CropRequest {
        activity_id: id.bytes(),
        from_s: figure(body.from_s),
        to_s: figure(body.to_s),
    };
    let reply = caller.call(door.peers.activity().crop(request)).await?;
    let revision = reply.revision;
    answer::versioned(answer::ok(&Activity::of(reply)), revision, None)
}

/// Why it is right as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewAppeal)]
struct Words {
    text: String,
}

/// Asks a person to look at a flagged activity of mine, once.
#[utoipa::path(post, path = "/activities/{id}/appeal", tag = "activities", params(IdParam), request_body = Words,
    responses((status = 200, body = Verdict)))]
async fn appeal(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Words>) -> Answer {
    let request = activity::AppealRequest { activity_id: id.bytes(), text: body.text };
    answer::ok(&Verdict::of(caller.call(door.peers.activity().appeal(request)).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Waiting {
    /// `appealed` unless said otherwise, or `flagged`.
    state: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// What waits for a decision, the longest first; for moderators.
#[utoipa::path(get, path = "/verdicts", tag = "operators", params(Waiting),
    responses((status = 200, body = List<Verdict>)))]
async fn list(State(door): Shared, caller: Account, Params(waiting): Params<Waiting>) -> Answer {
    let page = Page { cursor: waiting.cursor, limit: waiting.limit };
    let request = activity::ListVerdictsRequest {
        state: waiting.state.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().list_verdicts(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Verdict::of).collect(),
    })
}

/// A moderator's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewDecision)]
struct Decision {
    /// `cleared`: it counts again. `upheld`: it stays off every board.
    #[schema(example = "cleared")]
    ruling: String,
    /// Shown to its owner.
    reason: String,
}

/// Decides about somebody else's flagged activity; for moderators.
#[utoipa::path(post, path = "/activities/{id}/verdict", tag = "operators", params(IdParam), request_body = Decision,
    responses((status = 200, body = Verdict)))]
async fn decide(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Decision>) -> Answer {
    let request =
        activity::DecideVerdictRequest { activity_id: id.bytes(), ruling: body.ruling, reason: body.reason };
    answer::ok(&Verdict::of(caller.call(door.peers.activity().decide_verdict(request)).await?))
}
