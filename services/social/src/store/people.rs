//! Whom search may find: names by their folded words, words by their letters, regions, sports.

use std::collections::BTreeSet;

use eventing::{
    Row, Tx, args,
    sql::{DbError, Value},
};
use kernel::{AccountId, Sport};
use uuid::Uuid;

use super::{Store, places};
use crate::domain::search::grams;

/// Whom a search looks among.
#[derive(Clone, Copy, Debug, Default)]
pub struct Among<'a> {
    /// Empty: everywhere.
    pub region: &'a str,
    /// Empty: any, and none.
    pub sport: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    pub account: AccountId,
    /// Folded words, separated by one space.
    pub name_key: String,
}

fn person_row(row: &Row) -> Result<PersonRow, DbError> {
    Ok(PersonRow { account: row.get(0)?, name_key: row.get(1)? })
}

/// Words are bytes in the store: compared alike whatever a database's locale.
fn token(word: &str) -> Value {
    Value::from(word.as_bytes())
}

fn word_in(row: &Row) -> Result<String, DbError> {
    Ok(String::from_utf8_lossy(&row.get::<Vec<u8>>(0)?).into_owned())
}

impl Store {
    /// Words that somebody bears and that begin so.
    pub async fn words_beginning(&self, prefix: &str, limit: u32) -> Result<Vec<String>, DbError> {
        let mut end = prefix.as_bytes().to_vec();
        // No word in UTF-8 holds this byte.
        end.push(0xff);
        self.rows(
            "SELECT token FROM name_word WHERE token >= $1 AND token < $2 ORDER BY token LIMIT $3",
            vec![token(prefix), Value::from(end), Value::from(limit)],
            word_in,
        )
        .await
    }

    /// Words that somebody bears and that share at least so many pieces with this one.
    pub async fn words_like(
        &self,
        word: &str,
        shared_min: usize,
        limit: u32,
    ) -> Result<Vec<String>, DbError> {
        let grams = grams(word);
        let mut args = args![i64::try_from(shared_min).unwrap_or(i64::MAX), limit];
        args.extend(grams.iter().map(|gram| token(gram)));
        let sql = format!(
            "SELECT token FROM word_gram WHERE gram IN ({}) GROUP BY token HAVING COUNT(*) >= $1
             ORDER BY COUNT(*) DESC, token LIMIT $2",
            places(3, grams.len())
        );
        self.rows(&sql, args, word_in).await
    }

    /// People whose name holds, for each list, one of its words; in the order of ids.
    pub async fn people_named(
        &self,
        words: &[Vec<String>],
        among: Among<'_>,
        limit: u32,
    ) -> Result<Vec<PersonRow>, DbError> {
        let mut query = PeopleQuery::among(among);
        for (index, words) in words.iter().enumerate() {
            query.named(index, words);
        }
        query.run(self, limit).await
    }

    /// People of a region or a sport, in the order of ids, behind `after`.
    pub async fn people_among(
        &self,
        among: Among<'_>,
        after: AccountId,
        limit: u32,
    ) -> Result<Vec<PersonRow>, DbError> {
        let mut query = PeopleQuery::among(among);
        query.and("p.account_id >", Value::from(after));
        query.run(self, limit).await
    }
}

/// People whose conditions depend on what is asked.
struct PeopleQuery {
    joins: String,
    conditions: String,
    args: Vec<Value>,
}

impl PeopleQuery {
    fn among(among: Among<'_>) -> Self {
        let mut query = Self { joins: String::new(), conditions: String::new(), args: Vec::new() };
        if !among.region.is_empty() {
            query.and("p.region =", Value::from(among.region));
        }
        if !among.sport.is_empty() {
            query.joins.push_str(" JOIN person_sport s ON s.account_id = p.account_id");
            query.and("s.sport =", Value::from(among.sport));
        }
        query
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.args.push(value);
        self.conditions.push_str(&format!(" AND {condition} ${}", self.args.len()));
    }

    fn named(&mut self, index: usize, words: &[String]) {
        let first = self.args.len() + 1;
        self.args.extend(words.iter().map(|word| token(word)));
        self.joins.push_str(&format!(
            " JOIN (SELECT DISTINCT account_id FROM person_token WHERE token IN ({})) n{index}
               ON n{index}.account_id = p.account_id",
            places(first, words.len())
        ));
    }

    async fn run(mut self, store: &Store, limit: u32) -> Result<Vec<PersonRow>, DbError> {
        self.args.push(Value::from(limit));
        let sql = format!(
            "SELECT p.account_id, p.name_key FROM person p{} WHERE p.searchable = 1 AND p.erased = 0{}
             ORDER BY p.account_id LIMIT ${}",
            self.joins,
            self.conditions,
            self.args.len()
        );
        store.rows(&sql, self.args, person_row).await
    }
}

/// A person's name and region as they are now.
pub async fn put_name(
    tx: &mut dyn Tx,
    account: AccountId,
    words: &[String],
    region: Option<&str>,
) -> Result<(), DbError> {
    let name_key = words.join(" ");
    let changed = tx
        .execute(
            "INSERT INTO person (account_id, name_key, region, searchable, erased) VALUES ($1, $2, $3, 1, 0)
             ON CONFLICT (account_id) DO UPDATE SET name_key = excluded.name_key, region = excluded.region
             WHERE person.erased = 0",
            args![account, name_key, region],
        )
        .await?;
    if changed == 0 {
        return Ok(());
    }
    let before = tokens_of(tx, account).await?;
    let after: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    for gone in before.iter().filter(|word| !after.contains(word.as_str())) {
        drop_token(tx, account, gone).await?;
    }
    for new in after.iter().filter(|word| !before.contains(**word)) {
        add_token(tx, account, new).await?;
    }
    Ok(())
}

