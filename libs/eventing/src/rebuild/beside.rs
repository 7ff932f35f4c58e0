//! A transaction that leads to other tables: a projection's statements mean them by the names that it knows.
//!
//! Names are changed where a statement means a table: behind `FROM`, `JOIN`, `INTO`, `UPDATE`, in a list behind `FROM`,
//! and before a dot. What is written always stands behind its verb, so no statement reaches a table that is served: one
//! that writes what the projection has not declared is refused.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    event::Incoming,
    readers::{Failure, Projection, Source},
    sql::{DbError, Engine, Row, Tx, Value},
};

/// Statements remembered.
const KNOWN_MAX: usize = 1_024;

/// What a statement becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meant {
    Sql(String),
    /// It writes what is left alone.
    Spared,
    Refused(String),
}

/// Which tables stand for which.
pub(super) struct Names {
    tables: BTreeMap<String, String>,
    spared: BTreeSet<String>,
    known: Mutex<HashMap<String, Arc<Meant>>>,
    refused: Mutex<Option<String>>,
}

impl Names {
    pub(super) fn new(tables: BTreeMap<String, String>, spared: BTreeSet<String>) -> Self {
        Self { tables, spared, known: Mutex::default(), refused: Mutex::default() }
    }

    /// Why a statement was refused, if one was: that lies in the projection, and is the same at every try.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, why: &str) -> DbError {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
        DbError::Unusable(why.to_owned())
    }

    fn meant(&self, sql: &str) -> Arc<Meant> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meant) = known.get(sql) {
            return meant.clone();
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let meant = Arc::new(Reading::of(self, sql));
        known.insert(sql.to_owned(), meant.clone());
        meant
    }
}

/// A projection that writes beside.
pub(super) struct Beside {
    pub(super) projection: Arc<dyn Projection>,
    pub(super) names: Arc<Names>,
}

#[async_trait]
impl Projection for Beside {
    fn name(&self) -> &'static str {
        self.projection.name()
    }

    fn sources(&self) -> Vec<Source> {
        self.projection.sources()
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let mut tx = BesideTx { tx, names: &self.names };
        self.projection.apply(&mut tx, events).await
    }
}

struct BesideTx<'t> {
    tx: &'t mut dyn Tx,
    names: &'t Names,
}

#[async_trait]
impl Tx for BesideTx<'_> {
    fn engine(&self) -> Engine {
        self.tx.engine()
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        match &*self.names.meant(sql) {
            Meant::Sql(sql) => self.tx.execute(sql, args).await,
            Meant::Spared => Ok(0),
            Meant::Refused(why) => Err(self.names.refuse(why)),
        }
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        match &*self.names.meant(sql) {
            Meant::Sql(sql) => self.tx.fetch(sql, args).await,
            Meant::Spared => Ok(Vec::new()),
            Meant::Refused(why) => Err(self.names.refuse(why)),
        }
    }
}

/// Words after which a list of tables has ended.
const ENDS_FROM: [&str; 12] = [
    "SELECT",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "UNION",
    "EXCEPT",
    "SET",
    "ON",
    "RETURNING",
    "VALUES",
];
/// What a projection's statements begin with.
const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// A statement as far as it is read.
struct Reading<'n> {
    names: &'n Names,
    /// The two words or signs before, in capitals.
    before: [String; 2],
    /// For each open parenthesis: whether a list of tables is being read.
    lists: Vec<bool>,
    out: String,
    writes_spared: bool,
}

impl<'n> Reading<'n> {
    fn of(names: &'n Names, sql: &str) -> Meant {
        let mut reading = Self {
            names,
            before: Default::default(),
            lists: vec![false],
            out: String::new(),
            writes_spared: false,
        };
        let verb = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if !VERBS.contains(&&*verb) {
            return Meant::Refused(format!("a rebuild runs no {verb}: {sql}"));
        }
        let mut rest = sql;
        while let Some(first) = rest.chars().next() {
            let length = token(rest, first);
            let (piece, behind) = rest.split_at(length);
            if first.is_ascii_alphabetic() || first == '_' {
                if let Err(why) = reading.word(piece, behind) {
                    return Meant::Refused(format!("{why}: {sql}"));
                }
            } else {
                reading.sign(piece);
            }
            rest = behind;
        }
        if reading.writes_spared { Meant::Spared } else { Meant::Sql(reading.out) }
    }

    fn sign(&mut self, piece: &str) {
        self.out.push_str(piece);
        if piece.starts_with("--") || piece.trim().is_empty() {
            return;
        }
        match piece {
            "(" => self.lists.push(false),
            ")" => {
                self.lists.pop();
            }
            _ => {}
        }
        self.passed(piece.to_owned());
    }

