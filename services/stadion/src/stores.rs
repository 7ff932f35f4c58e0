//! What services keep: one store a service, one log between them, on the engines that the settings name.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use backends::{BUS_MIGRATIONS, KafkaBus, SqlEventStore, SqliteBus, kafka, postgres, sqlite};
use eventing::{
    Bus, Db,
    bus::Topic,
    leases::{Leases, Pace},
    migrate::{Migrations, SPINE, belongs},
    ownership::{Holder, STORE},
    store::EventStore,
};
use kernel::Clock;
use platform::{
    config::{BusEngine, BusEngines, StoreEngine},
    installation::InstallationKey,
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use crate::settings::Settings;

/// Every service with its own tables.
pub const SERVICES: [(&str, Option<Migrations>); 7] = [
    ("auth", Some(auth::MIGRATIONS)),
    ("activity", Some(activity::MIGRATIONS)),
    ("gamification", Some(gamification::MIGRATIONS)),
    ("promo", Some(promo::MIGRATIONS)),
    ("social", Some(social::MIGRATIONS)),
    // Boards are in memory, from state alone.
    ("leaderboard", None),
    // It keeps nothing of its own; its spine follows who was signed out.
    ("gateway", None),
];

/// State that services follow: whose, and what.
pub const STATES: [(&str, &str); 6] = [
    ("auth", "destroyed_keys"),
    ("auth", "revocations"),
    ("auth", "standings"),
    ("gamification", "challenges"),
    ("gamification", "scores"),
    ("social", "relations"),
];

/// Every topic between services.
pub fn topics() -> Vec<Topic> {
    let events = SERVICES.iter().map(|(service, _)| Topic::events(service));
    events.chain(STATES.iter().map(|(service, thing)| Topic::state(service, thing))).collect()
}

/// Events stay in the log for so long.
pub const EVENTS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// A service's store, open, with its newest schema.
pub struct Store {
    pub service: &'static str,
    pub db: Db,
    pub events: Arc<dyn EventStore>,
    /// What of its work is this process'; effects of older owners are refused.
    pub leases: Leases,
    /// What was applied at this opening.
    pub migrated: Vec<&'static str>,
}

/// Who opens stores: as leases and siblings know it.
#[derive(Clone, Debug)]
pub struct Opener {
    /// Of this process and no other, also when it was started again: what slept in the meantime must not take its part.
    pub name: String,
    /// Where siblings reach it.
    pub address: String,
    /// Whose stores it may open.
    pub marks: Vec<String>,
}

impl Opener {
    pub fn of(settings: &Settings, key: &InstallationKey, address: String) -> Self {
        let said = &settings.platform.name;
        let name = if said.is_empty() { machine() } else { said.clone() };
        Self {
            name: format!("{name}/{}", &Uuid::new_v4().simple().to_string()[..8]),
            address,
            marks: key.marks(),
        }
    }
}

fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    format!("{}-{}", if name.is_empty() { "stadion" } else { name }, std::process::id())
}

/// Whether nothing of the installation's stores and log lies in the data folder: then it needs no lock.
pub fn are_elsewhere(settings: &Settings) -> bool {
    settings.platform.stores.engine != StoreEngine::Sqlite
        && settings.platform.bus.engine != BusEngine::Sqlite
}

/// Opens a service's store and brings its schema up to date. `fatal` is cancelled when a commit's outcome is unknown.
///
/// # Errors
/// A store that cannot be opened or made, a migration that was edited.
pub async fn open(
    settings: &Settings,
    opener: &Opener,
    (service, migrations): (&'static str, Option<Migrations>),
    fatal: CancellationToken,
) -> anyhow::Result<Store> {
    let opening = async {
        let db = database(settings, service, fatal).await?;
        let mut migrated = SPINE.apply(&db).await?;
        // A folder has its lock; an address is easily another fleet's.
        if settings.platform.stores.engine != StoreEngine::Sqlite {
            belongs(&db, service, &opener.marks).await?;
        }
        if let Some(migrations) = migrations {
            migrated.extend(migrations.apply(&db).await?);
        }
        let events: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db.clone()).await?);
        let holder = Holder::new(db.clone(), &opener.name, &opener.address);
        let leases = match settings.platform.stores.engine {
            StoreEngine::Sqlite => Leases::whole(holder.take(STORE).await?),
            StoreEngine::Postgres => Leases::shared(holder, Pace::default()),
        };
        anyhow::Ok(Store { service, db, events, leases, migrated })
    };
    opening.await.with_context(|| format!("the store of {service} cannot be opened"))
}

