//! Gamification among people: who they are is told by stand-ins of auth and social.

use std::sync::Arc;

use eventing::{Db, Journal, StreamId};
use gamification::{Config, MIGRATIONS, app::App};
use kernel::{AccountId, ActivityId, Code, Id, time::ManualClock};
use platform::{Module, Peers, transport::Transport};
use proto::{auth, gamification as wire, gamification::gamification_client::GamificationClient, social};
use testkit::fleet::{self, Fleet, Ground};
use tonic::{Response, Status, service::Routes};

use crate::{
    fleet::{by, bytes_of, run_on},
    siblings::{self, Known},
};

/// One run of it; another may be started on the same ground.
pub(crate) struct Arena<'a> {
    pub(crate) known: Known,
    pub(crate) auth: Journal,
    activity: Journal,
    pub(crate) db: Db,
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    peers: Peers,
    fleet: Fleet<'a>,
}

/// The code of a refused call.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    platform::refusal(&answer.unwrap_err()).code
}

impl<'a> Arena<'a> {
    pub(crate) async fn on(ground: &'a Ground) -> Self {
        Self::knowing(ground, Known::default()).await
    }

    /// Another process of the same installation.
    pub(crate) async fn again(self, ground: &'a Ground) -> Self {
        let known = self.known.clone();
        self.fleet.stop().await;
        Self::knowing(ground, known).await
    }

    async fn knowing(ground: &'a Ground, known: Known) -> Self {
        let fleet = ground.fleet(&["auth", "social", "activity", "gamification"]).await;
        let auth = sibling(&fleet, "auth", siblings::auth(&known)).await;
        sibling(&fleet, "social", siblings::social(&known)).await;
        let activity = fleet.stand_in("activity").await;
        let resources = fleet.resources("gamification").await;
        MIGRATIONS.apply(&resources.db).await.unwrap();
        let app = gamification::app(&resources, &resources.spine(), Config::default()).unwrap();
        let db = resources.db.clone();
        fleet.serve(gamification::module(resources, Config::default()).await.unwrap());
        let (clock, peers) = (fleet.clock.clone(), fleet.peers("gateway"));
        Self { known, auth, activity, db, app, clock, peers, fleet }
    }

