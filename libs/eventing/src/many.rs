//! Many rows in few statements: what a step writes one row at a time would cost a round trip each.

use std::collections::HashMap;

use crate::sql::{DbError, Row, Tx, Value};

/// Values of one statement. PostgreSQL takes 65 535 of them, SQLite 32 766.
const VALUES_MAX: usize = 4_096;

/// Rows of one table that are written together. Of several with the same key the last is written.
#[derive(Debug)]
pub struct Rows {
    insert: &'static str,
    conflict: &'static str,
    key: usize,
    rows: Vec<Vec<Value>>,
    places: HashMap<Vec<u8>, usize>,
}

impl Rows {
    /// `insert`: `INSERT INTO table (…)`; `key`: how many of its first columns are the key; `conflict`: `ON CONFLICT …`.
    pub fn new(insert: &'static str, key: usize, conflict: &'static str) -> Self {
        Self { insert, conflict, key, rows: Vec::new(), places: HashMap::new() }
    }

    pub fn put(&mut self, row: Vec<Value>) {
        let key = key_of(&row[..self.key.min(row.len())]);
        match self.places.get(&key).and_then(|place| self.rows.get_mut(*place)) {
            Some(before) => *before = row,
            None => {
                self.places.insert(key, self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// Writes what was put since the last time.
    pub async fn write(&mut self, tx: &mut dyn Tx) -> Result<(), DbError> {
        self.places.clear();
        insert(tx, self.insert, std::mem::take(&mut self.rows), self.conflict).await
    }
}

/// Inserts rows of one width, in statements of powers of two, so that few are prepared.
pub async fn insert(
    tx: &mut dyn Tx,
    insert: &str,
    rows: Vec<Vec<Value>>,
    conflict: &str,
) -> Result<(), DbError> {
    let mut rows = rows.into_iter().peekable();
    while let Some(width) = rows.peek().map(Vec::len) {
        let most = power_of_two_below(VALUES_MAX / width.max(1));
        let take = power_of_two_below(rows.len()).min(most);
        let chunk: Vec<Vec<Value>> = rows.by_ref().take(take).collect();
        let sql = format!("{insert} VALUES {} {conflict}", places(chunk.len(), width));
        tx.execute(&sql, chunk.into_iter().flatten().collect()).await?;
    }
    Ok(())
}

/// Rows for any number of keys: `sql` with `{}` where `(…), (…)` belongs. The last key is repeated up to a power of two,
/// so that few statements are prepared.
pub async fn fetch(tx: &mut dyn Tx, sql: &str, keys: &[Vec<Value>]) -> Result<Vec<Row>, DbError> {
    let width = keys.first().map_or(1, Vec::len).max(1);
    let mut rows = Vec::new();
    for chunk in keys.chunks(power_of_two_below(VALUES_MAX / width)) {
        let Some(last) = chunk.last() else { continue };
        let count = chunk.len().next_power_of_two();
        let padded = chunk.iter().chain(std::iter::repeat_n(last, count - chunk.len()));
        let values = padded.flatten().cloned().collect();
        rows.extend(tx.fetch(&sql.replace("{}", &places(count, width)), values).await?);
    }
    Ok(rows)
}

fn power_of_two_below(count: usize) -> usize {
    count.checked_ilog2().map_or(1, |log| 1 << log)
}

/// `($1, $2), ($3, $4)`
fn places(rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<String>>().join(", ")
}

fn key_of(values: &[Value]) -> Vec<u8> {
    let mut key = Vec::new();
    for value in values {
        let bytes: &[u8] = match value {
            Value::Null | Value::AppendPosition => &[],
            Value::Int(int) => &int.to_be_bytes(),
            Value::Real(real) => &real.to_be_bytes(),
            Value::Text(text) => text.as_bytes(),
            Value::Blob(blob) => blob,
        };
        key.extend(bytes.len().to_be_bytes());
        key.extend(bytes);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    #[test]
    fn of_rows_with_the_same_key_the_last_stays_in_the_place_of_the_first() {
        let mut rows = Rows::new("INSERT INTO thing (a, b, c)", 2, "");
        rows.put(args!["x", 1, "first"]);
        rows.put(args!["y", 1, "other"]);
        rows.put(args!["x", 1, "last"]);
        rows.put(args!["x", 11, "its key is no other's end"]);
        assert_eq!(rows.rows[0], args!["x", 1, "last"]);
        assert_eq!(rows.rows.len(), 3);
    }

    #[test]
    fn places_count_through_all_rows() {
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!([0, 1, 2, 3, 255, 256].map(power_of_two_below), [1, 1, 2, 2, 128, 256]);
    }
}
