//! The rows: SQL written once for both engines. Statements of inline rows are made here too, and written by the
//! append that decided them.

use eventing::{
    Db, Row,
    sql::{DbError, Value},
};
use kernel::{Code, Id, Refusal};
use uuid::Uuid;

pub mod edges;
pub mod groups;
pub mod items;
pub mod members;
pub mod people;
pub mod posts;
pub mod relation_state;

/// Ids named in one statement at most.
const NAMED: usize = 200;

/// Reads over the service's database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    async fn rows<T>(
        &self,
        sql: &str,
        args: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        self.db.fetch(sql, args).await?.iter().map(read).collect()
    }

    async fn count(&self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        self.db.fetch_one(sql, args).await?.map_or(Ok(0), |row| row.get(0))
    }
}

/// A place in a list that is ordered by time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at_us: i64,
    pub id: Uuid,
}

impl Place {
    /// Before everything in a list that begins with the newest.
    pub const NEWEST: Self = Self { at_us: i64::MAX, id: Uuid::max() };
    /// Before everything in a list that begins with the oldest.
    pub const OLDEST: Self = Self { at_us: i64::MIN, id: Uuid::nil() };

    pub fn at<Kind>(at_us: i64, id: Id<Kind>) -> Self {
        Self { at_us, id: id.uuid() }
    }

    pub fn cursor(&self) -> String {
        format!("{}.{}", self.at_us, self.id)
    }

    /// An empty cursor stands at `first`.
    ///
    /// # Errors
    /// `bad_cursor`.
    pub fn parse(cursor: &str, first: Self) -> Result<Self, Refusal> {
        if cursor.is_empty() {
            return Ok(first);
        }
        cursor
            .split_once('.')
            .and_then(|(at, id)| Some(Self { at_us: at.parse().ok()?, id: Uuid::try_parse(id).ok()? }))
            .ok_or_else(bad_cursor)
    }
}

pub fn bad_cursor() -> Refusal {
    Refusal::new(Code::BadCursor, "the cursor is not one of ours")
}

/// `$n, $n+1, …` for `count` arguments, the first of which is the `first`th.
fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

/// The arguments before, then one for each id.
fn with_ids<Kind>(mut before: Vec<Value>, ids: &[Id<Kind>]) -> Vec<Value> {
    before.extend(ids.iter().map(|id| Value::from(*id)));
    before
}
