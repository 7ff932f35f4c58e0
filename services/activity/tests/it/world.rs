//! One activity service, and beside it an auth and a social that say what a test wants them to say.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use activity::{Config, MIGRATIONS};
use bytes::Bytes;
use eventing::{
    Journal, StreamId, args,
    cql::Cql,
    rebuild::{Progress, Wanted},
};
use formats::Activity;
use kernel::{AccountId, Code, Id, Refusal, time::ManualClock};
use platform::{Module, Peers, actor::Actor, context::acting_for, transport::Transport};
use proto::{
    activity::{
        ActivityView, ListActivitiesRequest, UploadChunk, UploadHeader, UploadView,
        activities_client::ActivitiesClient, upload_chunk,
    },
    auth::{AccountStanding, Audience, Privacy, StandingRequest, StandingResponse},
    social::{Relation, RelationsRequest, RelationsResponse, ViewAsRequest, ViewAsResponse},
};
use testkit::{
    StandIn,
    fleet::{self, Fleet, Ground, eventually},
};
use tonic::{Request, Response, Status};

/// What auth says of accounts; outlives fleets.
#[derive(Clone, Default)]
pub(crate) struct Accounts {
    known: Arc<Mutex<HashMap<AccountId, AccountStanding>>>,
    silent: Arc<Mutex<bool>>,
    /// What a viewer is to an owner.
    relations: Arc<Mutex<HashMap<(AccountId, AccountId), Relation>>>,
    blockers: Arc<Mutex<HashSet<AccountId>>>,
    unsociable: Arc<Mutex<bool>>,
}

impl Accounts {
    /// An adult of Almaty who agreed to the keeping of health data.
    pub(crate) fn athlete(&self, name: &str) -> AccountId {
        let account = AccountId::derived(&[name.as_bytes()]);
        let standing = AccountStanding {
            account_id: bytes_of(account),
            known: true,
            time_zone: "Asia/Almaty".to_owned(),
            consents: vec!["terms".to_owned(), "health_data".to_owned()],
            privacy: Some(Privacy { searchable: true, board_name: "shown".to_owned(), ..Privacy::default() }),
            ..AccountStanding::default()
        };
        self.known.lock().unwrap().insert(account, standing);
        account
    }

    pub(crate) fn change(&self, account: AccountId, change: impl FnOnce(&mut AccountStanding)) {
        change(self.known.lock().unwrap().get_mut(&account).unwrap());
    }

    /// The audience of one class of data.
    pub(crate) fn shows(&self, account: AccountId, class: &str, members: &[&str]) {
        self.change(account, |standing| {
            let audiences = &mut standing.privacy.as_mut().unwrap().audiences;
            audiences.retain(|audience| audience.data_class != class);
            let members = members.iter().map(|&member| member.to_owned()).collect();
            audiences.push(Audience { data_class: class.to_owned(), members });
        });
    }

    pub(crate) fn fall_silent(&self, silent: bool) {
        *self.silent.lock().unwrap() = silent;
    }

    /// What the viewer is to the owner from now on.
    pub(crate) fn relate(&self, viewer: AccountId, owner: AccountId, relation: Relation) {
        self.relations.lock().unwrap().insert((viewer, owner), relation);
    }

    /// Nobody hears of relations.
    pub(crate) fn part(&self, parted: bool) {
        *self.unsociable.lock().unwrap() = parted;
    }

    fn relations(&self, asked: &RelationsRequest) -> Result<RelationsResponse, Status> {
        if *self.unsociable.lock().unwrap() {
            return Err(Status::unavailable("silent"));
        }
        let known = self.relations.lock().unwrap();
        let id = |raw: &Bytes| AccountId::new(uuid::Uuid::from_slice(raw).unwrap());
        let viewer = id(&asked.viewer_id);
        let one = |raw: &Bytes| {
            let known = known.get(&(viewer, id(raw))).cloned().unwrap_or_default();
            Relation { owner_id: raw.clone(), ..known }
        };
        Ok(RelationsResponse { items: asked.owner_ids.iter().map(one).collect(), position: 0 })
    }

