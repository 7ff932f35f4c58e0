//! The job behind an import: look through, run file by file, take back.

use eventing::{Claim, Command, Error, Loaded};
use kernel::{AccountId, Code, Refusal};
use prost::Message;
use proto::activity::{ImportPlan, PlannedFile};

use super::{REFUSED, file::What, import_events, import_stream, opened::Opened, plan};
use crate::{
    app::{
        App,
        receive_upload::{FILE_CLAIM, upload_events, upload_stream},
    },
    domain::{
        ImportId, UploadId,
        import::{Archive, Change, Import, Outcome, Phase},
        upload::{self, Parsed, Upload},
    },
};

/// An import that is run.
pub(super) struct Work {
    pub(super) id: ImportId,
    pub(super) account: AccountId,
    pub(super) command: Command,
    pub(super) archive: Archive,
    pub(super) opened: Opened,
    pub(super) loaded: Loaded<Import>,
}

impl App {
    /// Goes on with an import until it is at its end, or waits for its owner. A refusal means: try again later.
    pub async fn work_on_import(&self, id: ImportId) -> Result<(), Refusal> {
        loop {
            let loaded = self.journal.load::<Import>(&import_stream(id)).await?;
            let Some(archive) = loaded.state.archive.clone() else { return Ok(()) };
            match loaded.state.phase {
                Phase::Planning => Box::pin(self.look_through(id, &loaded, &archive)).await?,
                Phase::Running => Box::pin(self.run_files(id, loaded, archive)).await?,
                Phase::RollingBack => drop(self.undo_import(id).await?),
                _ => return Ok(()),
            }
        }
    }

    async fn look_through(
        &self,
        id: ImportId,
        loaded: &Loaded<Import>,
        archive: &Archive,
    ) -> Result<(), Refusal> {
        let (account, command) = (archive.account_id, self.following_import(id).await?);
        let planned = match self.open_blob(&archive.blob).await? {
            Ok(opened) => self.plan((id, account), opened).await?,
            Err(refusal) => Err(refusal),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(refusal) => return self.fail_import(&command, id, loaded, archive, &refusal).await,
        };
        let (plan_blob, encoded) = plan::encode(account, &plan);
        self.blobs.put(&plan_blob, encoded).await?;
        let files =
            u32::try_from(plan.files.iter().filter(|file| plan::runs(file)).count()).unwrap_or(u32::MAX);
        let mut changes = vec![Change::Planned { plan_blob, kind: plan.kind, files }];
        if !archive.dry_run {
            changes.push(Change::Started);
        }
        let mut batch = self.journal.batch(&command);
        batch.timer(self.purge_archive_later(id));
        batch.write(loaded, &account.to_string(), import_events(id, account, changes));
        batch.commit().await?;
        Ok(())
    }

    /// The archive cannot be opened; an upload of it fails with it.
    async fn fail_import(
        &self,
        command: &Command,
        id: ImportId,
        loaded: &Loaded<Import>,
        archive: &Archive,
        refusal: &Refusal,
    ) -> Result<(), Refusal> {
        let (account, code, detail) = (archive.account_id, refusal.code.to_string(), refusal.detail.clone());
        let mut batch = self.journal.batch(command);
        let failed = vec![Change::Failed { code: code.clone(), detail: detail.clone() }];
        batch.timer(self.purge_archive_later(id));
        batch.write(loaded, &account.to_string(), import_events(id, account, failed));
        if archive.of_upload {
            self.end_upload(&mut batch, id, archive, upload::Change::Failed { code, detail }).await?;
        }
        batch.commit().await?;
        Ok(())
    }

