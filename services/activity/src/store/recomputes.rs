//! How far each recomputation of the past has come.

use eventing::{
    Position, args,
    sql::{Db, DbError},
};

#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    pub position: Position,
    pub ended: bool,
}

/// One that has not begun stands at the beginning.
pub async fn run(db: &Db, name: &str) -> Result<Run, DbError> {
    let sql = "SELECT position, ended FROM recompute_run WHERE name = $1";
    let row = db.fetch_one(sql, args![name]).await?;
    row.map_or(Ok(Run::default()), |row| Ok(Run { position: row.get(0)?, ended: row.get(1)? }))
}

pub async fn put(db: &Db, name: &str, position: Position, ended: bool) -> Result<(), DbError> {
    let sql = "INSERT INTO recompute_run (name, position, ended) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET position = excluded.position, ended = excluded.ended";
    db.execute(sql, args![name, position, ended]).await.map(drop)
}
