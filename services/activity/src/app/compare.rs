//! The caller's span beside the one before it.

use std::ops::RangeInclusive;

use eventing::Error;
use jiff::civil::{Date, Weekday};
use kernel::{AccountId, Refusal, Sport};

use super::App;
use crate::{
    stats::{
        Interval, Period,
        calendar::day_of,
        compare::{Change, changes, right_before, so_far},
    },
    store::contributions,
};

/// What is set beside what.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// The period that today is in, so far.
    Current(Interval),
    /// These days, both inclusive.
    Own(Date, Date),
}

#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub span: Span,
    pub sport: Option<Sport>,
    pub week_start: Option<Weekday>,
}

#[derive(Clone, Debug)]
pub struct Compared {
    pub span: Span,
    pub current: Period,
    pub previous: Period,
    pub changes: Vec<Change>,
}

impl App {
    pub async fn compare(&self, account: AccountId, asked: Asked) -> Result<Compared, Refusal> {
        let spans = match asked.span {
            Span::Current(interval) => {
                let standing = self.standing(account).await?;
                let calendar = standing.calendar(asked.week_start);
                so_far(calendar, interval, standing.today(self.journal.now()))
            }
            Span::Own(from, to) if from > to => {
                return Err(Refusal::field("/from", "after_to", "the span ends before it begins"));
            }
            Span::Own(from, to) => right_before(day_of(from)..=day_of(to)),
        };
        let [current, previous] = spans;
        let current = self.sum_of(account, asked.sport, current).await?;
        let previous = self.sum_of(account, asked.sport, previous).await?;
        let changes = changes(&current.sums, &previous.sums);
        Ok(Compared { span: asked.span, current, previous, changes })
    }

    async fn sum_of(
        &self,
        account: AccountId,
        sport: Option<Sport>,
        span: RangeInclusive<i64>,
    ) -> Result<Period, Refusal> {
        let days = contributions::days(&self.db, account, sport, span.clone()).await.map_err(Error::from)?;
        Ok(Period::of(&days, span))
    }
}
