//! What every store of activities promises: one suite, in the same words on each engine.

mod changes;
mod figures;
mod lists;
pub(crate) mod on_cql;
mod on_sql;

use std::sync::Arc;

use activity::{
    store::{ActivityStore, Range, Row},
    streams::StreamType,
    wire::Whole,
};
use bytes::Bytes;
use eventing::{
    Db,
    sql::{BoxFuture, DbError, Tx},
};
use kernel::{AccountId, ActivityId, Id, Sport};
use proto::activity::{StreamChunk, StreamsBlob};

/// A store, and the database of the transactions that it is handed.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn ActivityStore>,
    pub(crate) db: Db,
}

/// Every promise, in turn; each has accounts of its own.
async fn suite(engine: &Engine) {
    changes::a_row_is_read_as_it_was_written(engine).await;
    changes::a_lower_or_the_same_revision_changes_nothing(engine).await;
    changes::a_start_that_moves_moves_the_row(engine).await;
    changes::what_is_deleted_leaves_the_list_and_comes_back_when_restored(engine).await;
    changes::revisions_in_any_order_come_to_the_highest(engine).await;
    changes::what_is_taken_away_stays_away_until_the_next_revision(engine).await;
    changes::columns_are_those_of_the_newest_blob(engine).await;
    changes::one_column_of_an_account_can_be_dropped(engine).await;
    changes::a_purged_activity_leaves_nothing_and_may_be_recorded_anew(engine).await;
    changes::an_erased_account_leaves_nothing(engine).await;
    lists::a_list_is_newest_first_within_its_bounds(engine).await;
    lists::pages_pass_over_equal_starts_without_loss_or_repeat(engine).await;
    lists::a_cursor_holds_while_rows_come_and_go(engine).await;
    lists::a_rare_sport_is_found_over_years(engine).await;
    lists::several_are_shown_at_once(engine).await;
}

impl Engine {
    async fn write<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: for<'t> FnOnce(Arc<dyn ActivityStore>, &'t mut dyn Tx) -> BoxFuture<'t, Result<T, DbError>>
            + Send
            + 'static,
    {
        let store = self.store.clone();
        self.db.transact(move |tx| work(store, tx)).await.unwrap()
    }

    async fn try_upsert(&self, rows: Vec<Row>) -> Result<(), DbError> {
        let store = self.store.clone();
        self.db.transact(move |tx| Box::pin(async move { store.upsert(tx, &rows).await })).await
    }

    async fn upsert(&self, rows: Vec<Row>) {
        self.try_upsert(rows).await.unwrap();
    }

    async fn put_streams(&self, row: &Row, chunks: Vec<StreamChunk>) {
        let row = row.clone();
        self.write(move |store, tx| {
            Box::pin(async move { store.put_streams(tx, &row, StreamsBlob { chunks }).await })
        })
        .await;
    }

    async fn replace(&self, row: Row) {
        self.write(move |store, tx| Box::pin(async move { store.replace(tx, &row).await })).await;
    }

    async fn current(&self, id: ActivityId) -> Option<Row> {
        self.write(move |store, tx| Box::pin(async move { store.current(tx, id).await })).await
    }

    async fn of_account(&self, account: AccountId) -> Vec<Row> {
        let mut rows =
            self.write(move |store, tx| Box::pin(async move { store.of_account(tx, account).await })).await;
        rows.sort_by_key(|row| row.activity_id);
        rows
    }

    async fn drop_stream(&self, account: AccountId, kind: StreamType) {
        self.write(move |store, tx| Box::pin(async move { store.drop_stream(tx, account, kind).await }))
            .await;
    }

    async fn purge(&self, row: Row) {
        self.write(move |store, tx| Box::pin(async move { store.purge(tx, &row).await })).await;
    }

    async fn erase(&self, account: AccountId) -> u64 {
        self.write(move |store, tx| Box::pin(async move { store.erase(tx, account).await })).await
    }

    async fn get(&self, id: ActivityId) -> Option<Row> {
        self.store.get(id).await.unwrap()
    }

    async fn range(&self, range: Range) -> Vec<Row> {
        self.store.range(range).await.unwrap()
    }

    /// All that are listed of an account, in one page.
    async fn listed(&self, account: AccountId) -> Vec<Row> {
        self.range(all_of(account)).await
    }

    /// The same, page by page.
    async fn walked(&self, mut range: Range) -> Vec<Row> {
        let mut rows = Vec::new();
        loop {
            let page = self.range(range).await;
            let Some(last) = page.last() else { return rows };
            range.behind = Some(last.activity_id);
            rows.extend(page);
        }
    }

    async fn streams(&self, id: ActivityId, kinds: &[StreamType]) -> Vec<StreamChunk> {
        self.store.streams(id, kinds).await.unwrap()
    }
}

fn all_of(account: AccountId) -> Range {
    Range { account_id: account, sport: None, after_us: 0, before_us: i64::MAX, behind: None, limit: 100_000 }
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2026-05-01T06:00:00Z
const MAY: i64 = 1_777_615_200 * SECOND;

/// The first revision of a new activity of this account.
fn run(account_id: AccountId, start_us: i64) -> Row {
    let activity_id: ActivityId = Id::random();
    let whole = Whole {
        activity_id: Bytes::copy_from_slice(activity_id.as_bytes()),
        account_id: Bytes::copy_from_slice(account_id.as_bytes()),
        name: "first".to_owned(),
        ..Whole::default()
    };
    let sport = Sport::Running.as_str().to_owned();
    Row { activity_id, account_id, start_us, sport, live: true, revision: 1, whole }
}

/// The same activity at a later revision, under another name.
fn revised(row: &Row, revision: i64) -> Row {
    let whole = Whole { name: format!("revision {revision}"), ..row.whole.clone() };
    Row { revision, whole, ..row.clone() }
}

fn chunk(kind: StreamType, chunk: u32, data: impl Into<Bytes>) -> StreamChunk {
    StreamChunk { stream: kind.as_str().to_owned(), chunk, data: data.into() }
}

/// The row as it refers to a blob of that name.
fn with_blob(row: &Row, blob: &str) -> Row {
    Row { whole: Whole { streams_blob: blob.to_owned(), ..row.whole.clone() }, ..row.clone() }
}