    pub(crate) fn client(&self) -> GamificationClient<Transport> {
        self.peers.gamification()
    }

    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
    }

    pub(crate) fn at(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    /// An athlete of a region, known to auth.
    pub(crate) fn athlete(&self, name: &str, region: &str) -> AccountId {
        self.person(name, region, &[])
    }

    /// With roles: (role, regions).
    pub(crate) fn person(&self, name: &str, region: &str, roles: &[(&str, &[&str])]) -> AccountId {
        let account = AccountId::derived(&[name.as_bytes()]);
        let role = |(role, regions): &(&str, &[&str])| auth::Role {
            role: (*role).to_owned(),
            regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        };
        self.known.person(auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            display_name: name.to_owned(),
            birth_year: Some(1990),
            country: Some(region[..2].to_owned()),
            region: Some(region.to_owned()),
            time_zone: "Asia/Almaty".to_owned(),
            locale: "kk".to_owned(),
            roles: roles.iter().map(role).collect(),
            ..Default::default()
        });
        account
    }

    pub(crate) fn operator(&self) -> AccountId {
        self.person("operator", "KZ-75", &[("operator", &[])])
    }

    /// Makes the account a member of a group, perhaps one who runs it.
    pub(crate) fn joins_group(&self, account: AccountId, group: &str, staff: bool) -> String {
        let id: Id<social::Group> = Id::derived(&[group.as_bytes()]);
        self.known.groups(social::AccountGroups {
            account_id: bytes_of(account),
            group_ids: vec![bytes_of(id)],
            staffed_group_ids: if staff { vec![bytes_of(id)] } else { Vec::new() },
        });
        id.to_string()
    }

    pub(crate) async fn create(
        &self,
        author: AccountId,
        terms: wire::ChallengeTerms,
    ) -> Result<wire::Challenge, Status> {
        let request = wire::CreateChallengeRequest { terms: Some(terms) };
        self.client().create_challenge(by(author, request)).await.map(Response::into_inner)
    }

    pub(crate) async fn open(
        &self,
        by_whom: AccountId,
        id: &bytes::Bytes,
    ) -> Result<wire::Challenge, Status> {
        let request = wire::OpenChallengeRequest { challenge_id: id.clone() };
        self.client().open_challenge(by(by_whom, request)).await.map(Response::into_inner)
    }

    /// Drafted and opened by an operator.
    pub(crate) async fn running(&self, terms: wire::ChallengeTerms) -> bytes::Bytes {
        let operator = self.operator();
        let id = self.create(operator, terms).await.unwrap().id;
        assert_eq!(self.open(operator, &id).await.unwrap().state, "open");
        id
    }

    pub(crate) async fn stop_challenge(
        &self,
        by_whom: AccountId,
        id: &bytes::Bytes,
    ) -> Result<wire::Challenge, Status> {
        let request = wire::StopChallengeRequest { challenge_id: id.clone(), reason: "rain".to_owned() };
        self.client().stop_challenge(by(by_whom, request)).await.map(Response::into_inner)
    }

    pub(crate) async fn get(&self, viewer: AccountId, id: &bytes::Bytes) -> Result<wire::Challenge, Status> {
        let request = wire::GetChallengeRequest { challenge_id: id.clone() };
        self.client().get_challenge(by(viewer, request)).await.map(Response::into_inner)
    }

    pub(crate) async fn join(
        &self,
        account: AccountId,
        id: &bytes::Bytes,
    ) -> Result<wire::Participation, Status> {
        let request = wire::JoinChallengeRequest { challenge_id: id.clone(), ..Default::default() };
        self.client().join_challenge(by(account, request)).await.map(Response::into_inner)
    }

    pub(crate) async fn leave(&self, account: AccountId, id: &bytes::Bytes) -> Result<(), Status> {
        let request = wire::LeaveChallengeRequest { challenge_id: id.clone() };
        self.client().leave_challenge(by(account, request)).await.map(drop)
    }

    pub(crate) async fn list(
        &self,
        viewer: AccountId,
        request: wire::ListChallengesRequest,
    ) -> Result<wire::ListChallengesResponse, Status> {
        self.client().list_challenges(by(viewer, request)).await.map(Response::into_inner)
    }

    /// activity says that the account ran on that day.
    pub(crate) async fn runs(&self, account: AccountId, day: &str, distance_m: f64) {
        let activity = ActivityId::derived(&[account.as_bytes(), day.as_bytes()]);
        let event = proto::activity::ActivityRecorded {
            activity_id: bytes_of(activity),
            account_id: bytes_of(account),
            facts: Some(run_on(day, distance_m)),
            ..Default::default()
        };
        let stream = StreamId::of("activity", activity);
        fleet::tell(&self.activity, &stream, &account.to_string(), &event).await;
    }

    /// auth says that the account is no more.
    pub(crate) async fn erased(&self, account: AccountId) {
        let event = auth::AccountErased { account_id: bytes_of(account) };
        fleet::tell(&self.auth, &StreamId::of("account", account), &account.to_string(), &event).await;
    }
}

/// Distances over May 2026 in Almaty, for everybody.
pub(crate) fn may() -> wire::ChallengeTerms {
    wire::ChallengeTerms {
        name: [("en".to_owned(), "May".to_owned())].into(),
        metric: "distance_m".to_owned(),
        window: Some(wire::ChallengeWindow {
            start: "2026-05-01T00:00:00".to_owned(),
            end: "2026-06-01T00:00:00".to_owned(),
            clock: "instant".to_owned(),
            time_zone: "Asia/Almaty".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn sibling(fleet: &Fleet<'_>, name: &'static str, routes: Routes) -> Journal {
    let resources = fleet.resources(name).await;
    let (journal, spine) = (resources.journal.clone(), resources.spine());
    fleet.serve(Module::new(name, &[], routes).spine(&journal, spine));
    journal
}
