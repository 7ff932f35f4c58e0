//! Our own events → the state topic that tells others whose relations changed.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx};

use crate::{metrics::Told, store::relation_state, wire::concerned};

pub struct OwnJournal {
    told: Told,
}

impl OwnJournal {
    pub fn new(told: Told) -> Self {
        Self { told }
    }
}

#[async_trait]
impl Projection for OwnJournal {
    fn name(&self) -> &'static str {
        "social-own"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["relation_state"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            for account in concerned(&incoming.event.stream, &incoming.plain)? {
                relation_state::changed(tx, account, incoming.event.position).await?;
            }
            self.told.event(incoming.plain.kind.rsplit('.').next().unwrap_or_default());
        }
        Ok(())
    }
}
