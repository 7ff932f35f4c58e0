//! A live session as somebody watches it: what was told so far, then what is told, to its end.
//!
//! Nothing is queued: points are read from the store at the reader's pace. Whether they may be shown is asked after they
//! were read, each time, so that nothing leaves after a block, a stricter setting or an erasure; and while nothing is told,
//! it is asked now and then. To watch takes the map, the start and the summary; the heart is a class of its own.
//!
//! To others a point in one of the owner's zones does not exist. Nor does, for owners with zones, one without a position:
//! nobody could say where it lies.

use std::{sync::Arc, time::Duration};

use kernel::{AccountId, ActivityId, Refusal};
use moka::sync::Cache;
use platform::Tasks;
use privacy::{Area, DataClass};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    App,
    start_live::{Session, live_stream},
};
use crate::{
    domain::{
        LiveId,
        live::{Live, Point},
    },
    store::live::{self as rows, State, Told},
};

/// Points of one frame.
const PAGE: u32 = 500;
/// How soon what another process was told is seen.
const POLL_EACH: Duration = Duration::from_secs(1);
/// How often a watcher to whom nothing is shown is looked at anew.
const LOOK_EACH: Duration = Duration::from_secs(2);
/// Sessions that are listened to in this process.
const HEARD_MAX: u64 = 50_000;
const HEARD_FOR: Duration = Duration::from_secs(600);

/// Wakes the watchers of a session in this process when something is told. Cheap to clone.
#[derive(Clone)]
pub struct Heard {
    sessions: Cache<LiveId, Arc<watch::Sender<()>>>,
    tasks: Tasks,
    drain: CancellationToken,
}

impl Heard {
    /// Watching ends with `drain`.
    pub fn new(tasks: Tasks, drain: CancellationToken) -> Self {
        let sessions = Cache::builder().max_capacity(HEARD_MAX).time_to_idle(HEARD_FOR).build();
        Self { sessions, tasks, drain }
    }

    pub(super) fn tell(&self, id: LiveId) {
        if let Some(session) = self.sessions.get(&id) {
            session.send_replace(());
        }
    }

    fn of(&self, id: LiveId) -> Arc<watch::Sender<()>> {
        self.sessions.get_with(id, || Arc::new(watch::Sender::new(())))
    }
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Frame {
    Snapshot {
        session: Box<Session>,
        own: bool,
        told: Vec<Told>,
    },
    Points(Vec<Told>),
    /// The last.
    Closed {
        code: &'static str,
        activity_id: Option<ActivityId>,
    },
}

/// One who watches.
pub struct Watcher {
    app: App,
    id: LiveId,
    viewer: AccountId,
    live: Live,
    own: bool,
    /// Up to here points were read.
    read: i64,
    begun: bool,
    over: bool,
    looked: Instant,
    sight: Shown,
    /// What the device had counted at the first point that was shown.
    first_m: Option<f64>,
}

/// What a watcher may see.
#[derive(Clone, Debug, Default)]
struct Shown {
    areas: Vec<Area>,
    heart: bool,
}

impl Shown {
    fn admits(&self, point: &Point) -> bool {
        let covered = |(latitude, longitude)| self.areas.iter().any(|area| area.covers(latitude, longitude));
        self.areas.is_empty() || point.latlng.is_some_and(|at| !covered(at))
    }
}

impl App {
    /// # Errors
    /// `not_found` for a session that may not be watched, or ended some time ago.
    pub async fn watch_live(
        &self,
        viewer: AccountId,
        id: LiveId,
        last_sequence: Option<u64>,
    ) -> Result<Watcher, Refusal> {
        let row = rows::get(&self.db, id).await.map_err(eventing::Error::from)?;
        let row = row.ok_or_else(Refusal::not_found)?;
        let live = self.journal.load::<Live>(&live_stream(id)).await?.state;
        let last = last_sequence.and_then(|last| i64::try_from(last).ok());
        let last = last.filter(|last| (1..=row.sequence).contains(last));
        let mut watcher = Watcher {
            app: self.clone(),
            id,
            viewer,
            live,
            own: row.account_id == viewer,
            read: last.unwrap_or_default(),
            begun: last.is_some(),
            over: false,
            looked: Instant::now(),
            sight: Shown { areas: Vec::new(), heart: true },
            first_m: None,
        };
        if !watcher.own && !watcher.look().await? {
            return Err(Refusal::not_found());
        }
        if watcher.begun {
            watcher.find_first().await?;
        }
        Ok(watcher)
    }
}

impl Watcher {
    /// `None` after `Closed`, and when this process goes.
    pub async fn next(mut self) -> Option<(Frame, Self)> {
        while !self.over {
            let heard = self.app.heard.of(self.id);
            let mut news = heard.subscribe();
            let (watcher, read) = self.apart().await?;
            self = watcher;
            match read {
                Ok(Some(frame)) => {
                    self.over = matches!(frame, Frame::Closed { .. });
                    return Some((frame, self));
                }
                Ok(None) => {}
                // What cannot be asked hides: nothing is shown, and it is tried again.
                Err(refusal) => tracing::debug!(live = %self.id, %refusal, "a watcher waits"),
            }
            let drain = self.app.heard.drain.clone();
            tokio::select! {
                biased;
                () = drain.cancelled() => self.over = true,
                _ = news.changed() => {}
                () = sleep(POLL_EACH) => {}
            }
        }
        None
    }

