//! Deletions of a changeset: many keys an append.

use eventing::{Batch, Error};
use kernel::{ActivityId, Refusal};
use proto::activity::Delete;

use super::{Changeset, input::unreadable, store::runs, word};
use crate::{
    app::{
        App, activity_stream, events,
        unite_days::{Days, daily_stream},
    },
    domain::{
        DailyId,
        activity::{Activity, Synced},
        daily::Daily,
        facts::keyed_id,
        input::Check,
    },
    store::samples,
    wire,
};

/// What a deletion came to.
struct Fate {
    words: Vec<&'static str>,
    /// As of which version it is deleted, of those kinds that have a journal.
    version: Option<i64>,
    /// Nobody knew the key.
    unknown: bool,
    activity: Option<ActivityId>,
}

/// Whose keys are deleted.
#[derive(Clone, Copy)]
struct Owner<'a> {
    app: &'a App,
    account: kernel::AccountId,
    source: &'a str,
}

impl Changeset<'_> {
    /// `begin`: the place of the first among all records.
    pub(super) async fn delete(&mut self, begin: usize, deletes: Vec<Delete>) -> Result<(), Refusal> {
        let mut good = Vec::with_capacity(deletes.len());
        for (offset, mut delete) in deletes.into_iter().enumerate() {
            if let Some(problem) = delete.unreadable.take() {
                self.refuse(begin + offset, unreadable(problem));
                continue;
            }
            let mut check = Check::at(format!("/deletes/{offset}"));
            check.key(&delete.key);
            check.version(delete.version);
            match check.done() {
                Err(refusal) => self.refuse(begin + offset, refusal),
                // What was the newest then may have come back since.
                Ok(()) if self.again && delete.newest => {
                    "duplicate".clone_into(&mut self.acks[begin + offset].status);
                }
                Ok(()) => good.push((begin + offset, delete)),
            }
        }
        for run in runs(good, |(_, delete)| delete.key.clone()) {
            self.delete_run(run).await?;
        }
        Ok(())
    }

    /// A deletion names no kind: it holds for whatever the key is. A key that nobody knows is remembered as all of
    /// them, so that an older version of any kind that comes later is stale.
    async fn delete_run(&mut self, run: Vec<(usize, Delete)>) -> Result<(), Refusal> {
        let (command, account) = (self.command, self.account);
        let owner = Owner { app: self.app, account, source: &self.source };
        let keys: Vec<&str> = run.iter().map(|(_, delete)| delete.key.as_str()).collect();
        let known = samples::find(&owner.app.db, account, owner.source, &keys).await.map_err(Error::from)?;
        let (run_of, known_of) = (&run, &known);
        let attempt = || async move {
            let mut batch = owner.app.journal.batch(command);
            let mut days = Days::of(owner.app, account);
            let mut fates = Vec::with_capacity(run_of.len());
            for (_, delete) in run_of {
                let is_sample = known_of.contains_key(&delete.key);
                fates.push(owner.decide(&mut batch, &mut days, delete, is_sample).await?);
            }
            let written = fates.iter().any(|fate| fate.words.contains(&"stored"));
            days.write(&mut batch).await?;
            let done = if written { Some(batch.commit().await?) } else { None };
            Ok((fates, done))
        };
        let (fates, done) = owner.app.journal.retrying(attempt).await?;
        let plain = run
            .iter()
            .zip(&fates)
            .filter(|((_, delete), fate)| fate.unknown || known.contains_key(&delete.key));
        let plain: Vec<_> = plain
            .map(|((_, delete), _)| {
                (delete.key.clone(), as_of(delete, known.get(&delete.key).map(|known| known.0)))
            })
            .collect();
        if !plain.is_empty() {
            samples::delete(&owner.app.db, account, owner.source, plain).await.map_err(Error::from)?;
        }
        let app = owner.app;
        let mut changed = Vec::new();
        for ((index, delete), mut fate) in run.into_iter().zip(fates) {
            changed.extend(fate.activity.filter(|_| fate.words.contains(&"stored")));
            let mut version = fate.version;
            if let Some((seen, live)) = known.get(&delete.key) {
                let deleted = as_of(&delete, Some(*seen));
                version = version.max(Some(deleted));
                fate.words.push(match () {
                    () if deleted < *seen => "stale",
                    () if deleted == *seen && !live => "duplicate",
                    () => "stored",
                });
            }
            let ack = &mut self.acks[index];
            ack.version = version.unwrap_or(delete.version);
            let strongest =
                ["stored", "duplicate", "stale"].into_iter().find(|word| fate.words.contains(word));
            strongest.unwrap_or("stale").clone_into(&mut ack.status);
            if let Some(id) = fate.activity {
                ack.activity_id = wire::bytes(id);
            }
        }
        if let Some(mut done) = done {
            for id in changed {
                done = app.and_twins(command, account, id, done).await;
            }
            self.note(done);
        }
        Ok(())
    }
}

impl Owner<'_> {
    async fn decide(
        self,
        batch: &mut Batch,
        days: &mut Days<'_>,
        delete: &Delete,
        is_sample: bool,
    ) -> Result<Fate, Error> {
        let Self { app, account, source } = self;
        let partition = &account.to_string();
        let activity_id = keyed_id("activity", account, source, &delete.key);
        let daily_id: DailyId = keyed_id("daily", account, source, &delete.key);
        let activity = app.journal.load::<Activity>(&activity_stream(activity_id)).await?;
        let day = app.journal.load::<Daily>(&daily_stream(daily_id)).await?;
        let unknown = !activity.exists() && !day.exists() && !is_sample;
        let (mut words, mut versions) = (Vec::new(), Vec::new());
        if activity.exists() || unknown {
            let version = as_of(delete, activity.state.client_version);
            versions.push(version);
            let synced = activity.state.sync_delete(version);
            words.push(word(&synced));
            if let Synced::Stored(changes) = synced {
                if let Some(timer) = app.purge_later(activity_id, &activity.state, &changes) {
                    batch.timer(timer);
                }
                batch.write(&activity, partition, events(activity_id, account, changes));
            }
        }
        if day.exists() || unknown {
            let version = as_of(delete, day.state.client_version);
            versions.push(version);
            let synced = day.state.sync_delete(version);
            words.push(word(&synced));
            if let Synced::Stored(changes) = synced {
                days.push(daily_id, day, changes);
            }
        }
        let activity = activity.state.record.is_some().then_some(activity_id);
        Ok(Fate { words, version: versions.into_iter().max(), unknown, activity })
    }
}

/// Phones' stores tell of what is gone by its id alone: it is deleted as of the version that is `seen`, so that the next one
/// brings it back; of a key that nobody knew, 0.
fn as_of(delete: &Delete, seen: Option<i64>) -> i64 {
    if delete.newest { seen.unwrap_or_default() } else { delete.version }
}
