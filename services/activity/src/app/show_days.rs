//! One's own days: what several devices tell of one, put together, and from which of them each minute is.

use eventing::Error;
use jiff::{ToSpan, civil::Date, tz::Offset};
use kernel::{AccountId, Refusal};

use super::{App, page};
use crate::{
    domain::{
        DailyId, DailyValue, day,
        input::{METRICS, unknown_metric},
        unite::{self, Telling, United},
    },
    store::days::{self, Told},
    wire,
};

const DAYS_UNLESS_SAID: i64 = 30;
/// Each with all that its sources tell of it.
const DAYS_A_PAGE: u32 = 50;

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub from: Option<Date>,
    pub to: Option<Date>,
    pub kind: Option<String>,
    /// The last of the page before.
    pub behind: Option<Behind>,
    pub limit: u32,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    pub date: Date,
    pub kind: String,
}

/// What one source tells.
pub struct Source {
    pub id: DailyId,
    pub source: String,
    pub daily: DailyValue,
}

pub struct Day {
    pub id: crate::domain::DayId,
    pub date: String,
    pub kind: String,
    pub sources: Vec<Source>,
    pub united: United,
}

pub struct Page {
    pub items: Vec<Day>,
    pub next: Option<Behind>,
}

impl App {
    pub async fn list_days(&self, account: AccountId, wanted: Wanted) -> Result<Page, Refusal> {
        let today = Offset::UTC.to_datetime(self.journal.now()).date();
        // Where the day has begun already.
        let newest = today.tomorrow().unwrap_or(Date::MAX);
        let to = wanted.to.unwrap_or(newest);
        let from = wanted.from.unwrap_or_else(|| to.saturating_sub(DAYS_UNLESS_SAID.days()));
        if let Some(kind) = &wanted.kind
            && !METRICS.iter().any(|known| known.0 == kind)
        {
            return Err(Refusal::field("/type", "unknown", unknown_metric()));
        }
        if from > to {
            return Err(Refusal::field("/from", "out_of_range", "the first day is not after the last"));
        }
        let limit = page(wanted.limit).min(DAYS_A_PAGE);
        let (from, to) = (from.to_string(), to.to_string());
        let behind = wanted.behind.map(|behind| (behind.date.to_string(), behind.kind));
        let behind = behind.as_ref().map(|(date, kind)| (date.as_str(), kind.as_str()));
        let span = days::Span { from: &from, to: &to, kind: wanted.kind.as_deref(), behind, limit };
        let told = days::page(&self.db, account, span).await.map_err(Error::from)?;
        let days = tokio::task::spawn_blocking(move || of_each(account, told)).await;
        let items = days.map_err(|panic| Refusal::new(kernel::Code::Internal, panic.to_string()))?;
        let full = items.len() >= limit as usize;
        let last = items.last().filter(|_| full);
        let next = last.and_then(|day| Some(Behind { date: day.date.parse().ok()?, kind: day.kind.clone() }));
        Ok(Page { items, next })
    }

    pub async fn get_day(&self, account: AccountId, date: Date, kind: String) -> Result<Day, Refusal> {
        let wanted =
            Wanted { from: Some(date), to: Some(date), kind: Some(kind), limit: 1, ..Wanted::default() };
        let found = self.list_days(account, wanted).await?;
        found.items.into_iter().next().ok_or_else(Refusal::not_found)
    }
}

/// Those of one date and type stand together.
fn of_each(account: AccountId, told: Vec<Told>) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for Told { id, source, daily } in told {
        let daily = wire::daily_of(daily);
        let source = Source { id, source, daily };
        match days.last_mut().filter(|day| day.date == source.daily.date && day.kind == source.daily.kind) {
            Some(day) => day.sources.push(source),
            None => days.push(Day {
                id: day::id_of(account, &source.daily.kind, &source.daily.date),
                date: source.daily.date.clone(),
                kind: source.daily.kind.clone(),
                sources: vec![source],
                united: United::default(),
            }),
        }
    }
    for day in &mut days {
        let sources = day.sources.iter();
        let tellings: Vec<Telling<'_>> =
            sources.map(|one| Telling { id: one.id, source: &one.source, daily: &one.daily }).collect();
        day.united = unite::unite(&tellings);
    }
    days
}
