//! The RPC of where everybody stood.

use kernel::Refusal;
use platform::{Caller, status};
use proto::gamification::{self as wire, past_scores_response::PastScore};
use tonic::{Request, Response, Status};

use super::challenges::challenge_id;
use crate::{
    app::{App, challenges::past},
    store::past::Past,
    wire::{bytes_of, id},
};

pub(super) async fn past_scores(
    app: &App,
    request: Request<wire::PastScoresRequest>,
) -> Result<Response<wire::PastScoresResponse>, Status> {
    Caller::of(&request)?.service()?;
    let wire::PastScoresRequest { challenge_id: asked, at_us, after } = request.into_inner();
    let malformed = |_| status(Refusal::field("/after", "malformed", "an account id has 16 bytes"));
    let after = if after.is_empty() { None } else { Some(id(&after).map_err(malformed)?) };
    let page = past::past(app, challenge_id(&asked)?, at_us, after).await.map_err(status)?;
    Ok(Response::new(wire::PastScoresResponse {
        scores: page.scores.into_iter().map(to_wire).collect(),
        next: page.next.map(bytes_of).unwrap_or_default(),
    }))
}

fn to_wire(past: Past) -> PastScore {
    PastScore {
        account_id: bytes_of(past.row.account),
        member: past.row.member,
        show_as: past.row.show_as.as_str().to_owned(),
        segments: past.row.segments,
        value: past.score.value,
        reached_us: past.score.reached_us,
        heard: past.heard,
    }
}
