//! What auth says of an account, at its store's head. Who cannot reach it answers `unavailable`.

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};
use kernel::{AccountId, Code, Refusal};

use super::App;
use crate::{consumers::comparers::PURPOSE, stats::calendar};

/// The facts that bringing something in needs.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Known, and not erased.
    pub present: bool,
    /// IANA.
    pub time_zone: Option<String>,
    pub health_consent: bool,
    /// It agreed to be compared with the people of its region.
    pub compares: bool,
    /// ISO 3166-2.
    pub region: Option<String>,
    /// Where weeks begin for people like this one.
    pub week_start: Weekday,
}

impl Standing {
    /// The day it is for the account, in days since 1970.
    pub fn today(&self, now: Timestamp) -> i64 {
        let zone = self.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        calendar::day_of(now.to_zoned(zone.unwrap_or(TimeZone::UTC)).date())
    }
}

impl App {
    pub async fn standing(&self, account: AccountId) -> Result<Standing, Refusal> {
        let person = self.sight.standings(&[account]).await?.remove(&account);
        let person =
            person.ok_or_else(|| Refusal::new(Code::Internal, "auth answered without an account"))?;
        let standing = &person.standing;
        let consents = |wanted: &str| standing.consents.iter().any(|purpose| purpose == wanted);
        let country = standing.country.as_deref().unwrap_or_default();
        Ok(Standing {
            week_start: calendar::week_start(&standing.locale, country),
            present: person.is_present(),
            time_zone: Some(standing.time_zone.clone()).filter(|zone| !zone.is_empty()),
            health_consent: consents("health_data"),
            compares: consents(PURPOSE),
            region: standing.region.clone(),
        })
    }
}
