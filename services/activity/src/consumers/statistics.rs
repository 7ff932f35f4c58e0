//! Activity events → what each activity adds to statistics and records.

use async_trait::async_trait;
use eventing::{
    Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source,
    sql::{Tx, hold},
};

use super::account_erased::{Erased, Erasure};
use crate::{
    domain::activity::{Activity, Change, Event},
    stats::contribution,
    store::{
        contributions::{self, Contribution, Known},
        taken,
    },
};

/// Contributions, each replaced whole by its activity's newest revision.
pub struct Statistics;

#[async_trait]
impl Projection for Statistics {
    fn name(&self) -> &'static str {
        "activity.statistics.1"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["contribution"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let accounts: Vec<uuid::Uuid> =
            events.iter().filter_map(|event| event.event.partition_key.parse().ok()).collect();
        // An account's erasure takes its rows away, and must find none written behind it.
        hold(tx, accounts.clone()).await?;
        let taken = taken::of(tx, &accounts).await?;
        for incoming in events {
            let account = incoming.event.partition_key.parse::<uuid::Uuid>().unwrap_or_default();
            if taken.get(&account).is_some_and(|taken| taken.erased) {
                continue;
            }
            match incoming.event.stream.kind() {
                Activity::KIND => changed(tx, incoming).await?,
                Erasure::KIND => contributions::erase(tx, Erased::decode(&incoming.plain)?.account).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

async fn changed(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let event = Event::decode(&incoming.plain)?;
    let (activity_id, revision) = (event.activity_id, incoming.event.version);
    let before = contributions::known(tx, activity_id).await?;
    if before.is_some_and(|known| known.revision >= revision) {
        return Ok(());
    }
    let barred = before.map_or_else(Default::default, |known: Known| known.barred).after(&event.change);
    if matches!(event.change, Change::PurgeStarted | Change::Purged) {
        return Ok(contributions::forget(tx, activity_id).await?);
    }
    let Some(record) = contribution::record(&event.change) else {
        return Ok(contributions::stand(tx, activity_id, revision, barred).await?);
    };
    // Erased: there is nothing to add up.
    let Some(facts) = &record.facts else { return Ok(()) };
    let contribution = Contribution {
        activity_id,
        account_id: event.account_id,
        revision,
        barred,
        shared: contribution::is_shared(record.visibility.as_ref()),
        parts: contribution::parts(facts),
    };
    Ok(contributions::put(tx, &contribution).await?)
}
