//! auth and social as gamification meets them: the RPCs that challenges call, answered from what a test has told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kernel::AccountId;
use proto::{auth, social};
use testkit::StandIn;
use tonic::{Status, service::Routes};

/// What is known of people and their groups.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<AccountId, auth::AccountStanding>,
    groups: HashMap<AccountId, social::AccountGroups>,
    social_away: bool,
}

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        let id = AccountId::new(uuid::Uuid::from_slice(&standing.account_id).unwrap());
        self.0.lock().unwrap().people.insert(id, standing);
    }

    pub(crate) fn change(&self, account: AccountId, change: impl FnOnce(&mut auth::AccountStanding)) {
        change(self.0.lock().unwrap().people.get_mut(&account).unwrap());
    }

    pub(crate) fn groups(&self, groups: social::AccountGroups) {
        let id = AccountId::new(uuid::Uuid::from_slice(&groups.account_id).unwrap());
        self.0.lock().unwrap().groups.insert(id, groups);
    }

    /// social answers nobody from now on, or again.
    pub(crate) fn social_is_away(&self, away: bool) {
        self.0.lock().unwrap().social_away = away;
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            inner.people.get(&AccountId::new(uuid::Uuid::from_slice(id).unwrap())).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }

    fn groups_of(&self, request: social::GroupsOfRequest) -> social::GroupsOfResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let none = social::AccountGroups { account_id: id.clone(), ..Default::default() };
            inner.groups.get(&AccountId::new(uuid::Uuid::from_slice(id).unwrap())).cloned().unwrap_or(none)
        };
        social::GroupsOfResponse { items: request.account_ids.iter().map(of).collect() }
    }

    fn there(&self) -> Result<(), Status> {
        let away = self.0.lock().unwrap().social_away;
        if away { Err(Status::unavailable("social is away")) } else { Ok(()) }
    }
}

/// Everybody is a stranger to everybody.
fn strangers(request: social::RelationsRequest) -> social::RelationsResponse {
    let stranger = |owner_id: bytes::Bytes| social::Relation { owner_id, ..Default::default() };
    let items = request.owner_ids.into_iter().map(stranger).collect();
    social::RelationsResponse { items, ..Default::default() }
}

pub(crate) fn auth(known: &Known) -> Routes {
    let known = known.clone();
    StandIn::of("stadion.auth.v1.Auth").on("Standing", move |asked| Ok(known.standing(asked))).routes()
}

pub(crate) fn social(known: &Known) -> Routes {
    let [groups, relations] = [(); 2].map(|()| known.clone());
    StandIn::of("stadion.social.v1.Social")
        .on("GroupsOf", move |asked| groups.there().map(|()| groups.groups_of(asked)))
        .on("Relations", move |asked| relations.there().map(|()| strangers(asked)))
        .routes()
}
