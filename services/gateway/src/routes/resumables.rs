//! `/v1/uploads/resumable`: files in parts, by the tus protocol 1.0 (<https://tus.io/protocols/resumable-upload>): its core and
//! the extensions `creation`, `termination`, `expiration` and `checksum`. The bytes go through here as they come; none of it is held.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::{Next, map_response},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use kernel::{Code, Refusal};
use proto::activity::{self, ResumableChunk, resumable_chunk::Part};
use serde::Serialize;
use tokio::{
    sync::mpsc::{self, Sender},
    time::Instant as Moment,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    problem::Problem,
    query::{PathId, is_set},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

/// Where parts come in: such a request may last.
pub(crate) const PARTS: &str = "/v1/uploads/resumable/{id}";
const PLACE: &str = "/v1/uploads/resumable";
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const SPOKEN: HeaderName = HeaderName::from_static("tus-version");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const EXTENSIONS: HeaderValue = HeaderValue::from_static("creation,termination,expiration,checksum");
const BYTES_MAX: HeaderName = HeaderName::from_static("tus-max-size");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const ALGORITHMS: HeaderValue = HeaderValue::from_static("sha1,sha256");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const PART_TYPE: &str = "application/offset+octet-stream";
/// What a browser's script sends, and may read of the answer.
pub(crate) const SENT: [HeaderName; 5] = [RESUMABLE, LENGTH, OFFSET, METADATA, CHECKSUM];
pub(crate) const READ: [HeaderName; 8] =
    [RESUMABLE, SPOKEN, EXTENSION, BYTES_MAX, ALGORITHM, LENGTH, OFFSET, EXPIRES];

const CHUNK_BYTES: usize = 256 * 1024;
const AHEAD_MAX: usize = 4;

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(show, append, abandon))
        .layer(map_response(with_version))
}

async fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(RESUMABLE, VERSION);
    response
}

/// What the server speaks, for who asks by `OPTIONS`, and how large a file may be; outside of the layer that answers those.
pub(crate) async fn discover(State(door): Shared, request: Request, next: Next) -> Response {
    let here = request.uri().path().starts_with(PLACE);
    let asked = here && request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if here {
        headers.insert(BYTES_MAX, door.config.resumable_bytes_max.into());
    }
    if asked {
        headers.insert(RESUMABLE, VERSION);
        headers.insert(SPOKEN, VERSION);
        headers.insert(EXTENSION, EXTENSIONS);
        headers.insert(ALGORITHM, ALGORITHMS);
    }
    response
}

/// A file that comes in parts.
#[derive(Debug, Serialize, ToSchema)]
struct ResumableUpload {
    /// Also of the upload, or import, that it becomes.
    id: AnId,
    /// `upload` or `import`.
    purpose: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    /// In bytes.
    length: i64,
    /// Bytes that are here for good; the next part goes on there.
    received: i64,
    /// `open`, `received` (whole, and put together) or `done`: the upload, or import, of this id tells the rest.
    #[schema(example = "open")]
    state: String,
    /// Forgotten then, unless a part comes before.
    expires_at: Instant,
}

impl ResumableUpload {
    fn of(view: activity::ResumableView) -> Self {
        let how = view.how.unwrap_or_default();
        Self {
            id: AnId::must(&view.id),
            purpose: how.purpose,
            filename: known(how.filename),
            length: view.length,
            received: view.received,
            state: view.state,
            expires_at: Instant(view.expires_us),
        }
    }

    fn dress(&self, headers: &mut HeaderMap) {
        headers.insert(OFFSET, self.received.into());
        headers.insert(LENGTH, self.length.into());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(expires) = http_date(self.expires_at.0).and_then(|date| date.parse().ok()) {
            headers.insert(EXPIRES, expires);
        }
    }

    fn answer(&self, status: StatusCode) -> Answer {
        let mut response = match status {
            StatusCode::NO_CONTENT => status.into_response(),
            _ => answer::with(status, self)?,
        };
        self.dress(response.headers_mut());
        Ok(response)
    }
}

