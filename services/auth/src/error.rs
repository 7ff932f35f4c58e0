//! What can go wrong beside a refusal, and what the caller is told then.

use eventing::sql::DbError;
use kernel::{Code, Refusal};

use crate::{key_store::KeyStoreError, secrets::SecretsError, signing::SigningError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The domain, or a throttle, said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Spine(#[from] eventing::Error),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("the mail cannot be written: {0}")]
    Mail(#[from] std::io::Error),
    /// A row of ours that does not mean anything.
    #[error("what is kept cannot be read: {0}")]
    Corrupt(&'static str),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal,
            Error::Spine(error) => error.into(),
            Error::Db(error)
            | Error::Keys(KeyStoreError::Db(error))
            | Error::Signing(SigningError::Db(error)) => eventing::Error::from(error).into(),
            Error::Mail(_) => {
                Self::new(Code::Unavailable, "mail cannot be sent at the moment").retry_after_s(5)
            }
            other => Self::new(Code::Internal, other.to_string()),
        }
    }
}
