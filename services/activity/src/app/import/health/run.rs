//! What a plan says of a health export is done: records by the hundred, workouts as the document is read once more, from the
//! first that is not done.

use std::collections::HashMap;

use eventing::Error;
use kernel::{AccountId, Code, Refusal, time};
use prost::Message;
use proto::activity::{DailyValue, Delete, HealthRecords, PlannedFile, Upsert, upsert::Record};
use tokio::sync::mpsc;

use super::{
    SOURCE,
    hearts::Hearts,
    pass::{Met, Pass},
    workout,
};
use crate::{
    app::{
        App,
        import::{file::What, opened::Lies, work::Work},
    },
    domain::import::{FileDone, Outcome, Phase},
    store::imports,
};

const AHEAD_MAX: usize = 2;

impl App {
    /// Workouts that are to be run, those that are done left out. What comes of one does not hang on which others are done:
    /// `all` are the files of the plan.
    pub(in crate::app::import) async fn run_workouts(
        &self,
        work: &mut Work,
        files: &[&PlannedFile],
        all: &[PlannedFile],
    ) -> Result<(), Refusal> {
        let mut pending: HashMap<&str, &PlannedFile> =
            files.iter().map(|file| (file.workout.as_str(), *file)).collect();
        let (Some(from), Some(lies)) =
            (files.iter().map(|file| file.offset).min(), work.opened.health.clone())
        else {
            return Ok(());
        };
        let hearts = self.hearts(work, &lies, all).await?;
        let (out, mut incoming) = mpsc::channel(AHEAD_MAX);
        let pass = Pass::new(&work.opened, &lies, out);
        let passing = tokio::task::spawn_blocking(move || pass.workouts(from, hearts));
        while let Some(met) = incoming.recv().await {
            let Met::Workout(met) = met else { continue };
            let Some(file) = pending.remove(met.key.as_str()) else { continue };
            // Asked anew for each: a consent may be withdrawn meanwhile.
            let standing = self.standing(work.account).await?;
            let (account, now, asked) = (work.account, self.journal.now(), standing.clone());
            let preparing = tokio::task::spawn_blocking(move || workout::prepare(account, *met, &asked, now));
            let prepared =
                preparing.await.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?;
            self.import_file(work, file, standing, &What::Workout(prepared.map(Box::new))).await?;
            if work.loaded.state.phase != Phase::Running {
                return Ok(());
            }
            if pending.is_empty() {
                break;
            }
        }
        drop(incoming);
        // What it came to is told by the workouts.
        let _ = passing.await;
        let gone = Refusal::new(Code::FileUnreadable, "the export cannot be read up to it any more");
        for file in pending.into_values() {
            let standing = self.standing(work.account).await?;
            self.import_file(work, file, standing, &What::Workout(Err(gone.clone()))).await?;
        }
        Ok(())
    }

    /// Heart rates within the workouts, if they may be kept. Where the document cannot be read any more there are none.
    async fn hearts(
        &self,
        work: &Work,
        lies: &Lies,
        files: &[PlannedFile],
    ) -> Result<Option<Hearts>, Refusal> {
        if !self.standing(work.account).await?.health_consent {
            return Ok(None);
        }
        // Nothing is met on this way: the other end is only held open.
        let (out, _incoming) = mpsc::channel(1);
        let pass = Pass::new(&work.opened, lies, out);
        let empty = Hearts::of(files.iter().map(|file| file.workout.as_str()));
        let passing = tokio::task::spawn_blocking(move || pass.hearts(empty));
        let found = passing.await.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?;
        Ok(found.ok())
    }

    async fn records_of(&self, blob: &str) -> Result<HealthRecords, Refusal> {
        let encoded = self.blobs.get(blob).await?;
        HealthRecords::decode(encoded)
            .map_err(|error| Refusal::new(Code::Internal, format!("records: {error}")))
    }

    /// Kept before the file is done: to keep them again changes nothing.
    pub(in crate::app::import) async fn decide_records(
        &self,
        work: &Work,
        number: u32,
        blob: &str,
    ) -> Result<FileDone, Refusal> {
        let records = self.records_of(blob).await?;
        let acks =
            self.keep_records(&work.command, work.account, SOURCE, records.upserts, Vec::new()).await?;
        let refused = acks.iter().filter(|ack| ack.status == "refused").count();
        let stored = acks.iter().filter(|ack| ack.status == "stored").count();
        let outcome = match () {
            () if refused > 0 && refused == acks.len() => Outcome::Failed,
            () if refused > 0 => Outcome::Partial,
            () if stored > 0 => Outcome::Recorded,
            () => Outcome::Duplicate,
        };
        let mut done = FileDone::of(number, outcome);
        if let Some(problem) = acks.into_iter().find_map(|ack| ack.problem) {
            (done.code, done.detail) = (problem.code, problem.detail);
        }
        Ok(done)
    }

    /// What stood there before stands there again, the rest goes; a day that says something else by now stays. The version is
    /// of now, so that the next import of the same export brings it back.
    pub(in crate::app::import) async fn undo_records(
        &self,
        command: &eventing::Command,
        account: AccountId,
        blob: &str,
    ) -> Result<(), Refusal> {
        let HealthRecords { upserts, before } = self.records_of(blob).await?;
        let version = time::micros(self.journal.now());
        let mut before: HashMap<_, _> =
            before.into_iter().map(|upsert| (upsert.key.clone(), upsert)).collect();
        let (mut back, mut gone) = (Vec::new(), Vec::new());
        for upsert in self.still_said(account, upserts).await? {
            match before.remove(&upsert.key) {
                Some(stood) => back.push(Upsert { version, ..stood }),
                None => gone.push(Delete { version, key: upsert.key, ..Delete::default() }),
            }
        }
        self.keep_records(command, account, SOURCE, back, gone).await?;
        Ok(())
    }

    /// Records without the days that are something else by now, of a later import.
    async fn still_said(&self, account: AccountId, upserts: Vec<Upsert>) -> Result<Vec<Upsert>, Refusal> {
        let day = |upsert: &Upsert| match &upsert.record {
            Some(Record::Daily(day)) => Some(day.clone()),
            _ => None,
        };
        let days: Vec<_> = upserts.iter().filter_map(day).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(upserts) };
        // The rows hold what the journal holds by now.
        platform::reached(self.journal.store().head().await.map_err(Error::from)?).await;
        let known = imports::days(&self.db, account, SOURCE, &first.r#type, (&first.date, &last.date));
        let known = known.await.map_err(Error::from)?;
        let stands = |day: &DailyValue| {
            known.get(&day.date).is_some_and(|known| known.value == day.value && known.spans == day.spans)
        };
        Ok(upserts.into_iter().filter(|upsert| day(upsert).is_none_or(|day| stands(&day))).collect())
    }
}
