//! `/v1/live-sessions`: a workout that is told as it happens, and watched.

use axum::extract::State;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use kernel::{Code, Refusal};
use proto::{
    activity::{self, beacon::Told, live_frame},
    envelope,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tonic::Status;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer},
    caller::{Account, MaybeAccount},
    json::{self, Json},
    language::Language,
    live::{self, Frame, Leash, Live},
    problem::Fault,
    query::{Params, PathId},
    routes::{Doors, Shared},
    values::{AnId, Figure, Instant, Real, SportWord, Time, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(tell))
        .routes(routes!(finish))
        .routes(routes!(watch))
}

const BEACONS_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize, ToSchema)]
#[schema(as = LiveSessionStart)]
struct Start {
    #[schema(value_type = SportWord, example = "running")]
    sport: String,
    sub_sport: Option<String>,
    name: Option<String>,
    /// Now, when left out.
    start_at: Option<Time>,
    time_zone: Option<String>,
    /// Who may see the activity that this becomes, in place of the account's settings.
    visibility: Option<Vec<String>>,
}

/// A live session. To others than its owner only what its activity would show.
#[derive(Debug, Serialize, ToSchema)]
struct LiveSession {
    id: AnId,
    account_id: AnId,
    #[schema(example = "running")]
    sport: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sport: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<Vec<String>>,
    /// `open`, `finished`, or `discarded`: nothing was told that could be an activity.
    #[schema(example = "open")]
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Instant>,
    /// How many moments were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<u32>,
    /// The newest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_at: Option<Instant>,
    /// When it ends by itself, unless something more is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Instant>,
    /// `owner` or `silence`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<AnId>,
}

impl LiveSession {
    fn of(view: activity::LiveSessionView) -> Self {
        Self {
            id: AnId::must(&view.id),
            account_id: AnId::must(&view.account_id),
            sport: view.sport,
            sub_sport: known(view.sub_sport),
            name: known(view.name),
            visibility: view.visibility.map(|own| own.audiences),
            state: view.state,
            started_at: view.started_us.map(Instant),
            points: view.points,
            newest_at: view.newest_us.map(Instant),
            ends_at: view.ends_us.map(Instant),
            ended_by: known(view.ended_by),
            activity_id: AnId::of(&view.activity_id),
        }
    }
}

#[derive(Deserialize, ToSchema)]
struct Beacons {
    /// In any order, at most 1000 at once.
    #[schema(value_type = Vec<Beacon>)]
    beacons: Vec<Box<RawValue>>,
}

/// A moment of the workout; its time names it. What is not known is left out.
#[derive(Deserialize, ToSchema)]
struct Beacon {
    at: Time,
    /// Latitude and longitude, degrees WGS 84.
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2, example = json!([43.2, 76.9]))]
    latlng: Option<(Real, Real)>,
    altitude_m: Option<Real>,
    heart_rate_bpm: Option<Real>,
    power_w: Option<Real>,
    cadence_rpm: Option<Real>,
    speed_mps: Option<Real>,
    temperature_c: Option<Real>,
    /// Since the start, as the device counts.
    distance_m: Option<Real>,
}

/// One acknowledgement a beacon, in order.
#[derive(Debug, Serialize, ToSchema)]
struct BeaconAcks {
    acks: Vec<BeaconAck>,
    /// Of the session by now.
    points: u32,
    /// When it ends by itself, unless something more is told.
    ends_at: Instant,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notices: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BeaconAck {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Instant>,
    /// `stored`, `late` (stored, though newer ones had come before), `duplicate` or `refused`.
    #[schema(example = "stored")]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
}

/// Starts a workout that is told as it happens. 409 `conflict` when four are open.
#[utoipa::path(post, path = "/live-sessions", tag = "activities", request_body = Start,
    responses((status = 201, body = LiveSession)))]
async fn start(State(door): Shared, caller: Account, Json(body): Json<Start>) -> Answer {
    let request = activity::StartLiveSessionRequest {
        sport: body.sport,
        sub_sport: body.sub_sport.unwrap_or_default(),
        name: body.name.unwrap_or_default(),
        start_us: body.start_at.map(Time::us),
        utc_offset_s: body.start_at.and_then(|start| start.offset_s),
        time_zone: body.time_zone.unwrap_or_default(),
        visibility: body.visibility.map(|audiences| activity::Visibility { audiences }),
    };
    let reply = caller.call(door.peers.activity().start_live_session(request)).await?;
    let session = LiveSession::of(reply);
    answer::created(&format!("/v1/live-sessions/{}/stream", session.id), &session)
}

