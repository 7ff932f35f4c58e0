//! `/v1/boards/{challenge_id}/live`: the board as it moves, as server-sent events or over a socket.

use axum::extract::State;
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use kernel::Refusal;
use proto::leaderboard;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ChallengeParam,
    socket::{self, Handshake},
};
use crate::{
    answer::Answer,
    caller::MaybeAccount,
    live::{self, Frame, Leash, Live},
    query::{Params, PathId, places},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(live))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Watch {
    /// As for `top`, but not `friends`.
    #[param(example = "all")]
    segment: Option<String>,
    /// How many places at most, 1 to 500; 100 unless said. Above 10 it is rounded down to one of 10 15 20 25 30 40 50 75 100
    /// 150 200 250 300 400 500, so that those who watch share what is shown.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, deserialize_with = "places")]
    limit: Option<u32>,
    /// As the header `Last-Event-ID`, for who cannot send one.
    last_event_id: Option<String>,
}

/// The board as it moves. Open to everybody when the challenge is public.
///
/// `text/event-stream`: `snapshot`, `names`, `delta`, `me`, `overtaken`, `closed`, with the sequence as `id`. A reader
/// that comes back with `Last-Event-ID` goes on where that can be done, else begins with a snapshot. Who may no longer look,
/// because the challenge is not public any more or for want of a group, hears `closed` with `revoked`. A `me` without `rank`
/// and `score`: I have no place any more. With `Upgrade: websocket` the same frames come as messages `{"event","id","data"}`. On a board of `teams` the `names` are
/// `{"group_id","display_name"}`, the group's name where I may know of the group, and `me` is my team.
#[utoipa::path(get, path = "/boards/{challenge_id}/live", tag = "challenges",
    params(ChallengeParam, Watch, ("Last-Event-ID" = Option<String>, Header, description = "the newest `id` that was read")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 101, description = "the same over a WebSocket")),
    security((), ("bearer" = [])))]
async fn live(
    State(door): Shared,
    caller: MaybeAccount,
    id: PathId,
    Params(watch): Params<Watch>,
    handshake: Option<Handshake>,
    headers: HeaderMap,
) -> Answer {
    let segment = super::segment(watch.segment)?;
    if segment == "friends" {
        let detail = "who is a friend differs from reader to reader: read `top` for it";
        return Err(Refusal::field("segment", "unknown_value", detail).into());
    }
    let place = door.live.enter()?;
    // A leash first: what ends while the board is asked ends the stream too.
    let leash = caller.token.as_ref().map(|token| Leash::new(&door.gate, token.clone(), door.gate.clock()));
    let request = leaderboard::LiveRequest {
        challenge_id: id.bytes(),
        segment,
        limit: watch.limit.unwrap_or_default(),
        last_sequence: live::last_sequence(&headers, watch.last_event_id.as_deref()),
    };
    let frames = caller.call(door.peers.leaderboard().live(request)).await?;
    let live = Live::new(frames.map_ok(frame).boxed(), leash, place);
    match handshake {
        Some(handshake) => Ok(socket::upgrade(&door.tasks, handshake, live)),
        None => Ok(door.live.answer(live)),
    }
}

fn frame(told: leaderboard::LiveFrame) -> Frame {
    // One comes back to the snapshot of a board that nobody is on yet, too: its sequence is 0.
    let id = (told.sequence > 0 || told.event == "snapshot").then_some(told.sequence);
    Frame { event: told.event.into(), id, data: told.data }
}
