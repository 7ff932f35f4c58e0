//! `/v1/uploads`: files in.

use std::time::Duration;

use axum::{
    extract::{FromRequest, Multipart, Request, State},
    response::Response,
};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use kernel::{Code, Refusal};
use proto::activity::{self, upload_chunk::Part};
use serde::{Deserialize, Serialize};
use tokio::time::Instant as Moment;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accounts::IdParam,
    imports::{ImportFile, Progress},
};
use crate::{
    answer::{self, Answer, List, raw},
    body::refuse,
    caller::Account,
    door::Door,
    language::Language,
    problem::{Fault, Problem},
    query::{Page, Params, PathId},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list, upload)).routes(routes!(show))
}

/// What became of an uploaded file.
#[derive(Debug, Serialize, ToSchema)]
struct Upload {
    id: AnId,
    /// `queued`, `parsing`, `ready`, `partial`, `duplicate` or `failed`; the last four are final.
    #[schema(example = "ready")]
    status: String,
    activity_ids: Vec<AnId>,
    /// Why it `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
    /// What could be saved of a damaged file (`partial`).
    #[serde(skip_serializing_if = "Option::is_none")]
    salvage: Option<Salvage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["health_consent_missing"]))]
    notices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<Instant>,
    size_bytes: i64,
    /// How far an archive is.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    /// The first files of an archive; all of them, and a way to take them back, are at the import of the same id.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<ImportFile>>,
}

/// What became of each file of a form, in its order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadBatch)]
struct Batch {
    items: Vec<BatchItem>,
}

/// What a request came to: the upload, or those of several files.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadOrBatch)]
#[serde(untagged)]
#[allow(dead_code, reason = "only read by the document")]
enum Taken {
    One(Box<Upload>),
    Several(Batch),
}

/// An upload, or, for what was not taken, the file's name and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum BatchItem {
    Upload(Box<Upload>),
    Refused(RefusedFile),
}

