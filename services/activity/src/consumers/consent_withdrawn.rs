//! auth.ConsentWithdrawn of `health_data` → heart rate and body data leave the rows. In the journal their keys are gone.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Keeps, Projection, Source,
    sql::{Tx, hold},
};
use kernel::AccountId;

use crate::{
    store::{ActivityStore, Row, live, samples, taken},
    streams::StreamType,
    wire,
};

pub struct ConsentWithdrawn {
    pub activities: Arc<dyn ActivityStore>,
}

#[async_trait]
impl Projection for ConsentWithdrawn {
    fn name(&self) -> &'static str {
        "activity.consents"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    fn keeps(&self) -> Keeps {
        if !self.activities.is_beside_the_journal() {
            return Keeps::Never(super::IN_CQL);
        }
        Keeps::Tables {
            tables: &["activity", "activity_stream", "daily"],
            // Primary: what was recorded under a later consent is nowhere else. And what was taken away stays so.
            spared: &["metric", "live_point", "taken_away"],
        }
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let mut accounts = Vec::new();
        for event in events {
            let Some(withdrawn) = event.plain.decode::<proto::auth::ConsentWithdrawn>() else { continue };
            let withdrawn = withdrawn?;
            if withdrawn.purpose == "health_data" {
                accounts.push(wire::id(&withdrawn.account_id, "account_id")?);
            }
        }
        // Against the projection of our own journal, which writes the same rows: else each could bring back what the
        // other has just changed.
        let held: Vec<uuid::Uuid> = accounts.iter().map(|account: &AccountId| account.uuid()).collect();
        hold(tx, held).await?;
        for account in accounts {
            self.drop_health(tx, account).await?;
        }
        Ok(())
    }
}

impl ConsentWithdrawn {
    async fn drop_health(&self, tx: &mut dyn Tx, account: AccountId) -> Result<(), Failure> {
        taken::health(tx, account).await?;
        for row in self.activities.of_account(tx, account).await? {
            if row.whole.health.is_none() {
                continue;
            }
            let mut whole = row.whole;
            whole.health = None;
            // The row only loses something: the next event of the activity has a higher revision all the same.
            self.activities.replace(tx, &Row { whole, ..row }).await?;
        }
        self.activities.drop_stream(tx, account, StreamType::HeartRate).await?;
        samples::drop_health(tx, account).await?;
        live::drop_health(tx, account).await?;
        Ok(())
    }
}
