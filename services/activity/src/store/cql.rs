//! Activities in a wide-column store.
//!
//! There are no transactions, so the order of writes and their timestamps keep the promises:
//! - A write's timestamp is the activity's revision, with room for what is taken away from that revision later
//!   ([`stamp`]). What competes lies in one cell. A lower revision never wins, whoever writes it and however late.
//! - The activity's own row is written last. Until then `current` answers the revision before, so that whoever is
//!   interrupted does all of it again.
//! - A start that moves writes the new row of the list before it takes the old one away: lists never show none, and
//!   show one of two.
//! - Chunks lie under the name of their blob, and the row says which blob counts: nobody reads half of two.
//! - Indexes of an account are written before what they point to, and go last: an erasure finds everything.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{
    args,
    cql::{Cql, Migrations},
    sql::{DbError, Tx, Value},
};
use futures::{
    StreamExt, TryStreamExt,
    future::{try_join, try_join_all},
    stream,
};
use kernel::{AccountId, ActivityId, time};
use prost::Message;
use proto::activity::{StoredActivity, StreamChunk, StreamsBlob};

use super::activities::{ActivityStore, Range, Row};
use crate::{streams::StreamType, wire::Whole};

pub const CQL_MIGRATIONS: Migrations = Migrations {
    service: "activity",
    files: &[(
        "0001_create_activities",
        include_str!("../../../../migrations/cql/activity/0001_create_activities.cql"),
    )],
};

/// In a keyspace of a wide-column store. It has no part in the transactions that it is handed.
#[derive(Clone)]
pub struct CqlActivities(pub Cql);

/// Requests under way at the same time for one call.
const AT_ONCE: usize = 32;
/// Months of a list looked at together, after the first few.
const MONTHS_AT_ONCE_MAX: usize = 8;
/// Rows of a month looked at together when most may be of another sport.
const ROWS_SOUGHT: u32 = 64;
/// Chunks in one answer: at most 4 MB.
const CHUNKS_A_PAGE: i32 = 32;

/// Timestamps of one revision: the first is its own, the others are of what was taken away from it since.
const TAKEN_BITS: u32 = 16;
/// Above every revision's, and yet in the past as a time, which is all that engines accept.
const ERASED: i64 = 1 << 50;
/// Below every revision's: what is in an index stays until it is erased.
const INDEXED: i64 = 1;

/// The timestamp of a revision's write.
fn stamp(revision: i64) -> i64 {
    revision.clamp(1, (ERASED >> TAKEN_BITS) - 1) << TAKEN_BITS
}

/// yyyymm in UTC.
fn month(start_us: i64) -> i64 {
    let date = time::from_micros(start_us).to_zoned(jiff::tz::TimeZone::UTC).date();
    i64::from(date.year()) * 100 + i64::from(date.month())
}

/// An activity with the timestamp of its cell.
struct Found {
    row: Row,
    written: i64,
}

/// Where a live activity stands in the list.
type Place = (i64, ActivityId);

fn place(row: &Row) -> Option<Place> {
    row.live.then_some((row.start_us, row.activity_id))
}

fn encode(row: &Row) -> Vec<u8> {
    StoredActivity {
        account_id: Bytes::copy_from_slice(row.account_id.as_bytes()),
        start_us: row.start_us,
        sport: row.sport.clone(),
        live: row.live,
        revision: row.revision,
        whole: row.whole.encode_to_vec().into(),
    }
    .encode_to_vec()
}

fn decode(activity_id: ActivityId, summary: Bytes) -> Result<Row, DbError> {
    let unread = |error: String| DbError::Statement(format!("the row of activity {activity_id}: {error}"));
    let stored = StoredActivity::decode(summary).map_err(|error| unread(error.to_string()))?;
    let account = uuid::Uuid::from_slice(&stored.account_id).map_err(|error| unread(error.to_string()))?;
    Ok(Row {
        activity_id,
        account_id: AccountId::new(account),
        start_us: stored.start_us,
        sport: stored.sport,
        live: stored.live,
        revision: stored.revision,
        whole: Whole::decode(stored.whole).map_err(|error| unread(error.to_string()))?,
    })
}

