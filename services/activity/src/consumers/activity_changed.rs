//! Activity events → the activity's row and its columns.

use eventing::{DomainEvent, Failure, Incoming, sql::Tx};
use prost::Message;
use proto::activity::StreamsBlob;

use crate::{
    blobs::{BlobError, Blobs},
    domain::{
        across::Begun,
        activity::{Change, Event},
        facts::Record,
        marks::Verdict,
    },
    store::{ActivityStore, Row, starts},
    streams::StreamType,
    wire,
};

/// `bodiless`: what it tells of the body was taken away after it was said.
pub(super) async fn apply(
    store: &dyn ActivityStore,
    blobs: &Blobs,
    tx: &mut dyn Tx,
    incoming: &Incoming,
    bodiless: bool,
) -> Result<(), Failure> {
    let event = Event::decode(&incoming.plain)?;
    let revision = incoming.event.version;
    let before = store.current(tx, event.activity_id).await?;
    if before.as_ref().is_some_and(|row| row.revision >= revision) {
        return Ok(());
    }
    let (record, live) = match &event.change {
        Change::Recorded(record) | Change::Restored(record) | Change::Edited { record, .. } => (record, true),
        Change::Linked(record)
        | Change::Unlinked(record)
        | Change::Fused(record)
        | Change::Flagged(record)
        | Change::Appealed(record)
        | Change::Cleared(record)
        | Change::Cropped { record, .. }
        | Change::Recomputed { record, .. } => (record, true),
        Change::Replaced { record, deleted, .. } => (record, !deleted),
        Change::Deleted { .. } => {
            if let Some(mut row) = before {
                // Nobody tells of what is deleted.
                if let Some(marks) = &mut row.whole.marks {
                    marks.duplicate_of.clear();
                }
                let known = wire::record_of(row.whole.clone()).ok();
                let begun = Begun { live: false, ..begun(incoming, &event, known.as_ref()) };
                starts::put(tx, &begun, false).await?;
                starts::put_case(tx, &begun, None).await?;
                store.upsert(tx, &[Row { live: false, revision, ..row }]).await?;
            }
            return Ok(());
        }
        Change::PurgeStarted => {
            // That there was one, and nothing of it: readers of our own journal wait for the revision.
            let gone = begun(incoming, &event, None);
            starts::put(tx, &gone, false).await?;
            starts::put_case(tx, &gone, None).await?;
            if let Some(row) = before {
                store.purge(tx, &Row { revision, ..row }).await?;
            }
            return Ok(());
        }
        Change::Tombstoned { .. } | Change::Purged => return Ok(()),
    };
    // Erased: nothing of it is shown any more.
    let Some(mut row) = row_of(&event, record, live, revision) else { return Ok(()) };
    if bodiless {
        row.whole.health = None;
    }
    let known_blob = before.map(|row| row.whole.streams_blob);
    let blob = &row.whole.streams_blob;
    if known_blob.as_ref() != Some(blob) && !(known_blob.is_none() && blob.is_empty()) {
        let mut streams = read_streams(blobs, blob).await?;
        if row.whole.health.is_none() {
            // The file is older than a withdrawn consent; what was sealed beside it is gone, and so is this.
            streams.chunks.retain(|chunk| chunk.stream != StreamType::HeartRate.as_str());
        }
        store.put_streams(tx, &row, streams).await?;
    }
    let begun = Begun { live, ..begun(incoming, &event, Some(record)) };
    starts::put(tx, &begun, matches!(event.change, Change::Recomputed { .. })).await?;
    let verdict = (live && record.marks.verdict != Verdict::Clear).then(|| record.marks.verdict.as_str());
    starts::put_case(tx, &begun, verdict.map(|state| (state, incoming.event.at_us))).await?;
    store.upsert(tx, &[row]).await?;
    Ok(())
}

fn begun(incoming: &Incoming, event: &Event, record: Option<&Record>) -> Begun {
    let (position, revision) = (incoming.event.position, incoming.event.version);
    Begun { position, revision, ..Begun::new(event.activity_id, event.account_id, record) }
}

fn row_of(event: &Event, record: &Record, live: bool, revision: i64) -> Option<Row> {
    let facts = record.facts.as_ref()?;
    Some(Row {
        activity_id: event.activity_id,
        account_id: event.account_id,
        start_us: facts.start_us,
        sport: facts.sport.as_str().to_owned(),
        live: live && record.marks.duplicate_of.is_none(),
        revision,
        whole: wire::whole_of(event.activity_id, event.account_id, record),
    })
}

async fn read_streams(blobs: &Blobs, key: &str) -> Result<StreamsBlob, Failure> {
    if key.is_empty() {
        return Ok(StreamsBlob::default());
    }
    match blobs.get(key).await {
        Ok(bytes) => StreamsBlob::decode(bytes).map_err(|error| Failure::Poison(format!("{key}: {error}"))),
        // Durable before the event, in a place that all processes share: it was erased, later events tell.
        Err(BlobError::Missing(_)) => {
            tracing::warn!(key, "columns are not where files are kept");
            Ok(StreamsBlob::default())
        }
        Err(error) => Err(Failure::Retry(error.to_string())),
    }
}
