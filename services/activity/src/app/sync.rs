//! A changeset of a phone or watch: each record is answered for itself, and a bad one never blocks the rest.
//!
//! Workouts and days are decisions: they go to the journal, many streams in one append. Samples go straight to their
//! primary store, where the higher version wins.

mod clock;
mod delete;
mod input;
mod records;
mod source;
mod store;

use kernel::{AccountId, Code, Refusal};
use proto::{
    activity::{Ack, SyncRepair, SyncRequest, upsert},
    envelope::Problem,
};

use super::{App, Sender};
use crate::{
    domain::{activity::Synced, input::source as source_of},
    store::{
        samples,
        senders::{self, Mark},
        taken::{self, Taken},
    },
};
use input::{Item, Wanted};

const MARK_BYTES_MAX: usize = 1_024;
/// How much is read anew before the moment at which a sender was heard of last: what it had not told by then.
const REPAIR_MARGIN_US: i64 = 86_400 * 1_000_000;

/// The answer, and how far the journal has come with it.
pub struct Synchronised {
    pub acks: Vec<Ack>,
    pub cursor: String,
    /// The sender's mark is not relied on: it is to read anew.
    pub repair: Option<SyncRepair>,
    pub done: Option<eventing::Done>,
}

/// One changeset on its way.
struct Changeset<'a> {
    app: &'a App,
    command: &'a eventing::Command,
    account: AccountId,
    source: String,
    /// How far the sender's clock was behind; its times are put right.
    behind_s: i64,
    /// It was taken before, under its idempotency key.
    again: bool,
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
        let behind_s = clock::behind_s(request.sent_us, self.journal.now())?;
        let source = match request.source.as_str() {
            "" => self.device_source(sender, &request).await?,
            said => source_of(said, "")?,
        };
        let keys = request.upserts.iter().map(|record| (&record.key, record.version));
        let keys = keys.chain(request.deletes.iter().map(|record| (&record.key, record.version)));
        let acks = keys.map(|(key, version)| Ack { key: key.clone(), version, ..Ack::default() }).collect();
        let again = self.journal.replayed(command).await?.is_some();
        // The changeset's own key would answer for all records at once; each record answers by its version instead.
        let each = &eventing::Command { key: None, ..command.clone() };
        let mut changeset = Changeset {
            app: self,
            command: each,
            account: sender.account,
            source,
            behind_s,
            again,
            acks,
            done: None,
        };
        let (deletes, begin) = (request.deletes, request.upserts.len());
        let mut upserts = request.upserts;
        clock::correct(&mut upserts, behind_s);
        changeset.upsert(upserts).await?;
        changeset.delete(begin, deletes).await?;
        let Changeset { source, acks, mut done, .. } = changeset;
        if command.key.is_some() {
            // Only now: a changeset that was cut short is taken anew, not replayed.
            let mut batch = self.journal.batch(command);
            batch.answer(200, Vec::new());
            done = Some(batch.commit().await?);
        }
        acks.iter().for_each(|ack| self.metrics.record(status_of(&ack.status)));
        let now_us = kernel::time::micros(self.journal.now());
        let kept = senders::mark(&self.db, sender.account, &source, sender.session, &request.cursor, now_us);
        let (cursor, repair) = match kept.await.map_err(eventing::Error::from)? {
            Mark::Good(mark) => (mark, None),
            Mark::Unknown => (senders::own_mark(now_us), None),
            Mark::Expired { since_us } => (senders::own_mark(now_us), Some(repair(since_us))),
        };
        Ok(Synchronised { acks, cursor, repair, done })
    }
}

impl Changeset<'_> {
    async fn upsert(&mut self, upserts: Vec<proto::activity::Upsert>) -> Result<(), Refusal> {
        if upserts.is_empty() {
            return Ok(());
        }
        let samples = upserts.iter().any(|upsert| matches!(upsert.record, Some(upsert::Record::Sample(_))));
        let taken = match samples {
            true => taken::now(&self.app.db, self.account).await.map_err(eventing::Error::from)?,
            false => Taken::default(),
        };
        let standing = self.app.standing(self.account).await?;
        if !standing.present {
            return Err(Refusal::not_found());
        }
        let (account, source, now) = (self.account, self.source.clone(), self.app.journal.now());
        let behind_s = self.behind_s;
        let heavy = upserts.iter().any(input::is_heavy);
        let parse = move || input::parse(account, &source, &standing, (now, behind_s), upserts);
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
        for run in store::runs(journal, store::stream_of) {
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

/// Absence deletes nothing, and what is known is a duplicate: to read too much does no harm.
fn repair(since_us: i64) -> SyncRepair {
    let read_from_us = since_us.saturating_sub(REPAIR_MARGIN_US).max(1);
    SyncRepair { reason: "cursor_expired".to_owned(), read_from_us }
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
