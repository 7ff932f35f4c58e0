//! Tables like others, and their names. What the catalogues say is asked in each engine's own words; everything else is
//! the same.
//!
//! `activity` is served, `activity__new` is being made, `activity__old` is kept; indexes and keys are called likewise, so
//! that a migration finds them by the names that it gave them.

use crate::{
    args,
    sql::{DbError, Engine, Tx},
};

pub(super) const NEW: &str = "__new";
pub(super) const OLD: &str = "__old";
/// Between two that change places.
const BETWEEN: &str = "__mid";

/// A table as it stands in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Of its primary key, in order.
    pub(super) key: Vec<String>,
    /// All others.
    pub(super) rest: Vec<String>,
    /// Columns and indexes in the words of the engine, without the names.
    pub(super) shape: String,
}

/// What a name is made of: `base` of `base__new`.
fn base<'n>(name: &'n str, suffix: &str) -> &'n str {
    name.strip_suffix(suffix).unwrap_or(name)
}

/// Engines fold and cut what is not quoted.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) async fn describe(tx: &mut dyn Tx, name: &str) -> Result<Table, DbError> {
    let columns = match tx.engine() {
        Engine::Sqlite => "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid",
        Engine::Postgres => {
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1
             FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
             WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        }
    };
    let (mut key, mut rest, mut shape): (Vec<(i64, String)>, Vec<String>, String) = Default::default();
    for row in tx.fetch(columns, args![name]).await? {
        let (column, kind, nth): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        shape.push_str(&format!("{column} {kind} {nth}\n"));
        if nth > 0 { key.push((nth, column)) } else { rest.push(column) }
    }
    if key.is_empty() {
        return Err(DbError::Unusable(format!(
            "{name} is no table with a primary key: it cannot be made anew"
        )));
    }
    for (_, index) in indexes(tx, name).await? {
        shape.push_str(&index);
        shape.push('\n');
    }
    key.sort();
    Ok(Table { name: name.to_owned(), key: key.into_iter().map(|(_, column)| column).collect(), rest, shape })
}

/// Secondary indexes: their names, and what follows the table's name in their definition, with `UNIQUE` before it where
/// they are.
async fn indexes(tx: &mut dyn Tx, table: &str) -> Result<Vec<(String, String)>, DbError> {
    let sql = match tx.engine() {
        Engine::Sqlite => {
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL ORDER BY name"
        }
        Engine::Postgres => {
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE i.indrelid = to_regclass($1::text)
               AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY c.relname"
        }
    };
    let mut found = Vec::new();
    for row in tx.fetch(sql, args![table]).await? {
        let (name, definition): (String, String) = (row.get(0)?, row.get(1)?);
        let at = match tx.engine() {
            Engine::Sqlite => definition.find('('),
            Engine::Postgres => definition.find(" USING "),
        };
        let rest = at.and_then(|at| definition.get(at..)).unwrap_or_default().trim().to_owned();
        let unique = definition.to_ascii_uppercase().starts_with("CREATE UNIQUE");
        found.push((name, format!("{}{rest}", if unique { "UNIQUE " } else { "" })));
    }
    Ok(found)
}

