//! A new password ends the sessions that began before it, and tells everybody.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx};
use kernel::AccountId;
use proto::auth as p;
use uuid::Uuid;

use crate::store::{revocations, sessions};

/// Ends sessions; also those of an erased account.
pub struct EndSessions;

#[async_trait]
impl Projection for EndSessions {
    fn name(&self) -> &'static str {
        "end-sessions"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::Never("sessions and revocations are no read model: nothing but their rows tells what they are")
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            let at_us = incoming.event.at_us;
            if let Some(event) = incoming.plain.decode::<p::PasswordChanged>() {
                let event = event?;
                if event.reason == "reset" {
                    sessions::end_all(tx, account(&event.account_id)?, at_us).await?;
                }
            } else if let Some(event) = incoming.plain.decode::<p::AccountErased>() {
                let id = account(&event?.account_id)?;
                sessions::end_all(tx, id, at_us).await?;
                revocations::revoke_account(tx, id.uuid(), at_us).await?;
            }
        }
        Ok(())
    }
}

fn account(bytes: &[u8]) -> Result<AccountId, Failure> {
    Uuid::from_slice(bytes).map(AccountId::new).map_err(|error| Failure::Poison(error.to_string()))
}
