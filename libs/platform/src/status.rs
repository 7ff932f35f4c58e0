//! Refusals as gRPC statuses and back: the one mapping. The details of a status are an encoded `envelope.Problem`.

use kernel::{Code, FieldError, Refusal};
use prost::Message;
use proto::envelope;
use tonic::Status;

const OUR_FAULT: &str = "something went wrong on our side";

/// The gRPC code that stands for each of our codes. Ours travels in the details; theirs is for strangers' tools.
pub fn grpc_code(code: Code) -> tonic::Code {
    use tonic::Code as Grpc;
    match code {
        Code::MalformedJson
        | Code::MalformedQuery
        | Code::BadCursor
        | Code::BadChecksum
        | Code::InvalidField
        | Code::GuardianRequired
        | Code::FileUnreadable
        | Code::FileNotActivity
        | Code::StartInFuture
        | Code::ChecksumMismatch
        | Code::UriTooLong
        | Code::UnsupportedMediaType
        | Code::NotAcceptable => Grpc::InvalidArgument,
        Code::Unauthenticated | Code::TokenExpired | Code::BadSignature => Grpc::Unauthenticated,
        Code::InsufficientScope | Code::Forbidden | Code::NotEligible | Code::OwnApproval => {
            Grpc::PermissionDenied
        }
        Code::NotFound | Code::CodeRefused => Grpc::NotFound,
        Code::MethodNotAllowed => Grpc::Unimplemented,
        Code::IdempotencyMismatch => Grpc::AlreadyExists,
        Code::Conflict | Code::RevisionChanged => Grpc::Aborted,
        Code::ChallengeFull
        | Code::ChallengeClosed
        | Code::BudgetExhausted
        | Code::OrderMismatch
        | Code::OfferExpired
        | Code::VersionMismatch
        | Code::PreconditionRequired => Grpc::FailedPrecondition,
        Code::RateLimited | Code::PayloadTooLarge => Grpc::ResourceExhausted,
        Code::Overloaded | Code::Unavailable => Grpc::Unavailable,
        Code::Timeout | Code::DeadlineExceeded => Grpc::DeadlineExceeded,
        Code::Internal => Grpc::Internal,
    }
}

/// A refusal as a status. What went wrong inside (`internal`) is logged here, once, and not told.
pub fn status(refusal: impl Into<Refusal>) -> Status {
    let mut refusal = refusal.into();
    if refusal.code == Code::Internal && refusal.detail != OUR_FAULT {
        tracing::error!(error = refusal.detail, "a call failed");
        OUR_FAULT.clone_into(&mut refusal.detail);
    }
    let problem = envelope::Problem {
        code: refusal.code.as_str().to_owned(),
        detail: refusal.detail.clone(),
        fields: refusal
            .fields
            .into_iter()
            .map(|field| envelope::problem::Field {
                pointer: field.pointer,
                code: field.code,
                detail: field.detail,
            })
            .collect(),
        reasons: refusal.reasons,
        retry_after_s: refusal.retry_after_s.unwrap_or_default(),
    };
    Status::with_details(grpc_code(refusal.code), refusal.detail, problem.encode_to_vec().into())
}

/// A status as a refusal. One without our details (a library's, a proxy's) is told by its gRPC code alone, and its
/// text stays here: it may say more than a caller should read.
pub fn refusal(status: &Status) -> Refusal {
    if let Some(problem) = problem(status) {
        return problem;
    }
    match status.code() {
        tonic::Code::InvalidArgument | tonic::Code::OutOfRange => {
            Refusal::new(Code::InvalidField, "a value is not acceptable")
        }
        tonic::Code::Unauthenticated => Refusal::new(Code::Unauthenticated, "sign in first"),
        tonic::Code::PermissionDenied => Refusal::new(Code::Forbidden, "not allowed"),
        tonic::Code::NotFound => Refusal::not_found(),
        tonic::Code::AlreadyExists | tonic::Code::Aborted | tonic::Code::FailedPrecondition => {
            Refusal::new(Code::Conflict, "the state does not allow this")
        }
        tonic::Code::ResourceExhausted => {
            Refusal::new(Code::Overloaded, "too busy at the moment").retry_after_s(1)
        }
        tonic::Code::Unavailable | tonic::Code::Unimplemented => {
            Refusal::new(Code::Unavailable, "a part of the service is not available").retry_after_s(1)
        }
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
            Refusal::new(Code::DeadlineExceeded, "it took too long")
        }
        tonic::Code::Ok | tonic::Code::Unknown | tonic::Code::Internal | tonic::Code::DataLoss => {
            tracing::error!(code = ?status.code(), message = status.message(), "a call failed without a problem");
            Refusal::new(Code::Internal, OUR_FAULT)
        }
    }
}

fn problem(status: &Status) -> Option<Refusal> {
    if status.details().is_empty() {
        return None;
    }
    let problem = envelope::Problem::decode(status.details()).ok()?;
    let fields = problem
        .fields
        .into_iter()
        .map(|field| FieldError { pointer: field.pointer, code: field.code, detail: field.detail })
        .collect();
    Some(Refusal {
        code: Code::parse(&problem.code)?,
        detail: problem.detail,
        fields,
        reasons: problem.reasons,
        retry_after_s: (problem.retry_after_s > 0).then_some(problem.retry_after_s),
    })
}

/// A fault of ours as a status.
pub fn internal(error: impl std::fmt::Display) -> Status {
    status(Refusal::new(Code::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_comes_back_as_it_was_sent() {
        for code in Code::all() {
            let detail = if code == Code::Internal { OUR_FAULT } else { "because" };
            let mut sent = Refusal::new(code, detail).retry_after_s(3);
            sent.reasons.push(r#"{"level_at_least":5}"#.to_owned());
            sent.fields.push(FieldError { pointer: "/a".into(), code: "b".into(), detail: "c".into() });
            assert_eq!(refusal(&status(sent.clone())), sent);
        }
    }

    #[test]
    fn a_strangers_status_is_told_by_its_code_and_its_text_is_kept_back() {
        let told = refusal(&Status::unavailable("tcp connect error: 10.0.0.7:5000"));
        assert_eq!(told.code, Code::Unavailable);
        assert!(!told.detail.contains("10.0.0.7"));
    }

    #[test]
    fn a_fault_of_ours_does_not_tell_what_it_was() {
        let told = status(Refusal::new(Code::Internal, "/data/stores/auth.db is full"));
        assert!(!told.message().contains("auth.db"));
        assert!(!refusal(&told).detail.contains("auth.db"));
    }

    #[test]
    fn no_code_maps_to_ok_or_unknown() {
        for code in Code::all() {
            assert!(!matches!(grpc_code(code), tonic::Code::Ok | tonic::Code::Unknown));
        }
    }
}
