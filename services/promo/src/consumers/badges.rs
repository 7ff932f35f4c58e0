//! gamification's BadgeUnlocked → offers.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Reactor, Source};
use proto::gamification;

use crate::{
    app::{App, grant},
    wire::id_of,
};

pub struct Badges {
    app: App,
}

impl Badges {
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl Reactor for Badges {
    fn name(&self) -> &'static str {
        "promo-badges"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("gamification")]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        let Some(unlocked) = incoming.plain.decode::<gamification::BadgeUnlocked>() else { return Ok(()) };
        let unlocked = unlocked?;
        let account =
            id_of(&unlocked.account_id).ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))?;
        let unlocked = grant::Unlocked {
            achievement: uuid::Uuid::from_slice(&unlocked.achievement_id).ok(),
            account,
            badge: unlocked.badge,
        };
        grant::on_unlocked(&self.app, self.name(), incoming, &unlocked).await.map_err(Failure::from)
    }
}
