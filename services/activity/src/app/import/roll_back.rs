//! What an import made is deleted, and nothing else. Each of them can be restored, as any deleted activity.

use std::collections::BTreeSet;

use eventing::{Command, Decision, Error};
use kernel::{AccountId, Refusal};

use super::{import_events, import_stream};
use crate::{
    app::{App, activity_stream, events},
    domain::{
        ImportId,
        activity::{self, Activity},
        import::{Change, Import, Phase},
    },
};

/// Activities of one append.
const APPEND_MAX: usize = 50;

impl App {
    /// Answers when it is done. Broken off in the middle, it is gone on with.
    pub async fn roll_back_import(
        &self,
        command: &Command,
        account: AccountId,
        id: ImportId,
    ) -> Result<eventing::Done, Refusal> {
        let (stream, partition) = (import_stream(id), account.to_string());
        let asked = self.journal.execute::<Import, _>(command, &stream, &partition, |import, _| {
            import.owned_by(account)?;
            let changes = import.roll_back();
            Ok(Decision::of(import_events(id, account, changes)).answer(204, vec![id.to_string()]))
        });
        let asked = asked.await?;
        Ok(self.undo_import(id).await?.unwrap_or(asked))
    }

    /// Deletes what an import that is rolling back made.
    pub(super) async fn undo_import(&self, id: ImportId) -> Result<Option<eventing::Done>, Refusal> {
        let import = self.journal.load::<Import>(&import_stream(id)).await?.state;
        let Some(archive) = import.archive.filter(|_| import.phase == Phase::RollingBack) else {
            return Ok(None);
        };
        let (account, command) = (archive.account_id, self.following_import(id).await?);
        for some in import.made.chunks(APPEND_MAX) {
            self.journal
                .retrying(|| async {
                    let mut batch = self.journal.batch(&command);
                    let mut any = false;
                    for activity_id in some {
                        let loaded = self.journal.load::<Activity>(&activity_stream(*activity_id)).await?;
                        if loaded.state.is_live() && loaded.state.account_id == Some(account) {
                            let gone = vec![activity::Change::Deleted { client_version: None }];
                            if let Some(timer) = self.purge_later(*activity_id, &loaded.state, &gone) {
                                batch.timer(timer);
                            }
                            batch.write(&loaded, &account.to_string(), events(*activity_id, account, gone));
                            any = true;
                        }
                    }
                    if any {
                        batch.commit().await?;
                    }
                    Ok::<_, Error>(())
                })
                .await?;
        }
        self.undo_all_records(&command, account, import.plan_blob.as_deref(), &import.done).await?;
        let activities = u32::try_from(import.made.len()).unwrap_or(u32::MAX);
        let (stream, partition) = (import_stream(id), account.to_string());
        let done = self.journal.execute::<Import, _>(&command, &stream, &partition, |import, _| {
            let rolling = import.phase == Phase::RollingBack;
            let changes = if rolling { vec![Change::RolledBack { activities }] } else { Vec::new() };
            Ok(Decision::of(import_events(id, account, changes)).timer(self.purge_archive_later(id)))
        });
        Ok(Some(done.await?))
    }

    /// Days and samples of the files that were done.
    async fn undo_all_records(
        &self,
        command: &Command,
        account: AccountId,
        plan_blob: Option<&str>,
        done: &BTreeSet<u32>,
    ) -> Result<(), Refusal> {
        let Some(plan_blob) = plan_blob.filter(|_| !done.is_empty()) else { return Ok(()) };
        let plan = self.plan_of(plan_blob).await?;
        for file in plan.files.iter().filter(|file| done.contains(&file.number)) {
            if !file.records_blob.is_empty() {
                self.undo_records(command, account, &file.records_blob).await?;
            }
        }
        Ok(())
    }
}
