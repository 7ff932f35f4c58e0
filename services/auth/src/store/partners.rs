//! Partners with their wrapped secrets, as inline rows.

use eventing::{Db, Row, Statement, StreamId, Value, args, sql::DbError};

use crate::domain::partner::{Partner, PartnerId};

pub fn stream(id: PartnerId) -> StreamId {
    StreamId::of("partner", id)
}

#[derive(Clone, Debug)]
pub struct PartnerRow {
    pub id: PartnerId,
    pub name: String,
    pub regions: Vec<String>,
    pub key_id: String,
    pub created_us: i64,
    pub secret: Vec<u8>,
}

const COLUMNS: &str = "partner_id, name, regions, key_id, created_us, secret";

pub fn put(partner: &Partner, wrapped_secret: &[u8]) -> Statement {
    // Regions hold neither space nor quote.
    let regions = partner.regions.texts().join(" ");
    Statement::new(
        "INSERT INTO partner (partner_id, name, regions, key_id, created_us, secret) VALUES ($1, $2, $3, $4, $5, $6)",
        args![partner.id, &partner.name, regions, &partner.key_id, partner.created_us, wrapped_secret],
    )
}

fn read(row: &Row) -> Result<PartnerRow, DbError> {
    let regions: String = row.get(2)?;
    Ok(PartnerRow {
        id: row.get(0)?,
        name: row.get(1)?,
        regions: regions.split_whitespace().map(str::to_owned).collect(),
        key_id: row.get(3)?,
        created_us: row.get(4)?,
        secret: row.get(5)?,
    })
}

pub async fn by_key(db: &Db, key_id: &str) -> Result<Option<PartnerRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM partner WHERE key_id = $1");
    db.fetch_one(&sql, args![key_id]).await?.as_ref().map(read).transpose()
}

/// All partners in the order of their ids, after one of them.
pub async fn list(db: &Db, after: PartnerId, limit: i64) -> Result<Vec<PartnerRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM partner WHERE partner_id > $1 ORDER BY partner_id LIMIT $2");
    db.fetch(&sql, args![after, limit]).await?.iter().map(read).collect()
}

/// These partners; unknown ones are absent.
pub async fn some(db: &Db, ids: &[PartnerId]) -> Result<Vec<PartnerRow>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM partner WHERE partner_id IN ({}) ORDER BY partner_id",
        places.join(", ")
    );
    db.fetch(&sql, ids.iter().map(|id| Value::from(*id)).collect()).await?.iter().map(read).collect()
}
