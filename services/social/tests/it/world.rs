//! A town of athletes.

use std::future::Future;

use bytes::Bytes;
use eventing::{Journal, StreamId, command::Key};
use kernel::{AccountId, Code, Id};
use platform::{
    Module, Resources,
    actor::Actor,
    context::{Ambient, acting_for},
    transport::Transport,
};
use proto::{
    auth,
    social::{self as p, social_client::SocialClient},
};
use testkit::fleet::{Fleet, Ground, tell};
use tonic::{Request, Response, Status};

use crate::siblings::{self, Known};

pub(crate) const REGION: &str = "KZ-75";

pub(crate) struct World<'a> {
    pub(crate) fleet: Fleet<'a>,
    pub(crate) known: Known,
    auth: Journal,
    pub(crate) activity: Journal,
    pub(crate) gamification: Journal,
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

pub(crate) fn id_of<Kind>(bytes: &[u8]) -> Id<Kind> {
    Id::new(uuid::Uuid::from_slice(bytes).unwrap())
}

/// The code of a refused call.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Code {
    platform::refusal(&answer.unwrap_err()).code
}

pub(crate) fn by<T>(account: AccountId, message: T) -> Request<T> {
    acting_for(Actor::Account { account_id: account, session_id: Id::random(), scopes: Vec::new() }, message)
}

/// The same call under an idempotency key.
pub(crate) async fn keyed<F: Future>(key: &str, hash: &'static [u8], call: F) -> F::Output {
    let idempotency = Some(Key { key: key.to_owned(), request_hash: Bytes::from_static(hash) });
    Ambient { idempotency, ..Ambient::new() }.scope(call).await
}