/// Tells moments of a live session; each is answered for itself.
///
/// A moment is told once: what comes again under its time is a `duplicate`. 409 `conflict` when the session has ended.
#[utoipa::path(post, path = "/live-sessions/{id}/beacons", tag = "activities", params(IdParam), request_body = Beacons,
    responses((status = 200, body = BeaconAcks)))]
async fn tell(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Json(body): Json<Beacons, BEACONS_BYTES_MAX, true>,
) -> Answer {
    let beacons = body.beacons.iter().enumerate().map(|(index, raw)| beacon(index, raw.get())).collect();
    let request = activity::SendBeaconsRequest { session_id: id.bytes(), beacons };
    let reply = caller.call(door.peers.activity().send_beacons(request)).await?;
    let language = caller.exchange.language();
    answer::ok(&BeaconAcks {
        acks: reply.acks.into_iter().map(|ack| BeaconAck::of(ack, language)).collect(),
        points: reply.points,
        ends_at: Instant(reply.ends_us),
        notices: reply.notices,
    })
}

/// Ends a live session: what was told becomes an activity as any other.
///
/// A session that has ended answers as it ended. One that nothing is told of ends by itself.
#[utoipa::path(post, path = "/live-sessions/{id}/finish", tag = "activities", params(IdParam),
    responses((status = 200, body = LiveSession)))]