    /// Reads in a task of its own: a stream is polled as its reader takes it, and who stops in the middle must not keep a
    /// connection of the store meanwhile. `None`: the task was lost.
    async fn apart(mut self) -> Option<(Self, Result<Option<Frame>, Refusal>)> {
        let (answer, answered) = oneshot::channel();
        let tasks = self.app.heard.tasks.clone();
        tasks.spawn_one("activity/watcher", async move {
            let read = self.read_on().await;
            // Where nobody waits any more, the reader has gone.
            drop(answer.send((self, read)));
        });
        answered.await.ok()
    }

    /// `None`: nothing has come that could be shown.
    async fn read_on(&mut self) -> Result<Option<Frame>, Refusal> {
        loop {
            let row = rows::get(&self.app.db, self.id).await.map_err(eventing::Error::from)?;
            let Some(row) = row else { return Ok(Some(hidden())) };
            let told = match row.sequence > self.read {
                true => {
                    rows::told(&self.app.db, self.id, self.read, PAGE).await.map_err(eventing::Error::from)?
                }
                false => Vec::new(),
            };
            let is_due = !told.is_empty() || !self.begun || self.looked.elapsed() >= LOOK_EACH;
            if !self.own && (is_due || row.state == State::Ended) && !self.look().await? {
                return Ok(Some(hidden()));
            }
            let full = told.len() == PAGE as usize;
            let session = match self.begun {
                true => None,
                false => Some(Box::new(self.app.live_session(self.id).await?)),
            };
            // From here on nothing fails: what was read is shown.
            if let Some(last) = told.last() {
                self.read = last.sequence;
            }
            let told = self.shown(told);
            if let Some(session) = session {
                self.begun = true;
                return Ok(Some(Frame::Snapshot { session, own: self.own, told }));
            }
            if !told.is_empty() {
                return Ok(Some(Frame::Points(told)));
            }
            if full {
                continue;
            }
            // Where it has ended, nothing was told after what this row says.
            return Ok(
                (row.state == State::Ended && self.read >= row.sequence).then(|| ended(row.activity_id))
            );
        }
    }

    /// Whether it may be watched.
    async fn look(&mut self) -> Result<bool, Refusal> {
        let Some((owner, plan)) = self.live.account_id.zip(self.live.plan.as_ref()) else { return Ok(false) };
        let look = self.app.sight.look(Some(self.viewer), owner).await?;
        let mask = look.mask(plan.visibility.as_ref());
        let needed = [DataClass::Summary, DataClass::StartTime, DataClass::Map];
        self.looked = Instant::now();
        self.sight = Shown { heart: mask.shows(DataClass::HeartRate), areas: look.areas.clone() };
        Ok(needed.into_iter().all(|class| mask.shows(class)))
    }

    fn shown(&mut self, told: Vec<Told>) -> Vec<Told> {
        if self.own {
            return told;
        }
        let mut shown = told;
        shown.retain(|told| self.sight.admits(&told.point));
        for Told { point, .. } in &mut shown {
            if !self.sight.heart {
                point.heart_rate_bpm = None;
            }
            self.first_m = self.first_m.or(point.distance_m);
            let first_m = self.first_m.unwrap_or_default();
            // Late ones of before that point say nothing of how far it was.
            point.distance_m =
                point.distance_m.map(|distance_m| distance_m - first_m).filter(|since_m| *since_m >= 0.0);
        }
        shown
    }

    /// Who goes on is told distances as before.
    async fn find_first(&mut self) -> Result<(), Refusal> {
        let mut behind = 0;
        while !self.own && self.first_m.is_none() && behind < self.read {
            let told =
                rows::told(&self.app.db, self.id, behind, PAGE).await.map_err(eventing::Error::from)?;
            let Some(last) = told.last() else { break };
            behind = last.sequence;
            let first = told.iter().filter(|told| self.sight.admits(&told.point));
            self.first_m = first.filter_map(|told| told.point.distance_m).next();
        }
        Ok(())
    }
}

const fn hidden() -> Frame {
    Frame::Closed { code: "hidden", activity_id: None }
}

const fn ended(activity_id: Option<ActivityId>) -> Frame {
    let code = if activity_id.is_some() { "finished" } else { "discarded" };
    Frame::Closed { code, activity_id }
}

#[cfg(test)]
mod tests {
    use privacy::Zone;

    use super::*;

    #[test]
    fn a_zone_hides_what_lies_in_it_and_what_lies_nowhere() {
        let home = Zone { name: "home".to_owned(), latitude: 43.2, longitude: 76.9, radius_m: 400.0 };
        let sight = Shown { areas: vec![Area::of(&home, &[7; 32])], heart: true };
        let at = |latlng| Point { latlng, ..Point::default() };
        assert!(!sight.admits(&at(Some((43.2, 76.9)))));
        assert!(!sight.admits(&at(None)));
        assert!(sight.admits(&at(Some((43.3, 76.9)))));
        assert!(Shown::default().admits(&at(None)), "without zones there is nothing to hide");
    }
}
