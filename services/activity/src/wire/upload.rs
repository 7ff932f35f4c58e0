//! Events of uploads.

use bytes::Bytes;
use eventing::{DecodeError, DomainEvent, Plain};
use proto::activity as wire;

use super::{bytes, id, some};
use crate::domain::upload;

impl DomainEvent for upload::Event {
    fn encode(&self) -> Plain {
        let (upload_id, account_id) = (bytes(self.upload_id), bytes(self.account_id));
        match &self.change {
            upload::Change::Received(file) => Plain::of(&wire::UploadReceived {
                upload_id,
                account_id,
                session_id: file.session_id.map(bytes).unwrap_or_default(),
                file_hash: file.hash.clone().into(),
                blob: file.blob.clone(),
                size_bytes: file.size_bytes,
                source: file.source.clone(),
                filename: file.filename.clone().unwrap_or_default(),
            }),
            upload::Change::Parsed(parsed) => Plain::of(&wire::UploadParsed {
                upload_id,
                account_id,
                activity_ids: parsed.activity_ids.iter().copied().map(bytes).collect(),
                partial: parsed.partial,
                salvage: parsed.salvage.as_ref().map(salvage_to_proto),
                notices: parsed.notices.clone(),
            }),
            upload::Change::Failed { code, detail } => Plain::of(&wire::UploadFailed {
                upload_id,
                account_id,
                code: code.clone(),
                detail: detail.clone(),
            }),
            upload::Change::Duplicated { original, session_id, size_bytes, source, filename } => {
                Plain::of(&wire::UploadDuplicated {
                    upload_id,
                    account_id,
                    session_id: session_id.map(bytes).unwrap_or_default(),
                    original_upload_id: bytes(*original),
                    size_bytes: *size_bytes,
                    source: source.clone(),
                    filename: filename.clone().unwrap_or_default(),
                })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let session = |raw: &Bytes| (!raw.is_empty()).then(|| id(raw, "session_id")).transpose();
        let event = |upload: &Bytes, account: &Bytes, change| {
            Ok(Self { upload_id: id(upload, "upload_id")?, account_id: id(account, "account_id")?, change })
        };
        if let Some(message) = plain.decode::<wire::UploadReceived>() {
            let message = message?;
            let file = upload::File {
                account_id: id(&message.account_id, "account_id")?,
                session_id: session(&message.session_id)?,
                hash: message.file_hash.to_vec(),
                blob: message.blob,
                size_bytes: message.size_bytes,
                source: message.source,
                filename: some(message.filename),
            };
            return event(&message.upload_id, &message.account_id, upload::Change::Received(file));
        }
        if let Some(message) = plain.decode::<wire::UploadParsed>() {
            let message = message?;
            let parsed = upload::Parsed {
                activity_ids: message
                    .activity_ids
                    .iter()
                    .map(|raw| id(raw, "activity_id"))
                    .collect::<Result<_, _>>()?,
                partial: message.partial,
                salvage: message.salvage.map(|salvage| upload::Salvage {
                    records_kept: salvage.records_kept,
                    bytes_lost: salvage.bytes_lost,
                    reasons: salvage.reasons,
                }),
                notices: message.notices,
            };
            return event(&message.upload_id, &message.account_id, upload::Change::Parsed(parsed));
        }
        if let Some(message) = plain.decode::<wire::UploadFailed>() {
            let message = message?;
            let change = upload::Change::Failed { code: message.code, detail: message.detail };
            return event(&message.upload_id, &message.account_id, change);
        }
        let message: wire::UploadDuplicated = plain.expect()?;
        let change = upload::Change::Duplicated {
            original: id(&message.original_upload_id, "original_upload_id")?,
            session_id: session(&message.session_id)?,
            size_bytes: message.size_bytes,
            source: message.source,
            filename: some(message.filename),
        };
        event(&message.upload_id, &message.account_id, change)
    }
}

fn salvage_to_proto(salvage: &upload::Salvage) -> wire::Salvage {
    wire::Salvage {
        records_kept: salvage.records_kept,
        bytes_lost: salvage.bytes_lost,
        reasons: salvage.reasons.clone(),
    }
}