/// Of an activity that is being moved both rows may be met: the newer one counts.
fn newest_of_each(rows: &mut Vec<Row>) {
    let mut newest: HashMap<ActivityId, i64> = HashMap::with_capacity(rows.len());
    for row in rows.iter() {
        let known = newest.entry(row.activity_id).or_insert(row.revision);
        *known = row.revision.max(*known);
    }
    rows.retain(|row| newest.get(&row.activity_id) == Some(&row.revision));
}

impl CqlActivities {
    async fn find(&self, id: ActivityId) -> Result<Option<Found>, DbError> {
        let sought = "SELECT summary, WRITETIME(summary) FROM activity WHERE activity_id = ?";
        let Some(found) = self.0.fetch_one(sought, args![id]).await? else { return Ok(None) };
        // A cell that is gone while its row's key is still there.
        let Some(summary) = found.get::<Option<Bytes>>(0)? else { return Ok(None) };
        Ok(Some(Found { row: decode(id, summary)?, written: found.get(1)? }))
    }

    async fn found(&self, ids: Vec<ActivityId>) -> Result<Vec<Found>, DbError> {
        let found = stream::iter(ids).map(|id| self.find(id)).buffer_unordered(AT_ONCE);
        found.try_filter_map(async |found| Ok(found)).try_collect().await
    }

    async fn ids(&self, account: AccountId) -> Result<Vec<ActivityId>, DbError> {
        let sought = "SELECT activity_id FROM account_activity WHERE account_id = ?";
        self.0.fetch(sought, args![account]).await?.iter().map(|row| row.get(0)).collect()
    }

    /// The months of an account from this to that, the newest first.
    async fn months(&self, account: AccountId, from: i64, to: i64) -> Result<Vec<i64>, DbError> {
        let sought = "SELECT month FROM account_month WHERE account_id = ? AND month >= ? AND month <= ?";
        self.0.fetch(sought, args![account, from, to]).await?.iter().map(|row| row.get(0)).collect()
    }

    async fn put(&self, row: &Row) -> Result<(), DbError> {
        let before = self.find(row.activity_id).await?.map(|found| found.row);
        if before.as_ref().is_some_and(|before| before.revision >= row.revision) {
            return Ok(());
        }
        self.index(row, before.as_ref()).await?;
        let written = stamp(row.revision);
        let at = place(row);
        if at.is_some() {
            self.write_listed(row, written).await?;
        }
        let here = (row.start_us, row.activity_id);
        let left = before.as_ref().map(|before| (before.start_us, before.activity_id));
        for gone in [left, Some(here)].into_iter().flatten().filter(|gone| Some(*gone) != at) {
            self.delete_listed(row.account_id, gone, written).await?;
        }
        self.write_own(row, written).await?;
        let blob = &row.whole.streams_blob;
        if before.is_some_and(|before| before.whole.streams_blob != *blob) {
            self.sweep_chunks(row.activity_id, blob, written).await?;
        }
        Ok(())
    }

    async fn index(&self, row: &Row, before: Option<&Row>) -> Result<(), DbError> {
        let to = month(row.start_us);
        let account = async {
            if before.is_some() {
                return Ok(());
            }
            let known =
                "INSERT INTO account_activity (account_id, activity_id) VALUES (?, ?) USING TIMESTAMP ?";
            self.0.write(known, args![row.account_id, row.activity_id, INDEXED]).await
        };
        let months = async {
            if before.is_some_and(|before| month(before.start_us) == to) {
                return Ok(());
            }
            let known = "INSERT INTO account_month (account_id, month) VALUES (?, ?) USING TIMESTAMP ?";
            self.0.write(known, args![row.account_id, to, INDEXED]).await
        };
        try_join(account, months).await?;
        Ok(())
    }

