//! `/v1/boards/{challenge_id}/live`: the board as it moves, as server-sent events or over a socket.

use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
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
    live::{Leash, Live, as_event},
    query::{Params, PathId, places},
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(live))
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Watch {
    /// `all` (unless said), `region:{code}`, `club:{group id}`, `level:{n}`; not `friends`.
    #[param(example = "all")]
    segment: Option<String>,
    /// How many places at most, 1 to 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, deserialize_with = "places")]
    limit: Option<u32>,
    /// As the header `Last-Event-ID`, for who cannot send one.
    last_event_id: Option<String>,
}

/// The board as it moves. Open to everybody when the challenge is public.
///
/// `text/event-stream`: `snapshot`, `names`, `delta`, `me`, `overtaken`, `closed`, with the sequence as `id`. A reader
/// that comes back with `Last-Event-ID` goes on where that can be done, else begins with a snapshot. With `Upgrade:
/// websocket` the same frames come as messages `{"event","id","data"}`.
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
        last_sequence: last_sequence(&headers, watch.last_event_id.as_deref()),
    };
    let frames = caller.call(door.peers.leaderboard().live(request)).await?;
    let live = Live::new(frames, leash, place);
    match handshake {
        Some(handshake) => Ok(socket::upgrade(&door.tasks, handshake, live)),
        None => Ok(stream(live)),
    }
}

/// What the reader has seen. The header is the newer one: browsers send it with the address of the first time. What is no
/// sequence of ours was never seen.
fn last_sequence(headers: &HeaderMap, parameter: Option<&str>) -> Option<u64> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    header.or(parameter)?.trim().parse().ok()
}

fn stream(live: Live) -> Response {
    let events = futures::stream::unfold(live, |mut live| async {
        let step = live.next().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(as_event(&step)), live))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx collects answers unless it is told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sequence_of_ours_was_never_seen() {
        let with =
            |text: &'static str| HeaderMap::from_iter([(LAST_EVENT_ID, HeaderValue::from_static(text))]);
        assert_eq!(last_sequence(&with("8130"), Some("7")), Some(8130), "the header is newer");
        assert_eq!(last_sequence(&HeaderMap::new(), Some("7")), Some(7));
        for garbage in ["", "-1", "m9", "1.5", "0x1f", "99999999999999999999999", "1 OR 1=1"] {
            assert_eq!(last_sequence(&with(garbage), None), None, "{garbage}");
        }
        assert_eq!(last_sequence(&HeaderMap::new(), None), None);
    }
}
