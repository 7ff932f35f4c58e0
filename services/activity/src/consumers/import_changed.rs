//! Import events → the import's row and those of its files.

use eventing::{DomainEvent, Failure, Incoming, sql::Tx};
use prost::Message;
use proto::{
    activity::{ImportFile, ImportPlan, ImportView, PlannedFile, WordCount},
    envelope::Problem,
};

use crate::{
    blobs::{BlobError, Blobs},
    domain::import::{Archive, Change, Event, FileDone, Phase},
    store::{
        imports::{self, Row},
        uploads,
    },
    wire,
};

pub(super) async fn apply(blobs: &Blobs, tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let event = Event::decode(&incoming.plain)?;
    if let Change::Opened(archive) = &event.change {
        return begin(tx, &event, archive, incoming.event.at_us).await;
    }
    let Some(mut row) = imports::current(tx, event.import_id).await? else { return Ok(()) };
    let whole = &mut row.whole;
    let phase = match &event.change {
        Change::Opened(_) | Change::ArchivePurged => return Ok(()),
        Change::Planned { plan_blob, kind, files } => {
            whole.kind.clone_from(kind);
            whole.files_total = *files;
            whole.planned = plan_files(blobs, tx, &event, plan_blob).await?;
            Phase::Planned
        }
        Change::FileDone(done) => {
            if !finish_file(tx, &event, done).await? {
                return Ok(());
            }
            whole.files_done += 1;
            count(&mut whole.outcomes, done.outcome.as_str());
            Phase::Running
        }
        Change::Started => Phase::Running,
        Change::Finished => Phase::Finished,
        Change::Failed { code, detail } => {
            whole.problem = Some(problem(code, detail));
            Phase::Failed
        }
        Change::RollbackStarted => Phase::RollingBack,
        Change::RolledBack { .. } => Phase::RolledBack,
    };
    phase.as_str().clone_into(&mut whole.state);
    Ok(imports::put(tx, &row).await?)
}

async fn begin(tx: &mut dyn Tx, event: &Event, archive: &Archive, at_us: i64) -> Result<(), Failure> {
    let whole = ImportView {
        id: wire::bytes(event.import_id),
        state: Phase::Planning.as_str().to_owned(),
        dry_run: archive.dry_run,
        filename: archive.filename.clone().unwrap_or_default(),
        size_bytes: archive.size_bytes,
        created_us: at_us,
        ..ImportView::default()
    };
    imports::put(tx, &Row { import_id: event.import_id, account_id: event.account_id, whole }).await?;
    if !archive.of_upload {
        return Ok(());
    }
    let upload = kernel::Id::new(event.import_id.uuid());
    if let Some(mut row) = uploads::current(tx, upload).await? {
        row.whole.is_archive = true;
        uploads::put(tx, &row).await?;
    }
    Ok(())
}

/// Writes the files of a plan; how many there are of each kind.
async fn plan_files(
    blobs: &Blobs,
    tx: &mut dyn Tx,
    event: &Event,
    key: &str,
) -> Result<Vec<WordCount>, Failure> {
    let plan = match blobs.get(key).await {
        Ok(bytes) => ImportPlan::decode(bytes).map_err(|error| Failure::Poison(format!("{key}: {error}")))?,
        // Durable before the event: it was erased, later events tell.
        Err(BlobError::Missing(_)) => ImportPlan::default(),
        Err(error) => return Err(Failure::Retry(error.to_string())),
    };
    let mut counts = Vec::new();
    for file in plan.files {
        count(&mut counts, &file.plan);
        imports::put_file(tx, event.import_id, event.account_id, &planned(file)).await?;
    }
    Ok(counts)
}

fn planned(file: PlannedFile) -> ImportFile {
    ImportFile {
        number: file.number,
        name: file.name,
        size_bytes: file.size_bytes,
        plan: file.plan,
        activity_ids: file.activity_ids,
        problem: (!file.code.is_empty()).then(|| problem(&file.code, &file.detail)),
        title: file.title,
        sport: file.sport,
        ..ImportFile::default()
    }
}

/// Whether this is news.
async fn finish_file(tx: &mut dyn Tx, event: &Event, done: &FileDone) -> Result<bool, Failure> {
    let known = imports::current_file(tx, event.import_id, done.number).await?;
    let mut file = known.unwrap_or_else(|| ImportFile { number: done.number, ..ImportFile::default() });
    if !file.outcome.is_empty() {
        return Ok(false);
    }
    done.outcome.as_str().clone_into(&mut file.outcome);
    file.upload_id = done.upload_id.map(wire::bytes).unwrap_or_default();
    file.activity_ids = done.activity_ids.iter().copied().map(wire::bytes).collect();
    if !done.code.is_empty() {
        file.problem = Some(problem(&done.code, &done.detail));
    }
    imports::put_file(tx, event.import_id, event.account_id, &file).await?;
    Ok(true)
}

fn problem(code: &str, detail: &str) -> Problem {
    Problem { code: code.to_owned(), detail: detail.to_owned(), ..Problem::default() }
}

fn count(counts: &mut Vec<WordCount>, word: &str) {
    match counts.iter_mut().find(|count| count.word == word) {
        Some(count) => count.count += 1,
        None => counts.push(WordCount { word: word.to_owned(), count: 1 }),
    }
}