    async fn run_files(&self, id: ImportId, loaded: Loaded<Import>, archive: Archive) -> Result<(), Refusal> {
        let plan = self.plan_of(loaded.state.plan_blob.as_deref().unwrap_or_default()).await?;
        let opened = self.open_blob(&archive.blob).await??;
        let command = self.following_import(id).await?;
        let account = archive.account_id;
        let mut work = Work { id, account, command, archive, opened, loaded };
        let done = work.loaded.state.done.clone();
        let left = plan.files.iter().filter(|file| plan::runs(file) && !done.contains(&file.number));
        let (workouts, others): (Vec<_>, Vec<_>) = left.partition(|file| !file.workout.is_empty());
        for file in others {
            // Asked anew for each: a consent may be withdrawn meanwhile.
            let standing = self.standing(account).await?;
            self.import_file(&mut work, file, standing, &What::of(file)).await?;
            if work.loaded.state.phase != Phase::Running {
                return Ok(());
            }
        }
        self.run_workouts(&mut work, &workouts, &plan.files).await?;
        if work.loaded.state.phase != Phase::Running {
            return Ok(());
        }
        let refused = plan.files.iter().find(|file| file.plan == REFUSED);
        self.finish_import(&mut work, refused).await
    }

    pub(super) async fn plan_of(&self, blob: &str) -> Result<ImportPlan, Refusal> {
        let encoded = self.blobs.get(blob).await?;
        ImportPlan::decode(encoded).map_err(|error| Refusal::new(Code::Internal, format!("a plan: {error}")))
    }

    async fn finish_import(&self, work: &mut Work, refused: Option<&PlannedFile>) -> Result<(), Refusal> {
        let mut batch = self.journal.batch(&work.command);
        let finished = import_events(work.id, work.account, vec![Change::Finished]);
        batch.timer(self.purge_archive_later(work.id));
        batch.write(&work.loaded, &work.account.to_string(), finished);
        if work.archive.of_upload {
            let import = &work.loaded.state;
            let mut ids = import.activity_ids.clone();
            let mut seen = std::collections::HashSet::new();
            ids.retain(|id| seen.insert(*id));
            // Of a health export that has no workouts the days are what came of it.
            let nothing =
                ids.is_empty() && import.count(Outcome::Recorded) + import.count(Outcome::Duplicate) == 0;
            let change = if nothing {
                nothing_of(refused)
            } else {
                let partial =
                    refused.is_some() || import.count(Outcome::Partial) + import.count(Outcome::Failed) > 0;
                upload::Change::Parsed(Parsed { activity_ids: ids, partial, ..Parsed::default() })
            };
            self.end_upload(&mut batch, work.id, &work.archive, change).await?;
        }
        batch.commit().await?;
        Ok(())
    }

    /// The upload of an archive ends with its import; one that failed may be sent again.
    async fn end_upload(
        &self,
        batch: &mut eventing::Batch,
        id: ImportId,
        archive: &Archive,
        change: upload::Change,
    ) -> Result<(), Error> {
        let upload_id = UploadId::new(id.uuid());
        let stream = upload_stream(upload_id);
        let loaded = self.journal.load::<Upload>(&stream).await?;
        let failed = matches!(change, upload::Change::Failed { .. });
        let changes = loaded.state.finish(change);
        if changes.is_empty() {
            return Ok(());
        }
        let partition = archive.account_id.to_string();
        batch.write(&loaded, &partition, upload_events(upload_id, archive.account_id, changes));
        if failed {
            let key = hex::encode(&archive.hash);
            batch.claim(Claim::Release { scope: FILE_CLAIM.to_owned(), key, stream });
        }
        self.metrics.upload(if failed { "failed" } else { "ready" });
        Ok(())
    }
}

/// Nothing came of an archive: for the reason that its first refused file has, if any has one.
fn nothing_of(refused: Option<&PlannedFile>) -> upload::Change {
    let (code, detail) = match refused {
        Some(file) => (file.code.clone(), format!("{}: {}", file.name, file.detail)),
        None => (Code::FileNotActivity.to_string(), "nothing in the archive is an activity".to_owned()),
    };
    upload::Change::Failed { code, detail }
}
