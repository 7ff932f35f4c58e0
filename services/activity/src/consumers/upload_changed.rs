//! Upload events → the upload's row.

use eventing::{DomainEvent, Failure, Incoming, sql::Tx};
use proto::{
    activity::{Salvage, UploadView},
    envelope::Problem,
};

use crate::{
    domain::{
        SessionId, UploadId,
        upload::{Change, Event},
    },
    store::uploads::{self, Row},
    wire,
};

pub(super) async fn apply(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let event = Event::decode(&incoming.plain)?;
    let row = match &event.change {
        Change::Received(file) => {
            begun(incoming, &event, file.session_id, None, "queued", file.size_bytes, file.filename.as_ref())
        }
        Change::Duplicated { original, session_id, size_bytes, filename, .. } => {
            begun(incoming, &event, *session_id, Some(*original), "duplicate", *size_bytes, filename.as_ref())
        }
        Change::Parsed(_) | Change::Failed { .. } => match uploads::current(tx, event.upload_id).await? {
            Some(row) => finished(row, &event.change),
            None => return Ok(()),
        },
    };
    uploads::put(tx, &row).await?;
    Ok(())
}

fn begun(
    incoming: &Incoming,
    event: &Event,
    session_id: Option<SessionId>,
    original: Option<UploadId>,
    status: &str,
    size_bytes: i64,
    filename: Option<&String>,
) -> Row {
    let received_us = incoming.event.at_us;
    let whole = UploadView {
        id: wire::bytes(event.upload_id),
        status: status.to_owned(),
        filename: filename.cloned().unwrap_or_default(),
        received_us,
        size_bytes,
        ..UploadView::default()
    };
    Row {
        upload_id: event.upload_id,
        account_id: event.account_id,
        session_id,
        original,
        received_us,
        received_pos: incoming.event.position,
        whole,
    }
}

fn finished(mut row: Row, change: &Change) -> Row {
    match change {
        Change::Parsed(parsed) => {
            row.whole.status = if parsed.partial { "partial" } else { "ready" }.to_owned();
            row.whole.activity_ids = parsed.activity_ids.iter().copied().map(wire::bytes).collect();
            row.whole.notices.clone_from(&parsed.notices);
            row.whole.salvage = parsed.salvage.as_ref().map(|salvage| Salvage {
                records_kept: salvage.records_kept,
                bytes_lost: salvage.bytes_lost,
                reasons: salvage.reasons.clone(),
            });
        }
        Change::Failed { code, detail } => {
            row.whole.status = "failed".to_owned();
            row.whole.problem =
                Some(Problem { code: code.clone(), detail: detail.clone(), ..Problem::default() });
        }
        Change::Received(_) | Change::Duplicated { .. } => {}
    }
    row
}
