//! The embedded stores: one SQLite file a service, one for the log.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use backends::{BUS_MIGRATIONS, SqlEventStore, SqliteBus, sqlite};
use eventing::{
    Bus, Db,
    leases::Leases,
    migrate::{Migrations, SPINE},
    ownership::{Holder, STORE},
    store::EventStore,
};
use kernel::Clock;
use tokio_util::sync::CancellationToken;

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

/// A service's store, open, with its newest schema.
pub struct Store {
    pub service: &'static str,
    pub db: Db,
    pub events: Arc<dyn EventStore>,
    /// Everything of it is this process'; older owners' effects are refused.
    pub leases: Leases,
    /// What was applied at this opening.
    pub migrated: Vec<&'static str>,
}

/// Opens `DATA/stores/<service>.db`. `fatal` is cancelled when a commit's outcome is unknown.
pub async fn open(
    data: &Path,
    (service, migrations): (&'static str, Option<Migrations>),
    fatal: CancellationToken,
) -> anyhow::Result<Store> {
    let path = data.join("stores").join(format!("{service}.db"));
    let opening = async {
        let options = sqlite::Options { fatal, ..sqlite::Options::default() };
        let db = sqlite::open(&path, options).await?;
        let mut migrated = SPINE.apply(&db).await?;
        if let Some(migrations) = migrations {
            migrated.extend(migrations.apply(&db).await?);
        }
        let events: Arc<dyn EventStore> = Arc::new(SqlEventStore::open(db.clone()).await?);
        let holder = Holder::new(db.clone(), format!("process {}", std::process::id()), "");
        let epoch = holder.take(STORE).await?;
        anyhow::Ok(Store { service, db, events, leases: Leases::whole(epoch), migrated })
    };
    opening.await.with_context(|| format!("the store {} cannot be opened", path.display()))
}

/// Opens `DATA/bus.db`.
pub async fn open_log(
    data: &Path,
    clock: Arc<dyn Clock>,
    fatal: CancellationToken,
) -> anyhow::Result<(SqliteBus, Vec<&'static str>)> {
    let path = data.join("bus.db");
    let opening = async {
        let db = sqlite::open(&path, sqlite::Options { fatal, ..sqlite::Options::default() }).await?;
        let migrated = BUS_MIGRATIONS.apply(&db).await?;
        anyhow::Ok((SqliteBus::open(db, clock).await?, migrated))
    };
    opening.await.with_context(|| format!("the log {} cannot be opened", path.display()))
}

/// The log as services see it.
pub fn shared(log: &SqliteBus) -> Arc<dyn Bus> {
    Arc::new(log.clone())
}