async fn finish(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::FinishLiveSessionRequest { session_id: id.bytes() };
    let reply = caller.call(door.peers.activity().finish_live_session(request)).await?;
    answer::ok(&LiveSession::of(reply))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Watch {
    /// As the header `Last-Event-ID`, for who cannot send one.
    last_event_id: Option<String>,
}

/// A live session as it happens, to whoever may see its owner's map and starts.
///
/// `text/event-stream`: `snapshot` (`{sequence, session, points}`), `points` (`{sequence, points}`, in the order in which
/// they came) and `closed` (`{code, activity_id, retry_ms}`; `finished`, `discarded`, `hidden`, `token_expired`, `revoked`,
/// `shutdown`), with the sequence as `id`. A reader that comes back with `Last-Event-ID` goes on there. What lies in the
/// owner's privacy zones is shown to the owner alone.
#[utoipa::path(get, path = "/live-sessions/{id}/stream", tag = "activities",
    params(IdParam, Watch, ("Last-Event-ID" = Option<String>, Header, description = "the newest `id` that was read")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn watch(
    State(door): Shared,
    caller: MaybeAccount,
    id: PathId,
    Params(watch): Params<Watch>,
    headers: HeaderMap,
) -> Answer {
    let Some(token) = caller.token.clone() else {
        let detail = "an access token is needed: Authorization: Bearer …";
        return Err(Refusal::new(Code::Unauthenticated, detail).into());
    };
    let place = door.live.enter()?;
    // A leash first: what ends while the session is asked for ends the stream too.
    let leash = Leash::new(&door.gate, token, door.gate.clock());
    let request = activity::WatchLiveSessionRequest {
        session_id: id.bytes(),
        last_sequence: live::last_sequence(&headers, watch.last_event_id.as_deref()),
    };
    let frames = caller.call(door.peers.activity().watch_live_session(request)).await?;
    let frames = frames.and_then(|told| async move { frame(told) }).boxed();
    Ok(door.live.answer(Live::new(frames, Some(leash), place)))
}

fn beacon(index: usize, text: &str) -> activity::Beacon {
    let told = match json::parse::<Beacon>(text.as_bytes()) {
        Ok(beacon) => Told::Point(point(beacon)),
        Err(refusal) => {
            let fields = refusal.fields.into_iter().map(|field| envelope::problem::Field {
                pointer: format!("/beacons/{index}{}", field.pointer),
                code: field.code,
                detail: field.detail,
            });
            Told::Unreadable(envelope::Problem {
                code: refusal.code.as_str().to_owned(),
                detail: refusal.detail,
                fields: fields.collect(),
                ..envelope::Problem::default()
            })
        }
    };
    activity::Beacon { told: Some(told) }
}

fn point(beacon: Beacon) -> activity::LivePoint {
    let figure = |real: Option<Real>| real.map(|real| real.0);
    let (latitude, longitude) = beacon.latlng.map(|at| (at.0.0, at.1.0)).unzip();
    activity::LivePoint {
        at_us: beacon.at.us(),
        latitude,
        longitude,
        altitude_m: figure(beacon.altitude_m),
        heart_rate_bpm: figure(beacon.heart_rate_bpm),
        power_w: figure(beacon.power_w),
        cadence_rpm: figure(beacon.cadence_rpm),
        speed_mps: figure(beacon.speed_mps),
        temperature_c: figure(beacon.temperature_c),
        distance_m: figure(beacon.distance_m),
    }
}

impl BeaconAck {
    fn of(ack: activity::BeaconAck, language: Language) -> Self {
        Self {
            at: ack.at_us.map(Instant),
            status: ack.status,
            problem: ack.problem.map(|problem| Fault::of(problem, language)),
        }
    }
}

/// A moment as it is shown.
#[derive(Serialize)]
struct Moment {
    at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    latlng: Option<(f64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    altitude_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_rpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed_mps: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature_c: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
}

impl Moment {
    fn of(point: activity::LivePoint) -> Self {
        Self {
            at: Instant(point.at_us),
            latlng: point.latitude.zip(point.longitude),
            altitude_m: Figure::known(point.altitude_m),
            heart_rate_bpm: Figure::known(point.heart_rate_bpm),
            power_w: Figure::known(point.power_w),
            cadence_rpm: Figure::known(point.cadence_rpm),
            speed_mps: Figure::known(point.speed_mps),
            temperature_c: Figure::known(point.temperature_c),
            distance_m: Figure::known(point.distance_m),
        }
    }

    fn all(points: Vec<activity::LivePoint>) -> Vec<Self> {
        points.into_iter().map(Self::of).collect()
    }
}

#[derive(Serialize)]
struct Shown {
    /// Absent where nothing was told yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<LiveSession>,
    points: Vec<Moment>,
}

#[derive(Serialize)]
struct Closed {
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<AnId>,
    retry_ms: u64,
}

fn frame(told: activity::LiveFrame) -> Result<Frame, Status> {
    let sequence = (told.sequence > 0).then_some(told.sequence);
    let (event, data) = match told.frame {
        Some(live_frame::Frame::Snapshot(snapshot)) => {
            let session = snapshot.session.map(LiveSession::of);
            let shown = Shown { sequence, session, points: Moment::all(snapshot.points) };
            ("snapshot", serde_json::to_vec(&shown))
        }
        Some(live_frame::Frame::Points(points)) => {
            let shown = Shown { sequence, session: None, points: Moment::all(points.points) };
            ("points", serde_json::to_vec(&shown))
        }
        Some(live_frame::Frame::Closed(closed)) => {
            let activity_id = AnId::of(&closed.activity_id);
            let closed = Closed { code: closed.code, activity_id, retry_ms: live::retry_ms() };
            ("closed", serde_json::to_vec(&closed))
        }
        None => return Err(Status::internal("a live frame that says nothing")),
    };
    let data = data.map_err(|error| Status::internal(error.to_string()))?;
    Ok(Frame { event: event.into(), id: sequence, data: Bytes::from(data) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_that_cannot_be_read_is_refused_alone_and_where_it_stands() {
        let Some(Told::Unreadable(problem)) = beacon(3, r#"{"at":"now"}"#).told else { panic!("unreadable") };
        assert_eq!(
            (problem.code.as_str(), problem.fields[0].pointer.as_str()),
            ("invalid_field", "/beacons/3/at")
        );
        let Some(Told::Unreadable(problem)) = beacon(4, "7").told else { panic!("unreadable") };
        assert_eq!(problem.fields[0].pointer, "/beacons/4");
        let good =
            beacon(0, r#"{"at":"2026-05-01T06:00:00+05:00","latlng":[43.2,76.9],"heart_rate_bpm":null}"#);
        let Some(Told::Point(point)) = good.told else { panic!("a point") };
        assert_eq!((point.latitude, point.longitude, point.heart_rate_bpm), (Some(43.2), Some(76.9), None));
    }
}
