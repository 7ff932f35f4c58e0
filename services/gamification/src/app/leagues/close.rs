//! A week is closed: exactly once, whatever stops in between, and each one that was missed.
//!
//! 1. As for a challenge, a line is drawn through activity's journal once everything received before it has been read, and
//!    we have heard it all.
//! 2. `LeagueWeekEnded`: what stands in our own journal behind it is too late. Once our rows hold it they stand still.
//! 3. Each cohort is ranked from those rows; its order is one append, the first and only one of its stream. A process that
//!    stops here leaves cohorts to the next one, which finds the same rows.
//! 4. `LeagueWeekClosed`, the next week's opening and its timer are one append. Is that week over too, its timer is due.
//!
//! Each firing of the timer looks once, and sets it again a moment later while something is not ready.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use eventing::{
    Command, Decision, Error, Loaded, Position, StreamId, sealing::SealingError, store::DueTimer,
};
use kernel::{AccountId, time::micros};
use tracing::info;

use super::{
    super::{
        App,
        challenges::now_us,
        settle::{self, Line},
    },
    closing, due, stream,
};
use crate::domain::league::{
    Clock, Terms, Week,
    cohort::{Cohort, Place, Seated},
};

/// How long after which the timer fires again while something is not ready: watermarks come each second.
const AGAIN_US: i64 = 250_000;
/// Places in one append, and a cohort at least.
const PLACES_AT_ONCE: u32 = 600;

/// What the timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Nothing,
    /// Until all that activity had recorded by then has been read.
    Read(u64),
    /// Until we have heard activity's journal up to there.
    Heard(u64),
    /// Until our rows hold our own journal up to there.
    Kept(Position),
}

impl Waits {
    fn to_bytes(self) -> Bytes {
        let (tag, number) = match self {
            Self::Nothing => return Bytes::new(),
            Self::Read(head) => (b'r', head),
            Self::Heard(line) => (b'h', line),
            Self::Kept(position) => (b'k', position.unsigned_abs()),
        };
        [tag].into_iter().chain(number.to_be_bytes()).collect()
    }

    fn of_bytes(payload: &[u8]) -> Self {
        let Some((tag, number)) = payload.split_first() else { return Self::Nothing };
        let Ok(number) = number.try_into().map(u64::from_be_bytes) else { return Self::Nothing };
        match tag {
            b'r' => Self::Read(number),
            b'h' => Self::Heard(number),
            b'k' => Self::Kept(i64::try_from(number).unwrap_or(i64::MAX)),
            _ => Self::Nothing,
        }
    }
}

/// What the timer brings about. `Ok` also while it has to wait: the timer is set again then.
pub async fn close(app: &App, timer: &DueTimer) -> Result<(), Error> {
    let Some(open) = app.journal.load::<Clock>(&stream()).await?.state.open else { return Ok(()) };
    if now_us(app) < open.week.end_us() {
        return again(app, open.week.end_us(), Waits::Nothing).await;
    }
    let waits = Waits::of_bytes(&timer.payload);
    if !open.ended {
        return end(app, open.week, waits).await;
    }
    let Waits::Kept(position) = waits else {
        let head = app.journal.store().head().await?;
        return soon(app, Waits::Kept(head)).await;
    };
    if !app.projected.reached(position, Duration::ZERO).await {
        return soon(app, waits).await;
    }
    let placed = place_all(app, open.week).await?;
    finish(app, open.week, placed).await
}

/// The line behind which everything is too late.
async fn end(app: &App, week: Week, waits: Waits) -> Result<(), Error> {
    let line = match waits {
        Waits::Heard(line) => line,
        Waits::Nothing | Waits::Read(_) | Waits::Kept(_) => {
            let asked = if let Waits::Read(head) = waits { Some(head) } else { None };
            match settle::line(app, asked).await {
                Line::Drawn(line) => line,
                Line::Waiting(asked) => {
                    return soon(app, asked.map_or(Waits::Nothing, Waits::Read)).await;
                }
            }
        }
    };
    if !settle::heard(app, line).await? {
        return soon(app, Waits::Heard(line)).await;
    }
    let decide = |clock: &Clock, _| {
        let due_us = now_us(app).saturating_add(AGAIN_US);
        Ok(Decision::of(clock.end(week, line)).timer(due(due_us, Bytes::new())))
    };
    app.journal.execute::<Clock, _>(&by_time(), &stream(), "leagues", decide).await.map(|_| ())
}

