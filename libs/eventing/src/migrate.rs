//! Schema changes: numbered files for each engine, each applied once, in order, and never edited after.
//!
//! Processes that start together apply them one behind the other; one that is older than the schema does not start. A
//! store remembers whose it is ([`belongs`]).

use std::time::Duration;

use crate::{
    args,
    sql::{Db, DbError, Engine, Tx},
};

/// How often and how long one waits for another process that changes the schema: five minutes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 3_000;
/// Not waited for in the statement: migrations may last longer than a lock may be waited for. The schema's number makes
/// it a lock of this store, also where several share a database.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock((1400136045::bigint << 32) |
    (SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()))";

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
        ("0003_create_owner", include_str!("../../../migrations/sqlite/spine/0003_create_owner.sql")),
        ("0004_create_rebuild", include_str!("../../../migrations/sqlite/spine/0004_create_rebuild.sql")),
        ("0005_create_refill", include_str!("../../../migrations/sqlite/spine/0005_create_refill.sql")),
    ],
    postgres: &[
        ("0001_create_spine", include_str!("../../../migrations/postgres/spine/0001_create_spine.sql")),
        ("0002_add_parked_us", include_str!("../../../migrations/postgres/spine/0002_add_parked_us.sql")),
        ("0003_create_owner", include_str!("../../../migrations/postgres/spine/0003_create_owner.sql")),
        ("0004_create_rebuild", include_str!("../../../migrations/postgres/spine/0004_create_rebuild.sql")),
        ("0005_create_refill", include_str!("../../../migrations/postgres/spine/0005_create_refill.sql")),
    ],
};

impl Migrations {
    fn files(&self, engine: Engine) -> &'static [File] {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// Applies what is missing; the names of the files applied. Waits for another process that does so at the moment.
    /// Unusable when a file that was applied has changed since, or when the schema knows files that we do not.
    pub async fn apply(self, db: &Db) -> Result<Vec<&'static str>, DbError> {
        for _ in 0..LOOKS {
            let applied = db.transact(move |tx| Box::pin(self.apply_alone(tx))).await?;
            if let Some(applied) = applied {
                return Ok(applied);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let waited = LOOK_EVERY * LOOKS;
        Err(DbError::Unavailable(format!(
            "another process has been changing the schema of {} for {} s: let it end, or end it",
            self.service,
            waited.as_secs()
        )))
    }

    /// What [`Migrations::apply`] would apply; nothing is changed. Unusable where it would refuse.
    pub async fn missing(self, db: &Db) -> Result<Vec<&'static str>, DbError> {
        let there = match db.engine() {
            Engine::Sqlite => {
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'"
            }
            Engine::Postgres => {
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_migration'"
            }
        };
        let mut missing: Vec<File> = self.files(db.engine()).to_vec();
        let is_there = db.fetch_one(there, vec![]).await?.map_or(Ok(0), |row| row.get::<i64>(0))? > 0;
        if is_there {
            let applied = "SELECT name, checksum FROM schema_migration WHERE service = $1 ORDER BY name";
            for row in db.fetch(applied, args![self.service]).await? {
                let (name, known): (String, String) = (row.get(0)?, row.get(1)?);
                let Some(at) = missing.iter().position(|(ours, _)| *ours == name) else {
                    return Err(self.newer(&name));
                };
                let (name, sql) = missing.remove(at);
                if checksum(sql) != known {
                    return Err(self.edited(name));
                }
            }
        }
        Ok(missing.into_iter().map(|(name, _)| name).collect())
    }

    fn newer(self, name: &str) -> DbError {
        DbError::Unusable(format!(
            "the schema of {} is newer than this program: it has {name}; start the newer program, or bring the data back \
             from a copy of before",
            self.service
        ))
    }

    fn edited(self, name: &str) -> DbError {
        DbError::Unusable(format!(
            "migration {}/{name} was edited after it was applied: bring the file back as it was, and put the change into \
             one of its own",
            self.service
        ))
    }

    /// `None` while another process changes this schema.
    async fn apply_alone(self, tx: &mut dyn Tx) -> Result<Option<Vec<&'static str>>, DbError> {
        if tx.engine() == Engine::Postgres {
            let free = tx.fetch_one(LOCK, vec![]).await?.map_or(Ok(false), |row| row.get(0))?;
            if !free {
                return Ok(None);
            }
        }
        self.apply_in(tx).await.map(Some)
    }

    async fn apply_in(self, tx: &mut dyn Tx) -> Result<Vec<&'static str>, DbError> {
        tx.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (service TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (service, name))",
            vec![],
        )
        .await?;
        self.refuse_newer(tx).await?;
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
                    return Err(self.edited(name));
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

    /// A schema from the future: whoever wrote it may mean what we would misread.
    async fn refuse_newer(self, tx: &mut dyn Tx) -> Result<(), DbError> {
        let known = self.files(tx.engine());
        let rows = tx
            .fetch("SELECT name FROM schema_migration WHERE service = $1 ORDER BY name", args![self.service])
            .await?;
        for row in rows {
            let name: String = row.get(0)?;
            if !known.iter().any(|(ours, _)| *ours == name) {
                return Err(self.newer(&name));
            }
        }
        Ok(())
    }
}

/// Remembers at the first opening whose the store is, and refuses everybody else later: two installations, or two
/// services, on one database by mistake. `marks` name the installation; any of them is believed, the first is written:
/// they may change one by one.
pub async fn belongs(db: &Db, service: &'static str, marks: &[String]) -> Result<(), DbError> {
    let Some(first) = marks.first().cloned() else {
        return Err(DbError::Unusable("an installation without a mark owns no store".to_owned()));
    };
    let marks = marks.to_vec();
    db.transact(move |tx| {
        Box::pin(async move {
            let claim = "INSERT INTO es_owner (one, installation, service) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING";
            tx.execute(claim, args![&first, service]).await?;
            let owner = tx.fetch_one("SELECT installation, service FROM es_owner", vec![]).await?;
            let owner = owner.ok_or_else(|| DbError::Unusable("the store's owner is not readable".to_owned()))?;
            let (installation, of): (String, String) = (owner.get(0)?, owner.get(1)?);
            if of != service {
                return Err(DbError::Unusable(format!(
                    "this is the store of {of}, not of {service}: each service has a database of its own, write \
                     {{service}} into the address"
                )));
            }
            if !marks.contains(&installation) {
                return Err(DbError::Unusable(format!(
                    "this store of {service} belongs to the installation {installation}, and we are {first}: give each \
                     installation its own databases; if its key was changed, keep the old line below the new one; if the old \
                     one is lost, UPDATE es_owner SET installation = '{first}'"
                )));
            }
            if installation != first {
                tx.execute("UPDATE es_owner SET installation = $1", args![&first]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Statements end with `;` at the end of a line.
pub(crate) fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).map(|text| text.trim_end_matches(';')).filter(|text| {
        text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    })
}

pub(crate) fn checksum(sql: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sql.as_bytes()).as_ref())
}
