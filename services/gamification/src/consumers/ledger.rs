//! Points posted → both sides of each entry.

use async_trait::async_trait;
use eventing::{Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx};

use crate::{
    domain::points::{Ledger, Posted},
    store::ledger,
};

pub struct Entries;

#[async_trait]
impl Projection for Entries {
    fn name(&self) -> &'static str {
        "gamification-ledger"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["points_side"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events.iter().filter(|incoming| incoming.event.stream.kind() == Ledger::KIND) {
            ledger::keep(tx, &Posted::decode(&incoming.plain)?).await?;
        }
        Ok(())
    }
}
