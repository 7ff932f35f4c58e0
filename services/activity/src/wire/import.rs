//! Events of imports.

use bytes::Bytes;
use eventing::{DecodeError, DomainEvent, Plain};
use proto::activity as wire;

use super::{bytes, id, some};
use crate::domain::import::{Archive, Change, Event, FileDone, Outcome};

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let (import_id, account_id) = (bytes(self.import_id), bytes(self.account_id));
        match &self.change {
            Change::Opened(archive) => Plain::of(&wire::ImportOpened {
                import_id,
                account_id,
                session_id: archive.session_id.map(bytes).unwrap_or_default(),
                archive_hash: archive.hash.clone().into(),
                blob: archive.blob.clone(),
                size_bytes: archive.size_bytes,
                filename: archive.filename.clone().unwrap_or_default(),
                dry_run: archive.dry_run,
                source: archive.source.clone(),
                of_upload: archive.of_upload,
            }),
            Change::Planned { plan_blob, kind, files } => Plain::of(&wire::ImportPlanned {
                import_id,
                account_id,
                plan_blob: plan_blob.clone(),
                kind: kind.clone(),
                files: *files,
            }),
            Change::Started => Plain::of(&wire::ImportStarted { import_id, account_id }),
            Change::FileDone(done) => Plain::of(&wire::ImportFileDone {
                import_id,
                account_id,
                number: done.number,
                outcome: done.outcome.as_str().to_owned(),
                upload_id: done.upload_id.map(bytes).unwrap_or_default(),
                activity_ids: done.activity_ids.iter().copied().map(bytes).collect(),
                made_ids: done.made.iter().copied().map(bytes).collect(),
                code: done.code.clone(),
                detail: done.detail.clone(),
            }),
            Change::Finished => Plain::of(&wire::ImportFinished { import_id, account_id }),
            Change::Failed { code, detail } => Plain::of(&wire::ImportFailed {
                import_id,
                account_id,
                code: code.clone(),
                detail: detail.clone(),
            }),
            Change::RollbackStarted => Plain::of(&wire::ImportRollbackStarted { import_id, account_id }),
            Change::RolledBack { activities } => {
                Plain::of(&wire::ImportRolledBack { import_id, account_id, activities: *activities })
            }
            Change::ArchivePurged => Plain::of(&wire::ImportArchivePurged { import_id, account_id }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event = |import: &Bytes, account: &Bytes, change| {
            Ok(Self { import_id: id(import, "import_id")?, account_id: id(account, "account_id")?, change })
        };
        if let Some(message) = plain.decode::<wire::ImportFileDone>() {
            let message = message?;
            let (import, account) = (message.import_id.clone(), message.account_id.clone());
            return event(&import, &account, Change::FileDone(done_of(message)?));
        }
        if let Some(message) = plain.decode::<wire::ImportOpened>() {
            let message = message?;
            let (import, account) = (message.import_id.clone(), message.account_id.clone());
            return event(&import, &account, Change::Opened(archive_of(message)?));
        }
        if let Some(message) = plain.decode::<wire::ImportPlanned>() {
            let wire::ImportPlanned { import_id, account_id, plan_blob, kind, files } = message?;
            return event(&import_id, &account_id, Change::Planned { plan_blob, kind, files });
        }
        if let Some(message) = plain.decode::<wire::ImportStarted>() {
            let message = message?;
            return event(&message.import_id, &message.account_id, Change::Started);
        }
        if let Some(message) = plain.decode::<wire::ImportFinished>() {
            let message = message?;
            return event(&message.import_id, &message.account_id, Change::Finished);
        }
        if let Some(message) = plain.decode::<wire::ImportFailed>() {
            let wire::ImportFailed { import_id, account_id, code, detail } = message?;
            return event(&import_id, &account_id, Change::Failed { code, detail });
        }
        if let Some(message) = plain.decode::<wire::ImportRollbackStarted>() {
            let message = message?;
            return event(&message.import_id, &message.account_id, Change::RollbackStarted);
        }
        if let Some(message) = plain.decode::<wire::ImportArchivePurged>() {
            let message = message?;
            return event(&message.import_id, &message.account_id, Change::ArchivePurged);
        }
        let wire::ImportRolledBack { import_id, account_id, activities } = plain.expect()?;
        event(&import_id, &account_id, Change::RolledBack { activities })
    }
}

fn archive_of(message: wire::ImportOpened) -> Result<Archive, DecodeError> {
    let session = &message.session_id;
    Ok(Archive {
        account_id: id(&message.account_id, "account_id")?,
        session_id: (!session.is_empty()).then(|| id(session, "session_id")).transpose()?,
        hash: message.archive_hash.to_vec(),
        blob: message.blob,
        size_bytes: message.size_bytes,
        filename: some(message.filename),
        dry_run: message.dry_run,
        source: message.source,
        of_upload: message.of_upload,
    })
}

fn done_of(message: wire::ImportFileDone) -> Result<FileDone, DecodeError> {
    let ids = |raw: &[Bytes]| raw.iter().map(|raw| id(raw, "activity_id")).collect::<Result<Vec<_>, _>>();
    let upload = &message.upload_id;
    Ok(FileDone {
        number: message.number,
        outcome: Outcome::parse(&message.outcome).unwrap_or(Outcome::Failed),
        upload_id: (!upload.is_empty()).then(|| id(upload, "upload_id")).transpose()?,
        activity_ids: ids(&message.activity_ids)?,
        made: ids(&message.made_ids)?,
        code: message.code,
        detail: message.detail,
    })
}
