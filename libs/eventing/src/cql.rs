//! The thin vocabulary of wide-column stores (ScyllaDB, Cassandra), beside [`crate::sql`]: the same values and rows,
//! placeholders `?`, columns of BIGINT, DOUBLE, TEXT and BLOB. There are no transactions: a store module says in which
//! order it writes, and by `USING TIMESTAMP` which of two writes wins.
//!
//! An engine implements [`WideColumns`]; store modules use [`Cql`].

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    args,
    migrate::{File, checksum, statements},
    sql::{DbError, Row, Value},
};

/// What a statement does, and thereby how often it may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sent again when it fails, and to a second node when the first is slow.
    Read,
    /// Says its own timestamp, so that sending it again changes nothing: sent again when it fails.
    Write,
    /// `IF …`: sent once. The answer's first column is whether it was applied.
    Conditional,
    /// A change of the schema: answers when all nodes agree.
    Schema,
}

/// One statement with its arguments; its text is prepared once.
#[derive(Clone, Debug)]
pub struct Statement {
    pub cql: String,
    pub args: Vec<Value>,
    pub kind: Kind,
    /// Rows that one answer of the engine holds at most; more are asked for until there are none.
    pub page_rows: i32,
}

/// What an engine offers. Implemented under `libs/backends` only.
#[async_trait]
pub trait WideColumns: Send + Sync + 'static {
    /// Runs it: a read answers all its rows.
    async fn run(&self, statement: Statement) -> Result<Vec<Row>, DbError>;
}

/// A handle to one keyspace; cheap to clone.
#[derive(Clone)]
pub struct Cql(Arc<dyn WideColumns>);

const PAGE_ROWS: i32 = 1_000;

impl Cql {
    pub fn new(engine: impl WideColumns) -> Self {
        Self(Arc::new(engine))
    }

    pub async fn fetch(&self, cql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.fetch_paged(cql, args, PAGE_ROWS).await
    }

    /// As [`Cql::fetch`], for rows of which `page_rows` are as much as one answer should hold.
    pub async fn fetch_paged(
        &self,
        cql: &str,
        args: Vec<Value>,
        page_rows: i32,
    ) -> Result<Vec<Row>, DbError> {
        self.0.run(Statement { cql: cql.to_owned(), args, kind: Kind::Read, page_rows }).await
    }

    pub async fn fetch_one(&self, cql: &str, args: Vec<Value>) -> Result<Option<Row>, DbError> {
        Ok(self.fetch(cql, args).await?.into_iter().next())
    }

    /// A write that may be sent twice: it carries `USING TIMESTAMP`.
    pub async fn write(&self, cql: &str, args: Vec<Value>) -> Result<(), DbError> {
        self.0.run(Statement { cql: cql.to_owned(), args, kind: Kind::Write, page_rows: PAGE_ROWS }).await?;
        Ok(())
    }

    /// A write on a condition; whether it was applied. After an error that is not known.
    async fn write_if(&self, cql: &str, args: Vec<Value>) -> Result<bool, DbError> {
        let statement =
            Statement { cql: cql.to_owned(), args, kind: Kind::Conditional, page_rows: PAGE_ROWS };
        self.0.run(statement).await?.first().map_or(Ok(false), |row| row.get(0))
    }

    async fn change_schema(&self, cql: &str) -> Result<(), DbError> {
        let statement =
            Statement { cql: cql.to_owned(), args: vec![], kind: Kind::Schema, page_rows: PAGE_ROWS };
        self.0.run(statement).await?;
        Ok(())
    }
}

/// The numbered files of one room of a keyspace, each applied once, in order, and never edited after. There is no
/// transaction around a file: its statements say `IF NOT EXISTS`, so that a second attempt finishes the first.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    pub service: &'static str,
    pub files: &'static [File],
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration
    (service TEXT, name TEXT, checksum TEXT, PRIMARY KEY ((service), name))";
/// The row that whoever applies files holds. No file is called so.
const LOCK: &str = "(lock)";
/// A holder that died is waited for so long, then its lock is gone.
const LOCK_TTL_S: i64 = 120;
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const LOOKS_MAX: u32 = 2 * 2 * LOCK_TTL_S as u32;

