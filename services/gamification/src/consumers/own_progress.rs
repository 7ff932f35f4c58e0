//! Our own events → progress, facts and achievements. Every row is set to what the event says, never counted up: a
//! rebuild and a replay give the same rows.

use async_trait::async_trait;
use eventing::{Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx};

use crate::{
    domain::{Event, Progress},
    metrics,
    store::rows::{Told, Word},
};

pub struct OwnProgress {
    metrics: metrics::Told,
}

impl OwnProgress {
    pub fn new(metrics: metrics::Told) -> Self {
        Self { metrics }
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
        let (mut told, mut heard) = (Told::default(), Vec::new());
        for incoming in events.iter().filter(|incoming| incoming.event.stream.kind() == Progress::KIND) {
            let event = Event::decode(&incoming.plain)?;
            tell(&mut told, &event);
            heard.push(event);
        }
        told.write(tx).await?;
        heard.iter().for_each(|event| self.metrics.count(event));
        Ok(())
    }
}

fn tell(told: &mut Told, event: &Event) {
    match event {
        Event::Counted { account, activity, fact, .. } => told.fact(*account, *activity, fact.clone()),
        Event::Uncounted { account, activity, .. } => told.fact(*account, *activity, None),
        Event::XpChanged { account, after, rule_version, .. } => {
            told.of_progress(*account, Word::Xp { xp: *after, rule_version: *rule_version });
        }
        Event::LevelReached { account, level, .. } | Event::LevelLost { account, level, .. } => {
            told.of_progress(*account, Word::Level(*level));
        }
        Event::StreakChanged { account, run } => told.of_progress(*account, Word::Streak(run.clone())),
        Event::BadgeUnlocked(given) | Event::BadgeReexplained(given) => told.badge(given),
        Event::BadgeRevoked { id, .. } => told.no_achievement(*id),
        Event::RewardGiven(given) => told.reward(given),
        Event::RulesAdopted { account, rule_version, .. } => {
            told.of_progress(*account, Word::Rules(*rule_version));
        }
    }
}
