//! Somebody who tells, those who watch, and what is told.

use bytes::Bytes;
use eventing::args;
use kernel::{AccountId, time::micros};
use platform::{actor::Actor, context::acting_for};
use proto::{
    activity::{
        Beacon, BeaconAck, FinishLiveSessionRequest, LiveFrame, LivePoint, LiveSessionView,
        SendBeaconsRequest, SendBeaconsResponse, StartLiveSessionRequest, WatchLiveSessionRequest, beacon,
        live_frame,
    },
    auth::PrivacyZone,
};
use testkit::fleet::NOW;
use tonic::{Status, Streaming};

use crate::world::{Accounts, World};

pub(super) const HOME: (f64, f64) = (43.2, 76.9);
pub(super) const METRES_PER_DEGREE: f64 = 111_195.0;
/// What people run.
pub(super) const SPEED_MPS: f64 = 3.0;

pub(super) fn now_us() -> i64 {
    micros(NOW.parse().unwrap())
}

/// Where a runner is so many seconds after the fleet's start: straight north from home.
pub(super) fn at(second: i64) -> LivePoint {
    let away_m = second as f64 * SPEED_MPS;
    LivePoint {
        at_us: now_us() + second * 1_000_000,
        latitude: Some(HOME.0 + away_m / METRES_PER_DEGREE),
        longitude: Some(HOME.1),
        heart_rate_bpm: Some(140.0),
        distance_m: Some(away_m),
        ..LivePoint::default()
    }
}

pub(super) fn beacon(point: LivePoint) -> Beacon {
    Beacon { told: Some(beacon::Told::Point(point)) }
}

pub(super) fn words(acks: &[BeaconAck]) -> Vec<&str> {
    acks.iter().map(|ack| ack.status.as_str()).collect()
}

/// The code and the place of what is wrong with a beacon.
pub(super) fn fault(ack: &BeaconAck) -> (String, String) {
    let problem = ack.problem.as_ref().unwrap();
    (problem.code.clone(), problem.fields.first().map(|field| field.pointer.clone()).unwrap_or_default())
}

/// Somebody who tells, and those who watch.
pub(super) struct Track<'a, 'g> {
    pub(super) world: &'a World<'g>,
    pub(super) teller: Actor,
    pub(super) id: Bytes,
}

impl<'a, 'g> Track<'a, 'g> {
    pub(super) async fn started(world: &'a World<'g>, teller: Actor) -> Self {
        Self::started_as(world, teller, StartLiveSessionRequest::default()).await
    }

    pub(super) async fn started_as(
        world: &'a World<'g>,
        teller: Actor,
        how: StartLiveSessionRequest,
    ) -> Self {
        let asked = StartLiveSessionRequest { sport: "running".to_owned(), ..how };
        let started = world.client().start_live_session(acting_for(teller.clone(), asked)).await;
        Self { world, teller, id: started.unwrap().into_inner().id }
    }

    /// The same in another run of the installation.
    pub(super) fn again(&self, world: &'a World<'g>) -> Self {
        Self { world, teller: self.teller.clone(), id: self.id.clone() }
    }

    pub(super) async fn send(&self, points: Vec<LivePoint>) -> Result<SendBeaconsResponse, Status> {
        let beacons = points.into_iter().map(beacon).collect();
        let asked = SendBeaconsRequest { session_id: self.id.clone(), beacons };
        let sent = self.world.client().send_beacons(acting_for(self.teller.clone(), asked)).await;
        sent.map(tonic::Response::into_inner)
    }

    /// Tells of these seconds.
    pub(super) async fn tell(&self, seconds: impl IntoIterator<Item = i64>) {
        let sent = self.send(seconds.into_iter().map(at).collect()).await.unwrap();
        assert!(sent.acks.iter().all(|ack| ack.status != "refused"), "{sent:?}");
    }

    pub(super) async fn finish(&self) -> Result<LiveSessionView, Status> {
        let asked = FinishLiveSessionRequest { session_id: self.id.clone() };
        let finished = self.world.client().finish_live_session(acting_for(self.teller.clone(), asked)).await;
        finished.map(tonic::Response::into_inner)
    }

    pub(super) async fn watch(&self, viewer: Actor, last_sequence: Option<u64>) -> Result<Watch, Status> {
        let asked = WatchLiveSessionRequest { session_id: self.id.clone(), last_sequence };
        let frames = self.world.client().watch_live_session(acting_for(viewer, asked)).await?;
        Ok(Watch { frames: frames.into_inner(), sequence: 0 })
    }
}

pub(super) struct Watch {
    frames: Streaming<LiveFrame>,
    /// The newest that was read.
    pub(super) sequence: u64,
}

impl Watch {
    pub(super) async fn next(&mut self) -> Option<live_frame::Frame> {
        let next = tokio::time::timeout(std::time::Duration::from_secs(30), self.frames.message());
        let frame = next.await.expect("a frame comes").unwrap()?;
        self.sequence = self.sequence.max(frame.sequence);
        frame.frame
    }

    pub(super) async fn snapshot(&mut self) -> (LiveSessionView, Vec<LivePoint>) {
        match self.next().await {
            Some(live_frame::Frame::Snapshot(snapshot)) => (snapshot.session.unwrap(), snapshot.points),
            other => panic!("no snapshot: {other:?}"),
        }
    }

    pub(super) async fn points(&mut self) -> Vec<LivePoint> {
        match self.next().await {
            Some(live_frame::Frame::Points(points)) => points.points,
            other => panic!("no points: {other:?}"),
        }
    }

    pub(super) async fn closed(mut self) -> (String, Bytes) {
        let closed = match self.next().await {
            Some(live_frame::Frame::Closed(closed)) => (closed.code, closed.activity_id),
            other => panic!("not closed: {other:?}"),
        };
        assert!(self.next().await.is_none(), "that was the last word");
        closed
    }
}

/// Seconds after the fleet's start.
pub(super) fn seconds(points: &[LivePoint]) -> Vec<i64> {
    points.iter().map(|point| (point.at_us - now_us()) / 1_000_000).collect()
}

/// Aida, who shows everything to everybody.
pub(super) fn open_athlete(accounts: &Accounts) -> AccountId {
    let aida = accounts.athlete("aida");
    for class in ["summary", "map", "start_time", "heart_rate"] {
        accounts.shows(aida, class, &["everyone"]);
    }
    aida
}

pub(super) fn hide_home(accounts: &Accounts, account: AccountId, radius_m: f64) {
    accounts.change(account, |standing| {
        let zone = PrivacyZone { name: "home".to_owned(), latitude: HOME.0, longitude: HOME.1, radius_m };
        standing.privacy.as_mut().unwrap().zones.push(zone);
        standing.zone_secrets = vec![Bytes::from_static(b"a secret that is not easily guessed")];
    });
}

pub(super) async fn count(world: &World<'_>, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    world.db.fetch_one(&sql, args![]).await.unwrap().unwrap().get(0).unwrap()
}
