//! Values of days, as they are now.

use eventing::{
    Row, args,
    sql::{Db, DbError, Value},
};
use kernel::AccountId;
use prost::Message;
use proto::activity::Daily;

use crate::domain::DailyId;

/// The values that tell of a day and type.
pub async fn sources(db: &Db, account: AccountId, kind: &str, date: &str) -> Result<Vec<DailyId>, DbError> {
    let sql = "SELECT daily_id FROM daily WHERE account_id = $1 AND type = $2 AND date = $3 AND live = 1";
    db.fetch(sql, args![account, kind, date]).await?.iter().map(|row| row.get(0)).collect()
}

/// What one source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub id: DailyId,
    pub source: String,
    pub daily: Daily,
}

/// Days from the newest to the oldest, each type for itself.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// Both are within.
    pub from: &'a str,
    pub to: &'a str,
    pub kind: Option<&'a str>,
    /// The last date and type of the page before.
    pub behind: Option<(&'a str, &'a str)>,
    pub limit: u32,
}

/// All that is told of each date and type of a page, those of one together.
pub async fn page(db: &Db, account: AccountId, span: Span<'_>) -> Result<Vec<Told>, DbError> {
    let mut wanted = "account_id = $1 AND live = 1 AND date >= $2 AND date <= $3".to_owned();
    let mut arguments = args![account, span.from, span.to];
    let mut with = |text: &str, value: &str| {
        arguments.push(Value::from(value));
        wanted.push_str(&text.replace('?', &format!("${}", arguments.len())));
    };
    if let Some(kind) = span.kind {
        with(" AND type = ?", kind);
    }
    if let Some((date, kind)) = span.behind {
        with(" AND (date < ?", date);
        with(" OR (date = ?", date);
        with(" AND type > ?))", kind);
    }
    let limit = span.limit;
    let sql = format!(
        "SELECT d.daily_id, d.source, d.type, d.date, d.value, d.spans FROM daily d JOIN (
           SELECT DISTINCT date, type FROM daily WHERE {wanted} ORDER BY date DESC, type LIMIT {limit}
         ) page ON page.date = d.date AND page.type = d.type
         WHERE d.account_id = $1 AND d.live = 1 ORDER BY d.date DESC, d.type, d.source, d.daily_id"
    );
    db.fetch(&sql, arguments).await?.iter().map(told).collect()
}

fn told(row: &Row) -> Result<Told, DbError> {
    let spans: Vec<u8> = row.get(5)?;
    let kept = Daily::decode(spans.as_slice())
        .map_err(|error| DbError::Statement(format!("a day's row: {error}")))?;
    let daily = Daily { r#type: row.get(2)?, date: row.get(3)?, value: row.get(4)?, ..kept };
    Ok(Told { id: row.get(0)?, source: row.get(1)?, daily })
}
