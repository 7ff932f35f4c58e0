//! Answers without an end: a service's frames, passed on as the reader takes them, until something ends them.
//!
//! Nothing is queued here: the service is asked for its next frame when the reader has taken the one before. What ends a
//! stream is said in its last frame, `closed {code, retry_ms}`.
//!
//! | end | code |
//! |---|---|
//! | the service says so | its own: `settled`, `stopped`; `finished`, `discarded`, `hidden` |
//! | the token ran out a minute ago | `token_expired` |
//! | the session or the account ended | `revoked`, at once; also the service's, to who may no longer look |
//! | this process, or the service, goes | `shutdown` |
//! | nothing was read for a minute | `slow_reader`, should it read again |

mod held;

use std::{borrow::Cow, pin::Pin, sync::Arc, time::Duration};

use aws_lc_rs::rand;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kernel::{Clock, Code, Refusal};
use platform::{Task, Tasks, metrics::Metrics};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, Sleep, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use self::held::Readers;
use crate::{gate::Gate, token::Verified};

/// A stream outlives its token by one refresh.
const TOKEN_GRACE_S: i64 = 60;
/// Silence longer than this makes proxies believe that nobody is there.
const BEAT_EACH: Duration = Duration::from_secs(15);
/// How long a reader is asked to stay away, spread so that not all of them come back at once.
const RETRY_MS: std::ops::Range<u64> = 1_000..5_000;

/// How many live answers there may be, and how many there are.
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    open: Gauge,
    readers: Readers,
    drain: CancellationToken,
}

impl Streams {
    pub(crate) fn new(most: usize, metrics: &Metrics, tasks: &Tasks, drain: CancellationToken) -> Self {
        let readers = Readers::default();
        let slow = metrics.counter("live_slow_readers", "Live answers let go because nobody read them");
        let watch = readers.clone().watch(slow, drain.clone());
        tasks.spawn(Task::new("live readers", async move {
            watch.await;
            Ok(())
        }));
        Self {
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            open: metrics.gauge("live_streams", "Live answers that run"),
            readers,
            drain,
        }
    }

    /// A place for one more.
    ///
    /// # Errors
    /// `overloaded` when there is none.
    pub(crate) fn enter(&self) -> Result<Place, Refusal> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Refusal::new(Code::Overloaded, "too many live streams run at the moment").retry_after_s(3)
        })?;
        self.open.inc();
        Ok(Place { _permit: permit, open: self.open.clone(), drain: self.drain.clone() })
    }

    /// The answer as server-sent events.
    pub(crate) fn answer(&self, live: Live) -> Response {
        let mut response = Response::new(Body::from_stream(self.readers.hold(live)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx collects answers unless it is told not to.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response
    }
}

/// One live answer's place among all.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
    drain: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// What a service says next, as readers get it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub event: Cow<'static, str>,
    /// The sequence to come back with; `None`: nothing that one could come back to.
    pub id: Option<u64>,
    /// JSON.
    pub data: Bytes,
}

/// What a service says, one after the other.
pub(crate) type Frames = BoxStream<'static, Result<Frame, Status>>;

/// What comes next on a live answer.
pub(crate) enum Step {
    Frame(Frame),
    /// Nothing has happened for a while; the reader is told that we are here.
    Beat,
}

/// One live answer.
pub(crate) struct Live {
    frames: Frames,
    leash: Option<Leash>,
    /// When the reader is to hear of us at the latest, and when that is looked at: a frame moves the one and not the
    /// other.
    beat_at: Instant,
    beat: Pin<Box<Sleep>>,
    over: bool,
    place: Place,
}

impl Live {
    pub(crate) fn new(frames: Frames, leash: Option<Leash>, place: Place) -> Self {
        let beat_at = Instant::now() + BEAT_EACH;
        Self { frames, leash, beat_at, beat: Box::pin(sleep_until(beat_at)), over: false, place }
    }

    /// The next step; `None` after `closed`. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Step> {
        if self.over {
            return None;
        }
        let frame = loop {
            tokio::select! {
                biased;
                () = self.place.drain.cancelled() => break closed("shutdown"),
                code = snapped(self.leash.as_mut()) => break closed(code),
                frame = self.frames.next() => break match frame {
                    Some(Ok(frame)) => frame,
                    // The service went without a word: the reader does best to come again.
                    None => closed("shutdown"),
                    Some(Err(status)) => {
                        tracing::debug!(%status, "a live stream broke off");
                        closed("shutdown")
                    }
                },
                () = &mut self.beat => {
                    let now = Instant::now();
                    let silent = self.beat_at <= now;
                    if silent {
                        self.beat_at = now + BEAT_EACH;
                    }
                    self.beat.as_mut().reset(self.beat_at);
                    if silent {
                        return Some(Step::Beat);
                    }
                }
            }
        };
        self.beat_at = Instant::now() + BEAT_EACH;
        self.over = frame.event == "closed";
        Some(Step::Frame(frame))
    }
}

