//! auth, gamification and social as promo meets them: the RPCs that it calls, answered from what a test has told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use kernel::AccountId;
use proto::{auth, gamification, social};
use testkit::StandIn;
use tonic::{Status, service::Routes};

use crate::world::id_of;

/// What is known of people and shops.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<AccountId, auth::AccountStanding>,
    earned: HashMap<AccountId, gamification::AccountFacts>,
    partners: Vec<auth::Partner>,
    groups: HashMap<AccountId, Vec<Bytes>>,
    /// How often social was asked.
    groups_asked: usize,
    unsociable: bool,
}

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        let id = id_of(&standing.account_id);
        self.0.lock().unwrap().people.insert(id, standing);
    }

    pub(crate) fn earned(&self, facts: gamification::AccountFacts) {
        let id = id_of(&facts.account_id);
        self.0.lock().unwrap().earned.insert(id, facts);
    }

    pub(crate) fn partner(&self, partner: auth::Partner) {
        self.0.lock().unwrap().partners.push(partner);
    }

    pub(crate) fn member(&self, account: AccountId, group: uuid::Uuid) {
        let group = Bytes::copy_from_slice(group.as_bytes());
        self.0.lock().unwrap().groups.entry(account).or_default().push(group);
    }

    pub(crate) fn leave(&self, account: AccountId) {
        self.0.lock().unwrap().groups.remove(&account);
    }

    pub(crate) fn groups_asked(&self) -> usize {
        self.0.lock().unwrap().groups_asked
    }

    /// Nobody hears of groups.
    pub(crate) fn part(&self, parted: bool) {
        self.0.lock().unwrap().unsociable = parted;
    }

    fn groups_of(&self, request: social::GroupsOfRequest) -> Result<social::GroupsOfResponse, Status> {
        let mut inner = self.0.lock().unwrap();
        inner.groups_asked += 1;
        if inner.unsociable {
            return Err(Status::unavailable("silent"));
        }
        let of = |id: &Bytes| social::AccountGroups {
            account_id: id.clone(),
            group_ids: inner.groups.get(&id_of(id)).cloned().unwrap_or_default(),
            ..social::AccountGroups::default()
        };
        Ok(social::GroupsOfResponse { items: request.account_ids.iter().map(of).collect() })
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            inner.people.get(&id_of(id)).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }

    fn partners(&self, request: auth::ListPartnersRequest) -> auth::ListPartnersResponse {
        let inner = self.0.lock().unwrap();
        let asked = |partner: &&auth::Partner| request.partner_ids.contains(&partner.partner_id);
        let items = inner.partners.iter().filter(asked).cloned().collect();
        auth::ListPartnersResponse { items, next_cursor: String::new() }
    }

    fn facts(&self, request: gamification::FactsRequest) -> gamification::FactsResponse {
        let inner = self.0.lock().unwrap();
        let of = |id: &Bytes| {
            let nothing =
                gamification::AccountFacts { account_id: id.clone(), level: 1, ..Default::default() };
            inner.earned.get(&id_of(id)).cloned().unwrap_or(nothing)
        };
        gamification::FactsResponse { items: request.account_ids.iter().map(of).collect() }
    }
}

pub(crate) fn auth(known: &Known) -> Routes {
    let [people, shops] = [(); 2].map(|()| known.clone());
    StandIn::of("stadion.auth.v1.Auth")
        .on("Standing", move |asked| Ok(people.standing(asked)))
        .on("ListPartners", move |asked| Ok(shops.partners(asked)))
        .routes()
}

pub(crate) fn gamification(known: &Known) -> Routes {
    let known = known.clone();
    StandIn::of("stadion.gamification.v1.Gamification")
        .on("Facts", move |asked| Ok(known.facts(asked)))
        .routes()
}

pub(crate) fn social(known: &Known) -> Routes {
    let known = known.clone();
    StandIn::of("stadion.social.v1.Social").on("GroupsOf", move |asked| known.groups_of(asked)).routes()
}
