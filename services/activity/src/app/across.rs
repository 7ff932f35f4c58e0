//! What cannot be of several activities together is written to those that it is held against, and taken back when it does
//! not hold any more.

use eventing::{Command, Done, Error, Journal};
use kernel::{AccountId, ActivityId};

use super::{App, activity_stream, events};
use crate::{
    domain::{
        across::{self, Begun, Said},
        activity::Activity,
        twins::REACH_US,
    },
    store::starts,
};

impl App {
    /// What is to be said of journeys after a look around this activity at its start. Of any other one it is decided by what
    /// lies around that: its evidence may be too far from here to be seen. Rare, so that a look costs no more.
    pub(super) async fn journeys(
        &self,
        account: AccountId,
        id: ActivityId,
        starts_us: &[i64],
        near: Vec<Begun>,
    ) -> Result<Vec<Said>, Error> {
        let mut told = Vec::new();
        for said in across::travel(near) {
            if said.activity_id == id && starts_us == [said.start_us] {
                told.push(said);
                continue;
            }
            let around = starts::around(&self.db, account, said.start_us, REACH_US).await?;
            let own = across::travel(around).into_iter();
            told.extend(own.filter(|own| own.activity_id == said.activity_id));
        }
        Ok(told)
    }
}

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