impl<'a> World<'a> {
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
        let fleet = ground.fleet(&["auth", "activity", "gamification", "social"]).await;
        let resources = fleet.resources("auth").await;
        let (auth, spine) = (resources.journal.clone(), resources.spine());
        fleet.serve(Module::new("auth", &[], siblings::auth(&known)).spine(&auth, spine));
        let activity = fleet.stand_in("activity").await;
        let gamification = fleet.stand_in("gamification").await;
        let resources: Resources = fleet.resources("social").await;
        social::MIGRATIONS.apply(&resources.db).await.unwrap();
        fleet.serve(social::module(resources, social::Config::default()).await.unwrap());
        Self { fleet, known, auth, activity, gamification }
    }

    pub(crate) fn social(&self) -> SocialClient<Transport> {
        self.fleet.peers("gateway").social()
    }

    /// An adult with everything as it is at first.
    pub(crate) async fn person(&self, name: &str) -> AccountId {
        self.person_of(name, "KZ-75", false).await
    }

    pub(crate) async fn minor(&self, name: &str) -> AccountId {
        self.person_of(name, "KZ-75", true).await
    }

    pub(crate) async fn person_of(&self, name: &str, region: &str, minor: bool) -> AccountId {
        let account = AccountId::random();
        let handle = format!("h{}", &account.uuid().simple().to_string()[..8]);
        self.known.person(auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            display_name: name.to_owned(),
            handle: handle.clone(),
            country: Some(region[..2].to_owned()),
            region: Some(region.to_owned()),
            minor,
            privacy: Some(auth::Privacy {
                searchable: true,
                board_name: "shown".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        });
        let registered = auth::AccountRegistered {
            account_id: bytes_of(account),
            profile: Some(auth::Profile {
                display_name: name.to_owned(),
                handle,
                region: Some(region.to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.says(account, &registered).await;
        account
    }

    /// auth's journal gets an event of the account.
    pub(crate) async fn says(&self, account: AccountId, event: &impl proto::Name) {
        tell(&self.auth, &StreamId::of("account", account), &account.to_string(), event).await;
    }

    pub(crate) fn privacy(&self, account: AccountId, change: impl FnOnce(&mut auth::Privacy)) {
        self.known.change(account, |standing| change(standing.privacy.get_or_insert_default()));
    }

    pub(crate) async fn befriend(
        &self,
        from: AccountId,
        to: AccountId,
    ) -> Result<Response<p::EdgeView>, Status> {
        let request = p::PutFriendRequest { account_id: bytes_of(to), only_if_received: false };
        self.social().put_friend(by(from, request)).await
    }

    pub(crate) async fn accept(
        &self,
        by_whom: AccountId,
        from: AccountId,
    ) -> Result<Response<p::EdgeView>, Status> {
        let request = p::PutFriendRequest { account_id: bytes_of(from), only_if_received: true };
        self.social().put_friend(by(by_whom, request)).await
    }

    pub(crate) async fn friends(&self, one: AccountId, other: AccountId) {
        self.befriend(one, other).await.unwrap();
        assert_eq!(self.accept(other, one).await.unwrap().into_inner().state, "friend");
    }

    pub(crate) async fn unfriend(&self, one: AccountId, other: AccountId) {
        let request = p::DeleteFriendRequest { account_id: bytes_of(other) };
        self.social().delete_friend(by(one, request)).await.unwrap();
    }

    pub(crate) async fn follow(
        &self,
        one: AccountId,
        other: AccountId,
    ) -> Result<Response<p::EdgeView>, Status> {
        self.social().put_follow(by(one, p::PutFollowRequest { account_id: bytes_of(other) })).await
    }

    pub(crate) async fn block(&self, one: AccountId, other: AccountId) {
        let request = p::PutBlockRequest { account_id: bytes_of(other) };
        let blocked = self.social().put_block(by(one, request)).await.unwrap().into_inner();
        assert_eq!(blocked.state, "blocked");
    }

    pub(crate) async fn unblock(&self, one: AccountId, other: AccountId) {
        let request = p::DeleteBlockRequest { account_id: bytes_of(other) };
        self.social().delete_block(by(one, request)).await.unwrap();
    }

    pub(crate) async fn listed(&self, owner: AccountId, state: &str) -> p::ListEdgesResponse {
        let request = p::ListEdgesRequest { state: state.to_owned(), ..Default::default() };
        self.social().list_friends(by(owner, request)).await.unwrap().into_inner()
    }

    pub(crate) async fn look(&self, viewer: AccountId, at: AccountId) -> Result<Response<p::Person>, Status> {
        self.social().get_person(by(viewer, p::GetPersonRequest { account_id: bytes_of(at) })).await
    }

    /// What social tells its siblings.
    pub(crate) async fn relation(&self, viewer: AccountId, owner: AccountId) -> p::Relation {
        let request = p::RelationsRequest {
            viewer_id: bytes_of(viewer),
            owner_ids: vec![bytes_of(owner)],
            friends_of_friends: true,
        };
        self.social().relations(request).await.unwrap().into_inner().items.remove(0)
    }

    pub(crate) async fn found(&self, viewer: AccountId, q: &str) -> Vec<String> {
        let request = p::SearchPeopleRequest { q: q.to_owned(), limit: 50, ..Default::default() };
        let answer = self.social().search_people(by(viewer, request)).await.unwrap().into_inner();
        answer.items.into_iter().map(|person| person.display_name).collect()
    }

    pub(crate) async fn create(&self, owner: AccountId, kind: &str, capacity: Option<u32>) -> p::Group {
        let terms = p::GroupTerms {
            name: "Almaty runners".to_owned(),
            kind: kind.to_owned(),
            region: Some(REGION.to_owned()),
            sports: vec!["running".to_owned()],
            capacity,
        };
        let request = p::CreateGroupRequest { terms: Some(terms) };
        self.social().create_group(by(owner, request)).await.unwrap().into_inner()
    }

    pub(crate) async fn put_member(
        &self,
        by_whom: AccountId,
        group: &p::Group,
        account: AccountId,
        role: &str,
    ) -> Result<Response<p::Member>, Status> {
        let request = p::PutMemberRequest {
            group_id: group.id.clone(),
            account_id: bytes_of(account),
            role: role.to_owned(),
        };
        self.social().put_member(by(by_whom, request)).await
    }

    pub(crate) async fn delete_member(
        &self,
        by_whom: AccountId,
        group: &p::Group,
        account: AccountId,
        ban: bool,
    ) -> Result<Response<p::DeleteMemberResponse>, Status> {
        let request = p::DeleteMemberRequest {
            group_id: group.id.clone(),
            account_id: bytes_of(account),
            ban,
            ..Default::default()
        };
        self.social().delete_member(by(by_whom, request)).await
    }

    pub(crate) async fn group(
        &self,
        viewer: AccountId,
        group: &p::Group,
    ) -> Result<Response<p::Group>, Status> {
        self.social().get_group(by(viewer, p::GetGroupRequest { group_id: group.id.clone() })).await
    }
}
