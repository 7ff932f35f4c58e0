//! A changeset of a phone or watch: each record is answered for itself, and a bad one never blocks the rest.
//!
//! Workouts and days are decisions: they go to the journal, many streams in one append. Samples go straight to their
//! primary store, where the higher version wins.

mod input;
mod store;

use kernel::{AccountId, Code, Refusal};
use proto::{
    activity::{Ack, Delete, SyncRequest},
    envelope::Problem,
};

use super::{App, Sender};
use crate::{
    domain::{activity::Synced, input::Check, input::source as source_of},
    store::{
        samples,
        taken::{self, Taken},
    },
};
use input::{Item, Wanted};

const MARK_BYTES_MAX: usize = 1_024;

/// The answer, and how far the journal has come with it.
pub struct Synchronised {
    pub acks: Vec<Ack>,
    pub cursor: String,
    pub done: Option<eventing::Done>,
}

/// One changeset on its way.
struct Changeset<'a> {
    app: &'a App,
    command: &'a eventing::Command,
    account: AccountId,
    source: String,
    acks: Vec<Ack>,
    done: Option<eventing::Done>,
}

impl App {
    pub async fn sync(
        &self,
        command: &eventing::Command,
        sender: &Sender,
        request: SyncRequest,
    ) -> Result<Synchronised, Refusal> {
        let records = request.upserts.len() + request.deletes.len();
        if records > self.config.sync_records_max {
            let most = self.config.sync_records_max;
            return Err(Refusal::new(Code::PayloadTooLarge, format!("at most {most} records at once")));
        }
        if request.cursor.len() > MARK_BYTES_MAX || request.cursor.chars().any(char::is_control) {
            return Err(Refusal::field("/cursor", "invalid", format!("at most {MARK_BYTES_MAX} bytes")));
        }
        let source = source_of(&request.source, "device")?;
        let keys = request.upserts.iter().map(|record| (&record.key, record.version));
        let keys = keys.chain(request.deletes.iter().map(|record| (&record.key, record.version)));
        let acks = keys.map(|(key, version)| Ack { key: key.clone(), version, ..Ack::default() }).collect();
        // The changeset's own key would answer for all records at once; each record answers by its version instead.
        let command = &eventing::Command { key: None, ..command.clone() };
        let mut changeset =
            Changeset { app: self, command, account: sender.account, source, acks, done: None };
        let (deletes, begin) = (request.deletes, request.upserts.len());
        changeset.upsert(request.upserts).await?;
        changeset.delete(begin, deletes).await?;
        let Changeset { source, acks, done, .. } = changeset;
        acks.iter().for_each(|ack| self.metrics.record(status_of(&ack.status)));
        let now_us = kernel::time::micros(self.journal.now());
        let kept = samples::mark(&self.db, sender.account, &source, sender.session, &request.cursor, now_us);
        let kept = kept.await.map_err(eventing::Error::from)?;
        Ok(Synchronised { acks, cursor: kept.unwrap_or_else(|| format!("s{now_us}")), done })
    }
}

impl Changeset<'_> {
    async fn upsert(&mut self, upserts: Vec<proto::activity::Upsert>) -> Result<(), Refusal> {
        if upserts.is_empty() {
            return Ok(());
        }
        let taken = taken::now(&self.app.db, self.account).await.map_err(eventing::Error::from)?;
        let standing = self.app.standing(self.account).await?;
        if !standing.present {
            return Err(Refusal::not_found());
        }
        let (account, source, now) = (self.account, self.source.clone(), self.app.journal.now());
        let heavy = upserts.iter().any(input::is_heavy);
        let parse = move || input::parse(account, &source, &standing, now, upserts);
        let parsed = if heavy {
            let parsing = tokio::task::spawn_blocking(parse).await;
            parsing.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?
        } else {
            parse()
        };
        let mut journal = Vec::new();
        let mut plain = Vec::new();
        for (index, item) in parsed.into_iter().enumerate() {
            match item {
                Err(refusal) => self.refuse(index, refusal),
                Ok(item) => {
                    self.acks[index].notices.clone_from(&item.notices);
                    match item.wanted {
                        Wanted::Sample(sample) => plain.push((index, sample)),
                        wanted => journal.push(Item { wanted, ..item }),
                    }
                }
            }
        }
        for run in store::runs(journal) {
            self.store(run).await?;
        }
        self.store_samples(plain, taken).await
    }

    /// `taken`: as it was before auth was asked what may be kept.
    async fn store_samples(
        &mut self,
        plain: Vec<(usize, samples::Sample)>,
        taken: Taken,
    ) -> Result<(), Refusal> {
        if plain.is_empty() {
            return Ok(());
        }
        let (indexes, samples): (Vec<_>, Vec<_>) = plain.into_iter().unzip();
        samples::put(&self.app.db, self.account, &self.source, samples, taken)
            .await
            .map_err(eventing::Error::from)?;
        indexes.into_iter().for_each(|index| "stored".clone_into(&mut self.acks[index].status));
        Ok(())
    }

    async fn delete(&mut self, begin: usize, deletes: Vec<Delete>) -> Result<(), Refusal> {
        for (offset, delete) in deletes.into_iter().enumerate() {
            let index = begin + offset;
            let mut check = Check::at(format!("/deletes/{offset}"));
            check.key(&delete.key);
            check.version(delete.version);
            match check.done() {
                Err(refusal) => self.refuse(index, refusal),
                Ok(()) => self.delete_one(index, delete).await?,
            }
        }
        Ok(())
    }

    fn refuse(&mut self, index: usize, refusal: Refusal) {
        let ack = &mut self.acks[index];
        "refused".clone_into(&mut ack.status);
        ack.problem = Some(problem(refusal));
    }

    fn note(&mut self, done: eventing::Done) {
        if self.done.as_ref().is_none_or(|known| known.position < done.position) {
            self.done = Some(done);
        }
    }
}

fn word<C>(synced: &Synced<C>) -> &'static str {
    match synced {
        Synced::Stored(_) => "stored",
        Synced::Duplicate => "duplicate",
        Synced::Stale => "stale",
    }
}

/// The few words as labels of a metric.
fn status_of(status: &str) -> &'static str {
    ["stored", "duplicate", "stale"].into_iter().find(|known| *known == status).unwrap_or("refused")
}

pub(super) fn problem(refusal: Refusal) -> Problem {
    let fields = refusal.fields.into_iter();
    Problem {
        code: refusal.code.to_string(),
        detail: refusal.detail,
        fields: fields
            .map(|field| proto::envelope::problem::Field {
                pointer: field.pointer,
                code: field.code,
                detail: field.detail,
            })
            .collect(),
        reasons: refusal.reasons,
        retry_after_s: refusal.retry_after_s.unwrap_or_default(),
    }
}