impl Migrations {
    /// Applies what is missing, one process at a time; the names of the files applied.
    ///
    /// # Errors
    /// A file was edited after it was applied, the schema is newer than this program, the lock is held for ever.
    pub async fn apply(&self, cql: &Cql) -> Result<Vec<&'static str>, DbError> {
        cql.change_schema(TABLE).await?;
        if self.missing(cql).await?.is_empty() {
            return Ok(Vec::new());
        }
        let holder = Uuid::new_v4().to_string();
        self.lock(cql, &holder).await?;
        let applied = self.apply_missing(cql).await;
        let release = "DELETE FROM schema_migration WHERE service = ? AND name = ? IF checksum = ?";
        let released = cql.write_if(release, args![self.service, LOCK, holder]).await;
        let applied = applied?;
        released?;
        Ok(applied)
    }

    /// What [`Migrations::apply`] would apply; nothing is changed.
    ///
    /// # Errors
    /// Where it would refuse.
    pub async fn standing(&self, cql: &Cql) -> Result<Vec<&'static str>, DbError> {
        let names = |files: Vec<File>| files.into_iter().map(|(name, _)| name).collect();
        match self.missing(cql).await {
            // Nobody has been here: the table itself is not known.
            Err(DbError::Statement(said)) if said.contains("schema_migration") => {
                Ok(names(self.files.to_vec()))
            }
            missing => missing.map(names),
        }
    }

    async fn apply_missing(&self, cql: &Cql) -> Result<Vec<&'static str>, DbError> {
        let mut applied = Vec::new();
        // Looked up again: somebody may have applied them while we waited for the lock.
        for (name, text) in self.missing(cql).await? {
            for statement in statements(text) {
                cql.change_schema(statement).await?;
            }
            let note =
                "INSERT INTO schema_migration (service, name, checksum) VALUES (?, ?, ?) IF NOT EXISTS";
            cql.write_if(note, args![self.service, name, checksum(text)]).await?;
            applied.push(name);
        }
        Ok(applied)
    }

    async fn missing(&self, cql: &Cql) -> Result<Vec<File>, DbError> {
        let sought = "SELECT name, checksum FROM schema_migration WHERE service = ?";
        let mut missing = self.files.to_vec();
        for row in cql.fetch(sought, args![self.service]).await? {
            let (name, known): (String, String) = (row.get(0)?, row.get(1)?);
            if name == LOCK {
                continue;
            }
            let Some(at) = missing.iter().position(|file| file.0 == name) else {
                return Err(DbError::Unusable(format!(
                    "the keyspace's schema of {} is newer than this program: it has {name}; start the newer program, or \
                     bring the data back from a copy of before",
                    self.service
                )));
            };
            if checksum(missing[at].1) != known {
                return Err(DbError::Unusable(format!(
                    "migration {}/{name} was edited after it was applied to the keyspace: bring the file back as it was, and \
                     put the change into one of its own",
                    self.service
                )));
            }
            missing.remove(at);
        }
        Ok(missing)
    }

    async fn lock(&self, cql: &Cql, holder: &str) -> Result<(), DbError> {
        let take = format!(
            "INSERT INTO schema_migration (service, name, checksum) VALUES (?, ?, ?) IF NOT EXISTS USING TTL {LOCK_TTL_S}"
        );
        for _ in 0..LOOKS_MAX {
            if cql.write_if(&take, args![self.service, LOCK, holder]).await? {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(DbError::Unavailable(format!("the schema of {} is locked by another process", self.service)))
    }
}

const OWNER: &str =
    "CREATE TABLE IF NOT EXISTS owner (service TEXT, installation TEXT, PRIMARY KEY ((service)))";

/// Remembers at the first opening whose the keyspace is, and refuses everybody else later. `marks` name the installation;
/// any of them is believed, the first is written: they may change one by one.
///
/// # Errors
/// `Unusable`: it is another installation's.
pub async fn belongs(cql: &Cql, service: &'static str, marks: &[String]) -> Result<(), DbError> {
    let Some(first) = marks.first() else {
        return Err(DbError::Unusable("an installation without a mark owns no keyspace".to_owned()));
    };
    let mut known = owner(cql, service).await?;
    if known.is_none() {
        cql.change_schema(OWNER).await?;
        let claim = "INSERT INTO owner (service, installation) VALUES (?, ?) IF NOT EXISTS";
        if cql.write_if(claim, args![service, first]).await? {
            return Ok(());
        }
        known = owner(cql, service).await?;
    }
    let owner = known.unwrap_or_default();
    if owner == *first {
        return Ok(());
    }
    if !marks.contains(&owner) {
        return Err(DbError::Unusable(format!(
            "this keyspace of {service} belongs to the installation {owner}, and we are {first}: give each installation a \
             keyspace of its own; if its key was changed, keep the old line below the new one; if the old one is lost, \
             UPDATE owner SET installation = '{first}' WHERE service = '{service}'"
        )));
    }
    let follow = "UPDATE owner SET installation = ? WHERE service = ? IF installation = ?";
    // Where somebody else has just done so, it is done.
    cql.write_if(follow, args![first, service, owner]).await.map(drop)
}

/// Whose the keyspace is, `None` while nobody's. Nothing is made for the answer.
///
/// # Errors
/// A keyspace that does not answer, or may not be read.
pub async fn owner(cql: &Cql, service: &'static str) -> Result<Option<String>, DbError> {
    match cql.fetch_one("SELECT installation FROM owner WHERE service = ?", args![service]).await {
        // Nobody has been here: the table itself is not known.
        Err(DbError::Statement(said)) if said.contains("owner") => Ok(None),
        row => row?.map(|row| row.get(0)).transpose(),
    }
}
