//! Our own activities' events → a look around each: for what was left undone when it was recorded, and for the same
//! recording in other accounts.

use std::time::Duration;

use async_trait::async_trait;
use eventing::{Command, DomainEvent, Failure, Incoming, Reactor, Source};
use tokio::time::Instant;

use crate::{
    app::{App, across::settle_clones},
    domain::activity::{Change, Event},
    store::starts,
};

const KEYS_AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub struct FindTwins {
    pub app: App,
}

#[async_trait]
impl Reactor for FindTwins {
    fn name(&self) -> &'static str {
        "activity.twins"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    /// Twins are of one account, and an account is a key.
    fn keys_at_once(&self) -> usize {
        KEYS_AT_ONCE
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        if incoming.event.stream.kind() != "activity" {
            return Ok(());
        }
        let event = Event::decode(&incoming.plain)?;
        let at = match &event.change {
            Change::Deleted { .. } => Some(self.app.known_whereabouts(event.activity_id).await?),
            change => change.whereabouts(),
        };
        let Some(at) = at.filter(|at| !at.starts_us.is_empty()) else { return Ok(()) };
        // The rows hold this one, and so all that was recorded before it: of two that come at once, the later one is
        // looked at when both can be found.
        let until = Instant::now() + PATIENCE;
        let alike = loop {
            let (revision, alike) = starts::alike(&self.app.db, event.activity_id).await?;
            if revision >= incoming.event.version {
                break alike;
            }
            while starts::revision(&self.app.db, event.activity_id).await? < incoming.event.version {
                if Instant::now() >= until {
                    return Err(Failure::Retry("the rows are late".to_owned()));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let command = Command::after("service:activity", &incoming.event);
        let looked = self.app.settle_twins(&command, event.account_id, event.activity_id, &at).await;
        looked.map_err(|refusal| Failure::Retry(refusal.to_string()))?;
        Ok(settle_clones(&self.app.journal, &command, alike).await?)
    }
}
