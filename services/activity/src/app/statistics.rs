//! Sums by period, and streaks: the caller's own.

use eventing::Error;
use jiff::civil::{Date, Weekday};
use kernel::{AccountId, Refusal, Sport};

use super::{App, standing::Standing};
use crate::{
    stats::{
        Calendar, Interval, Period,
        calendar::day_of,
        streak::{self, Streak},
        sums,
    },
    store::contributions,
};

/// Periods of one answer.
const PERIODS_MAX: usize = 1_000;

/// What is asked for. Bounds are inclusive and widened to whole periods.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub interval: Interval,
    pub from: Option<Date>,
    pub to: Option<Date>,
    pub sport: Option<Sport>,
    pub week_start: Option<Weekday>,
}

#[derive(Clone, Debug)]
pub struct Statistics {
    pub interval: Interval,
    /// IANA: the account's now. Past days stay those of where they were spent.
    pub time_zone: String,
    pub calendar: Calendar,
    /// Oldest first; the empty ones too.
    pub periods: Vec<Period>,
    pub total: Period,
    pub days: Streak,
    pub weeks: Streak,
}

impl App {
    pub async fn statistics(&self, account: AccountId, asked: Asked) -> Result<Statistics, Refusal> {
        let standing = self.standing(account).await?;
        let calendar = standing.calendar(asked.week_start);
        let today = standing.today(self.journal.now());
        let to = asked.to.map_or(today, day_of);
        let from = asked.from.map_or_else(|| usual_from(calendar, asked.interval, to), day_of);
        let span = from..=to;
        if from > to {
            return Err(Refusal::field("/from", "after_to", "the span ends before it begins"));
        }
        if sums::count(calendar, asked.interval, &span, PERIODS_MAX + 1) > PERIODS_MAX {
            let detail = format!("at most {PERIODS_MAX} periods are told at once");
            return Err(Refusal::field("/from", "too_long", detail));
        }
        let (first, last) = (calendar.first(asked.interval, from), calendar.last(asked.interval, to));
        let found = contributions::days(&self.db, account, asked.sport, first..=last).await;
        let days = found.map_err(Error::from)?;
        let active = contributions::active_days(&self.db, account, asked.sport).await.map_err(Error::from)?;
        Ok(Statistics {
            interval: asked.interval,
            time_zone: standing.time_zone.unwrap_or_else(|| "UTC".to_owned()),
            calendar,
            periods: sums::periods(calendar, asked.interval, &span, &days),
            total: Period::of(&days, first..=last),
            days: streak::days(&active, today),
            weeks: streak::weeks(&active, today, calendar),
        })
    }
}

impl Standing {
    /// The calendar asked for, else the usual one.
    pub fn calendar(&self, week_start: Option<Weekday>) -> Calendar {
        Calendar { week_start: week_start.unwrap_or(self.week_start) }
    }
}

/// A month of days, a quarter of weeks, a year of months, ten years.
fn usual_from(calendar: Calendar, interval: Interval, to: i64) -> i64 {
    let periods = match interval {
        Interval::Day => 30,
        Interval::Week | Interval::Month => 12,
        Interval::Year => 10,
    };
    (1..periods).fold(calendar.first(interval, to), |first, _| calendar.first(interval, first - 1))
}
