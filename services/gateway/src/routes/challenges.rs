//! `/v1/challenges`: who goes further, and what it is worth.

mod outcome;
mod part;
mod terms;

use std::time::Duration;

use axum::extract::State;
use kernel::Code;
use proto::gamification;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    part::Participation,
    terms::{Changes, Draft, Terms},
};
use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, Conditions, List},
    caller::{Account, MaybeAccount},
    json::{Json, MaybeJson},
    problem::Problem,
    query::{Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, Instant, SportWord, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(open))
        .routes(routes!(extend))
        .routes(routes!(stop))
        .merge(outcome::routes())
        .merge(part::routes())
}

/// A challenge: its terms, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
struct Challenge {
    id: AnId,
    #[serde(flatten)]
    terms: Terms,
    /// `draft scheduled open ended settling settled stopped`
    #[schema(example = "open")]
    state: String,
    participants: u32,
    /// Who wrote it, told to its author and to those who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<AnId>,
    /// Of the terms; also the `ETag`.
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Instant>,
    /// My part in it; absent when I take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    me: Option<Participation>,
}

impl Challenge {
    fn of(challenge: gamification::Challenge) -> Self {
        Self {
            id: AnId::must(&challenge.id),
            terms: Terms::of(challenge.terms.unwrap_or_default()),
            state: challenge.state,
            participants: challenge.participants,
            author: AnId::of(&challenge.author_id),
            revision: challenge.revision,
            opened_at: Instant::known(challenge.opened_us),
            stopped_at: Instant::known(challenge.stopped_us),
            settled_at: Instant::known(challenge.settled_us),
            me: challenge.mine.map(Participation::of),
        }
    }

    fn answered(reply: gamification::Challenge) -> Answer {
        let revision = reply.revision;
        answer::versioned(answer::ok(&Self::of(reply)), revision, None)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(example = "KZ-75")]
    region: Option<String>,
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    state: Option<String>,
    /// Those that I take part in.
    #[serde(default)]
    #[param(required = false)]
    mine: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// Challenges that I may know of.
#[utoipa::path(get, path = "/challenges", tag = "challenges", params(Filter),
    responses((status = 200, body = List<Challenge>)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = gamification::ListChallengesRequest {
        region: filter.region.unwrap_or_default(),
        sport: filter.sport.unwrap_or_default(),
        state: filter.state.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
        mine: filter.mine,
    };
    let reply = caller.call(door.peers.gamification().list_challenges(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Challenge::of).collect(),
    })
}

/// Drafts a challenge: marketers and coaches where their role reaches, operators anywhere, and members of a group for that
/// group (`{"group": …}` asked of everybody). Members promise no rewards; whoever does not run the group has at most three in
/// it that are not over (`too_many_unfinished`). Before it is opened, nobody else sees it but the staff: operators, marketers of
/// its regions, and those who run its group. They may change it too, let it last longer, and stop it.
#[utoipa::path(post, path = "/challenges", tag = "challenges", request_body = Draft,
    responses((status = 201, body = Challenge)))]
async fn create(State(door): Shared, caller: Account, Json(body): Json<Draft>) -> Answer {
    let request = gamification::CreateChallengeRequest { terms: Some(body.into_terms()) };
    let reply = caller.call(door.peers.gamification().create_challenge(request)).await?;
    let revision = reply.revision;
    let challenge = Challenge::of(reply);
    let location = format!("/v1/challenges/{}", challenge.id);
    answer::versioned(answer::created(&location, &challenge), revision, None)
}

fn asked(id: &PathId) -> gamification::GetChallengeRequest {
    gamification::GetChallengeRequest { challenge_id: id.bytes() }
}

/// One challenge. Open to everybody when it is public; one for a group's members is known to them, its participants and
/// the staff.
#[utoipa::path(get, path = "/challenges/{id}", tag = "challenges", params(IdParam),
    responses((status = 200, body = Challenge)), security((), ("bearer" = [])))]
