//! Days and samples that came in a file: as a changeset of a phone, but for the sender's clock and mark.

use kernel::{AccountId, Refusal};
use proto::activity::{Ack, Delete, Upsert};

use super::Changeset;
use crate::app::App;

impl App {
    /// Keeps records under a source, and takes others away; an answer for each, the upserts' first. To say the same again
    /// changes nothing.
    pub(in crate::app) async fn keep_records(
        &self,
        command: &eventing::Command,
        account: AccountId,
        source: &str,
        upserts: Vec<Upsert>,
        deletes: Vec<Delete>,
    ) -> Result<Vec<Ack>, Refusal> {
        let keys = upserts.iter().map(|record| (&record.key, record.version));
        let keys = keys.chain(deletes.iter().map(|record| (&record.key, record.version)));
        let acks = keys.map(|(key, version)| Ack { key: key.clone(), version, ..Ack::default() }).collect();
        let command = &eventing::Command { key: None, ..command.clone() };
        let (source, begin) = (source.to_owned(), upserts.len());
        let mut changeset =
            Changeset { app: self, command, account, source, behind_s: 0, again: false, acks, done: None };
        changeset.upsert(upserts).await?;
        changeset.delete(begin, deletes).await?;
        Ok(changeset.acks)
    }
}
