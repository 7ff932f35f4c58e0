//! One that was looked through is run; one that stands still goes on.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Refusal};

use super::{import_events, import_stream};
use crate::{
    app::App,
    domain::{ImportId, import::Import},
    readers::Job,
};

impl App {
    pub async fn run_import(
        &self,
        command: &Command,
        account: AccountId,
        id: ImportId,
    ) -> Result<Done, Refusal> {
        let (stream, partition) = (import_stream(id), account.to_string());
        let done = self.journal.execute::<Import, _>(command, &stream, &partition, |import, _| {
            import.owned_by(account)?;
            Ok(Decision::of(import_events(id, account, import.run()?)).answer(202, vec![id.to_string()]))
        });
        let done = done.await?;
        self.queue.offer(Job::Import(id));
        Ok(done)
    }

    /// The sweep would come to it as well, later.
    pub async fn resume_import(&self, account: AccountId, id: ImportId) -> Result<(), Refusal> {
        self.journal.load::<Import>(&import_stream(id)).await?.state.owned_by(account)?;
        self.queue.offer(Job::Import(id));
        Ok(())
    }
}
