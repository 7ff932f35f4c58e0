//! What several sources tell of one day and type, put together whenever one of them changes: in the append that changes
//! it, so that nobody ever counts both.

use std::collections::{BTreeMap, BTreeSet};

use eventing::{Aggregate, Batch, Error, Loaded, StreamId};
use kernel::{AccountId, Code, Refusal};

use super::App;
use crate::{
    domain::{
        DailyId,
        daily::{Change, Daily, DailyValue, Event, Share},
        day::{self, Day},
        unite::{self, Telling},
    },
    store::days,
};

/// A type and a date.
type Place = (String, String);

/// Values of days that are about to change, all in one append.
pub(super) struct Days<'a> {
    app: &'a App,
    account: AccountId,
    values: BTreeMap<DailyId, Value>,
}

struct Value {
    loaded: Loaded<Daily>,
    changes: Vec<Change>,
    /// As it is with the changes.
    after: Daily,
}

pub(super) fn daily_stream(id: DailyId) -> StreamId {
    StreamId::of(Daily::KIND, id)
}

impl<'a> Days<'a> {
    pub(super) fn of(app: &'a App, account: AccountId) -> Self {
        Self { app, account, values: BTreeMap::new() }
    }

    /// One change of a value, decided; none: it is only looked at again.
    pub(super) fn push(&mut self, id: DailyId, loaded: Loaded<Daily>, changes: Vec<Change>) {
        let mut value = Value { after: loaded.state.clone(), loaded, changes: Vec::new() };
        for change in changes {
            value.add(self.account, id, change);
        }
        self.values.insert(id, value);
    }

    /// Writes the changes, and what follows from them for other values of the same days. Whether that is anything.
    pub(super) async fn write(mut self, batch: &mut Batch) -> Result<bool, Error> {
        let partition = self.account.to_string();
        let mut written = false;
        for place in self.places() {
            written |= self.unite(&place, batch).await?;
        }
        for (id, value) in self.values {
            written |= !value.changes.is_empty();
            let event = |change| Event { daily_id: id, account_id: self.account, change };
            batch.write(&value.loaded, &partition, value.changes.into_iter().map(event).collect());
        }
        Ok(written)
    }

    /// The days that lose a value or have one that changed.
    fn places(&mut self) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        for value in self.values.values_mut() {
            let (was, is) =
                (value.loaded.state.telling().and_then(place), value.after.telling().and_then(place));
            // What followed the type that it was of does not follow its new one.
            if let Some((kind, date)) = was.clone().filter(|was| is.as_ref().is_some_and(|is| is.0 != was.0))
            {
                value.changes.insert(0, Change::Shared(Some(Share { kind, date, value: 0.0 })));
            }
            places.extend(was.into_iter().chain(is));
        }
        places
    }

    async fn unite(&mut self, place: &Place, batch: &mut Batch) -> Result<bool, Error> {
        let (kind, date) = place;
        let day_id = day::id_of(self.account, kind, date);
        let day = self.app.journal.load::<Day>(&StreamId::of(Day::KIND, day_id)).await?;
        let mut sources = day.state.sources.clone();
        if !day.exists() {
            // Told before days were put together: the rows know.
            sources.extend(days::sources(&self.app.db, self.account, kind, date).await?);
        }
        sources.extend(self.values.keys());
        for id in &sources {
            if !self.values.contains_key(id) {
                let loaded = self.app.journal.load::<Daily>(&daily_stream(*id)).await?;
                self.push(*id, loaded, Vec::new());
            }
        }
        sources.retain(|id| {
            let told = self.values.get(id).and_then(|value| value.after.telling());
            told.and_then(place_of) == Some((kind, date))
        });
        if sources.len() > day::SOURCES_MAX && sources.len() > day.state.sources.len() {
            let most = day::SOURCES_MAX;
            let detail = format!("at most {most} values of one type and day");
            return Err(Refusal::field("/key", "too_many", detail).into());
        }
        self.share(place, &sources).await?;
        let changed = day.state.sources != sources;
        let event = day::Event { day_id, account_id: self.account, sources };
        batch.write(&day, &self.account.to_string(), if changed { vec![event] } else { Vec::new() });
        Ok(changed)
    }

    async fn share(&mut self, (kind, date): &Place, sources: &BTreeSet<DailyId>) -> Result<(), Error> {
        let told = sources.iter().filter_map(|id| {
            let value = self.values.get(id)?;
            Some((*id, value.after.source.clone(), value.after.telling()?.clone()))
        });
        let told: Vec<(DailyId, String, DailyValue)> = told.collect();
        let ids: Vec<DailyId> = told.iter().map(|told| told.0).collect();
        let shares = match &told[..] {
            [] => return Ok(()),
            [alone] => vec![alone.2.value],
            // Thousands of spans, at the worst.
            _ => tokio::task::spawn_blocking(move || shares(&told))
                .await
                .map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?,
        };
        for (id, share) in ids.into_iter().zip(shares) {
            let Some(value) = self.values.get_mut(&id).filter(|value| differs(value.after.share, share))
            else {
                continue;
            };
            if let Some(Change::Recorded { share: of_it, .. }) = value.changes.last_mut() {
                *of_it = Some(share);
                value.after.share = share;
            } else {
                let share = Share { kind: kind.clone(), date: date.clone(), value: share };
                value.add(self.account, id, Change::Shared(Some(share)));
            }
        }
        Ok(())
    }
}

impl Value {
    fn add(&mut self, account_id: AccountId, daily_id: DailyId, change: Change) {
        self.after.evolve(&Event { daily_id, account_id, change: change.clone() });
        self.changes.push(change);
    }
}

fn shares(told: &[(DailyId, String, DailyValue)]) -> Vec<f64> {
    let tellings: Vec<Telling<'_>> =
        told.iter().map(|(id, source, daily)| Telling { id: *id, source, daily }).collect();
    unite::unite(&tellings).shares
}

/// More than the floats that a sum leaves behind.
fn differs(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-9
}

/// Where a value has a share; that of others is all of it.
fn place(daily: &DailyValue) -> Option<Place> {
    place_of(daily).map(|(kind, date)| (kind.clone(), date.clone()))
}

fn place_of(daily: &DailyValue) -> Option<(&String, &String)> {
    unite::is_additive(&daily.kind).then_some((&daily.kind, &daily.date))
}

impl App {
    /// Looks at a value's day again: for those that were told before days were put together. Whether something changed;
    /// `dry`: would.
    pub(super) async fn unite_again(
        &self,
        command: &eventing::Command,
        id: DailyId,
        dry: bool,
    ) -> Result<bool, Error> {
        let attempt = || async move {
            let loaded = self.journal.load::<Daily>(&daily_stream(id)).await?;
            let Some(account) = loaded.state.account else { return Ok(false) };
            let mut days = Days::of(self, account);
            days.push(id, loaded, Vec::new());
            let mut batch = self.journal.batch(command);
            let changed = days.write(&mut batch).await?;
            if changed && !dry {
                batch.commit().await?;
            }
            Ok(changed)
        };
        self.journal.retrying(attempt).await
    }
}
