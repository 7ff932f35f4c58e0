//! Schema changes: numbered files for each engine, each applied once, in order, and never edited after.

use crate::{
    args,
    sql::{Db, DbError, Engine, Tx},
};

/// A file's name and its SQL.
pub type File = (&'static str, &'static str);

/// The migrations of one room of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    pub service: &'static str,
    pub sqlite: &'static [File],
    pub postgres: &'static [File],
}

/// The spine's own tables, in every service's store.
pub const SPINE: Migrations = Migrations {
    service: "spine",
    sqlite: &[
        ("0001_create_spine", include_str!("../../../migrations/sqlite/spine/0001_create_spine.sql")),
        ("0002_add_parked_us", include_str!("../../../migrations/sqlite/spine/0002_add_parked_us.sql")),
    ],
    postgres: &[
        ("0001_create_spine", include_str!("../../../migrations/postgres/spine/0001_create_spine.sql")),
        ("0002_add_parked_us", include_str!("../../../migrations/postgres/spine/0002_add_parked_us.sql")),
    ],
};

impl Migrations {
    fn files(&self, engine: Engine) -> &'static [File] {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// Applies what is missing; the names of the files applied. Fails when a file that was applied has changed since.
    pub async fn apply(self, db: &Db) -> Result<Vec<&'static str>, DbError> {
        db.transact(move |tx| Box::pin(self.apply_in(tx))).await
    }

    async fn apply_in(self, tx: &mut dyn Tx) -> Result<Vec<&'static str>, DbError> {
        tx.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (service TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (service, name))",
            vec![],
        )
        .await?;
        let mut applied = Vec::new();
        for (name, sql) in self.files(tx.engine()) {
            let checksum = checksum(sql);
            let known = tx
                .fetch_one(
                    "SELECT checksum FROM schema_migration WHERE service = $1 AND name = $2",
                    args![self.service, *name],
                )
                .await?;
            if let Some(row) = known {
                if row.get::<String>(0)? != checksum {
                    return Err(DbError::Statement(format!(
                        "migration {}/{name} was edited after it was applied",
                        self.service
                    )));
                }
                continue;
            }
            for statement in statements(sql) {
                tx.execute(statement, vec![]).await?;
            }
            tx.execute(
                "INSERT INTO schema_migration (service, name, checksum) VALUES ($1, $2, $3)",
                args![self.service, *name, checksum],
            )
            .await?;
            applied.push(*name);
        }
        Ok(applied)
    }
}

/// Statements end with `;` at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).map(|text| text.trim_end_matches(';')).filter(|text| {
        text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    })
}

fn checksum(sql: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sql.as_bytes()).as_ref())
}