fn closed(code: &'static str) -> Frame {
    let data = serde_json::json!({"code": code, "retry_ms": retry_ms()});
    Frame { event: "closed".into(), id: None, data: Bytes::from(data.to_string()) }
}

/// When to come again, after `closed`.
pub(crate) fn retry_ms() -> u64 {
    let mut bytes = [0; 2];
    // Without randomness everybody waits the shortest time: worse, not wrong.
    let _ = rand::fill(&mut bytes);
    RETRY_MS.start + u64::from(u16::from_be_bytes(bytes)) % (RETRY_MS.end - RETRY_MS.start)
}

/// What ties a live answer to the token that it was asked with.
pub(crate) struct Leash {
    gate: Gate,
    token: Arc<Verified>,
    heard: watch::Receiver<u64>,
    expires: Pin<Box<Sleep>>,
}

impl Leash {
    pub(crate) fn new(gate: &Gate, token: Arc<Verified>, clock: &dyn Clock) -> Self {
        let left_s = token.expires_s + TOKEN_GRACE_S - clock.now().as_second();
        let left = Duration::from_secs(u64::try_from(left_s).unwrap_or_default());
        Self { gate: gate.clone(), heard: gate.heard(), token, expires: Box::pin(sleep(left)) }
    }
}

/// Waits until the token no longer carries the answer, and says why; strangers have none.
async fn snapped(leash: Option<&mut Leash>) -> &'static str {
    let Some(leash) = leash else { return std::future::pending().await };
    loop {
        if leash.gate.is_over(&leash.token) {
            return "revoked";
        }
        tokio::select! {
            () = &mut leash.expires => return "token_expired",
            // The gate lives as long as this: it holds the sender.
            _ = leash.heard.changed() => {}
        }
    }
}

/// A step as server-sent events have it: `event`, `id` where there is a sequence, `data`; a comment as heartbeat.
pub(crate) fn write_event(text: &mut Vec<u8>, step: &Step) {
    let Step::Frame(frame) = step else { return text.extend_from_slice(b": \n\n") };
    text.reserve(frame.data.len() + 64);
    for part in [b"event: ", frame.event.as_bytes(), b"\n"] {
        text.extend_from_slice(part);
    }
    if let Some(id) = frame.id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    for line in frame.data.split(|byte| *byte == b'\n') {
        for part in [b"data: ", line, b"\n"] {
            text.extend_from_slice(part);
        }
    }
    text.push(b'\n');
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What the reader has seen. The header is the newer one: browsers send it with the address of the first time. What is no
/// sequence of ours was never seen.
pub(crate) fn last_sequence(headers: &HeaderMap, parameter: Option<&str>) -> Option<u64> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    header.or(parameter)?.trim().parse().ok()
}

/// A frame as a socket's message: `{"event","id","data"}`.
pub(crate) fn as_message(frame: &Frame) -> Bytes {
    let id = frame.id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
    let mut text = format!(r#"{{"event":"{}",{id}"data":"#, frame.event).into_bytes();
    text.extend_from_slice(&frame.data);
    text.push(b'}');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: Option<u64>, data: &'static str) -> Frame {
        Frame { event: "delta".into(), id, data: Bytes::from_static(data.as_bytes()) }
    }

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

    fn event(step: &Step) -> Bytes {
        let mut text = Vec::new();
        write_event(&mut text, step);
        text.into()
    }

    #[test]
    fn an_event_has_its_name_its_sequence_and_its_data() {
        let told = event(&Step::Frame(frame(Some(8130), r#"{"left":["m9"]}"#)));
        assert_eq!(told, "event: delta\nid: 8130\ndata: {\"left\":[\"m9\"]}\n\n");
        assert_eq!(event(&Step::Frame(frame(None, "{}"))), "event: delta\ndata: {}\n\n");
        assert_eq!(event(&Step::Frame(frame(Some(0), "{}"))), "event: delta\nid: 0\ndata: {}\n\n");
        assert_eq!(event(&Step::Beat), ": \n\n", "a comment, which readers pass over");
    }

    #[test]
    fn data_that_breaks_a_line_cannot_make_an_event_of_its_own() {
        let told = event(&Step::Frame(frame(None, "{\n\nevent: closed\n}")));
        assert_eq!(told, "event: delta\ndata: {\ndata: \ndata: event: closed\ndata: }\n\n");
    }

    #[test]
    fn a_message_holds_the_same_as_json() {
        let message = as_message(&frame(Some(8130), r#"{"left":["m9"]}"#));
        assert_eq!(message, r#"{"event":"delta","id":8130,"data":{"left":["m9"]}}"#);
        assert_eq!(as_message(&frame(None, "{}")), r#"{"event":"delta","data":{}}"#);
    }

    #[test]
    fn nobody_is_asked_to_come_back_at_the_same_moment_as_all_the_others() {
        let waits: std::collections::BTreeSet<_> = (0..64).map(|_| retry_ms()).collect();
        assert!(waits.len() > 8 && waits.iter().all(|wait| RETRY_MS.contains(wait)), "{waits:?}");
    }
}