/// RFC 9110.
fn http_date(at_us: i64) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(at_us).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Every call but a look says that it speaks this version.
fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(RESUMABLE) {
        Some(version) if *version == VERSION => Ok(()),
        _ => Err(Problem::new(Code::VersionMismatch, "say Tus-Resumable: 1.0.0")),
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<i64, Problem> {
    let said = headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    said.filter(|number| *number >= 0).ok_or_else(|| {
        Problem(Refusal::field(&format!("/{name}"), "required", "a number of bytes, in this header"))
    })
}

/// `sha256 base64`, of the part; without one nothing is checked.
fn checksum(headers: &HeaderMap) -> Result<(String, Bytes), Problem> {
    let Some(value) = headers.get(CHECKSUM) else { return Ok(Default::default()) };
    let wrong =
        || Problem::new(Code::BadChecksum, "Upload-Checksum is sha1 or sha256, a space, and it in base64");
    let (algorithm, sum) =
        value.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or_else(wrong)?;
    let sum = STANDARD.decode(sum.trim()).map_err(|_| wrong())?;
    Ok((algorithm.to_owned(), sum.into()))
}

/// `key base64, key base64, key`.
fn metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Problem> {
    let wrong = || {
        let detail = "pairs of a key and its value in base64, parted by commas";
        Problem(Refusal::field(&format!("/{METADATA}"), "invalid", detail))
    };
    let Some(value) = headers.get(METADATA) else { return Ok(BTreeMap::new()) };
    let text = value.to_str().map_err(|_| wrong())?;
    let mut pairs = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
        pairs.insert(key.to_owned(), String::from_utf8(value).map_err(|_| wrong())?);
    }
    Ok(pairs)
}

/// Begins a file that comes in parts, as tus 1.0 has it: `Tus-Resumable: 1.0.0`, `Upload-Length`, and in `Upload-Metadata`
/// `filename`, `purpose` (`upload`, as it is without, or `import`) and for an import `dry_run` (`true`). The parts go to the
/// place that `Location` names; what nobody goes on with is forgotten a day later. Not for device tokens.
#[utoipa::path(post, path = "/uploads/resumable", tag = "activities",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = i64, Header, description = "bytes of the file"),
        ("Upload-Metadata" = Option<String>, Header, description = "keys with their values in base64, parted by commas"),
    ),
    responses((status = 201, body = ResumableUpload)))]
async fn create(State(door): Shared, caller: Account, headers: HeaderMap) -> Answer {
    check_version(&headers)?;
    let mut said = metadata(&headers)?;
    let mut text = |key: &str| said.remove(key).unwrap_or_default();
    let purpose = Some(text("purpose")).filter(|purpose| !purpose.is_empty());
    let how = activity::ResumableHow {
        filename: text("filename"),
        purpose: purpose.unwrap_or_else(|| "upload".to_owned()),
        dry_run: is_set(&text("dry_run")).ok_or_else(|| {
            Refusal::field("/Upload-Metadata/dry_run", "unknown_value", "true or false is needed")
        })?,
        ..activity::ResumableHow::default()
    };
    let request = activity::CreateResumableRequest { length: number(&headers, &LENGTH)?, how: Some(how) };
    let made = ResumableUpload::of(caller.call(door.peers.activity().create_resumable(request)).await?);
    let mut response = made.answer(StatusCode::CREATED)?;
    if let Ok(location) = format!("{PLACE}/{}", made.id).parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn named(id: &PathId) -> activity::ResumableRequest {
    activity::ResumableRequest { resumable_id: id.bytes() }
}

/// How much of it is here: `Upload-Offset`, also by HEAD.
#[utoipa::path(get, path = "/uploads/resumable/{id}", tag = "activities", params(IdParam),
    responses((status = 200, body = ResumableUpload)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let view = caller.call(door.peers.activity().get_resumable(named(&id))).await?;
    ResumableUpload::of(view).answer(StatusCode::OK)
}

/// The next part, from byte `Upload-Offset` on, as long or as short as you like. 409 `conflict` when the file does not go on
/// there. What has arrived of a part that breaks off is kept. With the last byte the file becomes the upload, or import, of
/// the same id. With an `Upload-Checksum` nothing of the part is kept unless all of it has come and fits: else 460
/// `checksum_mismatch`; 400 `bad_checksum` for another algorithm.
#[utoipa::path(patch, path = "/uploads/resumable/{id}", tag = "activities",
    params(
        IdParam,
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = i64, Header, description = "where the part begins"),
        ("Upload-Checksum" = Option<String>, Header, description = "of the part: sha1 or sha256, a space, and it in base64"),
    ),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses((status = 204)))]
