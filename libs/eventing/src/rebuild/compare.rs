//! Both, row by row, at one moment: what each holds, and where they differ. Values are not told: they may be somebody's.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
};

use super::{
    Place,
    tables::{NEW, Table, describe},
};
use crate::sql::{DbError, Row, Tx, Value};

/// Rows of a table read at once.
const PAGE: usize = 1_000;
/// Rows of a table named.
const NAMED_MAX: usize = 5;

/// Both at the same positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub places: Vec<Place>,
    /// Records that wait for a person, at each.
    pub parked_served: u64,
    pub parked_made: u64,
    pub tables: Vec<Difference>,
}

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.parked_served == self.parked_made && self.tables.iter().all(|table| table.served == table.made)
    }
}

/// One table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub rows: u64,
    /// The same for the same rows in whatever order.
    pub checksum: u64,
}

/// How the two of one table differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    pub served: Side,
    pub made: Side,
    /// Rows that only the served one has, and only the new one.
    pub only_served: u64,
    pub only_made: u64,
    /// Columns in which rows of both differ, with the number of rows.
    pub columns: BTreeMap<String, u64>,
    /// The first rows that differ: what of it, and its key.
    pub named: Vec<String>,
}

pub(super) async fn table(tx: &mut dyn Tx, name: &str) -> Result<Difference, DbError> {
    let like = describe(tx, name).await?;
    let (mut served, mut made) = (Walk::of(&like, ""), Walk::of(&like, NEW));
    let mut difference = Difference { table: name.to_owned(), ..Difference::default() };
    loop {
        let ahead = match (served.peek(tx).await?, made.peek(tx).await?) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => key_order(one, other, like.key.len()),
        };
        let one = if ahead.is_le() { served.next() } else { None };
        let other = if ahead.is_ge() { made.next() } else { None };
        difference.note(&like, one.as_ref(), other.as_ref());
    }
    Ok(difference)
}

impl Difference {
    fn note(&mut self, like: &Table, served: Option<&Row>, made: Option<&Row>) {
        for (side, row) in [(&mut self.served, served), (&mut self.made, made)] {
            if let Some(row) = row {
                side.rows += 1;
                side.checksum = side.checksum.wrapping_add(digest(row));
            }
        }
        let (what, row) = match (served, made) {
            (Some(one), Some(other)) if one != other => {
                let unlike = self.unlike(like, one, other);
                (format!("differs in {unlike}"), one)
            }
            (Some(one), None) => {
                self.only_served += 1;
                ("is only in the old one".to_owned(), one)
            }
            (None, Some(other)) => {
                self.only_made += 1;
                ("is only in the new one".to_owned(), other)
            }
            _ => return,
        };
        if self.named.len() < NAMED_MAX {
            self.named.push(format!("{} {what}", key_said(like, row)));
        }
    }

    /// Counts the columns in which two rows differ, and names them.
    fn unlike(&mut self, like: &Table, one: &Row, other: &Row) -> String {
        let pairs = one.0.iter().zip(&other.0).skip(like.key.len());
        let unlike: Vec<&str> = like
            .rest
            .iter()
            .zip(pairs)
            .filter(|(_, (one, other))| one != other)
            .map(|(column, _)| column.as_str())
            .collect();
        for column in &unlike {
            *self.columns.entry((*column).to_owned()).or_default() += 1;
        }
        unlike.join(", ")
    }
}

/// Reads a table in the order of its key, a page at a time.
struct Walk {
    first: String,
    next: String,
    key: usize,
    last: Option<Vec<Value>>,
    page: VecDeque<Row>,
    ended: bool,
}

impl Walk {
    fn of(like: &Table, suffix: &str) -> Self {
        let quoted = |name: &String| format!("\"{name}\"");
        let key: Vec<String> = like.key.iter().map(quoted).collect();
        let all: Vec<String> = like.key.iter().chain(&like.rest).map(quoted).collect();
        let (key_list, all) = (key.join(", "), all.join(", "));
        let places: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
        let select = format!("SELECT {all} FROM \"{}{suffix}\"", like.name);
        let order = format!("ORDER BY {key_list} LIMIT {PAGE}");
        Self {
            first: format!("{select} {order}"),
            next: format!("{select} WHERE ({key_list}) > ({}) {order}", places.join(", ")),
            key: key.len(),
            last: None,
            page: VecDeque::new(),
            ended: false,
        }
    }

    async fn peek(&mut self, tx: &mut dyn Tx) -> Result<Option<&Row>, DbError> {
        if self.page.is_empty() && !self.ended {
            let rows = match &self.last {
                None => tx.fetch(&self.first, vec![]).await?,
                Some(last) => tx.fetch(&self.next, last.clone()).await?,
            };
            self.ended = rows.len() < PAGE;
            if let Some(row) = rows.last() {
                self.last = Some(row.0.iter().take(self.key).cloned().collect());
            }
            self.page = rows.into();
        }
        Ok(self.page.front())
    }

    fn next(&mut self) -> Option<Row> {
        self.page.pop_front()
    }
}

/// As both engines order keys: numbers by size, texts and bytes byte by byte.
fn key_order(one: &Row, other: &Row, key: usize) -> Ordering {
    let mut orders = one.0.iter().zip(&other.0).take(key).map(|(one, other)| match (one, other) {
        (Value::Int(one), Value::Int(other)) => one.cmp(other),
        (Value::Real(one), Value::Real(other)) => one.total_cmp(other),
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Blob(one), Value::Blob(other)) => one.cmp(other),
        _ => Ordering::Equal,
    });
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn digest(row: &Row) -> u64 {
    let mut bytes = Vec::new();
    let mut put = |kind: u8, value: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(&value.len().to_le_bytes());
        bytes.extend_from_slice(value);
    };
    for value in &row.0 {
        match value {
            Value::Null | Value::AppendPosition => put(0, &[]),
            Value::Int(int) => put(1, &int.to_le_bytes()),
            Value::Real(real) => put(2, &real.to_bits().to_le_bytes()),
            Value::Text(text) => put(3, text.as_bytes()),
            Value::Blob(blob) => put(4, blob),
        }
    }
    sha256(&bytes).as_ref().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn sha256(bytes: &[u8]) -> aws_lc_rs::digest::Digest {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
}

fn key_said(like: &Table, row: &Row) -> String {
    let said = like.key.iter().zip(&row.0).map(|(column, value)| match value {
        Value::Int(int) => format!("{column} {int}"),
        Value::Real(real) => format!("{column} {real}"),
        Value::Text(text) => format!("{column} {text}"),
        Value::Blob(blob) => match uuid::Uuid::from_slice(blob) {
            Ok(id) => format!("{column} {id}"),
            // A word of somebody's name, for one.
            Err(_) => {
                format!("{column} #{}", hex::encode(sha256(blob).as_ref().get(..4).unwrap_or_default()))
            }
        },
        Value::Null | Value::AppendPosition => column.clone(),
    });
    said.collect::<Vec<_>>().join(", ")
}