async fn show(State(door): Shared, caller: MaybeAccount, id: PathId) -> Answer {
    // State and participants move under one revision: the answer has a version to change from, and is never "304".
    Challenge::answered(caller.call(door.peers.gamification().get_challenge(asked(&id))).await?)
}

/// How often a change is tried again that somebody else's came before.
const TRIES_MAX: u64 = 12;

/// Changes a challenge: what is left out stays. An open one only gets wider. `If-Match` says which revision this changes.
#[utoipa::path(patch, path = "/challenges/{id}", tag = "challenges", request_body = Changes,
    params(IdParam, ("If-Match" = Option<String>, Header, description = "the `ETag` that was read")),
    responses((status = 200, body = Challenge)))]
async fn change(
    State(door): Shared,
    caller: Account,
    id: PathId,
    conditions: Conditions,
    Json(body): Json<Changes>,
) -> Answer {
    let named = conditions.if_match.as_deref().map(|tag| answer::expected_version(Some(tag))).transpose()?;
    let mut tries = 0;
    loop {
        tries += 1;
        // The service takes whole terms: they are read, changed and written as a change of that very revision.
        let current = caller.call(door.peers.gamification().get_challenge(asked(&id))).await?;
        let request = gamification::ChangeChallengeRequest {
            challenge_id: id.bytes(),
            terms: Some(body.clone().over(current.terms.unwrap_or_default())),
            expected_revision: Some(named.unwrap_or(current.revision)),
        };
        // Boxed: whole terms are large.
        match Box::pin(caller.call(door.peers.gamification().change_challenge(request))).await {
            Ok(reply) => return Challenge::answered(reply),
            Err(Problem(refusal)) if refusal.code == Code::VersionMismatch && named.is_none() => {
                if tries == TRIES_MAX {
                    let detail = "others change this challenge at the same time: try again";
                    return Err(Problem::new(Code::Conflict, detail));
                }
                tokio::time::sleep(Duration::from_millis(7 * tries)).await;
            }
            Err(problem) => return Err(problem),
        }
    }
}

/// Opens a challenge. One whose start lies ahead is `scheduled`: people join it already, and its board is empty until its
/// window begins.
#[utoipa::path(post, path = "/challenges/{id}/open", tag = "challenges", params(IdParam),
    responses((status = 200, body = Challenge)))]
async fn open(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = gamification::OpenChallengeRequest { challenge_id: id.bytes() };
    Challenge::answered(caller.call(door.peers.gamification().open_challenge(request)).await?)
}

/// A later end.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChallengeExtension)]
struct Extension {
    /// A local date and time in the challenge's own clock, later than the end until now.
    #[schema(example = "2026-06-08T00:00:00")]
    end: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    reason: String,
}

/// Lets a challenge end later.
#[utoipa::path(post, path = "/challenges/{id}/extend", tag = "challenges", params(IdParam),
    request_body = Extension, responses((status = 200, body = Challenge)))]
async fn extend(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Extension>) -> Answer {
    let request =
        gamification::ExtendChallengeRequest { challenge_id: id.bytes(), end: body.end, reason: body.reason };
    Challenge::answered(caller.call(door.peers.gamification().extend_challenge(request)).await?)
}

/// Why it ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = ChallengeStop)]
struct Stop {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    reason: String,
}

/// Ends a challenge now; one whose window had begun is settled on what counts until then, another is `stopped`.
#[utoipa::path(post, path = "/challenges/{id}/stop", tag = "challenges", params(IdParam), request_body = Stop,
    responses((status = 200, body = Challenge)))]
async fn stop(State(door): Shared, caller: Account, id: PathId, MaybeJson(body): MaybeJson<Stop>) -> Answer {
    let request = gamification::StopChallengeRequest { challenge_id: id.bytes(), reason: body.reason };
    Challenge::answered(caller.call(door.peers.gamification().stop_challenge(request)).await?)
}
