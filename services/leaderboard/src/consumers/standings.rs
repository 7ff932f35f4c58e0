//! An account's name or settings changed: boards that show it ask anew.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Follower, Start, StateValue, Topic};
use proto::auth::StandingChanged;

use crate::{live::Live, wire};

pub struct Standings(pub Arc<Live>);

#[async_trait]
impl Follower for Standings {
    fn name(&self) -> &'static str {
        "standings"
    }

    fn topic(&self) -> Topic {
        Topic::state("auth", "standings")
    }

    fn start(&self) -> Start {
        Start::Present
    }

    async fn apply(&self, value: &StateValue) {
        let changed = value.plain.expect::<StandingChanged>();
        match changed.and_then(|changed| wire::id(&changed.account_id)) {
            Ok(account) => self.0.renew_member(account),
            Err(error) => tracing::error!(key = value.key, %error, "a changed standing is not understood"),
        }
    }
}
