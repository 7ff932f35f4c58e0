//! An account by its address, for operators.

use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::App;
use crate::{domain::email::Email, error::Result};

impl App {
    pub async fn find_account(&self, operator: AccountId, email: &str) -> Result<p::Me> {
        self.require_operator(operator).await?;
        let email = Email::parse(email).ok_or_else(Refusal::not_found)?;
        let account_id = self.holder_of(email.as_str()).await?.ok_or_else(Refusal::not_found)?;
        tracing::info!(%operator, account = %account_id, "an operator looked an account up");
        self.me(account_id).await
    }
}