    /// Only the account that blocks is told of the block.
    fn view_as(&self, asked: &ViewAsRequest) -> Result<ViewAsResponse, Status> {
        let other = AccountId::new(uuid::Uuid::from_slice(&asked.account_id).unwrap());
        if self.blockers.lock().unwrap().contains(&other) {
            return Err(platform::status(Refusal::not_found()));
        }
        Ok(ViewAsResponse::default())
    }

    /// Whoever shares a block with this account was blocked by it.
    pub(crate) fn blocks(&self, account: AccountId) {
        self.blockers.lock().unwrap().insert(account);
    }

    fn standing(&self, asked: &StandingRequest) -> Result<StandingResponse, Status> {
        if *self.silent.lock().unwrap() {
            return Err(Status::unavailable("silent"));
        }
        let known = self.known.lock().unwrap();
        let one = |raw: &Bytes| {
            let id = AccountId::new(uuid::Uuid::from_slice(raw).unwrap());
            known
                .get(&id)
                .cloned()
                .unwrap_or_else(|| AccountStanding { account_id: raw.clone(), ..Default::default() })
        };
        Ok(StandingResponse { accounts: asked.account_ids.iter().map(one).collect() })
    }
}

/// One run of the installation; another may be started on the same ground.
pub(crate) struct World<'a> {
    pub(crate) auth: Journal,
    /// Its own.
    pub(crate) journal: Journal,
    pub(crate) db: eventing::Db,
    spine: Arc<eventing::Spine>,
    peers: Peers,
    metrics: platform::metrics::Metrics,
    fleet: Fleet<'a>,
}

pub(crate) async fn start<'a>(ground: &'a Ground, accounts: &Accounts) -> World<'a> {
    start_with(ground, accounts, Config { sweep_every_ms: 100, ..Config::default() }).await
}

pub(crate) async fn start_with<'a>(ground: &'a Ground, accounts: &Accounts, config: Config) -> World<'a> {
    start_on(ground, accounts, config, None).await
}

pub(crate) async fn start_on<'a>(
    ground: &'a Ground,
    accounts: &Accounts,
    config: Config,
    cql: Option<Cql>,
) -> World<'a> {
    let fleet = ground.fleet(&["auth", "social", "activity"]).await;
    let resources = fleet.resources("auth").await;
    let (auth, spine) = (resources.journal.clone(), resources.spine());
    let known = accounts.clone();
    let routes = StandIn::of("stadion.auth.v1.Auth").on("Standing", move |asked| known.standing(&asked));
    fleet.serve(Module::new("auth", &[], routes.routes()).spine(&auth, spine));
    fleet.stand_in("social").await;
    let [relations, views] = [(); 2].map(|()| accounts.clone());
    let routes = StandIn::of("stadion.social.v1.Social")
        .on("Relations", move |asked| relations.relations(&asked))
        .on("ViewAs", move |asked| views.view_as(&asked));
    fleet.serve(Module::new("social", &["auth"], routes.routes()));
    let resources = fleet.resources("activity").await;
    MIGRATIONS.apply(&resources.db).await.unwrap();
    let (db, metrics) = (resources.db.clone(), resources.metrics.clone());
    let journal = resources.journal.clone();
    let module = activity::module(resources, config, cql).await.unwrap();
    let spine = module.spine.clone().unwrap();
    fleet.serve(module);
    World { auth, journal, db, spine, peers: fleet.peers("gateway"), metrics, fleet }
}

