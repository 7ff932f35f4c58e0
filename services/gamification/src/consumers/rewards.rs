//! Places fixed → points and badges for those who earned some.

use async_trait::async_trait;
use eventing::{Aggregate, DomainEvent, Failure, Incoming, Reactor, Source};

use crate::{
    app::{App, reward},
    domain::{Challenge, challenge::Event},
};

pub struct Rewards {
    app: App,
}

impl Rewards {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl Reactor for Rewards {
    fn name(&self) -> &'static str {
        "gamification-rewards"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        if incoming.event.stream.kind() != Challenge::KIND {
            return Ok(());
        }
        if let Event::PlacementsFixed { challenge, placements } = Event::decode(&incoming.plain)? {
            reward::reward(&self.app, challenge, &placements).await?;
        }
        Ok(())
    }
}
