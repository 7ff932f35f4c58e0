//! A withdrawn consent has destroyed the keys of its class: everybody who keeps one near is told.
//!
//! The append itself destroyed them. Telling it again says the same: only versions that are gone are named.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx};
use proto::auth as p;
use uuid::Uuid;

use crate::{domain::consent::Purpose, key_store};

/// Publishes on the state topic `auth.destroyed_keys`.
pub struct TellDestroyed;

#[async_trait]
impl Projection for TellDestroyed {
    fn name(&self) -> &'static str {
        "withdrawn-consents"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::Never("it keeps no rows: it tells what the key store holds")
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let Some(event) = incoming.plain.decode::<p::ConsentWithdrawn>() else { continue };
            let event = event?;
            let class = Purpose::parse(&event.purpose).and_then(Purpose::sealing_class);
            let Some(class) = class else { continue };
            let subject =
                Uuid::from_slice(&event.account_id).map_err(|error| Failure::Poison(error.to_string()))?;
            key_store::tell_destroyed(tx, subject, class).await?;
        }
        Ok(())
    }
}