    async fn write_own(&self, row: &Row, written: i64) -> Result<(), DbError> {
        let own = "INSERT INTO activity (activity_id, summary) VALUES (?, ?) USING TIMESTAMP ?";
        self.0.write(own, args![row.activity_id, encode(row), written]).await
    }

    async fn write_listed(&self, row: &Row, written: i64) -> Result<(), DbError> {
        let listed = "INSERT INTO activity_by_account (account_id, month, start_us, activity_id, summary)
             VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let place = args![row.account_id, month(row.start_us), row.start_us, row.activity_id];
        let arguments = place.into_iter().chain(args![encode(row), written]).collect();
        self.0.write(listed, arguments).await
    }

    async fn delete_listed(&self, account: AccountId, gone: Place, written: i64) -> Result<(), DbError> {
        let unlisted = "DELETE FROM activity_by_account USING TIMESTAMP ?
             WHERE account_id = ? AND month = ? AND start_us = ? AND activity_id = ?";
        self.0.write(unlisted, args![written, account, month(gone.0), gone.0, gone.1]).await
    }

    /// Takes the chunks of all other blobs away.
    async fn sweep_chunks(&self, id: ActivityId, blob: &str, written: i64) -> Result<(), DbError> {
        for others in ["<", ">"] {
            let swept = format!(
                "DELETE FROM activity_stream USING TIMESTAMP ? WHERE activity_id = ? AND blob {others} ?"
            );
            self.0.write(&swept, args![written, id, blob]).await?;
        }
        Ok(())
    }

    async fn drop_chunks(&self, found: Found, kind: StreamType) -> Result<(), DbError> {
        let (id, blob) = (found.row.activity_id, &found.row.whole.streams_blob);
        // Above whatever this revision has written, below the next.
        let written = found.written + 1;
        self.sweep_chunks(id, blob, written).await?;
        let dropped =
            "DELETE FROM activity_stream USING TIMESTAMP ? WHERE activity_id = ? AND blob = ? AND stream = ?";
        self.0.write(dropped, args![written, id, blob, kind.as_str()]).await
    }

