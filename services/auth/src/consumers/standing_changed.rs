//! What an account's standing shows has changed: whoever holds it asks for it anew.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx};
use kernel::AccountId;
use proto::auth as p;

use crate::store::standings;

/// Publishes the state topic `auth.standings`.
pub struct TellStandings;

#[async_trait]
impl Projection for TellStandings {
    fn name(&self) -> &'static str {
        "standings"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["standing_change"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            // Every event of an account changes it, but for its password: one too many costs a question, one too few
            // leaves a name where it may not stand.
            if incoming.event.stream.kind() != "account"
                || incoming.plain.decode::<p::PasswordChanged>().is_some()
            {
                continue;
            }
            let id: AccountId = incoming
                .event
                .stream
                .id()
                .ok_or_else(|| Failure::Poison("a stream without id".to_owned()))?;
            standings::changed(tx, id, incoming.event.position).await?;
        }
        Ok(())
    }
}
