//! What a caller is told when a command or a request is refused: a stable code, a sentence, the fields at fault.

use std::fmt;

/// Every code a caller may meet. The text form never changes; new codes may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    MalformedJson,
    MalformedQuery,
    BadCursor,
    BadChecksum,
    Unauthenticated,
    TokenExpired,
    BadSignature,
    InsufficientScope,
    Forbidden,
    NotEligible,
    OwnApproval,
    NotFound,
    CodeRefused,
    MethodNotAllowed,
    NotAcceptable,
    Timeout,
    PayloadTooLarge,
    UriTooLong,
    UnsupportedMediaType,
    Conflict,
    IdempotencyMismatch,
    ChallengeFull,
    ChallengeClosed,
    BudgetExhausted,
    RevisionChanged,
    OrderMismatch,
    OfferExpired,
    VersionMismatch,
    PreconditionRequired,
    InvalidField,
    GuardianRequired,
    FileUnreadable,
    FileNotActivity,
    StartInFuture,
    ChecksumMismatch,
    RateLimited,
    Overloaded,
    Unavailable,
    DeadlineExceeded,
    Internal,
}

impl Code {
    /// `(code, text, HTTP status, title)`, the one table of them all.
    const TABLE: &'static [(Self, &'static str, u16, &'static str)] = &[
        (Self::MalformedJson, "malformed_json", 400, "The body is not valid JSON"),
        (Self::MalformedQuery, "malformed_query", 400, "The query string is not valid"),
        (Self::BadCursor, "bad_cursor", 400, "The cursor does not belong to this query"),
        (Self::BadChecksum, "bad_checksum", 400, "The checksum is none that can be looked at"),
        (Self::Unauthenticated, "unauthenticated", 401, "Sign in first"),
        (Self::TokenExpired, "token_expired", 401, "The access token has expired"),
        (Self::BadSignature, "bad_signature", 401, "The signature does not match"),
        (Self::InsufficientScope, "insufficient_scope", 403, "The token does not permit this"),
        (Self::Forbidden, "forbidden", 403, "Not allowed"),
        (Self::NotEligible, "not_eligible", 403, "The conditions are not met"),
        (Self::OwnApproval, "own_approval", 403, "Somebody else must approve this"),
        (Self::NotFound, "not_found", 404, "There is no such thing"),
        (Self::CodeRefused, "code_refused", 404, "The code is wrong or was used"),
        (Self::MethodNotAllowed, "method_not_allowed", 405, "The method is not allowed here"),
        (Self::NotAcceptable, "not_acceptable", 406, "No acceptable representation"),
        (Self::Timeout, "timeout", 408, "The request took too long to arrive"),
        (Self::Conflict, "conflict", 409, "The state does not allow this"),
        (Self::IdempotencyMismatch, "idempotency_mismatch", 409, "The key was used with another request"),
        (Self::ChallengeFull, "challenge_full", 409, "The challenge is full"),
        (Self::ChallengeClosed, "challenge_closed", 409, "The challenge is closed"),
        (Self::BudgetExhausted, "budget_exhausted", 409, "The budget is used up"),
        (Self::RevisionChanged, "revision_changed", 409, "The revision has changed"),
        (Self::OrderMismatch, "order_mismatch", 409, "The order differs from what was said before"),
        (Self::OfferExpired, "offer_expired", 410, "The offer has expired"),
        (Self::VersionMismatch, "version_mismatch", 412, "Somebody changed this before you"),
        (Self::PayloadTooLarge, "payload_too_large", 413, "The body is too large"),
        (Self::UriTooLong, "uri_too_long", 414, "The address is too long"),
        (Self::UnsupportedMediaType, "unsupported_media_type", 415, "The content type is not supported"),
        (Self::InvalidField, "invalid_field", 422, "A field is not valid"),
        (Self::GuardianRequired, "guardian_required", 422, "A guardian must agree"),
        (Self::FileUnreadable, "file_unreadable", 422, "The file cannot be read"),
        (Self::FileNotActivity, "file_not_activity", 422, "The file is not an activity"),
        (Self::StartInFuture, "start_in_future", 422, "The start lies in the future"),
        (Self::ChecksumMismatch, "checksum_mismatch", 460, "What came is not what was sent"),
        (Self::PreconditionRequired, "precondition_required", 428, "Say which version you change (If-Match)"),
        (Self::RateLimited, "rate_limited", 429, "Too many requests"),
        (Self::Internal, "internal", 500, "Something went wrong on our side"),
        (Self::Overloaded, "overloaded", 503, "Too busy at the moment"),
        (Self::Unavailable, "unavailable", 503, "Not available at the moment"),
        (Self::DeadlineExceeded, "deadline_exceeded", 504, "It took too long"),
    ];

    fn row(self) -> &'static (Self, &'static str, u16, &'static str) {
        Self::TABLE.iter().find(|row| row.0 == self).unwrap_or(&Self::TABLE[Self::TABLE.len() - 1])
    }

    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        self.row().2
    }

    pub fn title(self) -> &'static str {
        self.row().3
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == text).map(|row| row.0)
    }

    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|row| row.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field that is not as it should be. `pointer` is an RFC 6901 JSON pointer, `/email`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub pointer: String,
    pub code: String,
    pub detail: String,
}

/// A decision against a command: nothing has changed, and the caller learns why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    pub code: Code,
    pub detail: String,
    pub fields: Vec<FieldError>,
    /// Failing clauses of a rule as JSON texts, for `not_eligible`.
    pub reasons: Vec<String>,
    /// When trying again may help, in seconds.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), reasons: Vec::new(), retry_after_s: None }
    }

    /// `not_found`, worded alike for what does not exist and what the caller may not know exists.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "nothing is found here that you may see")
    }

    /// `invalid_field` for one field; `pointer` as in [`FieldError`].
    pub fn field(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut refusal = Self::new(Code::InvalidField, detail.clone());
        refusal.fields.push(FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail });
        refusal
    }

    /// Several fields at once: `Ok` when none is at fault.
    pub fn fields(fields: Vec<FieldError>) -> Result<(), Self> {
        let Some(first) = fields.first() else { return Ok(()) };
        let mut refusal = Self::new(Code::InvalidField, first.detail.clone());
        refusal.fields = fields;
        Err(refusal)
    }

    pub fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back_from_its_text() {
        for code in Code::all() {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
        assert_eq!(Code::all().count(), 40);
    }
}
