//! Where an account stands, its streak as of today.

use jiff::tz::TimeZone;
use kernel::{AccountId, Refusal};

use super::App;
use crate::domain::{fact, streak::AsOf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub xp: i64,
    pub level: u32,
    pub level_xp_next: i64,
    pub streak: AsOf,
    /// The balance of the ledger.
    pub points: i64,
}

/// `time_zone`: the zone whose today counts; empty for the account's own.
pub async fn get_progress(app: &App, account: AccountId, time_zone: &str) -> Result<Progress, Refusal> {
    let row = app.store.progress(account).await.map_err(eventing::Error::from)?;
    let streak = if row.run.days == 0 {
        AsOf::default()
    } else {
        let zone = zone_of(app, account, time_zone).await?;
        row.run.as_of(fact::day_in(app.clock.now(), &zone))
    };
    let points = app.store.points(account).await.map_err(eventing::Error::from)?;
    let level_xp_next = app.rules().levels.begins_at_xp(row.level.saturating_add(1));
    Ok(Progress { xp: row.xp, level: row.level, level_xp_next, streak, points })
}

async fn zone_of(app: &App, account: AccountId, wanted: &str) -> Result<TimeZone, Refusal> {
    if !wanted.is_empty() {
        let unknown = |_| Refusal::field("/time_zone", "unknown", "this is no IANA time zone");
        return TimeZone::get(wanted).map_err(unknown);
    }
    // Without auth the zone of the newest activity is the best guess: a streak is no secret worth failing for.
    let profile = app.standing(account).await.ok().flatten();
    if let Some(zone) = profile.and_then(|profile| TimeZone::get(&profile.time_zone).ok()) {
        return Ok(zone);
    }
    let newest = app.store.newest_zone(account).await.map_err(eventing::Error::from)?;
    Ok(newest.unwrap_or(TimeZone::UTC))
}
