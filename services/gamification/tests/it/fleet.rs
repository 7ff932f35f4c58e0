//! Gamification in an installation of its own; beside it the journal into which tests write what activity would.

use std::sync::Arc;

use eventing::{Db, Journal, StreamId};
use gamification::{Config, MIGRATIONS, app::App};
use kernel::{AccountId, ActivityId, Id, time::ManualClock};
use platform::{Peers, actor::Actor, context::acting_for, transport::Transport};
use proto::{activity as wire, gamification::gamification_client::GamificationClient};
use testkit::fleet::{self, Fleet, Ground};
use tonic::Request;

/// One run of it; another may be started on the same ground.
pub(crate) struct Game<'a> {
    pub(crate) activity: Journal,
    pub(crate) db: Db,
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    peers: Peers,
    fleet: Fleet<'a>,
}

pub(crate) async fn start(ground: &Ground) -> Game<'_> {
    start_with(ground, Config::default()).await
}

pub(crate) async fn start_with(ground: &Ground, config: Config) -> Game<'_> {
    let fleet = ground.fleet(&["gamification"]).await;
    let activity = fleet.stand_in("activity").await;
    let resources = fleet.resources("gamification").await;
    MIGRATIONS.apply(&resources.db).await.unwrap();
    let app = gamification::app(&resources, &resources.spine(), config.clone()).unwrap();
    let db = resources.db.clone();
    fleet.serve(gamification::module(resources, config).await.unwrap());
    Game { activity, db, app, clock: fleet.clock.clone(), peers: fleet.peers("gateway"), fleet }
}

impl Game<'_> {
    pub(crate) fn client(&self) -> GamificationClient<Transport> {
        self.peers.gamification()
    }

    pub(crate) fn clock_us(&self) -> i64 {
        kernel::time::micros(kernel::Clock::now(&*self.clock))
    }

    /// Everything stops, as at the end of a process.
    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
    }

    /// Writes an event of one activity, as its service would.
    pub(crate) async fn tell(&self, account: AccountId, activity: ActivityId, event: &impl prost::Name) {
        let stream = StreamId::of("activity", activity);
        fleet::tell(&self.activity, &stream, &account.to_string(), event).await;
    }

    pub(crate) async fn records(&self, account: AccountId, name: &str, facts: wire::Facts) -> ActivityId {
        let activity = ActivityId::derived(&[account.as_bytes(), name.as_bytes()]);
        let event = wire::ActivityRecorded {
            activity_id: bytes_of(activity),
            account_id: bytes_of(account),
            facts: Some(facts),
            ..wire::ActivityRecorded::default()
        };
        self.tell(account, activity, &event).await;
        activity
    }
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(id.as_bytes())
}

pub(crate) fn by<T>(account: AccountId, message: T) -> Request<T> {
    acting_for(Actor::Account { account_id: account, session_id: Id::random(), scopes: Vec::new() }, message)
}

/// A run from noon of that day in Almaty.
pub(crate) fn run_on(day: &str, distance_m: f64) -> wire::Facts {
    let start = format!("{day}T12:00:00[Asia/Almaty]").parse::<jiff::Zoned>().unwrap();
    wire::Facts {
        sport: "running".to_owned(),
        start_us: start.timestamp().as_microsecond(),
        utc_offset_s: start.offset().seconds(),
        time_zone: "Asia/Almaty".to_owned(),
        local_date: day.to_owned(),
        elapsed_time_s: 1_800.0,
        distance_m: Some(distance_m),
        ..wire::Facts::default()
    }
}
