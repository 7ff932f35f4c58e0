//! The leaderboard in an installation of its own; beside it stand-ins that write the state which gamification, auth and
//! social would.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use eventing::{Class, Db, Journal, Plain, Topic, outbox};
use kernel::{AccountId, Code, Id, Refusal};
use leaderboard::boards::ChallengeId;
use platform::{Module, Peers, actor::Actor, context::acting_for, transport::Transport};
use proto::{
    auth::{DestroyedKey, StandingChanged},
    gamification::{ChallengeState, ChallengeTerms, Score, ScoreState},
    leaderboard::{
        AroundRequest, BoardPage, LiveRequest, RanksRequest, TopRequest,
        leaderboard_client::LeaderboardClient,
    },
    social::RelationsChanged,
};
use testkit::fleet::{Fleet, Ground, eventually};
use tonic::{Request, Status, service::Routes};

use crate::{
    siblings::{self, Known, bytes_of},
    stream::Stream,
};

/// How long the log may take to bring a challenge to the board.
const PATIENCE: Duration = Duration::from_secs(60);
/// Revisions go on over restarts, as rows' do.
static REVISION: AtomicI64 = AtomicI64::new(1);

pub(crate) struct World<'a> {
    pub(crate) known: Known,
    gamification: (Db, Journal),
    auth: (Db, Journal),
    social: (Db, Journal),
    peers: Peers,
    fleet: Fleet<'a>,
    ground: &'a Ground,
}

pub(crate) async fn start<'a>(ground: &'a Ground, known: &Known) -> World<'a> {
    let fleet = ground.fleet(&["auth", "gamification", "leaderboard", "social"]).await;
    let gamification = stand_in(&fleet, "gamification", siblings::gamification(known)).await;
    let auth = stand_in(&fleet, "auth", siblings::auth(known)).await;
    let social = stand_in(&fleet, "social", siblings::social(known)).await;
    let resources = fleet.resources("leaderboard").await;
    let health = resources.health.clone();
    fleet.serve(leaderboard::module(resources, leaderboard::Config::default()).await.unwrap());
    eventually("ready", || async { health.readiness().ready }, |ready| *ready).await;
    let peers = fleet.peers("gateway");
    World { known: known.clone(), gamification, auth, social, peers, fleet, ground }
}

async fn stand_in(fleet: &Fleet<'_>, name: &'static str, routes: Routes) -> (Db, Journal) {
    let resources = fleet.resources(name).await;
    let (db, journal) = (resources.db.clone(), resources.journal.clone());
    fleet.serve(Module::new(name, &[], routes).spine(&journal, resources.spine()));
    (db, journal)
}

/// A participant as gamification tells it.
#[derive(Clone, Copy)]
pub(crate) struct Stands<'a> {
    pub(crate) number: u32,
    /// In thousandths, with the moment it was reached.
    pub(crate) score: Option<(i64, i64)>,
    pub(crate) segments: &'a [&'a str],
    pub(crate) show_as: &'a str,
    pub(crate) state: &'a str,
}

pub(crate) fn scored(number: u32, value: i64) -> Stands<'static> {
    Stands { number, score: Some((value, 0)), segments: &[], show_as: "name", state: "active" }
}

pub(crate) fn account(name: &str) -> AccountId {
    Id::derived(&[name.as_bytes()])
}

pub(crate) fn challenge(name: &str) -> ChallengeId {
    Id::derived(&[name.as_bytes()])
}

pub(crate) fn by<T>(viewer: Option<AccountId>, message: T) -> Request<T> {
    let account = |account_id| Actor::Account { account_id, session_id: Id::random(), scopes: Vec::new() };
    acting_for(viewer.map_or_else(|| Actor::anonymous("192.0.2.1"), account), message)
}

pub(crate) fn refused_with<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code) -> Refusal {
    let refusal = platform::refusal(&answer.unwrap_err());
    assert_eq!(refusal.code, code, "{refusal:?}");
    refusal
}

