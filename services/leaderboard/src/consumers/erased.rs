//! What somebody did is nobody's any more: they are off every board, before gamification has said so for each, and stay
//! off it over a restart.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Class, Follower, StateValue, Topic};
use proto::auth::DestroyedKey;

use crate::{boards::Boards, kept::Keeper, metrics::Measured, wire};

pub struct Erased {
    pub boards: Arc<Boards>,
    pub kept: Arc<Keeper>,
    pub measured: Measured,
}

#[async_trait]
impl Follower for Erased {
    fn name(&self) -> &'static str {
        "erased"
    }

    fn topic(&self) -> Topic {
        Topic::state("auth", "destroyed_keys")
    }

    async fn apply(&self, value: &StateValue) {
        let destroyed = value.plain.expect::<DestroyedKey>().and_then(|destroyed| {
            let account = wire::id(&destroyed.subject)?;
            Ok((account, destroyed.class == Class::Activity as i32))
        });
        match destroyed {
            Ok((account, true)) => {
                for (part, moved) in self.boards.vanish(account) {
                    self.measured.moved(moved);
                    self.kept.forget(part);
                }
            }
            Ok((_, false)) => {}
            Err(error) => tracing::error!(key = value.key, %error, "a destroyed key is not understood"),
        }
    }
}