/// SQLite: `DATA/stores/<service>.db`; PostgreSQL: the database that `stores.url` names for the service.
async fn database(settings: &Settings, service: &str, fatal: CancellationToken) -> anyhow::Result<Db> {
    let stores = &settings.platform.stores;
    match stores.engine {
        StoreEngine::Sqlite => {
            let path = settings.platform.data.join("stores").join(format!("{service}.db"));
            let opened = sqlite::open(&path, sqlite::Options { fatal }).await;
            opened.with_context(|| path.display().to_string())
        }
        StoreEngine::Postgres => {
            let url = stores.url_of(service);
            let made = postgres::ensure_database(&url).await.context("stores.url")?;
            if made {
                info!(service, "its database was made");
            }
            let options = postgres::Options {
                connections_max: stores.connections_max,
                application: format!("stadion {service}"),
                ..postgres::Options::default()
            };
            postgres::connect(&url, options).await.context("stores.url")
        }
    }
}

/// The log between services.
#[derive(Clone)]
pub enum Log {
    Sqlite(SqliteBus),
    Kafka(KafkaBus),
}

impl Log {
    /// Opens the log; what of its schema was applied.
    ///
    /// # Errors
    /// A log that cannot be opened or reached.
    pub async fn open(
        settings: &Settings,
        opener: &Opener,
        clock: Arc<dyn Clock>,
        fatal: CancellationToken,
    ) -> anyhow::Result<(Self, Vec<&'static str>)> {
        let bus = &settings.platform.bus;
        match bus.engine {
            BusEngine::Sqlite => {
                let path = settings.platform.data.join("bus.db");
                let (bus, migrated) = in_file(&path, clock, fatal)
                    .await
                    .with_context(|| format!("the log {} cannot be opened", path.display()))?;
                Ok((Self::Sqlite(bus), migrated))
            }
            BusEngine::Kafka => {
                let log = KafkaBus::open(on_kafka(bus, &opener.name)).await.context("bus.brokers")?;
                // Before anything of it is read: two fleets under one prefix take each other's events for their own.
                log.belongs(&opener.marks).await.context("bus.prefix")?;
                let unfit = log.fit(&topics()).await.context("bus.brokers")?.into_iter().find_map(unfit);
                ensure!(unfit.is_none(), "bus.prefix: {}", unfit.unwrap_or_default());
                Ok((Self::Kafka(log), Vec::new()))
            }
        }
    }

    /// The log as services see it.
    pub fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Sqlite(bus) => Arc::new(bus.clone()),
            Self::Kafka(bus) => Arc::new(bus.clone()),
        }
    }

    /// Forgets events older than `before_us`; a broker does so by itself.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub async fn sweep(&self, before_us: i64) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(bus) => {
                bus.sweep(before_us).await?;
                Ok(())
            }
            Self::Kafka(_) => Ok(()),
        }
    }
}

/// How the log on Kafka is reached.
pub(crate) fn on_kafka(bus: &BusEngines, name: &str) -> kafka::Options {
    kafka::Options {
        prefix: bus.prefix.clone(),
        replication: bus.replication,
        client: format!("stadion {name}"),
        retention: EVENTS_KEPT,
        ..kafka::Options::new(&bus.brokers)
    }
}

fn unfit(fit: kafka::Fit) -> Option<String> {
    match fit {
        kafka::Fit::Unfit(why) => Some(why),
        kafka::Fit::Missing | kafka::Fit::Fits { .. } | kafka::Fit::Unclear(_) => None,
    }
}

async fn in_file(
    path: &Path,
    clock: Arc<dyn Clock>,
    fatal: CancellationToken,
) -> anyhow::Result<(SqliteBus, Vec<&'static str>)> {
    let db = sqlite::open(path, sqlite::Options { fatal }).await?;
    let migrated = BUS_MIGRATIONS.apply(&db).await?;
    Ok((SqliteBus::open(db, clock).await?, migrated))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The committed picture of the services says which state they write.
    #[test]
    fn every_state_topic_of_the_service_graph_is_known() {
        let graph = include_str!("../../../docs/service-dag.txt");
        let written = graph.lines().filter_map(|line| line.trim().strip_prefix("writes "));
        let drawn: BTreeSet<&str> = written.flat_map(str::split_whitespace).collect();
        let known = STATES.map(|(service, thing)| format!("{service}.{thing}"));
        assert_eq!(known.iter().map(String::as_str).collect::<BTreeSet<_>>(), drawn);
    }
}
