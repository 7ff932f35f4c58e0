//! Domain events to their wire form and back, and upcasting. Nowhere else.
//!
//! Four messages carry a whole activity under the same field numbers: [`Whole`] is that common part.

pub mod record;

use bytes::Bytes;
use eventing::{DecodeError, DomainEvent, Plain};
use kernel::{AccountId, ActivityId, Id};
use proto::activity as wire;

pub use record::{Whole, record_of, visibility_of, whole_of};

use crate::domain::{
    activity::{self, Change},
    daily, upload,
};

pub fn bytes<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

pub fn id<Kind>(bytes: &[u8], what: &str) -> Result<Id<Kind>, DecodeError> {
    uuid::Uuid::from_slice(bytes).map(Id::new).map_err(|_| DecodeError(format!("{what} is no uuid")))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl DomainEvent for activity::Event {
    fn encode(&self) -> Plain {
        let (activity_id, account_id) = (bytes(self.activity_id), bytes(self.account_id));
        match &self.change {
            Change::Recorded(record) => Plain::of(&whole_of(self.activity_id, self.account_id, record)),
            Change::Restored(record) => {
                let Whole {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                } = whole_of(self.activity_id, self.account_id, record);
                Plain::of(&wire::ActivityRestored {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                })
            }
            Change::Replaced { record, previous_start_us, deleted } => {
                let Whole {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                } = whole_of(self.activity_id, self.account_id, record);
                Plain::of(&wire::ActivityReplaced {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                    previous_start_us: *previous_start_us,
                    deleted: *deleted,
                })
            }
            Change::Edited { record, previous_start_us, changed } => {
                let Whole {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                } = whole_of(self.activity_id, self.account_id, record);
                Plain::of(&wire::ActivityEdited {
                    activity_id,
                    account_id,
                    origin,
                    streams_blob,
                    visibility,
                    facts,
                    health,
                    name,
                    devices,
                    provenance,
                    previous_start_us: *previous_start_us,
                    changed: changed.clone(),
                })
            }
            Change::Deleted { client_version } => {
                Plain::of(&wire::ActivityDeleted { activity_id, account_id, client_version: *client_version })
            }
            Change::Tombstoned { client_version } => Plain::of(&wire::ActivityTombstoned {
                activity_id,
                account_id,
                client_version: *client_version,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::ActivityRecorded>() {
            return activity_event(message?, |record| Change::Recorded(Box::new(record)));
        }
        if let Some(message) = plain.decode::<wire::ActivityRestored>() {
            let wire::ActivityRestored {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
            } = message?;
            let whole = Whole {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
            };
            return activity_event(whole, |record| Change::Restored(Box::new(record)));
        }
        if let Some(message) = plain.decode::<wire::ActivityReplaced>() {
            let wire::ActivityReplaced {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
                previous_start_us,
                deleted,
            } = message?;
            let whole = Whole {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
            };
            return activity_event(whole, |record| Change::Replaced {
                record: Box::new(record),
                previous_start_us,
                deleted,
            });
        }
        if let Some(message) = plain.decode::<wire::ActivityEdited>() {
            let wire::ActivityEdited {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
                previous_start_us,
                changed,
            } = message?;
            let whole = Whole {
                activity_id,
                account_id,
                origin,
                streams_blob,
                visibility,
                facts,
                health,
                name,
                devices,
                provenance,
            };
            return activity_event(whole, |record| Change::Edited {
                record: Box::new(record),
                previous_start_us,
                changed,
            });
        }
        if let Some(message) = plain.decode::<wire::ActivityDeleted>() {
            let message = message?;
            let change = Change::Deleted { client_version: message.client_version };
            return bare(&message.activity_id, &message.account_id, change);
        }
        let message: wire::ActivityTombstoned = plain.expect()?;
        bare(
            &message.activity_id,
            &message.account_id,
            Change::Tombstoned { client_version: message.client_version },
        )
    }
}

fn activity_event(
    whole: Whole,
    change: impl FnOnce(crate::domain::Record) -> Change,
) -> Result<activity::Event, DecodeError> {
    let (activity_id, account_id): (ActivityId, AccountId) =
        (id(&whole.activity_id, "activity_id")?, id(&whole.account_id, "account_id")?);
    Ok(activity::Event { activity_id, account_id, change: change(record_of(whole)?) })
}

fn bare(activity_id: &[u8], account_id: &[u8], change: Change) -> Result<activity::Event, DecodeError> {
    Ok(activity::Event {
        activity_id: id(activity_id, "activity_id")?,
        account_id: id(account_id, "account_id")?,
        change,
    })
}

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

impl DomainEvent for daily::Event {
    fn encode(&self) -> Plain {
        let (daily_id, account_id) = (bytes(self.daily_id), bytes(self.account_id));
        match &self.change {
            daily::Change::Recorded { source, client_version, daily } => {
                let told = daily.as_ref().map(daily_to_proto);
                let health = daily.as_ref().is_some_and(|daily| crate::domain::input::is_health(&daily.kind));
                let (body, daily) = if health { (told, None) } else { (None, told) };
                let (source, client_version) = (source.clone(), *client_version);
                Plain::of(&wire::DailyRecorded { daily_id, account_id, source, client_version, daily, body })
            }
            daily::Change::Deleted { client_version } => {
                Plain::of(&wire::DailyDeleted { daily_id, account_id, client_version: *client_version })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::DailyRecorded>() {
            let message = message?;
            return Ok(Self {
                daily_id: id(&message.daily_id, "daily_id")?,
                account_id: id(&message.account_id, "account_id")?,
                change: daily::Change::Recorded {
                    source: message.source,
                    client_version: message.client_version,
                    daily: message.daily.or(message.body).map(daily_of),
                },
            });
        }
        let message: wire::DailyDeleted = plain.expect()?;
        Ok(Self {
            daily_id: id(&message.daily_id, "daily_id")?,
            account_id: id(&message.account_id, "account_id")?,
            change: daily::Change::Deleted { client_version: message.client_version },
        })
    }
}

pub fn daily_to_proto(daily: &daily::DailyValue) -> wire::Daily {
    let spans = daily.spans.iter();
    wire::Daily {
        r#type: daily.kind.clone(),
        date: daily.date.clone(),
        value: daily.value,
        spans: spans
            .map(|span| wire::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
    }
}

fn daily_of(daily: wire::Daily) -> daily::DailyValue {
    let spans = daily.spans.into_iter();
    daily::DailyValue {
        kind: daily.r#type,
        date: daily.date,
        value: daily.value,
        spans: spans
            .map(|span| daily::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
    }
}
