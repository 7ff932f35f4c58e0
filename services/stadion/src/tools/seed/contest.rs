//! The challenge that everybody seeded is in.

use anyhow::Context;
use gamification::{
    domain::ChallengeId,
    seed::{Entrant, Written, WrittenReward},
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::people::Athlete;

const ZONE: &str = "Asia/Almaty";
/// It began a while ago and lasts a while longer, so that there is something to see and to do.
const DAYS_BEFORE: i64 = 10;
const DAYS_AFTER: i64 = 18;

/// The one challenge of a seed.
pub fn id(seed: u64) -> ChallengeId {
    ChallengeId::derived(&[b"seed challenge", &seed.to_be_bytes()])
}

/// Public, open to everyone, running now; more room than the athletes need.
///
/// # Errors
/// A time without a calendar.
pub fn terms(now: Timestamp, athletes: usize) -> anyhow::Result<Written> {
    let zone = TimeZone::get(ZONE).context("the zone database")?;
    let today = now.to_zoned(zone).date();
    let start = today.checked_sub(DAYS_BEFORE.days()).context("the calendar ends here")?;
    let end = today.checked_add(DAYS_AFTER.days()).context("the calendar ends here")?;
    let names = [("en", "Kilometres of the steppe"), ("ru", "Километры степи"), ("kk", "Дала шақырымдары")];
    let reward = |first, last, points, badge: &str| WrittenReward {
        places: Some((first, last)),
        points,
        badge: badge.to_owned(),
        ..WrittenReward::default()
    };
    Ok(Written {
        name: names.map(|(locale, name)| (locale.to_owned(), name.to_owned())).into(),
        metric: "distance_m".to_owned(),
        sports: vec!["running".to_owned()],
        start: format!("{start}T00:00:00"),
        end: format!("{end}T00:00:00"),
        clock: "instant".to_owned(),
        time_zone: ZONE.to_owned(),
        capacity: Some(u32::try_from(athletes).unwrap_or(u32::MAX).saturating_mul(2).max(100_000)),
        public: true,
        rewards: vec![reward(1, 3, 500, "podium"), reward(4, 10, 200, "")],
        ..Written::default()
    })
}

pub fn entrant(athlete: &Athlete) -> Entrant {
    let (region, time_zone) = (athlete.region.to_owned(), athlete.time_zone.to_owned());
    Entrant { account: athlete.id(), region, time_zone }
}
