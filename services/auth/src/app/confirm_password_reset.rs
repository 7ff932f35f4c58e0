//! A new password for a mailed code. All sessions end.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, FieldError, Refusal, time::micros};
use proto::auth as p;

use super::{App, code_refused, same};
use crate::{
    domain::{
        account::{self, Account},
        email::Email,
        password,
        profile::Locale,
    },
    error::Result,
    letters,
    store::{accounts, codes, sessions},
    wire,
};

impl App {
    pub async fn confirm_password_reset(
        &self,
        address: &str,
        request: p::ConfirmPasswordResetRequest,
    ) -> Result<(Done, p::ConfirmPasswordResetResponse)> {
        let email = Email::parse(&request.email).ok_or_else(code_refused)?;
        let by_address = self.failed_from(address);
        let turn = self.passwords.turn().await?;
        self.check(by_address).await?;
        let local = email.local().to_owned();
        // Hashed before the code is looked at: a wrong code costs the same.
        let hash = turn.hash(&request.password, move |password| check(password, &local)).await?;
        let email_key = accounts::email_key(&self.secrets, email.as_str());
        let expected = codes::try_reset(&self.db, email_key, self.now_us()).await?;
        let given = self.code_hash(&email_key, request.code.trim());
        let right = expected.iter().fold(false, |right, expected| right | same(expected, &given));
        let holder = self.holder_of(email.as_str()).await?;
        let (true, Some(account_id)) = (right, holder) else {
            let _ = by_address.count(&self.db, &self.secrets, self.now_us()).await?;
            return Err(code_refused().into());
        };
        drop(turn);
        let done = self.change_password(account_id, email_key, &hash).await?;
        if let Some(row) = accounts::row(&self.db, account_id).await? {
            let letter = letters::password_changed(&email, &Locale::kept(row.standing.locale));
            self.mail.send(letter, self.now()).await?;
        }
        Ok((done, p::ConfirmPasswordResetResponse { account_id: wire::bytes(account_id) }))
    }

    async fn change_password(&self, account_id: AccountId, email_key: [u8; 32], hash: &str) -> Result<Done> {
        let command = Command::by(format!("account:{account_id}"));
        let stream = accounts::stream(account_id);
        let done = self
            .journal
            .execute(&command, &stream, &account_id.to_string(), |account: &Account, now| {
                Ok(Decision::of(account::reset_password(account)?)
                    .inline(accounts::put_credential(account_id, hash, now))
                    .inline(sessions::began_before(account_id, micros(now)))
                    .inline(codes::forget_resets(email_key)))
            })
            .await?;
        Ok(done)
    }
}

fn check(password: &str, local: &str) -> Result<(), Refusal> {
    let fault: Option<FieldError> = password::check("/password", password, &[local, "stadion"]).err();
    Refusal::fields(fault.into_iter().collect())
}