/// Every cohort that is not placed yet; how many there are, and how many were ranked in them.
async fn place_all(app: &App, week: Week) -> Result<(u32, u32), Error> {
    let Some(row) = app.store.newest_week().await?.filter(|row| row.week == week) else { return Ok((0, 0)) };
    let seats_max = PLACES_AT_ONCE.max(row.terms.cohort_size.saturating_add(1));
    let (mut placed, mut after) = ((0, 0), None);
    loop {
        let page = app.store.cohorts(week, after, seats_max).await?;
        let Some((last, _)) = page.last() else { return Ok(placed) };
        after = Some(*last);
        let (cohorts, members) = place(app, &row.terms, page).await?;
        placed = (placed.0 + cohorts, placed.1 + members);
    }
}

/// One append for several cohorts. Whoever is erased meanwhile cannot be written about, and is left out.
async fn place(app: &App, terms: &Terms, mut page: Vec<(Place, Vec<Seated>)>) -> Result<(u32, u32), Error> {
    let mut gone: HashSet<AccountId> = HashSet::new();
    loop {
        for (_, seated) in &mut page {
            seated.retain(|one| !gone.contains(&one.account));
        }
        let page = &page;
        match app.journal.retrying(|| place_once(app, terms, page)).await {
            Err(Error::Sealing(SealingError::Destroyed { subject, .. }))
                if gone.insert(AccountId::new(subject)) => {}
            done => return done,
        }
    }
}

async fn place_once(app: &App, terms: &Terms, page: &[(Place, Vec<Seated>)]) -> Result<(u32, u32), Error> {
    let mut batch = app.journal.batch(&by_time());
    let (mut cohorts, mut members) = (0, 0);
    for (place, seated) in page {
        let id = place.id();
        let loaded: Loaded<Cohort> = app.journal.load(&StreamId::of("cohort", id)).await?;
        let ranked = Cohort::default().place(*place, seated.clone(), terms);
        if ranked.is_empty() {
            continue;
        }
        (cohorts, members) = (cohorts + 1, members + u32::try_from(ranked.len()).unwrap_or(u32::MAX));
        if !loaded.state.placed {
            batch.write(&loaded, &id.to_string(), ranked);
        }
    }
    batch.commit().await?;
    Ok((cohorts, members))
}

async fn finish(app: &App, week: Week, placed: (u32, u32)) -> Result<(), Error> {
    let next = Terms::of(app.rules());
    let decide = |clock: &Clock, now| {
        let events = clock.close(week, placed, micros(now), next.clone());
        let timers: Vec<_> = events.iter().filter_map(closing).collect();
        Ok(timers.into_iter().fold(Decision::of(events), Decision::timer))
    };
    app.journal.execute::<Clock, _>(&by_time(), &stream(), "leagues", decide).await?;
    info!(week = %week.name(), cohorts = placed.0, members = placed.1, "a week of the leagues is closed");
    Ok(())
}

async fn soon(app: &App, waits: Waits) -> Result<(), Error> {
    again(app, now_us(app).saturating_add(AGAIN_US), waits).await
}

async fn again(app: &App, due_us: i64, waits: Waits) -> Result<(), Error> {
    let mut batch = app.journal.batch(&by_time());
    batch.timer(due(due_us, waits.to_bytes()));
    batch.commit().await.map(|_| ())
}

fn by_time() -> Command {
    Command::by("timer:gamification")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_carries_what_it_waits_for() {
        for waits in [Waits::Nothing, Waits::Read(7), Waits::Heard(u64::MAX), Waits::Kept(41)] {
            assert_eq!(Waits::of_bytes(&waits.to_bytes()), waits);
        }
        assert_eq!(Waits::of_bytes(b"torn"), Waits::Nothing);
    }
}
