//! `/v1/imports`: an archive as one thing, looked through before it is run, and taken back with one call.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use futures::stream;
use http::header;
use kernel::{Code, Refusal};
use proto::activity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accounts::IdParam,
    uploads::{File, messages},
};
use crate::{
    answer::{self, Answer},
    body::refuse,
    caller::Account,
    language::Language,
    problem::{Fault, Problem},
    query::{self, Page, Params, PathId},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(show, roll_back))
        .routes(routes!(run))
        .routes(routes!(resume))
}

#[derive(Debug, Serialize, ToSchema)]
struct Import {
    id: AnId,
    /// `planning`, `planned` (a dry run waits here), `running`, `finished`, `failed`, `rolling_back` or `rolled_back`.
    #[schema(example = "planned")]
    state: String,
    dry_run: bool,
    /// `strava_export`, `apple_health_export` or `zip`; absent until it was looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    size_bytes: i64,
    created_at: Instant,
    progress: Progress,
    /// How many files there are of each `plan`.
    #[schema(example = json!({"new": 12, "duplicate": 3, "ignored": 1}))]
    planned: BTreeMap<String, u32>,
    /// How many files came to each `outcome`.
    #[schema(example = json!({"recorded": 11, "failed": 1}))]
    outcomes: BTreeMap<String, u32>,
    /// Why it `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
    /// In the order of the archive.
    files: Vec<ImportFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Of the files that are run; of a health export that is still looked through also how much of it was read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportProgress)]
pub(super) struct Progress {
    done: u32,
    total: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_done: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_total: Option<i64>,
}

impl Progress {
    pub(super) fn of(view: &activity::ImportView) -> Self {
        let bytes = |count: i64| (view.bytes_total > 0).then_some(count);
        Self {
            done: view.files_done,
            total: view.files_total,
            bytes_done: bytes(view.bytes_done),
            bytes_total: bytes(view.bytes_total),
        }
    }
}

/// A file of an archive, or an entry of its table that was made by hand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportFile {
    #[schema(example = "activities/123.fit.gz")]
    name: String,
    size_bytes: i64,
    /// What it was taken for: `new`, `duplicate`, `changed` (something else of the same moment is there), `refused` or
    /// `ignored` (not a device file).
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// What it came to: `recorded`, `partial`, `duplicate`, `kept` (what is there stays) or `failed`; absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_id: Option<AnId>,
    /// Of the file; before it is run, those that are there already.
    activity_ids: Vec<AnId>,
    /// Why it is refused, ignored, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sport: Option<String>,
}

impl ImportFile {
    pub(super) fn of(file: activity::ImportFile, language: Language) -> Self {
        Self {
            name: file.name,
            size_bytes: file.size_bytes,
            plan: known(file.plan),
            outcome: known(file.outcome),
            upload_id: (!file.upload_id.is_empty()).then(|| AnId::must(&file.upload_id)),
            activity_ids: AnId::all(&file.activity_ids),
            problem: file.problem.map(|problem| Fault::of(problem, language)),
            title: known(file.title),
            sport: known(file.sport),
        }
    }
}

impl Import {
    fn of(view: activity::ImportView, caller: &Account) -> Self {
        let language = caller.exchange.language();
        let counts = |counts: Vec<activity::WordCount>| {
            counts.into_iter().map(|count| (count.word, count.count)).collect()
        };
        Self {
            progress: Progress::of(&view),
            id: AnId::must(&view.id),
            state: view.state,
            dry_run: view.dry_run,
            format: known(view.kind),
            filename: known(view.filename),
            size_bytes: view.size_bytes,
            created_at: Instant(view.created_us),
            planned: counts(view.planned),
            outcomes: counts(view.outcomes),
            problem: view.problem.map(|problem| Fault::of(problem, language)),
            files: view.files.into_iter().map(|file| ImportFile::of(file, language)).collect(),
            next_cursor: caller.next_cursor(&view.next_cursor),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct How {
    /// Only say what would become of each file; `run` does it.
    #[serde(default, deserialize_with = "query::flag")]
    dry_run: bool,
    /// What the archive is called.
    filename: Option<String>,
}

/// An archive as a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only read by the document")]
struct ArchiveForm {
    #[schema(format = Binary, content_media_type = "application/zip")]
    file: String,
}

/// Takes a ZIP archive of device files, a Strava export or an Apple Health export among them, or the latter's `export.xml`
/// (plain or .gz), as the body or as the multipart field `file`; a larger one comes in parts, by `/uploads/resumable`. It is
/// looked through and then, unless this is a dry run, run: one bad file hinders no other, and a crash loses nothing.
#[utoipa::path(post, path = "/imports", tag = "activities", params(How),
    request_body(content((String = "application/zip"), (ArchiveForm = "multipart/form-data")),
        description = "the archive"),
    responses((status = 202, body = Import)))]
async fn open(State(door): Shared, caller: Account, Params(how): Params<How>, request: Request) -> Answer {
    let files = match File::read(request, door.config.upload_bytes_max).await {
        Ok(files) => files,
        Err(response) => return Ok(response),
    };
    let mut files = files.into_iter();
    let (Some(file), None) = (files.next(), files.next()) else {
        return Ok(refuse(Refusal::field("/file", "too_many", "an import is of one archive")));
    };
    if file.bytes.is_empty() {
        return Err(Problem::new(Code::FileUnreadable, "the file is empty"));
    }
    let header = activity::UploadHeader {
        filename: how.filename.or(file.name).unwrap_or_default(),
        dry_run: how.dry_run,
        ..activity::UploadHeader::default()
    };
    let chunks = stream::iter(messages(header, file.bytes));
    let reply = caller.call(door.peers.activity().open_import(chunks)).await?;
    let import = Import::of(reply, &caller);
    let location = format!("/v1/imports/{}", import.id);
    let mut response = answer::accepted(&import)?;
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// An import of mine with a page of its files.
#[utoipa::path(get, path = "/imports/{id}", tag = "activities", params(IdParam, Page),
    responses((status = 200, body = Import)))]
async fn show(State(door): Shared, caller: Account, id: PathId, Params(page): Params<Page>) -> Answer {
    let request = activity::GetImportRequest {
        import_id: id.bytes(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.activity().get_import(request)).await?;
    answer::ok(&Import::of(reply, &caller))
}

fn named(id: &PathId) -> activity::ImportRequest {
    activity::ImportRequest { import_id: id.bytes() }
}

/// Runs an import that was looked through. 409 `conflict` while it is not yet, or when it was rolled back.
#[utoipa::path(post, path = "/imports/{id}/run", tag = "activities", params(IdParam),
    responses((status = 202, body = Import)))]
async fn run(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.activity().run_import(named(&id))).await?;
    answer::accepted(&Import::of(reply, &caller))
}

/// Goes on at once with an import that stands still, as after a crash; it would by itself a little later.
#[utoipa::path(post, path = "/imports/{id}/resume", tag = "activities", params(IdParam),
    responses((status = 202, body = Import)))]
async fn resume(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let reply = caller.call(door.peers.activity().resume_import(named(&id))).await?;
    answer::accepted(&Import::of(reply, &caller))
}

/// Rolls an import back: what it recorded or brought back is deleted, and nothing else. Stops one that runs.
#[utoipa::path(delete, path = "/imports/{id}", tag = "activities", params(IdParam), responses((status = 204)))]
async fn roll_back(State(door): Shared, caller: Account, id: PathId) -> Answer {
    caller.call(door.peers.activity().roll_back_import(named(&id))).await?;
    answer::no_content()
}
