//! What can stop a command, and what its caller is told.

use kernel::{Code, Refusal};

use crate::{
    event::{DecodeError, StreamId},
    sealing::SealingError,
    sql::DbError,
    store::StoreError,
};

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The domain said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody wrote first, again and again.
    #[error("the stream changed while the command was decided")]
    Conflict,
    /// Something unique is held by another stream.
    #[error("{scope} is held by {by}")]
    Claimed { scope: String, by: StreamId },
    #[error("the idempotency key was used with another request")]
    IdempotencyMismatch,
    /// This process no longer owns what it decided for.
    #[error("the owner has changed")]
    Fenced,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The journal holds what the domain cannot read: a fault of ours.
    #[error(transparent)]
    Corrupt(#[from] DecodeError),
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal,
            Error::Conflict => {
                Self::new(Code::Conflict, "somebody changed this at the same moment; try again")
            }
            Error::Claimed { scope, .. } => Self::new(Code::Conflict, format!("this {scope} is taken")),
            Error::IdempotencyMismatch => {
                Self::new(Code::IdempotencyMismatch, "the Idempotency-Key was used with another request")
            }
            Error::Fenced => {
                Self::new(Code::Unavailable, "the owner of this has just changed").retry_after_s(1)
            }
            Error::Store(StoreError::Overloaded) => {
                Self::new(Code::Overloaded, "too many writes are waiting").retry_after_s(1)
            }
            Error::Store(
                StoreError::Db(
                    DbError::Unavailable(_)
                    | DbError::Contended(_)
                    | DbError::Unknown(_)
                    | DbError::Unusable(_)
                    // Whether it happened is not known, and this process ends: the next one knows the key.
                    | DbError::Fatal(_),
                )
                | StoreError::Closed,
            )
            | Error::Sealing(SealingError::Unavailable(_)) => {
                Self::new(Code::Unavailable, "a store is not available at the moment").retry_after_s(2)
            }
            Error::Sealing(SealingError::Destroyed { .. } | SealingError::UnknownSubject { .. }) => {
                Self::not_found()
            }
            Error::Store(_) | Error::Sealing(_) | Error::Corrupt(_) => {
                Self::new(Code::Internal, error.to_string())
            }
        }
    }
}
