//! Our own events → the state topic that tells others whose relations changed.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Projection, Source, Tx};
use kernel::AccountId;
use proto::social as p;

use crate::{
    metrics::Told,
    store::relation_state,
    wire::{concerned, id_of},
};

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

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            for account in concerned(&incoming.event.stream, &incoming.plain)? {
                relation_state::changed(tx, account, incoming.event.position).await?;
            }
            if let Some(erased) = incoming.plain.decode::<p::SubjectErased>() {
                let account = id_of::<kernel::id::Account>(&erased?.account_id);
                let account: AccountId =
                    account.ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))?;
                relation_state::changed(tx, account, incoming.event.position).await?;
            }
            self.told.event(incoming.plain.kind.rsplit('.').next().unwrap_or_default());
        }
        Ok(())
    }
}