    fn word(&mut self, word: &str, behind: &str) -> Result<(), String> {
        let capitals = word.to_ascii_uppercase();
        let before = [&*self.before[0], &*self.before[1]];
        let is_written = match before {
            ["INSERT" | "REPLACE" | "IGNORE", "INTO"] | ["DELETE", "FROM"] => true,
            ["DO" | "FOR", "UPDATE"] => false,
            [_, "UPDATE"] => true,
            _ => false,
        };
        let is_table = is_written
            || behind.starts_with('.') && before[1] != "."
            || matches!(before[1], "FROM" | "JOIN" | "INTO")
            || before[1] == "," && self.lists.last() == Some(&true);
        let name = word.to_ascii_lowercase();
        match self.names.tables.get(&name).filter(|_| is_table) {
            Some(other) => self.out.push_str(other),
            None if is_written && self.names.spared.contains(&name) => self.writes_spared = true,
            None if is_written => {
                return Err(format!("the projection writes {name}, and has not said so in what it keeps"));
            }
            None => self.out.push_str(word),
        }
        if capitals == "FROM" {
            self.listing(true);
        } else if ENDS_FROM.contains(&&*capitals) {
            self.listing(false);
        }
        self.passed(capitals);
        Ok(())
    }

    fn listing(&mut self, is: bool) {
        if let Some(last) = self.lists.last_mut() {
            *last = is;
        }
    }

    fn passed(&mut self, word: String) {
        let [_, last] = std::mem::take(&mut self.before);
        self.before = [last, word];
    }
}

/// How long the piece is that begins here: a word, a text, a comment, spaces, or one sign.
fn token(rest: &str, first: char) -> usize {
    let while_true = |is: fn(char) -> bool| rest.find(|sign| !is(sign)).unwrap_or(rest.len());
    match first {
        _ if first.is_whitespace() => while_true(char::is_whitespace),
        _ if first.is_ascii_alphabetic() || first == '_' => {
            while_true(|sign| sign.is_ascii_alphanumeric() || sign == '_')
        }
        // A doubled quote ends one text and begins another: both are passed over.
        '\'' | '"' => rest.get(1..).and_then(|inner| inner.find(first)).map_or(rest.len(), |at| at + 2),
        '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        _ => first.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(sql: &str) -> Meant {
        let tables = ["score", "post"].map(|name| (name.to_owned(), format!("{name}__new")));
        Reading::of(&Names::new(tables.into(), ["metric".to_owned()].into()), sql)
    }

    fn becomes(sql: &str, wanted: &str) {
        assert_eq!(meant(sql), Meant::Sql(wanted.to_owned()));
    }

    #[test]
    fn a_name_is_changed_where_it_means_the_table_and_nowhere_else() {
        becomes(
            "INSERT INTO score (challenge, score) VALUES ($1, $2) ON CONFLICT (challenge) DO UPDATE SET score = score.score + 1 WHERE excluded.score > score.score",
            "INSERT INTO score__new (challenge, score) VALUES ($1, $2) ON CONFLICT (challenge) DO UPDATE SET score = score__new.score + 1 WHERE excluded.score > score__new.score",
        );
        becomes(
            "SELECT score, 'from score' FROM score s, post WHERE s.score IN (SELECT score FROM score) -- from score",
            "SELECT score, 'from score' FROM score__new s, post__new WHERE s.score IN (SELECT score FROM score__new) -- from score",
        );
        becomes("DELETE FROM post WHERE item = $1", "DELETE FROM post__new WHERE item = $1");
        becomes("UPDATE score\n SET score = $1", "UPDATE score__new\n SET score = $1");
        becomes(
            "SELECT a.x FROM other a JOIN post ON post.a = a.post WHERE a.post = $1 FOR UPDATE",
            "SELECT a.x FROM other a JOIN post__new ON post__new.a = a.post WHERE a.post = $1 FOR UPDATE",
        );
    }

    #[test]
    fn what_is_not_declared_is_not_written() {
        assert_eq!(meant("DELETE FROM metric WHERE account = $1"), Meant::Spared);
        for sql in ["INSERT INTO session (id) VALUES ($1)", "UPDATE session SET x = 1", "DELETE FROM session"]
        {
            assert!(matches!(meant(sql), Meant::Refused(why) if why.contains("writes session")), "{sql}");
        }
        assert!(matches!(meant("DROP TABLE score"), Meant::Refused(_)));
    }
}
