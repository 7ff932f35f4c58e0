//! A challenge's rules: what is better, what ties share, who may look, whether it is over.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Follower, StateValue, Topic};

use crate::{boards::Boards, wire};

pub struct Challenges(pub Arc<Boards>);

#[async_trait]
impl Follower for Challenges {
    fn name(&self) -> &'static str {
        "challenges"
    }

    fn topic(&self) -> Topic {
        Topic::state("gamification", "challenges")
    }

    async fn apply(&self, value: &StateValue) {
        match wire::terms(value) {
            Ok((challenge, terms)) => self.0.of(challenge).rule(terms),
            Err(error) => tracing::error!(key = value.key, %error, "a challenge is not understood"),
        }
    }
}
