//! Records into the journal: many streams an append, each decided for itself.

use std::{collections::HashSet, hash::Hash};

use eventing::{Error, StreamId};
use kernel::Refusal;

use super::{
    Changeset,
    input::{Item, Wanted},
    word,
};
use crate::{
    app::{
        activity_stream, events,
        purge_activity::being_purged,
        unite_days::{Days, daily_stream},
    },
    domain::{
        activity::{Activity, Change, Synced},
        daily::Daily,
    },
    wire,
};

/// Streams of one append.
const APPEND_MAX: usize = 100;

/// Records in runs that no append is too long for and in which no stream comes twice: a later version of the same key
/// is decided after the earlier one was stored.
pub(super) fn runs<T, K: Eq + Hash>(items: Vec<T>, of: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut runs: Vec<Vec<T>> = Vec::new();
    let mut seen = HashSet::new();
    for item in items {
        let stream = of(&item);
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

pub(super) fn stream_of(item: &Item) -> StreamId {
    match &item.wanted {
        Wanted::Workout { id, .. } => activity_stream(*id),
        Wanted::Day { id, .. } => daily_stream(*id),
        Wanted::Sample(sample) => StreamId::named(&sample.key),
    }
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
            let mut days = Days::of(app, account);
            let mut words = Vec::with_capacity(run.len());
            let mut recorded = Vec::new();
            let mut written = false;
            for item in run {
                let word = match &item.wanted {
                    Wanted::Workout { id, record, streams } => {
                        let loaded = app.journal.load::<Activity>(&activity_stream(*id)).await?;
                        if loaded.state.is_being_purged() {
                            return Err(Error::Refused(being_purged()));
                        }
                        let synced = loaded.state.sync(Clone::clone(record), item.version);
                        let word = word(&synced);
                        if let Synced::Stored(changes) = synced {
                            let kept = !matches!(changes[..], [Change::Tombstoned { .. }]);
                            if let Some((key, encoded)) = streams.as_ref().filter(|_| kept) {
                                app.blobs
                                    .put(key, encoded.clone())
                                    .await
                                    .map_err(|error| Error::Refused(error.into()))?;
                            }
                            recorded.extend(changes.iter().find_map(Change::whereabouts).map(|at| (*id, at)));
                            batch.write(&loaded, partition, events(*id, account, changes));
                        }
                        word
                    }
                    Wanted::Day { id, value } => {
                        let loaded = app.journal.load::<Daily>(&daily_stream(*id)).await?;
                        let synced = loaded.state.sync(source, value.clone(), item.version);
                        let word = word(&synced);
                        if let Synced::Stored(changes) = synced {
                            days.push(*id, loaded, changes);
                        }
                        word
                    }
                    Wanted::Sample(_) => "stored",
                };
                written |= word == "stored";
                words.push(word);
            }
            days.write(&mut batch).await?;
            let done = if written { Some(batch.commit().await?) } else { None };
            Ok((words, recorded, done))
        };
        let (words, recorded, done) = app.journal.retrying(attempt).await?;
        for (item, word) in run.iter().zip(words) {
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
            for (id, at) in &recorded {
                done = app.and_twins_near(command, account, (*id, at), done).await;
            }
            self.note(done);
        }
        Ok(())
    }
}
