//! The RPCs of challenges, their settlement aside.

use kernel::Refusal;
use platform::{Caller, actor::Actor, status};
use proto::gamification as wire;
use tonic::{Request, Response, Status};

use crate::{
    app::{
        App,
        challenges::{
            View,
            join::{self, Shown},
            preview,
            read::{self, Asker},
            run, terms,
        },
    },
    domain::{
        ChallengeId, Participation,
        participation::{Frozen, ShowAs},
        teams,
    },
    store::challenges::Mine,
    wire::{
        bytes_of,
        challenge::{terms_to_wire, written},
        id,
    },
};

type Answer<T> = Result<Response<T>, Status>;

pub(super) async fn create(
    app: &App,
    request: Request<wire::CreateChallengeRequest>,
) -> Answer<wire::Challenge> {
    let caller = Caller::of(&request)?;
    let terms = written(request.into_inner().terms.unwrap_or_default());
    let created = terms::create(app, &caller.command(), caller.account()?, &terms).await;
    let (done, view) = created.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, challenge_to_wire(view)).await)
}

pub(super) async fn get(app: &App, request: Request<wire::GetChallengeRequest>) -> Answer<wire::Challenge> {
    let asker = match Caller::of(&request)?.actor {
        Actor::Account { account_id, .. } => Asker::Account(account_id),
        Actor::Service { .. } => Asker::Service,
        Actor::Partner { .. } | Actor::Anonymous { .. } => Asker::Stranger,
    };
    let id = challenge_id(&request.into_inner().challenge_id)?;
    let view = read::get(app, asker, id).await.map_err(status)?;
    Ok(Response::new(challenge_to_wire(view)))
}

pub(super) async fn list(
    app: &App,
    request: Request<wire::ListChallengesRequest>,
) -> Answer<wire::ListChallengesResponse> {
    let viewer = Caller::of(&request)?.account()?;
    let asked = request.into_inner();
    let query = read::Query {
        region: &asked.region,
        sport: &asked.sport,
        state: &asked.state,
        mine: asked.mine,
        cursor: &asked.cursor,
        limit: asked.limit,
    };
    let (views, next_cursor) = read::list(app, viewer, &query).await.map_err(status)?;
    let items = views.into_iter().map(challenge_to_wire).collect();
    Ok(Response::new(wire::ListChallengesResponse { items, next_cursor }))
}

pub(super) async fn change(
    app: &App,
    request: Request<wire::ChangeChallengeRequest>,
) -> Answer<wire::Challenge> {
    let caller = Caller::of(&request)?;
    let wire::ChangeChallengeRequest { challenge_id: id, terms, expected_revision } = request.into_inner();
    let (id, by) = (challenge_id(&id)?, caller.account()?);
    let written = terms.map(written);
    let changed = terms::change(app, &caller.command(), by, id, written.as_ref(), expected_revision).await;
    let (done, view) = changed.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, challenge_to_wire(view)).await)
}

pub(super) async fn preview(
    app: &App,
    request: Request<wire::PreviewChallengeRequest>,
) -> Answer<wire::PreviewChallengeResponse> {
    let by = Caller::of(&request)?.account()?;
    let id = challenge_id(&request.into_inner().challenge_id)?;
    let seen = preview::preview(app, by, id).await.map_err(status)?;
    let refused =
        |(clause_json, accounts)| wire::preview_challenge_response::Refused { clause_json, accounts };
    Ok(Response::new(wire::PreviewChallengeResponse {
        accounts_looked_at: seen.accounts_looked_at,
        complete: seen.complete,
        eligible: seen.eligible,
        refused: seen.refused.into_iter().map(refused).collect(),
        scores_best: seen.scores_best,
        scoring: seen.scoring,
    }))
}

pub(super) async fn open(app: &App, request: Request<wire::OpenChallengeRequest>) -> Answer<wire::Challenge> {
    let caller = Caller::of(&request)?;
    let id = challenge_id(&request.into_inner().challenge_id)?;
    let opened = run::open(app, &caller.command(), caller.account()?, id).await;
    let (done, view) = opened.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, challenge_to_wire(view)).await)
}