impl World<'_> {
    pub(crate) fn client(&self) -> LeaderboardClient<Transport> {
        self.peers.leaderboard()
    }

    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
    }

    async fn put(
        (db, journal): &(Db, Journal),
        thing: &str,
        (key, part): (String, String),
        value: &impl prost::Name,
    ) {
        let topic = Topic::state(journal.service(), thing);
        let parcel = journal.sealer().parcel(&Plain::of(value)).await.unwrap();
        let revision = REVISION.fetch_add(1, Ordering::SeqCst);
        db.transact(move |tx| {
            Box::pin(async move { outbox::put_sealed(tx, &topic, (&key, &part), revision, parcel, "").await })
        })
        .await
        .unwrap();
    }

    pub(crate) async fn challenge(
        &self,
        challenge: ChallengeId,
        state: &str,
        change: impl FnOnce(&mut ChallengeTerms),
    ) {
        let mut terms = ChallengeTerms {
            metric: "distance_m".to_owned(),
            ties: "first".to_owned(),
            public: true,
            ..ChallengeTerms::default()
        };
        change(&mut terms);
        let value = ChallengeState {
            challenge_id: bytes_of(challenge),
            terms: Some(terms),
            state: state.to_owned(),
            ..ChallengeState::default()
        };
        let key = challenge.to_string();
        Self::put(&self.gamification, "challenges", (key.clone(), key), &value).await;
    }

    pub(crate) async fn stands(&self, challenge: ChallengeId, account: AccountId, stands: Stands<'_>) {
        let score = |(value, reached_us): (i64, i64)| Score {
            segments: stands.segments.iter().map(|one| (*one).to_owned()).collect(),
            scored: true,
            value,
            reached_us,
        };
        let value = ScoreState {
            challenge_id: bytes_of(challenge),
            account_id: bytes_of(account),
            member: stands.number,
            state: stands.state.to_owned(),
            show_as: stands.show_as.to_owned(),
            score: Some(stands.score.map_or_else(Score::default, score)),
        };
        let key = format!("{challenge}/{account}");
        Self::put(&self.gamification, "scores", (key, challenge.to_string()), &value).await;
    }

    pub(crate) async fn standing_changed(&self, account: AccountId) {
        let value = StandingChanged { account_id: bytes_of(account) };
        Self::put(&self.auth, "standings", (account.to_string(), account.to_string()), &value).await;
    }

    /// Auth destroys the keys of what somebody did, and says so.
    pub(crate) async fn erased(&self, account: AccountId) {
        self.ground.keys.destroy(account.uuid(), Class::Activity);
        self.said_erased(account).await;
    }

    /// Only says so: what was sealed before is still on its way.
    pub(crate) async fn said_erased(&self, account: AccountId) {
        let class = Class::Activity as i32;
        let value = DestroyedKey { subject: bytes_of(account), class, version: 1 };
        let key = (format!("{account}/{class}"), account.to_string());
        Self::put(&self.auth, "destroyed_keys", key, &value).await;
    }

    pub(crate) async fn relations_changed(&self, account: AccountId) {
        let value = RelationsChanged { account_id: bytes_of(account) };
        Self::put(&self.social, "relations", (account.to_string(), account.to_string()), &value).await;
    }

    pub(crate) async fn top(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        segment: &str,
    ) -> Result<BoardPage, Status> {
        let asked = TopRequest {
            challenge_id: bytes_of(challenge),
            segment: segment.to_owned(),
            ..TopRequest::default()
        };
        self.client().top(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn around(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        span: u32,
    ) -> Result<BoardPage, Status> {
        let asked = AroundRequest { challenge_id: bytes_of(challenge), segment: String::new(), span };
        self.client().around(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn ranks(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        accounts: &[AccountId],
    ) -> Result<BoardPage, Status> {
        let account_ids = accounts.iter().copied().map(bytes_of).collect();
        let asked = RanksRequest { challenge_id: bytes_of(challenge), segment: String::new(), account_ids };
        self.client().ranks(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    /// The top once it is as wanted.
    pub(crate) async fn top_when(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        wanted: impl Fn(&BoardPage) -> bool,
    ) -> BoardPage {
        let ask = || async { self.top(viewer, challenge, "").await };
        let is = |page: &Result<BoardPage, Status>| page.as_ref().is_ok_and(&wanted);
        eventually("the wanted top", ask, is).await.unwrap()
    }

    pub(crate) async fn live(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        last_sequence: Option<u64>,
    ) -> Stream {
        let asked = LiveRequest {
            challenge_id: bytes_of(challenge),
            segment: String::new(),
            limit: 10,
            last_sequence,
        };
        let tried_until = Instant::now() + PATIENCE;
        loop {
            match self.client().live(by(viewer, asked.clone())).await {
                Ok(answer) => return Stream::new(answer.into_inner()),
                // The log has not brought the challenge yet.
                Err(status) if status.code() == tonic::Code::NotFound && Instant::now() < tried_until => {}
                Err(status) => panic!("{status}"),
            }
        }
    }

    pub(crate) async fn live_in(
        &self,
        viewer: Option<AccountId>,
        challenge: ChallengeId,
        segment: &str,
    ) -> Result<Stream, Status> {
        let asked = LiveRequest {
            challenge_id: bytes_of(challenge),
            segment: segment.to_owned(),
            limit: 19,
            last_sequence: None,
        };
        self.client().live(by(viewer, asked)).await.map(|answer| Stream::new(answer.into_inner()))
    }
}

/// Members by place, as `m1 m2 …`.
pub(crate) fn members(page: &BoardPage) -> Vec<u32> {
    page.entries.iter().map(|entry| entry.member).collect()
}
