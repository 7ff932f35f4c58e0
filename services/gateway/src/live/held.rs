//! Readers that do not read.
//!
//! A stream is asked for more when its reader has taken what came before: one whose socket is full is not asked at all, and
//! never hears of anything. Its service and its place are let go from outside; should it read again, it is told so.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, stream::BoxStream};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Live, Step, closed, write_event};

/// Heartbeats are taken oftener than that by everybody who reads.
const READS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EACH: Duration = Duration::from_secs(15);
/// A piece of a stream that is so long is long enough.
const PIECE_BYTES: usize = 16 * 1024;

/// All readers of event streams in this process.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<Mutex<Vec<Weak<Held>>>>);

struct Held(Mutex<State>);

struct State {
    /// `None` once it has ended, or was let go.
    events: Option<BoxStream<'static, Bytes>>,
    let_go: bool,
    asked_at: Instant,
}

/// One reader's stream, as its answer's body has it.
struct Reading(Arc<Held>);

impl Readers {
    pub(super) fn hold(&self, live: Live) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let events =
            futures::stream::unfold(live, |mut live| async { Some((piece(&mut live).await?, live)) });
        let state = State { events: Some(events.boxed()), let_go: false, asked_at: Instant::now() };
        let held = Arc::new(Held(Mutex::new(state)));
        self.all().push(Arc::downgrade(&held));
        Reading(held)
    }

    /// Lets those go that do not read, until `drain`.
    pub(super) async fn watch(self, slow: Counter, drain: CancellationToken) {
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                () = sleep(LOOK_EACH) => {}
            }
            let open: Vec<Arc<Held>> = {
                let mut all = self.all();
                all.retain(|held| held.strong_count() > 0);
                all.iter().filter_map(Weak::upgrade).collect()
            };
            for held in open {
                let unread = held.state().unread();
                if unread.is_some() {
                    slow.inc();
                }
                // Dropped without the lock: a service hears of it.
                drop(unread);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Held>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is there to be said, in one piece: what a tick tells one reader goes to the socket at once.
async fn piece(live: &mut Live) -> Option<Bytes> {
    let mut text = Vec::new();
    write_event(&mut text, &live.next().await?);
    // Not polled to its end, it is polled again when the piece was taken: no word of news is missed.
    while text.len() < PIECE_BYTES
        && let Some(Some(step)) = live.next().now_or_never()
    {
        write_event(&mut text, &step);
    }
    Some(text.into())
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What nobody has asked for anything in a long time.
    fn unread(&mut self) -> Option<BoxStream<'static, Bytes>> {
        let unread = self.events.take_if(|_| self.asked_at.elapsed() >= READS_WITHIN);
        self.let_go |= unread.is_some();
        unread
    }
}

impl Stream for Reading {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.state();
        state.asked_at = Instant::now();
        let Some(events) = &mut state.events else {
            let last = std::mem::take(&mut state.let_go).then(|| {
                let mut text = Vec::new();
                write_event(&mut text, &Step::Frame(closed("slow_reader")));
                Ok(text.into())
            });
            return Poll::Ready(last);
        };
        let next = std::task::ready!(events.poll_next_unpin(cx));
        if next.is_none() {
            state.events = None;
        }
        Poll::Ready(next.map(Ok))
    }
}
