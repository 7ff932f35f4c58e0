//! auth as social meets it: the one RPC that it calls, answered from what a test has told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use kernel::AccountId;
use proto::auth;
use testkit::StandIn;
use tonic::service::Routes;

use crate::world::id_of;

/// What is known of people. Cheap to clone: all clones know the same.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<HashMap<AccountId, auth::AccountStanding>>>);

impl Known {
    pub(crate) fn person(&self, standing: auth::AccountStanding) {
        self.0.lock().unwrap().insert(id_of(&standing.account_id), standing);
    }

    /// Changes what is known of somebody.
    pub(crate) fn change(&self, account: AccountId, change: impl FnOnce(&mut auth::AccountStanding)) {
        change(self.0.lock().unwrap().get_mut(&account).unwrap());
    }

    fn standing(&self, request: auth::StandingRequest) -> auth::StandingResponse {
        let people = self.0.lock().unwrap();
        let of = |id: &bytes::Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            people.get(&id_of(id)).cloned().unwrap_or(unknown)
        };
        auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() }
    }
}

pub(crate) fn auth(known: &Known) -> Routes {
    let known = known.clone();
    StandIn::of("stadion.auth.v1.Auth").on("Standing", move |asked| Ok(known.standing(asked))).routes()
}
