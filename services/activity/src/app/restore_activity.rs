//! A deleted activity counts again, under the same id.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, ActivityId, Refusal};

use super::{App, Seen, activity_stream, events};
use crate::domain::activity::Activity;

impl App {
    pub async fn restore_activity(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
    ) -> Result<(Done, Seen), Refusal> {
        let stream = activity_stream(id);
        let done = self
            .journal
            .execute::<Activity, _>(command, &stream, &account.to_string(), |activity, _| {
                let changes = activity.restore(account)?;
                Ok(Decision::of(events(id, account, changes)).answer(200, vec![id.to_string()]))
            })
            .await?;
        let done = self.and_twins(command, account, id, done).await;
        Ok((done, self.fresh(id).await?))
    }
}
