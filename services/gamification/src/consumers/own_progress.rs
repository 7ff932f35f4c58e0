//! Our own events → progress, facts and achievements. Every row is set to what the event says, never counted up: a
//! rebuild and a replay give the same rows.

use async_trait::async_trait;
use eventing::{Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx, sql::DbError};

use crate::{
    domain::{Event, Progress},
    metrics::Told,
    store::rows,
};

pub struct OwnProgress {
    told: Told,
}

impl OwnProgress {
    pub fn new(told: Told) -> Self {
        Self { told }
    }
}

#[async_trait]
impl Projection for OwnProgress {
    fn name(&self) -> &'static str {
        "gamification-progress"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["progress", "activity_fact", "achievement"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events.iter().filter(|incoming| incoming.event.stream.kind() == Progress::KIND) {
            let event = Event::decode(&incoming.plain)?;
            apply(tx, &event).await?;
            self.told.count(&event);
        }
        Ok(())
    }
}

async fn apply(tx: &mut dyn Tx, event: &Event) -> Result<(), DbError> {
    match event {
        Event::Counted { account, activity, fact: Some(fact), .. } => {
            rows::keep_fact(tx, *account, *activity, fact).await
        }
        Event::Counted { account, activity, fact: None, .. } | Event::Uncounted { account, activity, .. } => {
            rows::drop_fact(tx, *account, *activity).await
        }
        Event::XpChanged { account, after, rule_version, .. } => {
            rows::set_xp(tx, *account, *after, *rule_version).await
        }
        Event::LevelReached { account, level, .. } | Event::LevelLost { account, level, .. } => {
            rows::set_level(tx, *account, *level).await
        }
        Event::StreakChanged { account, run } => rows::set_streak(tx, *account, run).await,
        Event::BadgeUnlocked(given) | Event::BadgeReexplained(given) => {
            rows::keep_achievement(tx, given).await
        }
        Event::BadgeRevoked { id, .. } => rows::drop_achievement(tx, *id).await,
        Event::RewardGiven(given) => rows::keep_reward(tx, given).await,
        Event::RulesAdopted { account, rule_version, .. } => {
            rows::set_rules(tx, *account, *rule_version).await
        }
    }
}