async fn append(State(door): Shared, caller: Account, id: PathId, request: Request) -> Answer {
    check_version(request.headers())?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind != Some(PART_TYPE) {
        return Err(Problem::new(Code::UnsupportedMediaType, format!("a part is {PART_TYPE}")));
    }
    let offset = number(request.headers(), &OFFSET)?;
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    let (checksum_algorithm, checksum) = checksum(request.headers())?;
    let first = activity::ResumableHeader { resumable_id: id.bytes(), offset, checksum_algorithm, checksum };
    // There is room for it.
    let _ = sender.try_send(ResumableChunk { part: Some(Part::Header(first)) });
    let until = Moment::now() + door.config.part_timeout();
    let mut activities = door.peers.activity();
    let chunks = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let call = caller.call_until(until, activities.append_resumable(chunks));
    let pump = pump(request.into_body(), sender, door.config.body_timeout());
    tokio::pin!(call, pump);
    let reply = tokio::select! {
        reply = &mut call => reply,
        () = &mut pump => call.await,
    };
    ResumableUpload::of(reply?).answer(StatusCode::NO_CONTENT)
}

/// Hands on what comes, until it ends, breaks off, stands still for too long, or nobody takes it.
async fn pump(mut body: Body, sender: Sender<ResumableChunk>, patience: Duration) {
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(patience, body.frame()).await {
        let Ok(mut data) = frame.into_data() else { continue };
        while !data.is_empty() {
            let next: Bytes = data.split_to(data.len().min(CHUNK_BYTES));
            if sender.send(ResumableChunk { part: Some(Part::Data(next)) }).await.is_err() {
                return;
            }
        }
    }
}

/// Gives it up: what came of it is deleted. What it became already stays.
#[utoipa::path(delete, path = "/uploads/resumable/{id}", tag = "activities",
    params(IdParam, ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 204)))]
async fn abandon(State(door): Shared, caller: Account, id: PathId, headers: HeaderMap) -> Answer {
    check_version(&headers)?;
    caller.call(door.peers.activity().drop_resumable(named(&id))).await?;
    answer::no_content()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_pairs_in_base64() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(METADATA, HeaderValue::from_static(text));
            metadata(&headers)
        };
        let said = of("filename ZXhwb3J0LnppcA==, purpose aW1wb3J0,dry_run").unwrap();
        assert_eq!((said["filename"].as_str(), said["purpose"].as_str()), ("export.zip", "import"));
        assert_eq!(said["dry_run"], "");
        assert!(of("filename !!").is_err() && of("filename /w==").is_err());
        assert!(metadata(&HeaderMap::new()).unwrap().is_empty());
    }

    #[test]
    fn a_checksum_is_an_algorithm_and_its_sum_in_base64() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CHECKSUM, HeaderValue::from_static(text));
            checksum(&headers)
        };
        let (algorithm, sum) = of("sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").unwrap();
        assert_eq!((algorithm.as_str(), sum.len()), ("sha1", 20));
        for bad in ["sha1", "sha1 !!", ""] {
            assert_eq!(of(bad).unwrap_err().0.code, Code::BadChecksum, "{bad}");
        }
        assert_eq!(checksum(&HeaderMap::new()).unwrap(), (String::new(), Bytes::new()));
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(784_111_777_000_000).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    }
}