pub(super) async fn extend(
    app: &App,
    request: Request<wire::ExtendChallengeRequest>,
) -> Answer<wire::Challenge> {
    let caller = Caller::of(&request)?;
    let asked = request.into_inner();
    let (id, by) = (challenge_id(&asked.challenge_id)?, caller.account()?);
    let extended = run::extend(app, &caller.command(), by, id, &asked.end, &asked.reason).await;
    let (done, view) = extended.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, challenge_to_wire(view)).await)
}

pub(super) async fn stop(app: &App, request: Request<wire::StopChallengeRequest>) -> Answer<wire::Challenge> {
    let caller = Caller::of(&request)?;
    let asked = request.into_inner();
    let (id, by) = (challenge_id(&asked.challenge_id)?, caller.account()?);
    let stopped = run::stop(app, &caller.command(), by, id, &asked.reason).await;
    let (done, view) = stopped.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, challenge_to_wire(view)).await)
}

pub(super) async fn join(
    app: &App,
    request: Request<wire::JoinChallengeRequest>,
) -> Answer<wire::Participation> {
    let caller = Caller::of(&request)?;
    let asked = request.into_inner();
    let (id, account) = (challenge_id(&asked.challenge_id)?, caller.account()?);
    let unknown = || status(Refusal::field("/show_as", "unknown_value", "name or anonymous belongs here"));
    let show_as = match asked.show_as.as_str() {
        "" => None,
        text => Some(ShowAs::parse(text).ok_or_else(unknown)?),
    };
    let shown = Shown { show_as, count_private: asked.count_private };
    let team = if asked.group_id.is_empty() { None } else { Some(group_id(&asked.group_id)?) };
    let joined = join::join(app, &caller.command(), account, id, (shown, team)).await;
    let (done, part) = joined.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, participation_to_wire(id, part)).await)
}

pub(super) async fn leave(
    app: &App,
    request: Request<wire::LeaveChallengeRequest>,
) -> Answer<wire::LeaveChallengeResponse> {
    let caller = Caller::of(&request)?;
    let id = challenge_id(&request.into_inner().challenge_id)?;
    let done = join::leave(app, &caller.command(), caller.account()?, id).await.map_err(status)?;
    Ok(platform::answer(&app.journal, &done, wire::LeaveChallengeResponse {}).await)
}

fn group_id(bytes: &[u8]) -> Result<teams::TeamId, Status> {
    id(bytes).map_err(|_| status(Refusal::field("/group_id", "not_an_id", "the id of a group belongs here")))
}

pub(super) fn challenge_id(bytes: &[u8]) -> Result<ChallengeId, Status> {
    id(bytes).map_err(|_| status(Refusal::not_found()))
}

fn challenge_to_wire(view: View) -> wire::Challenge {
    let id = view.id;
    wire::Challenge {
        id: bytes_of(id),
        author_id: view.author.map(bytes_of).unwrap_or_default(),
        terms: Some(terms_to_wire(&view.terms)),
        state: view.state.as_str().to_owned(),
        participants: view.taken,
        opened_us: view.marks.opened_us.unwrap_or_default(),
        stopped_us: view.marks.stopped_us.unwrap_or_default(),
        settled_us: view.marks.settled_us.unwrap_or_default(),
        mine: view.mine.map(|mine| mine_to_wire(id, mine)),
        revision: view.revision,
    }
}

fn mine_to_wire(challenge: ChallengeId, mine: Mine) -> wire::Participation {
    wire::Participation {
        challenge_id: bytes_of(challenge),
        member: mine.member,
        show_as: mine.show_as.as_str().to_owned(),
        count_private: mine.count_private,
        joined_us: mine.joined_us,
        group_id: teams::of(&mine.segments).map(bytes_of).unwrap_or_default(),
        segments: mine.segments,
    }
}

fn participation_to_wire(challenge: ChallengeId, part: Participation) -> wire::Participation {
    let Frozen { segments, .. } = part.frozen.unwrap_or_default();
    let mine = Mine {
        member: part.member,
        show_as: part.show_as,
        count_private: part.count_private,
        joined_us: part.joined_us,
        segments,
    };
    mine_to_wire(challenge, mine)
}