impl World<'_> {
    pub(crate) fn client(&self) -> ActivitiesClient<Transport> {
        self.peers.activity()
    }

    /// So many seconds pass, all at once.
    pub(crate) fn later(&self, seconds: i64) {
        self.fleet.clock.advance_s(seconds);
    }

    /// What a metric of the service says.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let said = self.metrics.render().unwrap();
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("stadion_activity_{name}{{service=\"activity\"}} ")));
        line.and_then(|line| line.rsplit_once(' ')).map_or(0.0, |(_, value)| value.parse().unwrap())
    }

    /// The rows of activities, uploads and days, made anew and served.
    pub(crate) async fn make_anew(&self) {
        self.make_anew_of(&["activity.consents", "activity.rows.1"]).await;
    }

    /// What activities add up to, made anew and served.
    pub(crate) async fn make_statistics_anew(&self) {
        self.make_anew_of(&["activity.statistics.1"]).await;
    }

    async fn make_anew_of(&self, readers: &[&str]) {
        let rebuilds = self.spine.rebuilds();
        let model = rebuilds.model(readers[readers.len() - 1]).unwrap();
        assert_eq!(model.readers, readers);
        let told = tokio::sync::watch::Sender::new(Progress::default());
        let wanted = Wanted { flip: true, differing: true };
        let outcome = rebuilds.run(&model, "this", wanted, &told).await.unwrap();
        assert!(outcome.flipped && outcome.comparison.is_equal(), "{outcome:?}");
    }

    /// The account is erased, and its rows are gone.
    pub(crate) async fn erase(&self, account: AccountId) {
        let erased = proto::auth::AccountErased { account_id: bytes_of(account) };
        fleet::tell(&self.auth, &StreamId::of("account", account), &account.to_string(), &erased).await;
        let sql = "SELECT COUNT(*) FROM taken_away WHERE account_id = $1 AND erased = 1";
        let ask = || async {
            self.db.fetch_one(sql, args![account]).await.unwrap().unwrap().get::<i64>(0).unwrap()
        };
        eventually("is the account erased", ask, |found| *found == 1).await;
    }

    /// What its clock says, by hand.
    pub(crate) fn clock(&self) -> &ManualClock {
        &self.fleet.clock
    }

    /// Everything stops, as at the end of a process.
    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
    }

    pub(crate) async fn upload(
        &self,
        actor: Actor,
        file: Vec<u8>,
        wait_s: u32,
    ) -> Result<UploadView, Status> {
        let filename = "run.fit".to_owned();
        let header = UploadHeader { filename, wait_s, ..UploadHeader::default() };
        let header = UploadChunk { part: Some(upload_chunk::Part::Header(header)) };
        let data: Vec<UploadChunk> = file
            .chunks(64 * 1024)
            .map(|chunk| UploadChunk { part: Some(upload_chunk::Part::Data(Bytes::copy_from_slice(chunk))) })
            .collect();
        let chunks = tokio_stream::iter(std::iter::once(header).chain(data));
        self.client().upload(acting_for(actor, chunks)).await.map(Response::into_inner)
    }

    /// Uploads and waits until the file is read.
    pub(crate) async fn uploaded(&self, account: AccountId, file: Vec<u8>) -> UploadView {
        self.upload(app(account), file, 30).await.unwrap()
    }

    pub(crate) async fn mine(&self, account: AccountId) -> Vec<ActivityView> {
        let asked = ListActivitiesRequest::default();
        self.client().list_activities(by(account, asked)).await.unwrap().into_inner().items
    }
}

/// Somebody at their phone.
pub(crate) fn app(account: AccountId) -> Actor {
    Actor::Account {
        account_id: account,
        session_id: Id::derived(&[b"phone"]),
        scopes: vec!["account".to_owned()],
    }
}

/// A paired watch.
pub(crate) fn watch(account: AccountId, name: &str) -> Actor {
    let scopes = vec!["activity:ingest".to_owned()];
    Actor::Account { account_id: account, session_id: Id::derived(&[name.as_bytes()]), scopes }
}

pub(crate) fn by<T>(account: AccountId, message: T) -> Request<T> {
    acting_for(app(account), message)
}

/// A made-up run of 5 km on the morning of that day in Almaty.
pub(crate) fn run(day: &str) -> Activity {
    let start = format!("{day}T06:00:00[Asia/Almaty]").parse::<jiff::Zoned>().unwrap();
    Activity { utc_offset_s: Some(5 * 3600), ..formats::synth::run(7, start.timestamp(), 5_000.0, 360.0) }
}

pub(crate) fn fit(day: &str) -> Vec<u8> {
    formats::write(&run(day))
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Refusal {
    platform::refusal(&answer.expect_err("this should have been refused"))
}

#[track_caller]
pub(crate) fn refused_with<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code) {
    assert_eq!(refused(answer).code, code);
}
