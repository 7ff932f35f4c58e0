//! The caller's period beside what is usual in their region.

use eventing::Error;
use jiff::civil::{Date, Weekday};
use kernel::{AccountId, Code, Refusal, Sport};
use prost::Message;
use proto::activity as api;

use super::App;
use crate::{
    consumers::comparers::PURPOSE,
    stats::{
        Calendar, Interval, Period,
        calendar::day_of,
        region::{self, GRACE_DAYS, Typical},
    },
    store::{
        contributions,
        regions::{self, Cell},
    },
};

/// Weeks begin on Mondays for everybody: two cells of one region never overlap by some days only.
const CALENDAR: Calendar = Calendar { week_start: Weekday::Monday };

#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub interval: Interval,
    /// A day of the period; `None`: the newest that is over.
    pub on: Option<Date>,
    pub sport: Option<Sport>,
}

#[derive(Clone, Debug)]
pub struct Beside {
    pub interval: Interval,
    /// `None`: the caller is nowhere that they told.
    pub region: Option<String>,
    pub mine: Period,
    /// `None`: there are not enough people to say it.
    pub typical: Option<api::Typical>,
}

impl App {
    pub async fn compare_region(&self, account: AccountId, asked: Asked) -> Result<Beside, Refusal> {
        let standing = self.standing(account).await?;
        if !standing.compares {
            let mut refusal = Refusal::new(Code::NotEligible, "who compares agrees to be compared");
            refusal.reasons.push(format!(r#"{{"clause":{{"consent":"{PURPOSE}"}},"met":false}}"#));
            return Err(refusal);
        }
        let days = self.days_over(asked)?;
        let found = contributions::days(&self.db, account, asked.sport, days.clone()).await;
        let mine = Period::of(&found.map_err(Error::from)?, days.clone());
        let typical = match &standing.region {
            Some(region) => {
                let cell =
                    Cell { region: region.clone(), sport: asked.sport, interval: asked.interval, days };
                self.usual(&cell).await?
            }
            None => None,
        };
        Ok(Beside { interval: asked.interval, region: standing.region, mine, typical })
    }

    /// The days of the period, which is over for everybody.
    fn days_over(&self, asked: Asked) -> Result<std::ops::RangeInclusive<i64>, Refusal> {
        // By no athlete's own clock: nobody may choose when a cell is worked out.
        let today = day_of(self.journal.now().to_zoned(jiff::tz::TimeZone::UTC).date());
        let (interval, is_over) = (asked.interval, |last: i64| last + GRACE_DAYS < today);
        let mut first = CALENDAR.first(interval, asked.on.map_or(today, day_of));
        if asked.on.is_none() {
            while !is_over(CALENDAR.last(interval, first)) {
                first = CALENDAR.first(interval, first - 1);
            }
        }
        let last = CALENDAR.last(interval, first);
        if !is_over(last) {
            let detail = format!("a region is told {GRACE_DAYS} days after the period's end");
            return Err(Refusal::field("/from", "not_over", detail));
        }
        Ok(first..=last)
    }

    /// What was said first of the cell is said for ever.
    async fn usual(&self, cell: &Cell) -> Result<Option<api::Typical>, Refusal> {
        if let Some(said) = self.said(cell).await? {
            return Ok(Some(said));
        }
        let people = regions::people(&self.db, cell).await.map_err(Error::from)?;
        let Some(typical) = region::typical(&people) else { return Ok(None) };
        regions::say(&self.db, cell, told(&typical).encode_to_vec()).await.map_err(Error::from)?;
        self.said(cell).await
    }

    async fn said(&self, cell: &Cell) -> Result<Option<api::Typical>, Refusal> {
        let said = regions::said(&self.db, cell).await.map_err(Error::from)?;
        let decoded = said.map(api::Typical::decode).transpose();
        decoded.map_err(|error| Refusal::new(Code::Internal, format!("a region's cell: {error}")))
    }
}

#[expect(clippy::cast_precision_loss, reason = "two digits")]
fn told(typical: &Typical) -> api::Typical {
    let unit = |thousandths: Option<i64>| thousandths.map(|figure| figure as f64 / 1000.0);
    api::Typical {
        people_at_least: typical.people_at_least,
        count: unit(typical.count),
        active_days: unit(typical.active_days),
        moving_time_s: unit(typical.moving_ms),
        distance_m: unit(typical.distance_mm),
        ascent_m: unit(typical.ascent_mm),
        energy_kj: unit(typical.energy_j),
    }
}