impl BatchItem {
    fn is_final(&self) -> bool {
        match self {
            Self::Upload(upload) => upload.is_final(),
            Self::Refused(_) => true,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct RefusedFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    /// `failed`
    status: &'static str,
    problem: Fault,
}

#[derive(Debug, Serialize, ToSchema)]
struct Salvage {
    records_kept: u64,
    bytes_lost: u64,
    #[schema(example = json!(["crc"]))]
    reasons: Vec<String>,
}

impl Upload {
    fn of(view: activity::UploadView, language: Language) -> Self {
        let salvage = |salvage: activity::Salvage| Salvage {
            records_kept: salvage.records_kept,
            bytes_lost: salvage.bytes_lost,
            reasons: salvage.reasons,
        };
        let (progress, files) = match view.archive {
            Some(archive) => (
                Some(Progress::of(&archive)),
                Some(archive.files.into_iter().map(|file| ImportFile::of(file, language)).collect()),
            ),
            None => (None, None),
        };
        Self {
            progress,
            files,
            id: AnId::must(&view.id),
            status: view.status,
            activity_ids: AnId::all(&view.activity_ids),
            problem: view.problem.map(|problem| Fault::of(problem, language)),
            salvage: view.salvage.map(salvage),
            notices: view.notices,
            filename: known(view.filename),
            received_at: Instant::known(view.received_us),
            size_bytes: view.size_bytes,
        }
    }

    fn is_final(&self) -> bool {
        !matches!(self.status.as_str(), "queued" | "parsing")
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct How {
    /// What the file is called; its ending may help to read it.
    filename: Option<String>,
    /// How long to wait for the file to be read, at most 30 s.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30)]
    wait_s: u32,
}

/// A device file as a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only read by the document")]
struct FileForm {
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Takes a device file (FIT, GPX, TCX; plain or .gz), a ZIP archive of them, or an Apple Health export (its ZIP, or its
/// `export.xml`, plain or .gz) as the body, or as the multipart field `file`. 202, or 200 when it was read within `wait_s`. The same file again is `duplicate` and names the first one's
/// activities. A form with several fields `file` is answered by `items`, one each: a bad file hinders no other.
#[utoipa::path(post, path = "/uploads", tag = "activities", params(How),
    request_body(content((String = "application/octet-stream"), (FileForm = "multipart/form-data")),
        description = "the file"),
    responses((status = 200, body = Taken), (status = 202, body = Taken)))]
async fn upload(State(door): Shared, caller: Account, Params(how): Params<How>, request: Request) -> Answer {
    if how.wait_s > 30 {
        return Err(Problem::new(Code::MalformedQuery, "wait_s is at most 30"));
    }
    let mut files = match File::read(request, door.config.upload_bytes_max).await {
        Ok(files) => files,
        Err(response) => return Ok(response),
    };
    if files.len() > 1 {
        return batch(&door, &caller, how.wait_s, files).await;
    }
    let mut file = files.pop().unwrap_or(File { name: None, bytes: Bytes::new() });
    file.name = how.filename.or(file.name);
    let upload = send(&door, &caller, None, how.wait_s, file).await?;
    let location = format!("/v1/uploads/{}", upload.id);
    let status = if how.wait_s > 0 && upload.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = answer::with(status, &upload)?;
    if let Ok(location) = location.parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `number`: of several files of one request.
async fn send(
    door: &Door,
    caller: &Account,
    number: Option<usize>,
    wait_s: u32,
    file: File,
) -> Result<Upload, Problem> {
    if file.bytes.is_empty() {
        return Err(Problem(Refusal::new(Code::FileUnreadable, "the file is empty")));
    }
    let header = activity::UploadHeader {
        filename: file.name.unwrap_or_default(),
        wait_s,
        ..activity::UploadHeader::default()
    };
    let chunks = stream::iter(messages(header, file.bytes));
    let mut activities = door.peers.activity();
    let reply = match number {
        None => caller.call(activities.upload(chunks)).await?,
        Some(number) => caller.call_one_of(number, activities.upload(chunks)).await?,
    };
    Ok(Upload::of(reply, caller.exchange.language()))
}

/// The wait is for all of them together.
async fn batch(door: &Door, caller: &Account, wait_s: u32, files: Vec<File>) -> Answer {
    let until = Moment::now() + Duration::from_secs(wait_s.into());
    let language = caller.exchange.language();
    let mut items = Vec::with_capacity(files.len());
    for (number, file) in files.into_iter().enumerate() {
        let left_s = until.saturating_duration_since(Moment::now()).as_secs();
        let filename = file.name.clone();
        let sent = send(door, caller, Some(number), u32::try_from(left_s).unwrap_or(0), file).await;
        items.push(match sent {
            Ok(upload) => BatchItem::Upload(Box::new(upload)),
            // Nothing of it was heard: the rest would fare no better.
            Err(problem) if items.is_empty() && problem.0.code.status() >= 500 => return Err(problem),
            Err(problem) => BatchItem::Refused(RefusedFile {
                filename,
                status: "failed",
                problem: fault(problem.0, language),
            }),
        });
    }
    let all_final = items.iter().all(BatchItem::is_final);
    let status = if wait_s > 0 && all_final { StatusCode::OK } else { StatusCode::ACCEPTED };
    answer::with(status, &Batch { items })
}

fn fault(refusal: Refusal, language: Language) -> Fault {
    let (code, detail) = (refusal.code.to_string(), refusal.detail);
    Fault::of(proto::envelope::Problem { code, detail, ..proto::envelope::Problem::default() }, language)
}

const CHUNK_BYTES: usize = 256 * 1024;

/// A file after its header, cut into messages.
pub(super) fn messages(
    header: activity::UploadHeader,
    bytes: Bytes,
) -> impl Iterator<Item = activity::UploadChunk> {
    let first = activity::UploadChunk { part: Some(Part::Header(header)) };
    std::iter::once(first).chain(chunks(bytes))
}

/// The file cut into messages; the bytes are shared, not copied.
fn chunks(mut bytes: Bytes) -> impl Iterator<Item = activity::UploadChunk> {
    std::iter::from_fn(move || {
        let next = bytes.split_to(bytes.len().min(CHUNK_BYTES));
        (!next.is_empty()).then(|| activity::UploadChunk { part: Some(Part::Data(next)) })
    })
}

/// Files of one form at most.
const FILES_MAX: usize = 100;

/// A file as it came.
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) bytes: Bytes,
}

impl File {
    /// The body, or each field `file` of a form: at least one.
    pub(super) async fn read(request: Request, bytes_max: usize) -> Result<Vec<Self>, Response> {
        let essence = essence(request.headers());
        if essence == "multipart/form-data" {
            return Self::of_form(request, bytes_max).await;
        }
        let kind = essence.split('/').next().unwrap_or_default();
        let refused = matches!(kind, "image" | "video" | "audio" | "font")
            || matches!(essence.as_str(), "application/json" | "text/html" | "application/javascript");
        if refused {
            let detail =
                "send the device's file as application/octet-stream, or as the multipart field `file`";
            return Err(refuse(Refusal::new(Code::UnsupportedMediaType, detail)));
        }
        Ok(vec![Self { name: None, bytes: raw(request, bytes_max).await? }])
    }

    /// The fields `file` of a form. The form is received whole first, so that its bounds are those of any body.
    async fn of_form(request: Request, bytes_max: usize) -> Result<Vec<Self>, Response> {
        let malformed = |detail: String| refuse(Refusal::field("/file", "invalid", detail));
        let (parts, body) = request.into_parts();
        let form = Request::from_parts(parts.clone(), body);
        // The field's own headers and boundaries take a little more than the file.
        let bytes = crate::body::read(form, bytes_max + 16 * 1024).await.map_err(refuse)?;
        let again = Request::from_parts(parts, axum::body::Body::from(bytes));
        let exchange = crate::exchange::Exchange::of(&again).map_err(refuse)?;
        let form = Multipart::from_request(again, &()).await;
        let mut form = form.map_err(|error| malformed(error.body_text()))?;
        let mut files = Vec::new();
        while let Some(field) = form.next_field().await.map_err(|error| malformed(error.body_text()))? {
            if field.name() != Some("file") {
                continue;
            }
            let name = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(|error| malformed(error.body_text()))?;
            if bytes.len() > bytes_max {
                return Err(refuse(crate::body::too_large(bytes_max)));
            }
            if files.len() == FILES_MAX {
                let detail = format!("a form has at most {FILES_MAX} files");
                return Err(refuse(Refusal::field("/file", "too_many", detail)));
            }
            files.push(Self { name, bytes });
        }
        // Boundaries differ from try to try: the key's hash is that of the files.
        match &files[..] {
            [] => return Err(refuse(Refusal::field("/file", "required", "the form has no field `file`"))),
            [only] => exchange.hash_body(&only.bytes),
            several => {
                exchange.hash_body(&several.iter().flat_map(|file| file.bytes.clone()).collect::<Vec<u8>>())
            }
        }
        Ok(files)
    }
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// An upload of mine; a device sees those that it sent itself.
#[utoipa::path(get, path = "/uploads/{id}", tag = "activities", params(IdParam),
    responses((status = 200, body = Upload)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = activity::GetUploadRequest { upload_id: id.bytes() };
    let reply = caller.call(door.peers.activity().get_upload(request)).await?;
    answer::ok(&Upload::of(reply, caller.exchange.language()))
}

/// My uploads, newest first.
#[utoipa::path(get, path = "/uploads", tag = "activities", params(Page), responses((status = 200, body = List<Upload>)))]
async fn list(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request =
        activity::ListUploadsRequest { cursor: caller.cursor(&page)?, limit: page.limit.unwrap_or_default() };
    let reply = caller.call(door.peers.activity().list_uploads(request)).await?;
    let language = caller.exchange.language();
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(|view| Upload::of(view, language)).collect(),
    })
}