    /// Those of a month that the range wants, at most `limit`.
    async fn of_month(
        &self,
        range: &Range,
        month_: i64,
        behind: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Row>, DbError> {
        let mut behind = behind.filter(|behind| month(behind.0) == month_);
        let most = if range.sport.is_some() { range.limit.max(ROWS_SOUGHT) } else { range.limit };
        let mut wanted = Vec::new();
        loop {
            let rows = self.slice(range, month_, behind, most).await?;
            let full = rows.len() >= most as usize;
            behind = rows.last().map(|row| (row.start_us, row.activity_id)).or(behind);
            let sport = range.sport.map(kernel::Sport::as_str);
            wanted.extend(
                rows.into_iter().filter(|row| row.live && sport.is_none_or(|sport| row.sport == sport)),
            );
            if !full || wanted.len() >= limit {
                return Ok(wanted);
            }
        }
    }

    /// The next rows of a month, behind that place: first the others that start at the same time.
    async fn slice(
        &self,
        range: &Range,
        month: i64,
        behind: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Row>, DbError> {
        let partition = args![range.account_id, month];
        let mut rows = Vec::new();
        let mut below = range.before_us;
        if let Some((start_us, id)) = behind {
            if (range.after_us..range.before_us).contains(&start_us) {
                let same = "start_us = ? AND activity_id > ?";
                let arguments = [partition.clone(), args![start_us, id, limit]].concat();
                rows = self.listed(same, arguments).await?;
            }
            below = below.min(start_us);
        }
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
        if left > 0 && range.after_us < below {
            let earlier = "start_us >= ? AND start_us < ?";
            let arguments = [partition, args![range.after_us, below, left]].concat();
            rows.extend(self.listed(earlier, arguments).await?);
        }
        Ok(rows)
    }

    async fn listed(&self, which: &str, arguments: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let sought = format!(
            "SELECT activity_id, summary FROM activity_by_account
             WHERE account_id = ? AND month = ? AND {which} LIMIT ?"
        );
        let rows = self.0.fetch(&sought, arguments).await?;
        rows.iter().map(|row| decode(row.get(0)?, row.get(1)?)).collect()
    }

    async fn erase_one(&self, id: ActivityId) -> Result<(), DbError> {
        for table in ["activity_stream", "activity"] {
            let erased = format!("DELETE FROM {table} USING TIMESTAMP ? WHERE activity_id = ?");
            self.0.write(&erased, args![ERASED, id]).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ActivityStore for CqlActivities {
    async fn upsert(&self, _: &mut dyn Tx, rows: &[Row]) -> Result<(), DbError> {
        // Revisions of one activity one after the other, activities beside each other.
        let mut activities: HashMap<ActivityId, Vec<&Row>> = HashMap::new();
        for row in rows {
            activities.entry(row.activity_id).or_default().push(row);
        }
        let one = |revisions: Vec<&Row>| {
            let revisions: Vec<Row> = revisions.into_iter().cloned().collect();
            async move {
                for row in &revisions {
                    self.put(row).await?;
                }
                Ok(())
            }
        };
        let writes: Vec<_> = activities.into_values().map(one).collect();
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn replace(&self, _: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
        let Some(found) = self.find(row.activity_id).await? else { return Ok(()) };
        let row = Row { whole: row.whole.clone(), ..found.row };
        let written = found.written + 1;
        if row.live {
            self.write_listed(&row, written).await?;
        }
        self.write_own(&row, written).await
    }

    async fn put_streams(&self, _: &mut dyn Tx, row: &Row, blob: StreamsBlob) -> Result<(), DbError> {
        let before = self.find(row.activity_id).await?;
        if before.is_some_and(|before| before.row.revision >= row.revision) {
            return Ok(());
        }
        let put =
            "INSERT INTO activity_stream (activity_id, blob, stream, chunk, data) VALUES (?, ?, ?, ?, ?)
             USING TIMESTAMP ?";
        let name = &row.whole.streams_blob;
        let write = |chunk: StreamChunk| {
            let place = args![row.activity_id, name, chunk.stream, chunk.chunk, chunk.data];
            let arguments = place.into_iter().chain(args![stamp(row.revision)]).collect();
            self.0.write(put, arguments)
        };
        let writes: Vec<_> = blob.chunks.into_iter().map(write).collect();
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn current(&self, _: &mut dyn Tx, id: ActivityId) -> Result<Option<Row>, DbError> {
        self.get(id).await
    }

    async fn get(&self, id: ActivityId) -> Result<Option<Row>, DbError> {
        Ok(self.find(id).await?.map(|found| found.row))
    }

    async fn among(&self, ids: &[ActivityId]) -> Result<Vec<Row>, DbError> {
        Ok(self.found(ids.to_vec()).await?.into_iter().map(|found| found.row).collect())
    }

    async fn range(&self, range: Range) -> Result<Vec<Row>, DbError> {
        let behind = match range.behind {
            None => None,
            Some(id) => match self.get(id).await?.filter(|row| row.account_id == range.account_id) {
                Some(row) => Some((row.start_us, id)),
                None => return Ok(Vec::new()),
            },
        };
        let limit = range.limit as usize;
        let last = behind.map_or(range.before_us, |behind| behind.0.min(range.before_us));
        let months = self.months(range.account_id, month(range.after_us), month(last)).await?;
        let mut rows: Vec<Row> = Vec::new();
        let (mut months, mut together) = (months.as_slice(), 1);
        while !months.is_empty() && rows.len() < limit {
            let (now, later) = months.split_at(together.min(months.len()));
            let wanted = limit - rows.len();
            let found = now.iter().map(|month| self.of_month(&range, *month, behind, wanted));
            rows.extend(try_join_all(found).await?.into_iter().flatten());
            newest_of_each(&mut rows);
            (months, together) = (later, (together * 2).min(MONTHS_AT_ONCE_MAX));
        }
        rows.truncate(limit);
        Ok(rows)
    }

    async fn streams(&self, id: ActivityId, types: &[StreamType]) -> Result<Vec<StreamChunk>, DbError> {
        let blob = self.get(id).await?.map(|row| row.whole.streams_blob).unwrap_or_default();
        if types.is_empty() || blob.is_empty() {
            return Ok(Vec::new());
        }
        let places = vec!["?"; types.len()].join(", ");
        let sought = format!(
            "SELECT stream, chunk, data FROM activity_stream WHERE activity_id = ? AND blob = ? AND stream IN ({places})"
        );
        let mut arguments = args![id, blob];
        arguments.extend(types.iter().map(|kind| Value::from(kind.as_str())));
        let rows = self.0.fetch_paged(&sought, arguments, CHUNKS_A_PAGE).await?;
        let chunks = rows
            .iter()
            .map(|row| Ok(StreamChunk { stream: row.get(0)?, chunk: row.get(1)?, data: row.get(2)? }));
        let mut chunks = chunks.collect::<Result<Vec<_>, DbError>>()?;
        chunks.sort_by(|one, two| (&one.stream, one.chunk).cmp(&(&two.stream, two.chunk)));
        Ok(chunks)
    }

    async fn of_account(&self, _: &mut dyn Tx, account: AccountId) -> Result<Vec<Row>, DbError> {
        let found = self.found(self.ids(account).await?).await?;
        Ok(found.into_iter().map(|found| found.row).collect())
    }

    async fn drop_stream(&self, _: &mut dyn Tx, account: AccountId, kind: StreamType) -> Result<(), DbError> {
        let found = self.found(self.ids(account).await?).await?;
        let drops: Vec<_> = found.into_iter().map(|found| self.drop_chunks(found, kind)).collect();
        stream::iter(drops).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Its indexes keep its id: a write under their one timestamp could not bring it back.
    async fn purge(&self, _: &mut dyn Tx, row: &Row) -> Result<(), DbError> {
        let written = stamp(row.revision);
        self.delete_listed(row.account_id, (row.start_us, row.activity_id), written).await?;
        for table in ["activity_stream", "activity"] {
            let purged = format!("DELETE FROM {table} USING TIMESTAMP ? WHERE activity_id = ?");
            self.0.write(&purged, args![written, row.activity_id]).await?;
        }
        Ok(())
    }

    async fn erase(&self, _: &mut dyn Tx, account: AccountId) -> Result<u64, DbError> {
        let ids = self.ids(account).await?;
        let erased = ids.len() as u64;
        let erasures: Vec<_> = ids.into_iter().map(|id| self.erase_one(id)).collect();
        stream::iter(erasures).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        for month in self.months(account, i64::MIN, i64::MAX).await? {
            let unlisted =
                "DELETE FROM activity_by_account USING TIMESTAMP ? WHERE account_id = ? AND month = ?";
            self.0.write(unlisted, args![ERASED, account, month]).await?;
        }
        for index in ["account_month", "account_activity"] {
            let forgotten = format!("DELETE FROM {index} USING TIMESTAMP ? WHERE account_id = ?");
            self.0.write(&forgotten, args![ERASED, account]).await?;
        }
        Ok(erased)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_has_room_below_the_next_and_all_are_below_an_erasure() {
        assert!(stamp(1) > INDEXED);
        assert!(stamp(7) + 60_000 < stamp(8));
        assert!(stamp(i64::MAX) < ERASED);
    }

    #[test]
    fn months_are_of_utc_and_hold_for_any_time() {
        assert_eq!(month(0), 197_001);
        assert_eq!(month(-1), 196_912);
        assert!(month(i64::MIN) < month(i64::MAX));
    }
}
