//! gamification's BadgeUnlocked, and RewardBadgeGiven for a badge that a challenge gave → offers.

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{DecodeError, Failure, Incoming, Reactor, Source};
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
        let Some((achievement_id, account_id, badge)) = told(incoming)? else { return Ok(()) };
        let account =
            id_of(&account_id).ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))?;
        let achievement = uuid::Uuid::from_slice(&achievement_id).ok();
        let unlocked = grant::Unlocked { achievement, account, badge };
        grant::on_unlocked(&self.app, self.name(), incoming, &unlocked).await.map_err(Failure::from)
    }
}

/// The achievement, whose it is, and its badge; `None`: it is about no new badge.
fn told(incoming: &Incoming) -> Result<Option<(Bytes, Bytes, String)>, DecodeError> {
    if let Some(earned) = incoming.plain.decode::<gamification::BadgeUnlocked>() {
        let earned = earned?;
        return Ok(Some((earned.achievement_id, earned.account_id, earned.badge)));
    }
    let Some(won) = incoming.plain.decode::<gamification::RewardBadgeGiven>() else { return Ok(None) };
    let won = won?;
    Ok(Some((won.achievement_id, won.account_id, won.badge)))
}
