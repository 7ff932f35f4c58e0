//! Everything auth does, one file each.
//!
//! | who | may |
//! |---|---|
//! | anybody | [`register`], [`verify_registration`], [`login`], [`refresh`], [`request_password_reset`], [`confirm_password_reset`], [`start_device_authorization`], [`poll_device_token`], [`client_credentials`], [`revoke_token`] |
//! | an account | [`me`], [`privacy`], [`consents`], [`sessions`], [`approve_device`] |
//! | an operator | [`find_account`], [`roles`], [`partners`] |
//! | siblings, tools | [`standing`], [`verify_partner_key`], [`add_operator`], [`keys`] |

pub mod add_operator;
pub mod approve_device;
pub mod client_credentials;
pub mod confirm_password_reset;
pub mod consents;
pub mod find_account;
pub mod keys;
pub mod login;
pub mod me;
pub mod partners;
pub mod poll_device_token;
pub mod privacy;
pub mod receipts;
pub mod refresh;
pub mod register;
pub mod request_password_reset;
pub mod revoke_token;
pub mod roles;
pub mod session;
pub mod sessions;
pub mod standing;
pub mod start_device_authorization;
pub mod verify_partner_key;
pub mod verify_registration;

use std::sync::Arc;

use eventing::{Db, Journal};
use jiff::Timestamp;
use kernel::{AccountId, Clock, Code, Refusal, time::micros};

use crate::{
    config::Config,
    domain::role::Role,
    error::Result,
    key_store::KeyStore,
    mail::MailSink,
    metrics::Metrics,
    passwords::Passwords,
    secrets::{Purpose, Secrets},
    signing::Signing,
    store::{accounts, near::Near, throttle::Throttle},
};

/// What every command and query stands on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub journal: Journal,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub secrets: Secrets,
    pub keys: KeyStore,
    pub near: Near,
    pub signing: Signing,
    pub passwords: Passwords,
    pub mail: MailSink,
    pub config: Arc<Config>,
    pub metrics: Metrics,
}

/// How long mailed codes live.
pub const CODE_S: u32 = 15 * 60;

impl App {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn now_us(&self) -> i64 {
        micros(self.clock.now())
    }

    /// What is kept of a code: it fits only what it was made for.
    pub(crate) fn code_hash(&self, about: &[u8], code: &str) -> Vec<u8> {
        self.secrets.index(Purpose::Code, &[about, code.as_bytes()]).to_vec()
    }

    /// `rate_limited` when the throttle's limit is reached.
    pub(crate) async fn check(&self, throttle: Throttle<'_>) -> Result<()> {
        let checked = throttle.check(&self.db, &self.secrets, self.now_us()).await?;
        Ok(checked.inspect_err(|_| {
            self.metrics.throttled.inc();
        })?)
    }

    /// Counts one; `rate_limited` when it was one too many.
    pub(crate) async fn count(&self, throttle: Throttle<'_>) -> Result<()> {
        let counted = throttle.count(&self.db, &self.secrets, self.now_us()).await?;
        Ok(counted.inspect_err(|_| {
            self.metrics.throttled.inc();
        })?)
    }

    /// `forbidden` unless the account is an operator at this moment.
    pub(crate) async fn require_operator(&self, account: AccountId) -> Result<()> {
        let row = accounts::row(&self.db, account).await?;
        if row.is_some_and(|row| row.has_role(Role::Operator)) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, "only operators may do this").into())
    }

    /// The account that holds an address.
    pub(crate) async fn holder_of(&self, email: &str) -> Result<Option<AccountId>> {
        let key = hex::encode(accounts::email_key(&self.secrets, email));
        let holder =
            self.journal.store().claimed_by(accounts::EMAIL, &key).await.map_err(eventing::Error::from)?;
        Ok(holder.and_then(|stream| stream.id()))
    }
}

/// Equal, in the same time wherever they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(one, other).into()
}

/// A wrong, used or outlived code.
pub(crate) fn code_refused() -> Refusal {
    Refusal::new(Code::CodeRefused, "the code is wrong, was used, or is too old")
}