pub async fn put_searchable(tx: &mut dyn Tx, account: AccountId, searchable: bool) -> Result<(), DbError> {
    let sql = "UPDATE person SET searchable = $2 WHERE account_id = $1";
    tx.execute(sql, args![account, searchable]).await.map(drop)
}

/// By which sport this activity lets its owner be found; `None`: by none, or by none any more.
pub async fn put_sport(
    tx: &mut dyn Tx,
    account: AccountId,
    activity: Uuid,
    sport: Option<Sport>,
) -> Result<(), DbError> {
    let row = tx
        .fetch_one(
            "SELECT (SELECT sport FROM activity_sport WHERE activity_id = $1),
                    (SELECT COUNT(*) FROM person WHERE account_id = $2 AND erased = 1)",
            args![activity, account],
        )
        .await?;
    let (before, erased) = match row {
        Some(row) => (row.get::<Option<String>>(0)?, row.get::<i64>(1)? > 0),
        None => (None, false),
    };
    let sport = sport.filter(|_| !erased).map(|sport| sport.as_str());
    if before.as_deref() == sport {
        return Ok(());
    }
    if let Some(before) = before {
        tx.execute("DELETE FROM activity_sport WHERE activity_id = $1", args![activity]).await?;
        // The last of its sport takes it along.
        tx.execute(
            "DELETE FROM person_sport WHERE account_id = $1 AND sport = $2 AND NOT EXISTS
                (SELECT 1 FROM activity_sport WHERE account_id = $1 AND sport = $2)",
            args![account, before],
        )
        .await?;
    }
    let Some(sport) = sport else { return Ok(()) };
    tx.execute(
        "INSERT INTO activity_sport (activity_id, account_id, sport) VALUES ($1, $2, $3)",
        args![activity, account, sport],
    )
    .await?;
    tx.execute(
        "INSERT INTO person_sport (account_id, sport) VALUES ($1, $2) ON CONFLICT (account_id, sport) DO NOTHING",
        args![account, sport],
    )
    .await
    .map(drop)
}

/// No word, region, sport or post stays; only that the account is gone.
pub async fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    for word in tokens_of(tx, account).await? {
        drop_token(tx, account, &word).await?;
    }
    tx.execute("DELETE FROM person_sport WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM activity_sport WHERE account_id = $1", args![account]).await?;
    tx.execute("DELETE FROM post WHERE author = $1", args![account]).await?;
    tx.execute(
        "INSERT INTO person (account_id, name_key, region, searchable, erased) VALUES ($1, '', NULL, 0, 1)
         ON CONFLICT (account_id) DO UPDATE SET name_key = '', region = NULL, searchable = 0, erased = 1",
        args![account],
    )
    .await
    .map(drop)
}

async fn tokens_of(tx: &mut dyn Tx, account: AccountId) -> Result<BTreeSet<String>, DbError> {
    let rows = tx.fetch("SELECT token FROM person_token WHERE account_id = $1", args![account]).await?;
    rows.iter().map(word_in).collect()
}

async fn add_token(tx: &mut dyn Tx, account: AccountId, word: &str) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO person_token (token, account_id) VALUES ($1, $2) ON CONFLICT (token, account_id) DO NOTHING",
        vec![token(word), Value::from(account)],
    )
    .await?;
    let sql = "INSERT INTO name_word (token) VALUES ($1) ON CONFLICT (token) DO NOTHING";
    if tx.execute(sql, vec![token(word)]).await? == 0 {
        return Ok(());
    }
    let grams = grams(word);
    let values: Vec<String> = (2..grams.len() + 2).map(|number| format!("(${number}, $1)")).collect();
    let sql = format!(
        "INSERT INTO word_gram (gram, token) VALUES {} ON CONFLICT (gram, token) DO NOTHING",
        values.join(", ")
    );
    tx.execute(&sql, gram_args(word, &grams)).await.map(drop)
}

/// A word that nobody bears any more is forgotten too: it may have named one person alone.
async fn drop_token(tx: &mut dyn Tx, account: AccountId, word: &str) -> Result<(), DbError> {
    let sql = "DELETE FROM person_token WHERE token = $1 AND account_id = $2";
    tx.execute(sql, vec![token(word), Value::from(account)]).await?;
    let borne = "SELECT token FROM person_token WHERE token = $1 LIMIT 1";
    if tx.fetch_one(borne, vec![token(word)]).await?.is_some() {
        return Ok(());
    }
    tx.execute("DELETE FROM name_word WHERE token = $1", vec![token(word)]).await?;
    let grams = grams(word);
    let sql = format!("DELETE FROM word_gram WHERE token = $1 AND gram IN ({})", places(2, grams.len()));
    tx.execute(&sql, gram_args(word, &grams)).await.map(drop)
}

fn gram_args(word: &str, grams: &[String]) -> Vec<Value> {
    std::iter::once(token(word)).chain(grams.iter().map(|gram| token(gram))).collect()
}
