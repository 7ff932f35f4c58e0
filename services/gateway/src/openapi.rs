//! The document: what utoipa collected from the routes, completed with what all of them share.

use http::StatusCode;
use kernel::Code;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, Header, HttpMethod, Info, License, OpenApi, Ref, RefOr, Required, Response,
        Server,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{Object, ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::problem::{FieldProblem, ProblemBody};

const PROBLEM: &str = "application/problem+json";

/// The routes' document with what they share: problems, headers, security, names.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    document.info = info();
    document.servers = Some(vec![Server::new("/")]);
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    components.schemas.insert(FieldProblem::name().into_owned(), FieldProblem::schema());
    components.add_security_scheme("bearer", bearer());
    let key = ApiKey::Header(ApiKeyValue::new("Stadion-Key"));
    components.add_security_scheme("partner", SecurityScheme::ApiKey(key));
    for status in STATUSES {
        components.responses.insert(component(*status), RefOr::T(problem(*status)));
    }
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ] {
            if let Some(operation) = operation {
                finish(operation, &method, path);
            }
        }
    }
    document
}

/// Every status that a problem of ours has.
const STATUSES: &[u16] =
    &[400, 401, 403, 404, 406, 408, 409, 410, 412, 413, 414, 415, 422, 428, 429, 460, 500, 503, 504];

/// What any call may be answered.
const ALWAYS: &[u16] = &[400, 401, 403, 404, 406, 414, 422, 429, 500, 503, 504];
/// What a call that changes something may be answered besides.
const UNSAFE: &[u16] = &[409, 410];
/// What a call with a body may be answered besides.
const BODY: &[u16] = &[408, 413, 415];

fn finish(operation: &mut Operation, method: &HttpMethod, path: &str) {
    operation.operation_id = Some(operation_id(method, path));
    // utoipa writes the first line twice: as the summary and at the head of the description.
    operation.description =
        operation.description.take().filter(|text| Some(text) != operation.summary.as_ref());
    let safe = matches!(method, HttpMethod::Get);
    let mut statuses = ALWAYS.to_vec();
    if !safe {
        statuses.extend(UNSAFE);
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
    }
    if operation.request_body.is_some() {
        statuses.extend(BODY);
    }
    let takes = |header: &str| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|one| matches!(one, RefOr::T(one) if one.name == header))
    };
    if takes("If-Match") {
        statuses.extend([412, 428]);
    }
    // A version of the protocol that is not spoken.
    if takes("Tus-Resumable") {
        statuses.push(412);
    }
    // Which tus has for a part that is not what its checksum says.
    if takes("Upload-Checksum") {
        statuses.push(460);
    }
    if matches!(method, HttpMethod::Delete) {
        statuses.push(412);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            describe(response, status);
        }
    }
    for status in statuses {
        let declared = operation.responses.responses.entry(status.to_string());
        match declared.or_insert_with(|| RefOr::Ref(Ref::from_response_name(component(status)))) {
            RefOr::T(response) => {
                response.content.entry(PROBLEM.to_owned()).or_insert_with(|| RefOr::T(body()));
            }
            RefOr::Ref(_) => {}
        }
    }
}

/// `get_v1_activities_id_streams`: unique, and stable while the route is.
fn operation_id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Get => "get",
        HttpMethod::Post => "post",
        HttpMethod::Put => "put",
        HttpMethod::Patch => "patch",
        HttpMethod::Delete => "delete",
        _ => "other",
    };
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn describe(response: &mut Response, status: &str) {
    let reason = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
    if response.description.is_empty() {
        response.description =
            reason.and_then(|status| status.canonical_reason()).unwrap_or("An answer").to_owned();
    }
    let text = |description: &str| RefOr::T(header(description));
    if status == "201" {
        response.headers.insert("Location".to_owned(), text("Where the new thing is."));
    }
    response.headers.insert("X-Request-Id".to_owned(), text("Say it when you ask for help."));
    response.headers.insert("Stadion-Seen".to_owned(), text("Send it back to read no older than this."));
}

fn header(description: &str) -> Header {
    let mut header = Header::new(Object::with_type(Type::String));
    header.description = Some(description.to_owned());
    header
}

fn component(status: u16) -> String {
    format!("Problem{status}")
}

fn problem(status: u16) -> Response {
    let codes: Vec<_> = Code::all().filter(|code| code.status() == status).map(Code::as_str).collect();
    let mut response = Response::new(codes.join(", "));
    response.content.insert(PROBLEM.to_owned(), RefOr::T(body()));
    if matches!(status, 429 | 503) {
        let seconds = RefOr::T(header("Seconds after which trying again may help."));
        response.headers.insert("Retry-After".to_owned(), seconds);
    }
    response
}

fn body() -> Content {
    Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(ProblemBody::name()))))
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Yours, one a change: sent again, the change is made once."))
        .schema(Some(schema))
        .build()
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("`access_token` of a session: POST /v1/sessions"));
    SecurityScheme::Http(scheme.build())
}

fn info() -> Info {
    let mut info = Info::new("Stadion", env!("CARGO_PKG_VERSION"));
    info.description = Some(CONVENTIONS.to_owned());
    info.license = Some(License::new("Apache-2.0"));
    info
}

const CONVENTIONS: &str = "\
Workouts in; progress, achievements, offers and purchases out.

**Signing in.** `POST /v1/accounts` mails a code, `POST /v1/accounts/verify` answers a session. Send its `access_token` \
as `Authorization: Bearer …`; it lives ten minutes, `POST /v1/sessions/refresh` gives the next. A watch is paired by \
RFC 8628 (`/oauth/device_authorization`) and gets a token that may upload and sync, and nothing else.

**Words.** JSON in snake_case, SI units with the unit in the name, times as RFC 3339 with their offset, money in \
integer minor units. What is not known is absent, never null or 0. Unknown fields are ignored; more values may be added \
to a vocabulary.

**Lists** answer `{items, next_cursor?}` and take `limit` (1 to 200) and `cursor`, which is bound to its list, its \
filters and its reader.

**Problems** are `application/problem+json` (RFC 9457) with a stable `code`; fields at fault stand in `errors` with a \
JSON pointer. Titles and details follow `Accept-Language` (en, ru, kk). `request_id` finds the request in our logs.

**Again, safely.** Any unsafe call takes an `Idempotency-Key`: the same key and request once more answers the same \
status and id with `Idempotency-Replayed: true`; with another request it is 409 `idempotency_mismatch`. Kept 30 days.

**Reading what you wrote.** Every write answers `Stadion-Seen`; sent back, it guarantees that what you read of your own \
is not older.

**Live.** A board moves as server-sent events with its sequence as `id`, or as the same frames over a WebSocket; a \
workout that is told live is watched as server-sent events; \
`Last-Event-ID` goes on where one was. What ends a stream is its last event, `closed`, with a code and when to come again.

**Versions.** `ETag` and `If-Match` where a change must start from what was read: 428 without, 412 when it is stale.

**Limits.** `RateLimit` and `RateLimit-Policy` say what is left; 429 and 503 come with `Retry-After`.

**Partners** sign as Standard Webhooks has it: `webhook-id`, `webhook-timestamp`, `webhook-signature` over \
`id.timestamp.body`, and `Stadion-Key`, the key id.
";
