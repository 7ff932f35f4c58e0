//! Where a scene is played: on files alone, or on PostgreSQL and Kafka.

use std::{path::PathBuf, sync::Arc, time::Duration};

use eventing::{
    Bus, Db, args,
    conformance::Fresh,
    leases::{Leases, Owned, Pace},
    ownership::{Holder, STORE},
};
use stadion_backends::{kafka, postgres};

use super::points::{OWNED, Points};
use crate::fresh;

#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Sqlite { folder: PathBuf },
    Fleet { url: String, brokers: String, prefix: String },
}

impl Stage {
    /// One process at a time, everything in one folder.
    pub(crate) async fn on_sqlite(folder: &tempfile::TempDir) -> Self {
        let stage = Self::Sqlite { folder: folder.path().to_owned() };
        stage.furnish().await;
        stage
    }

    /// `None`, and it is said, where an engine is missing.
    pub(crate) async fn on_postgres_and_kafka() -> Option<Self> {
        let (server, brokers) = (fresh::postgres_url()?, fresh::kafka_brokers()?);
        let name = format!("stadion_test_{}", uuid::Uuid::new_v4().simple());
        let url = postgres::create_database(&server, &name).await.expect("a database is made");
        let prefix = fresh::kafka_options(&brokers).prefix;
        let stage = Self::Fleet { url, brokers, prefix };
        stage.furnish().await;
        Some(stage)
    }

    async fn furnish(&self) {
        let fresh = self.store().await;
        let id = match self {
            Self::Sqlite { .. } => "INTEGER PRIMARY KEY",
            Self::Fleet { .. } => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        };
        let table = format!(
            "CREATE TABLE effect (id {id}, reader TEXT NOT NULL, position BIGINT NOT NULL, who TEXT NOT NULL)"
        );
        fresh.db.execute(&table, args![]).await.expect("made");
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Fleet { .. })
    }

    /// As a process of the scene is told it, and reads it.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Sqlite { folder } => folder.display().to_string(),
            Self::Fleet { url, brokers, prefix } => format!("{url}|{brokers}|{prefix}"),
        }
    }

    pub(super) fn of_word(word: &str) -> Self {
        match *word.split('|').collect::<Vec<_>>().as_slice() {
            [url, brokers, prefix] => {
                Self::Fleet { url: url.to_owned(), brokers: brokers.to_owned(), prefix: prefix.to_owned() }
            }
            _ => Self::Sqlite { folder: PathBuf::from(word) },
        }
    }

    pub(super) async fn db(&self) -> Db {
        match self {
            Self::Sqlite { folder } => fresh::sqlite_db(folder, "ring.db").await,
            Self::Fleet { url, .. } => {
                let options = postgres::Options { connections_max: 8, ..postgres::Options::default() };
                postgres::connect(url, options).await.expect("PostgreSQL answers")
            }
        }
    }

    pub(crate) async fn store(&self) -> Fresh {
        fresh::store(self.db().await).await
    }

    pub(crate) async fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Sqlite { folder } => fresh::bus(folder).await,
            Self::Fleet { brokers, prefix, .. } => {
                let options = kafka::Options { prefix: prefix.clone(), ..kafka::Options::new(brokers) };
                fresh::kafka_bus(options).await
            }
        }
    }

    /// What a process of the scene owns. On SQLite the folder's lock has decided; the epoch is new at each start.
    pub(super) async fn leases(&self, db: &Db, name: &str, pace: Pace, points: &Points) -> Leases {
        if self.is_shared() {
            let name = format!("{name}-{}", uuid::Uuid::new_v4().simple());
            return Leases::shared(Holder::new(db.clone(), name, ""), pace);
        }
        let epoch = Holder::new(db.clone(), name, "").take(STORE).await.expect("an epoch");
        points.pass(OWNED);
        Leases::whole(epoch)
    }
}

/// Ends at the point where something has just become this process' own.
pub(super) async fn took_over(leases: Leases, points: Points) {
    let mut owned = leases.owned();
    if owned.wait_for(|owned| *owned != Owned::default()).await.is_ok() {
        points.pass(OWNED);
    }
}

/// As in production.
pub(crate) const PACE: Pace = Pace { life: Duration::from_secs(6), renew_every: Duration::from_secs(2) };
/// For scenes in which many die.
pub(crate) const QUICK: Pace =
    Pace { life: Duration::from_millis(1_500), renew_every: Duration::from_millis(400) };
