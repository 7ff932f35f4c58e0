//! Records into the journal: many streams an append, each decided for itself.

use std::collections::HashSet;

use eventing::{Aggregate, Error, StreamId};
use kernel::Refusal;

use super::{
    Changeset,
    input::{Item, Wanted},
    word,
};
use crate::{
    app::{activity_stream, events},
    domain::{
        DailyId,
        activity::{Activity, Synced},
        daily::{self, Daily},
        facts::keyed_id,
    },
    store::samples,
    wire,
};

/// Streams of one append.
const APPEND_MAX: usize = 100;

/// Records in runs that no append is too long for and in which no stream comes twice: a later version of the same key
/// is decided after the earlier one was stored.
pub(super) fn runs(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut runs: Vec<Vec<Item>> = Vec::new();
    let mut seen = HashSet::new();
    for item in items {
        let stream = stream_of(&item);
        let fits = runs.last().is_some_and(|run| run.len() < APPEND_MAX) && !seen.contains(&stream);
        if !fits {
            runs.push(Vec::new());
            seen.clear();
        }
        seen.insert(stream);
        if let Some(run) = runs.last_mut() {
            run.push(item);
        }
    }
    runs
}

fn stream_of(item: &Item) -> StreamId {
    match &item.wanted {
        Wanted::Workout { id, .. } => activity_stream(*id),
        Wanted::Day { id, .. } => daily_stream(*id),
        Wanted::Sample(sample) => StreamId::named(&sample.key),
    }
}

fn daily_stream(id: DailyId) -> StreamId {
    StreamId::of(Daily::KIND, id)
}

impl Changeset<'_> {
    /// One run in one append. When the domain refuses something in it, each record has an append of its own.
    pub(super) async fn store(&mut self, run: Vec<Item>) -> Result<(), Refusal> {
        match self.append(&run).await {
            Err(Error::Refused(_) | Error::Sealing(_)) if run.len() > 1 => {
                for item in run {
                    let index = item.index;
                    match self.append(&[item]).await {
                        Err(Error::Refused(refusal)) => self.refuse(index, refusal),
                        answer => answer?,
                    }
                }
                Ok(())
            }
            Err(Error::Refused(refusal)) => {
                run.iter().for_each(|item| self.refuse(item.index, refusal.clone()));
                Ok(())
            }
            answer => Ok(answer?),
        }
    }

    async fn append(&mut self, run: &[Item]) -> Result<(), Error> {
        let (app, command, account) = (self.app, self.command, self.account);
        let (partition, source) = (&account.to_string(), &self.source);
        let attempt = || async move {
            let mut batch = app.journal.batch(command);
            let mut words = Vec::with_capacity(run.len());
            let mut written = false;
            for item in run {
                let word = match &item.wanted {
                    Wanted::Workout { id, record, streams } => {
                        let loaded = app.journal.load::<Activity>(&activity_stream(*id)).await?;
                        let synced = loaded.state.sync(Clone::clone(record), item.version);
                        let word = word(&synced);
                        if let Synced::Stored(changes) = synced {
                            if let Some((key, encoded)) = streams {
                                app.blobs
                                    .put(key, encoded.clone())
                                    .await
                                    .map_err(|error| Error::Refused(error.into()))?;
                            }
                            batch.write(&loaded, partition, events(*id, account, changes));
                        }
                        word
                    }
                    Wanted::Day { id, value } => {
                        let loaded = app.journal.load::<Daily>(&daily_stream(*id)).await?;
                        let synced = loaded.state.sync(source, value.clone(), item.version);
                        let word = word(&synced);
                        if let Synced::Stored(changes) = synced {
                            batch.write(&loaded, partition, daily_events(*id, account, changes));
                        }
                        word
                    }
                    Wanted::Sample(_) => "stored",
                };
                written |= word == "stored";
                words.push(word);
            }
            let done = if written { Some(batch.commit().await?) } else { None };
            Ok((words, done))
        };
        let (words, done) = app.journal.retrying(attempt).await?;
        let mut recorded = Vec::new();
        for (item, word) in run.iter().zip(words) {
            if let (Wanted::Workout { id, .. }, "stored") = (&item.wanted, word) {
                recorded.push(*id);
            }
            let ack = &mut self.acks[item.index];
            word.clone_into(&mut ack.status);
            if let Wanted::Workout { id, .. } = item.wanted {
                ack.activity_id = wire::bytes(id);
            }
        }
        if let Some(mut done) = done {
            // Of the rows of this run too, where two of them are one.
            if !recorded.is_empty() {
                platform::settled(&done).await;
            }
            for id in recorded {
                done = app.and_twins(command, account, id, done).await;
            }
            self.note(done);
        }
        Ok(())
    }

    /// A deletion names no kind: it holds for whatever the key is. A key that nobody knows is remembered as all of
    /// them, so that an older version of any kind that comes later is stale.
    pub(super) async fn delete_one(
        &mut self,
        index: usize,
        delete: proto::activity::Delete,
    ) -> Result<(), Refusal> {
        let (app, account, version) = (self.app, self.account, delete.version);
        let known = samples::find(&app.db, account, &self.source, &delete.key).await.map_err(Error::from)?;
        let activity_id = keyed_id("activity", account, &self.source, &delete.key);
        let daily_id: DailyId = keyed_id("daily", account, &self.source, &delete.key);
        let (command, partition) = (self.command, &account.to_string());
        let attempt = || async move {
            let activity = app.journal.load::<Activity>(&activity_stream(activity_id)).await?;
            let day = app.journal.load::<Daily>(&daily_stream(daily_id)).await?;
            let unknown = !activity.exists() && !day.exists() && known.is_none();
            let mut batch = app.journal.batch(command);
            let mut words = Vec::new();
            if activity.exists() || unknown {
                let synced = activity.state.sync_delete(version);
                words.push(word(&synced));
                if let Synced::Stored(changes) = synced {
                    batch.write(&activity, partition, events(activity_id, account, changes));
                }
            }
            if day.exists() || unknown {
                let synced = day.state.sync_delete(version);
                words.push(word(&synced));
                if let Synced::Stored(changes) = synced {
                    batch.write(&day, partition, daily_events(daily_id, account, changes));
                }
            }
            let done = if words.contains(&"stored") { Some(batch.commit().await?) } else { None };
            Ok((words, unknown, activity.state.record.is_some(), done))
        };
        let (mut words, unknown, is_activity, done) = app.journal.retrying(attempt).await?;
        if known.is_some() || unknown {
            let keys = vec![(delete.key, version)];
            samples::delete(&app.db, account, &self.source, keys).await.map_err(Error::from)?;
        }
        words.extend(known.map(|(seen, live)| match () {
            () if version < seen => "stale",
            () if version == seen && !live => "duplicate",
            () => "stored",
        }));
        let ack = &mut self.acks[index];
        let strongest = ["stored", "duplicate", "stale"].into_iter().find(|word| words.contains(word));
        strongest.unwrap_or("stale").clone_into(&mut ack.status);
        if is_activity {
            ack.activity_id = wire::bytes(activity_id);
        }
        if let Some(done) = done {
            let done = match is_activity {
                true => app.and_twins(command, account, activity_id, done).await,
                false => done,
            };
            self.note(done);
        }
        Ok(())
    }
}

fn daily_events(
    daily_id: DailyId,
    account_id: kernel::AccountId,
    changes: Vec<daily::Change>,
) -> Vec<daily::Event> {
    changes.into_iter().map(|change| daily::Event { daily_id, account_id, change }).collect()
}
