//! What cannot be of several activities together is written to those that it is held against, and taken back when it does
//! not hold any more.

use eventing::{Command, Done, Error, Journal};

use super::{activity_stream, events};
use crate::domain::{
    across::{self, Begun, Said},
    activity::Activity,
};

/// Whatever is to be said anew, in one append.
pub(super) async fn hold(journal: &Journal, command: &Command, said: &[Said]) -> Result<Option<Done>, Error> {
    let mut batch = journal.batch(command);
    let mut written = false;
    for said in said {
        let loaded = journal.load::<Activity>(&activity_stream(said.activity_id)).await?;
        let changes = loaded.state.hold(said);
        if !changes.is_empty() {
            let partition = said.account_id.to_string();
            batch.write(&loaded, &partition, events(said.activity_id, said.account_id, changes));
            written = true;
        }
    }
    if written { batch.commit().await.map(Some) } else { Ok(None) }
}

/// Of recordings that may be the same, of whatever accounts.
pub(crate) async fn settle_clones(
    journal: &Journal,
    cause: &Command,
    alike: Vec<Begun>,
) -> Result<(), Error> {
    let said = &across::clones(alike);
    if said.is_empty() {
        return Ok(());
    }
    let command = &Command { key: None, actor: "service:activity".to_owned(), ..cause.clone() };
    let attempt = || async move { hold(journal, command, said).await };
    journal.retrying(attempt).await.map(drop)
}
