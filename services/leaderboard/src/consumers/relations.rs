//! Something changed between an account and others: its own streams look at everybody anew, and everybody's at it.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Follower, Start, StateValue, Topic};
use proto::social::RelationsChanged;

use crate::{live::Live, wire};

pub struct Relations(pub Arc<Live>);

#[async_trait]
impl Follower for Relations {
    fn name(&self) -> &'static str {
        "relations"
    }

    fn topic(&self) -> Topic {
        Topic::state("social", "relations")
    }

    fn start(&self) -> Start {
        Start::Present
    }

    async fn apply(&self, value: &StateValue) {
        let changed = value.plain.expect::<RelationsChanged>();
        match changed.and_then(|changed| wire::id(&changed.account_id)) {
            Ok(account) => {
                self.0.renew_viewer(account);
                self.0.renew_member(account);
            }
            Err(error) => tracing::error!(key = value.key, %error, "a changed relation is not understood"),
        }
    }
}
