//! Pairing the watch that shows this code. Guessing is throttled by account.

use kernel::AccountId;

use super::{App, code_refused};
use crate::{
    error::Result,
    store::{devices, throttle::Throttle},
    tokens,
};

impl App {
    pub async fn approve_device(&self, account_id: AccountId, user_code: &str) -> Result<()> {
        let name = account_id.to_string();
        let limit = self.config.failed_approvals_per_hour;
        let throttle = Throttle { scope: "approve_device", of: &name, limit };
        // Counted before the code is looked at, and forgotten when it is right: parallel guesses count too.
        self.count(throttle).await?;
        let typed = tokens::typed_user_code(user_code).ok_or_else(code_refused)?;
        let user_hash = self.code_hash(b"user_code", &typed);
        if !devices::approve(&self.db, user_hash, account_id, self.now_us()).await? {
            return Err(code_refused().into());
        }
        throttle.forget(&self.db, &self.secrets).await?;
        Ok(())
    }
}
