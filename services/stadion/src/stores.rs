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
    sql::DbError,
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

/// One statement that changes a schema.
const SCHEMA_WITHIN: Duration = Duration::from_secs(6 * 3600);

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
        let (db, migrated) = match settings.platform.stores.engine {
            StoreEngine::Sqlite => {
                let path = settings.platform.data.join("stores").join(format!("{service}.db"));
                let opened = sqlite::open(&path, sqlite::Options { fatal }).await;
                let db = opened.with_context(|| path.display().to_string())?;
                // A folder has its lock.
                let migrated = brought_up_to_date(&db, (service, migrations), None).await?;
                (db, migrated)
            }
            StoreEngine::Postgres => {
                let url = settings.platform.stores.url_of(service);
                if postgres::ensure_database(&url).await.context("stores.url")? {
                    info!(service, "its database was made");
                }
                let db = on_postgres(settings, service, postgres::Options::default()).await?;
                // An address is easily another fleet's.
                let marks = Some(opener.marks.as_slice());
                let migrated = if is_current(&db, migrations).await? {
                    brought_up_to_date(&db, (service, migrations), marks).await
                } else {
                    let changing = on_postgres(settings, service, patient()).await?;
                    let migrated = brought_up_to_date(&changing, (service, migrations), marks).await;
                    changing.close().await;
                    migrated
                };
                (db, migrated?)
            }
        };
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

/// Nothing is left to change: a start like most.
async fn is_current(db: &Db, migrations: Option<Migrations>) -> Result<bool, DbError> {
    for migrations in [Some(SPINE), migrations].into_iter().flatten() {
        if !migrations.missing(db).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn brought_up_to_date(
    db: &Db,
    (service, migrations): (&'static str, Option<Migrations>),
    marks: Option<&[String]>,
) -> anyhow::Result<Vec<&'static str>> {
    let mut migrated = SPINE.apply(db).await?;
    if let Some(marks) = marks {
        belongs(db, service, marks).await?;
    }
    if let Some(migrations) = migrations {
        migrated.extend(migrations.apply(db).await?);
    }
    Ok(migrated)
}

/// For changes of the schema: a table of years is rewritten for hours, and a statement that is given up is begun anew at
/// the next start. What others serve meanwhile is waited for, but no longer than they wait for us.
fn patient() -> postgres::Options {
    postgres::Options { statement_limit: SCHEMA_WITHIN, ..postgres::Options::default() }
}

/// The database that `stores.url` names for the service.
async fn on_postgres(settings: &Settings, service: &str, limits: postgres::Options) -> anyhow::Result<Db> {
    let stores = &settings.platform.stores;
    let url = stores.url_of(service);
    let options = postgres::Options {
        connections_max: stores.connections_max,
        application: format!("stadion {service}"),
        ..limits
    };
    postgres::connect(&url, options).await.context("stores.url")
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

    use platform::config::Sources;
    use testkit::engines;

    use super::*;
    use crate::settings::load;

    const NOTE: &str = "CREATE TABLE noted AS SELECT current_setting('statement_timeout') AS within;\n";
    const NOTES: Migrations =
        Migrations { service: "promo", sqlite: &[], postgres: &[("0001_note_the_limit", NOTE)] };

    #[tokio::test]
    async fn a_change_of_the_schema_has_hours_and_what_is_served_has_seconds() {
        let Some(server) = engines::postgres("limits of a change of the schema") else { return };
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let (server, _) = address.rsplit_once('/').unwrap();
        let name = format!("limits_{}_{{service}}", &Uuid::new_v4().simple().to_string()[..12]);
        let told = [("ENGINE", "postgres".to_owned()), ("URL", format!("{server}/{name}?{options}"))];
        let environment = told.map(|(name, value)| (format!("STADION_STORES__{name}"), value)).into();
        let settings = load(&Sources { environment, ..Sources::default() }).unwrap();
        let opener = Opener { name: "a".to_owned(), address: String::new(), marks: vec!["aa".to_owned()] };
        let fatal = CancellationToken::new();
        let store = open(&settings, &opener, ("promo", Some(NOTES)), fatal).await.unwrap();
        for (sql, within) in
            [("SELECT within FROM noted", "6h"), ("SELECT current_setting('statement_timeout')", "15s")]
        {
            let row = store.db.fetch_one(sql, Vec::new()).await.unwrap().unwrap();
            assert_eq!(row.get::<String>(0).unwrap(), within);
        }
    }

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
