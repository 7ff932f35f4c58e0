//! Form bodies, as OAuth has them.

use axum::{extract::FromRequest, extract::Request, response::Response};
use http::header;
use kernel::{Code, Refusal};
use serde::de::DeserializeOwned;

use crate::{answer::raw, body::refuse, json::unwanted, text};

const FORM_BYTES_MAX: usize = 16 * 1024;

/// An `application/x-www-form-urlencoded` body.
pub(crate) struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Response> {
        let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "the body must be application/x-www-form-urlencoded";
            return Err(refuse(Refusal::new(Code::UnsupportedMediaType, detail)));
        }
        let bytes = raw(request, FORM_BYTES_MAX).await?;
        if text::hides_unwanted(&bytes) {
            return Err(refuse(unwanted("")));
        }
        let form = http::Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(bytes));
        let parsed = match form {
            Ok(form) => axum::Form::<T>::from_request(form, &()).await.ok(),
            Err(_) => None,
        };
        parsed
            .map(|axum::Form(form)| Self(form))
            .ok_or_else(|| refuse(Refusal::field("", "invalid", "the form cannot be read")))
    }
}
