//! An archive is looked through: what would become of each file, and why. Nothing is changed by it.

use std::collections::HashSet;

use bytes::Bytes;
use eventing::Error;
use formats::{Problem, archive};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Code, Refusal, time};
use prost::Message;
use proto::activity::{ImportPlan, PlannedFile};

use super::{CHANGED, DUPLICATE, IGNORED, NEW, REFUSED, file, opened::Opened};
use crate::{
    app::{
        App, activity_stream,
        read_upload::refusal_of,
        receive_upload::{FILE_CLAIM, sha256, upload_stream},
        standing::Standing,
    },
    blobs::{BlobFile, Blobs},
    domain::{
        ImportId,
        activity::Activity,
        facts::Record,
        input::{self, Check},
        upload::{self, State, Upload},
    },
    store::Range,
    wire,
};

const SECOND_US: i64 = 1_000_000;

/// A file as it was found.
struct Looked {
    file: PlannedFile,
    what: What,
}

enum What {
    /// It will not be run.
    Nothing,
    File {
        sha256: [u8; 32],
        start_us: i64,
    },
    Entry {
        id: ActivityId,
        record: Box<Record>,
    },
}

impl App {
    /// The plan of what came in; a refusal of it is the inner error.
    pub(super) async fn plan(
        &self,
        (import, account): (ImportId, AccountId),
        opened: Opened,
    ) -> Result<Result<ImportPlan, Refusal>, Refusal> {
        let (standing, now) = (self.standing(account).await?, self.journal.now());
        let (kind, bytes_lost) = (opened.kind, opened.bytes_lost);
        let (mut files, mut parts) = (Vec::new(), HashSet::new());
        if let Some(lies) = &opened.health {
            match self.plan_health((import, account), &standing, &opened, lies).await? {
                Ok(planned) => (files, parts) = (planned.files, planned.routes),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let looking = tokio::task::spawn_blocking(move || look(account, &opened, &parts, &standing, now));
        let Ok(looked) = looking.await else {
            tracing::error!(%import, "an archive could not be looked through");
            return Ok(Err(refusal_of(&Problem::Unreadable("the archive cannot be read".into()))));
        };
        files.extend(self.compared(account, looked).await?);
        files.extend(bytes_lost.map(rest_of));
        for (file, number) in files.iter_mut().zip(0..) {
            file.number = number;
        }
        Ok(Ok(ImportPlan { kind: kind.as_str().to_owned(), files }))
    }

    /// Each against what is there.
    async fn compared(&self, account: AccountId, looked: Vec<Looked>) -> Result<Vec<PlannedFile>, Refusal> {
        let mut seen = HashSet::new();
        let mut files = Vec::with_capacity(looked.len());
        for Looked { mut file, what } in looked {
            let found = match what {
                What::Nothing => None,
                What::File { sha256, .. } if !seen.insert(sha256) => Some((DUPLICATE, Vec::new())),
                What::File { sha256, start_us } => Some(self.compare_file(account, &sha256, start_us).await?),
                What::Entry { id, record } => Some(self.compare_entry(id, &record).await?),
            };
            if let Some((plan, ids)) = found {
                plan.clone_into(&mut file.plan);
                file.activity_ids = ids.into_iter().map(wire::bytes).collect();
            }
            files.push(file);
        }
        Ok(files)
    }

    /// The same file again, another file of the same moment, or something new.
    async fn compare_file(
        &self,
        account: AccountId,
        sha256: &[u8],
        start_us: i64,
    ) -> Result<(&'static str, Vec<ActivityId>), Refusal> {
        let key = hex::encode(upload::file_hash(account, sha256));
        let first = self.journal.store().claimed_by(FILE_CLAIM, &key).await.map_err(Error::from)?;
        if let Some(first) = first.and_then(|stream| stream.id()) {
            match self.journal.load::<Upload>(&upload_stream(first)).await?.state.state {
                State::Parsed { activity_ids, .. } => {
                    let known = self.activities.among(&activity_ids).await.map_err(Error::from)?;
                    let live = known.iter().any(|row| row.live);
                    return Ok((if live { DUPLICATE } else { NEW }, activity_ids));
                }
                State::Received | State::Duplicate { .. } => return Ok((DUPLICATE, Vec::new())),
                State::Unknown | State::Failed { .. } => {}
            }
        }
        let same_moment = Range {
            account_id: account,
            sport: None,
            after_us: start_us - SECOND_US,
            before_us: start_us + SECOND_US + 1,
            behind: None,
            limit: 10,
        };
        let there = self.activities.range(same_moment).await.map_err(Error::from)?;
        let ids: Vec<_> = there.iter().map(|row| row.activity_id).collect();
        Ok((if ids.is_empty() { NEW } else { CHANGED }, ids))
    }

    async fn compare_entry(
        &self,
        id: ActivityId,
        record: &Record,
    ) -> Result<(&'static str, Vec<ActivityId>), Refusal> {
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        Ok(match &activity.record {
            Some(known) if activity.is_live() && known.facts == record.facts => (DUPLICATE, vec![id]),
            Some(_) if activity.is_live() => (CHANGED, vec![id]),
            _ => (NEW, Vec::new()),
        })
    }
}

/// Reads every file but the document of a health export and what is part of it.
fn look(
    account: AccountId,
    opened: &Opened,
    parts: &HashSet<String>,
    standing: &Standing,
    now: Timestamp,
) -> Vec<Looked> {
    let table = &opened.table;
    let mut looked = Vec::new();
    for (member, index) in opened.members.iter().zip(0..) {
        let is_document = opened.health.as_ref().is_some_and(|lies| lies.is(member));
        if is_document || parts.contains(&member.name) {
            continue;
        }
        let row = table.row_of(&member.name);
        let mut file = PlannedFile {
            name: member.name.clone(),
            size_bytes: i64::try_from(member.size).unwrap_or(i64::MAX),
            title: row.and_then(|row| row.title.clone()).unwrap_or_default(),
            member: index,
            ..PlannedFile::default()
        };
        let what = match look_at(&opened.file, member, now) {
            Ok(found) => {
                if file.title.is_empty() {
                    file.title = found.name;
                }
                file.sport = found.sport;
                What::File { sha256: found.sha256, start_us: found.start_us }
            }
            Err(refusal) => {
                let harmless = member.fault.is_some_and(archive::Fault::is_harmless);
                refuse(&mut file, if harmless { IGNORED } else { REFUSED }, &refusal);
                What::Nothing
            }
        };
        looked.push(Looked { file, what });
    }
    let entries = table.rows.iter().filter(|row| row.file.is_none());
    for row in entries {
        let mut file = PlannedFile {
            name: format!("activities.csv#{}", row.id),
            title: row.title.clone().unwrap_or_default(),
            entry: row.id.clone(),
            ..PlannedFile::default()
        };
        let what = match file::entry(account, row, standing, now) {
            Ok((id, record)) => {
                file.sport =
                    record.facts.as_ref().map(|facts| facts.sport.as_str().to_owned()).unwrap_or_default();
                What::Entry { id, record: Box::new(record) }
            }
            Err(refusal) => {
                refuse(&mut file, REFUSED, &refusal);
                What::Nothing
            }
        };
        looked.push(Looked { file, what });
    }
    looked
}

/// What an archive that is cut off or damaged has lost.
fn rest_of(bytes_lost: u64) -> PlannedFile {
    let detail = format!(
        "the archive is cut off or damaged, and its list of files with it: there may have been more of them; {bytes_lost} \
         bytes belong to none that can be read"
    );
    let mut file = PlannedFile { name: "archive#rest".to_owned(), ..PlannedFile::default() };
    refuse(&mut file, REFUSED, &Refusal::new(Code::FileUnreadable, detail));
    file
}

pub(super) fn refuse(file: &mut PlannedFile, plan: &str, refusal: &Refusal) {
    plan.clone_into(&mut file.plan);
    file.code = refusal.code.to_string();
    file.detail.clone_from(&refusal.detail);
}

/// The file's hash, and what its first activity is.
struct Found {
    sha256: [u8; 32],
    start_us: i64,
    sport: String,
    name: String,
}

fn look_at(archive: &BlobFile, member: &archive::Member, now: Timestamp) -> Result<Found, Refusal> {
    let unpacked = archive::unpack(archive, member).map_err(|problem| match member.fault {
        Some(fault) if fault.is_harmless() => refusal_of(&Problem::NotActivity(fault.detail().into())),
        _ => refusal_of(&problem),
    })?;
    let reading = formats::read(&unpacked).map_err(|problem| refusal_of(&problem))?;
    let mut refused = None;
    for activity in &reading.activities {
        let start_us = time::micros(activity.start);
        let mut check = Check::default();
        check.start("start_at", start_us, now);
        match check.done() {
            Ok(()) => {
                return Ok(Found {
                    sha256: sha256(&unpacked),
                    start_us,
                    sport: activity.sport.as_str().to_owned(),
                    name: activity.name.as_deref().map(input::clean).unwrap_or_default(),
                });
            }
            Err(refusal) => refused = Some(refusal),
        }
    }
    Err(refused.unwrap_or_else(|| refusal_of(&Problem::NotActivity("no activity in the file".into()))))
}

/// The plan as a blob, with its key among the account's files.
pub(super) fn encode(account: AccountId, plan: &ImportPlan) -> (String, Bytes) {
    blob_of(account, plan.encode_to_vec())
}

pub(super) fn blob_of(account: AccountId, encoded: Vec<u8>) -> (String, Bytes) {
    let hash = sha256(&encoded);
    (Blobs::original_key(account, &hash), encoded.into())
}

/// Files that are to be run.
pub(super) fn runs(file: &PlannedFile) -> bool {
    matches!(file.plan.as_str(), NEW | DUPLICATE | CHANGED)
}
