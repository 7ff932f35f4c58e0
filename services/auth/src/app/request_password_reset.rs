//! A code for a new password. Always the same answer after the same work.

use proto::auth as p;

use super::{App, CODE_S};
use crate::{
    domain::{email::Email, profile::Locale},
    error::Result,
    letters,
    secrets::{random, six_digits},
    store::{
        accounts,
        codes::{self, ResetOrigin},
        throttle::Throttle,
    },
};

impl App {
    pub async fn request_password_reset(
        &self,
        address: &str,
        email: &str,
    ) -> Result<p::RequestPasswordResetResponse> {
        let limit = self.config.failed_logins_per_hour;
        self.count(Throttle { scope: "reset_address", of: address, limit }).await?;
        let answer = p::RequestPasswordResetResponse { expires_in: CODE_S };
        let Some(email) = Email::parse(email) else { return Ok(answer) };
        let holder = self.holder_of(email.as_str()).await?;
        let row = accounts::row(&self.db, holder.unwrap_or_else(kernel::AccountId::random)).await?;
        let code = six_digits()?;
        let expected = if row.is_some() { code.clone() } else { hex::encode(random::<16>()?) };
        let email_key = accounts::email_key(&self.secrets, email.as_str());
        let expires_us = self.now_us() + i64::from(CODE_S) * 1_000_000;
        let hash = self.code_hash(&email_key, &expected);
        codes::put_reset(&self.db, email_key, ResetOrigin::Mail, hash, expires_us).await?;
        let locale =
            row.as_ref().map_or_else(Locale::english, |row| Locale::kept(row.standing.locale.clone()));
        let letter = letters::reset(&email, &locale, &code);
        let may_mail = self.may_mail(email.as_str()).await?;
        if row.is_some() && may_mail {
            self.mail.send(letter, self.now()).await?;
        } else {
            self.mail.pretend(letter, self.now()).await?;
        }
        Ok(answer)
    }
}