/// An empty table like `like` under another name, with its keys and indexes.
pub(super) async fn make(tx: &mut dyn Tx, like: &str, suffix: &str) -> Result<(), DbError> {
    let made = format!("{like}{suffix}");
    drop(tx, &made).await?;
    match tx.engine() {
        Engine::Sqlite => {
            let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = $1";
            let row = tx.fetch_one(sql, args![like]).await?;
            let definition: String = row.map_or(Ok(String::new()), |row| row.get(0))?;
            let body = definition.find('(').and_then(|at| definition.get(at..)).unwrap_or_default();
            tx.execute(&format!("CREATE TABLE {} {body}", quoted(&made)), vec![]).await?;
        }
        Engine::Postgres => {
            let body = format!("(LIKE {} INCLUDING ALL EXCLUDING INDEXES)", quoted(like));
            tx.execute(&format!("CREATE TABLE {} {body}", quoted(&made)), vec![]).await?;
            let sql = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
                       WHERE conrelid = to_regclass($1::text) AND contype IN ('p', 'u') ORDER BY conname";
            for row in tx.fetch(sql, args![like]).await? {
                let (name, definition): (String, String) = (row.get(0)?, row.get(1)?);
                let name = quoted(&format!("{name}{suffix}"));
                let sql = format!("ALTER TABLE {} ADD CONSTRAINT {name} {definition}", quoted(&made));
                tx.execute(&sql, vec![]).await?;
            }
        }
    }
    for (name, definition) in indexes(tx, like).await? {
        let (unique, rest) =
            definition.strip_prefix("UNIQUE ").map_or(("", &*definition), |rest| ("UNIQUE ", rest));
        let (name, made) = (quoted(&format!("{name}{suffix}")), quoted(&made));
        tx.execute(&format!("CREATE {unique}INDEX {name} ON {made} {rest}"), vec![]).await?;
    }
    Ok(())
}

pub(super) async fn drop(tx: &mut dyn Tx, table: &str) -> Result<(), DbError> {
    tx.execute(&format!("DROP TABLE IF EXISTS {}", quoted(table)), vec![]).await.map(std::mem::drop)
}

/// What is served is kept, what was made is served.
pub(super) async fn flip(tx: &mut dyn Tx, table: &str) -> Result<(), DbError> {
    rename(tx, table, "", OLD).await?;
    rename(tx, table, NEW, "").await
}

/// What is served and what is kept change places.
pub(super) async fn swap(tx: &mut dyn Tx, table: &str) -> Result<(), DbError> {
    rename(tx, table, "", BETWEEN).await?;
    rename(tx, table, OLD, "").await?;
    rename(tx, table, BETWEEN, OLD).await
}

/// Renames a table with its indexes and keys: `from` and `to` are suffixes.
async fn rename(tx: &mut dyn Tx, table: &str, from: &str, to: &str) -> Result<(), DbError> {
    let (old, new) = (format!("{table}{from}"), format!("{table}{to}"));
    match tx.engine() {
        Engine::Sqlite => rename_sqlite_indexes(tx, &old, from, to).await?,
        Engine::Postgres => {
            let sql = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                       WHERE i.indrelid = to_regclass($1::text) ORDER BY c.relname";
            for row in tx.fetch(sql, args![&old]).await? {
                let name: String = row.get(0)?;
                let renamed = quoted(&format!("{}{to}", base(&name, from)));
                tx.execute(&format!("ALTER INDEX {} RENAME TO {renamed}", quoted(&name)), vec![]).await?;
            }
        }
    }
    tx.execute(&format!("ALTER TABLE {} RENAME TO {}", quoted(&old), quoted(&new)), vec![])
        .await
        .map(std::mem::drop)
}

/// SQLite has no word for it, and to make an index anew takes as long as the table is large. So its line in the schema is
/// changed, as `ALTER TABLE` itself does with the indexes of keys; the `ALTER TABLE` that follows in this transaction has
/// the schema read and checked again, and every other connection's with it.
async fn rename_sqlite_indexes(tx: &mut dyn Tx, table: &str, from: &str, to: &str) -> Result<(), DbError> {
    let found = indexes(tx, table).await?;
    tx.execute("PRAGMA writable_schema = ON", vec![]).await?;
    let mut done = Ok(());
    for (name, definition) in found {
        let (unique, rest) =
            definition.strip_prefix("UNIQUE ").map_or(("", &*definition), |rest| ("UNIQUE ", rest));
        let renamed = format!("{}{to}", base(&name, from));
        let sql = format!("CREATE {unique}INDEX {} ON {} {rest}", quoted(&renamed), quoted(table));
        let change = "UPDATE sqlite_schema SET name = $1, sql = $2 WHERE type = 'index' AND name = $3";
        done = done.and(tx.execute(change, args![renamed, sql, name]).await.map(std::mem::drop));
    }
    tx.execute("PRAGMA writable_schema = OFF", vec![]).await?;
    done
}
