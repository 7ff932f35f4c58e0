//! Login with a password. Unknown addresses, accounts without a password and wrong ones cost the same work.

use kernel::{AccountId, Code, Refusal};
use proto::auth as p;

use super::App;
use crate::{
    app::session::device_name,
    domain::email::Email,
    error::Result,
    passwords::{self, Turn},
    store::{
        accounts::{self, Credential},
        throttle::Throttle,
    },
};

/// No password is longer; what is cannot be right.
const PASSWORD_BYTES_MAX: usize = 256 * 4;

fn wrong() -> Refusal {
    Refusal::new(Code::Unauthenticated, "the e-mail or the password is wrong")
}

impl App {
    pub async fn login(&self, address: &str, request: p::LoginRequest) -> Result<p::Session> {
        // What is no address is nobody's: it is counted and refused like one.
        let email = Email::parse(&request.email);
        let email = email.as_ref().map_or("nobody", Email::as_str);
        let by_address = self.failed_from(address);
        let by_email =
            Throttle { scope: "login_email", of: email, limit: self.config.failed_logins_per_hour };
        let turn = self.passwords.turn().await?;
        self.check(by_address).await?;
        self.check(by_email).await?;
        let holder = self.holder_of(email).await?;
        let credential = accounts::credential(&self.db, holder.unwrap_or_else(AccountId::random)).await?;
        let password =
            if request.password.len() <= PASSWORD_BYTES_MAX { request.password.as_str() } else { "" };
        let fits = turn.verify(password, credential.as_ref().map(|known| known.hash.as_str())).await?;
        let (true, Some(account_id), Some(credential)) = (fits, holder, credential) else {
            self.metrics.failed_logins.inc();
            // The refusal of the throttle comes with the next attempt: this one is told what every wrong one is.
            let _ = by_address.count(&self.db, &self.secrets, self.now_us()).await?;
            let _ = by_email.count(&self.db, &self.secrets, self.now_us()).await?;
            return Err(wrong().into());
        };
        by_email.forget(&self.db, &self.secrets).await?;
        self.renew_hash(&turn, account_id, password, &credential).await?;
        drop(turn);
        let device = device_name(request.device_name.as_deref());
        let begun = self.begin_session_by_password(account_id, credential.changed_us, device).await?;
        let session = begun.ok_or_else(wrong)?;
        self.metrics.logins.inc();
        Ok(session)
    }

    pub(crate) fn failed_from<'a>(&self, address: &'a str) -> Throttle<'a> {
        Throttle { scope: "login_address", of: address, limit: self.config.failed_logins_per_hour }
    }

    async fn renew_hash(&self, turn: &Turn, id: AccountId, password: &str, old: &Credential) -> Result<()> {
        if passwords::is_dated(&old.hash) {
            let hash = turn.hash(password, |_| Ok(())).await?;
            accounts::rehash(&self.db, id, &old.hash, &hash).await?;
        }
        Ok(())
    }
}
