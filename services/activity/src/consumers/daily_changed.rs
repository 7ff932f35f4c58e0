//! Events of daily values → their rows.

use eventing::{DomainEvent, Failure, Incoming, sql::Tx};

use crate::{
    domain::{
        daily::{Change, Event},
        input::is_health,
    },
    store::samples::{self, DayRow},
    wire,
};

/// `bodiless`: what it tells of the body was taken away after it was said.
pub(super) async fn apply(tx: &mut dyn Tx, incoming: &Incoming, bodiless: bool) -> Result<(), Failure> {
    let event = Event::decode(&incoming.plain)?;
    match event.change {
        Change::Recorded { daily: Some(daily), .. } if bodiless && is_health(&daily.kind) => {}
        Change::Recorded { source, client_version, daily: Some(daily), .. } => {
            let (daily_id, account_id) = (event.daily_id, event.account_id);
            let daily = wire::daily_to_proto(&daily);
            samples::put_day(tx, &DayRow { daily_id, account_id, source, client_version, daily }).await?;
        }
        // Erased: nothing of it is kept.
        Change::Recorded { daily: None, .. } => {}
        // What of it counts is worked out when it is shown.
        Change::Shared(_) => {}
        Change::Deleted { client_version } => samples::delete_day(tx, event.daily_id, client_version).await?,
    }
    Ok(())
}
