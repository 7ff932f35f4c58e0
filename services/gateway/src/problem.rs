//! Refusals as RFC 9457 `application/problem+json`.
//!
//! A handler answers `Err(Problem)`; the response carries the refusal in its extensions, and the outermost layer
//! ([`crate::exchange`]) writes the body, because only there are the caller's language and the request's id known.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kernel::{Code, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{language::Language, phrases};

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub struct Problem(pub Refusal);

/// What went wrong, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A link that names the kind of problem; the same for the same `code`.
    #[serde(rename = "type")]
    #[schema(example = "/v1/docs#not_found")]
    kind: String,
    /// What this kind of problem is called, in the caller's language.
    title: String,
    status: u16,
    /// Stable: programs decide by this.
    #[schema(example = "not_found")]
    code: String,
    detail: String,
    /// Say this when you ask for help.
    request_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
    /// The failing clauses of the rule, as written (`not_eligible`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<Object>)]
    reasons: Vec<serde_json::Value>,
}

/// A field that is not as it should be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// RFC 6901 JSON pointer into the body; headers and parameters by their name.
    #[schema(example = "/email")]
    pointer: String,
    #[schema(example = "required")]
    code: String,
    detail: String,
}

impl ProblemBody {
    pub(crate) fn of(refusal: &Refusal, language: Language, request_id: &str) -> Self {
        let phrase = phrases::of_code(refusal.code, language);
        // An internal fault says its request id and nothing else.
        let own = if refusal.code == Code::Internal { INTERNAL } else { refusal.detail.as_str() };
        let errors = refusal.fields.iter().map(|field| FieldProblem {
            pointer: field.pointer.clone(),
            code: field.code.clone(),
            detail: phrases::of_field(&field.code, language).unwrap_or(&field.detail).to_owned(),
        });
        Self {
            kind: format!("/v1/docs#{}", refusal.code),
            title: phrase.as_ref().map_or(refusal.code.title(), |phrase| phrase.title).to_owned(),
            status: refusal.code.status(),
            code: refusal.code.as_str().to_owned(),
            detail: phrase.as_ref().map_or(own, |phrase| phrase.detail).to_owned(),
            request_id: request_id.to_owned(),
            errors: errors.collect(),
            reasons: refusal.reasons.iter().filter_map(|reason| serde_json::from_str(reason).ok()).collect(),
        }
    }
}

const INTERNAL: &str = "something went wrong on our side; say the request id when you ask for help";

/// A problem inside an answer: of one upload, of one record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fault {
    #[schema(example = "file_unreadable")]
    code: String,
    title: String,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
}

impl Fault {
    /// A code that this build does not know keeps its text.
    pub(crate) fn of(problem: proto::envelope::Problem, language: Language) -> Self {
        let known = Code::parse(&problem.code);
        let phrase = known.and_then(|code| phrases::of_code(code, language));
        let title = match (&phrase, known) {
            (Some(phrase), _) => phrase.title,
            (None, Some(known)) => known.title(),
            (None, None) => &problem.code,
        };
        let errors = problem.fields.into_iter().map(|field| FieldProblem {
            detail: phrases::of_field(&field.code, language).map_or(field.detail, str::to_owned),
            pointer: field.pointer,
            code: field.code,
        });
        Self {
            title: title.to_owned(),
            detail: phrase.map_or(problem.detail, |phrase| phrase.detail.to_owned()),
            errors: errors.collect(),
            code: problem.code,
        }
    }
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Refusal::new(code, detail))
    }

    pub fn not_found() -> Self {
        Self(Refusal::not_found())
    }

    /// The response that this problem becomes.
    pub(crate) fn render(&self, language: Language, request_id: &str) -> Response {
        let body = ProblemBody::of(&self.0, language, request_id);
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(bytes.into());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn retry_after_s(&self) -> Option<u32> {
        let by_code = match self.0.code {
            Code::RateLimited | Code::Overloaded | Code::Unavailable => Some(1),
            _ => None,
        };
        self.0.retry_after_s.or(by_code)
    }

    /// RFC 6750 §3, and RFC 9110 §11.6.1 for the partner's signature.
    fn challenge(&self) -> Option<&'static str> {
        match self.0.code {
            Code::Unauthenticated => Some(r#"Bearer realm="stadion""#),
            Code::TokenExpired => Some(
                r#"Bearer realm="stadion", error="invalid_token", error_description="the token has expired""#,
            ),
            Code::InsufficientScope => Some(r#"Bearer realm="stadion", error="insufficient_scope""#),
            Code::BadSignature => Some(r#"Signature realm="stadion""#),
            _ => None,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
