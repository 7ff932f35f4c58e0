//! It counts no more; it can be restored, for some time.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, ActivityId, Refusal};

use super::{App, activity_stream, events};
use crate::domain::activity::Activity;

impl App {
    pub async fn delete_activity(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        expected_revision: Option<u64>,
    ) -> Result<(Done, u64), Refusal> {
        let stream = activity_stream(id);
        let done = self
            .journal
            .execute::<Activity, _>(command, &stream, &account.to_string(), |activity, _| {
                let changes = activity.delete(account, expected_revision)?;
                let timer = self.purge_later(id, activity, &changes);
                let mut decision =
                    Decision::of(events(id, account, changes)).answer(204, vec![id.to_string()]);
                decision.timers.extend(timer);
                Ok(decision)
            })
            .await?;
        let done = self.and_twins(command, account, id, done).await;
        let revision = self.journal.load::<Activity>(&stream).await?.state.revision;
        Ok((done, revision))
    }
}
