//! Gamification owns what an account has earned: XP and levels by versioned rules, badges, streaks. Each explains
//! itself, and is taken back when what earned it is deleted or edited.
//!
//! One stream an account, `progress-{account}`. A reactor turns each activity's event into a command on it; the
//! aggregate folds its rules over the account's facts and says the difference.
//!
//! Weekly leagues rank what XP a week has brought: weeks on `leagues`, each cohort's final order on `cohort-{cohort}`.
//!
//! What scores are made of stands beside it: a day's steps on `daily-{daily value}`, whether an account shows its
//! activities to anybody on `visibility-{account}`, its points on `points-{account}`. One projection turns all of our own
//! journal into contributions and scores, and publishes them as state; a timer settles a challenge from those rows.

pub mod api;
pub mod app;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod metrics;
pub mod seed;
pub mod state;
pub mod store;
pub mod wire;

pub use config::Config;

use std::sync::Arc;

use eventing::{Spine, migrate::Migrations};
use platform::{Module, Resources, Sight, StartError, Task};
use proto::gamification::gamification_server::GamificationServer;
use tonic::service::Routes;

/// The schema of the read models.
pub const MIGRATIONS: Migrations = Migrations {
    service: "gamification",
    sqlite: &[
        (
            "0001_create_progress",
            include_str!("../../../migrations/sqlite/gamification/0001_create_progress.sql"),
        ),
        (
            "0002_create_challenge",
            include_str!("../../../migrations/sqlite/gamification/0002_create_challenge.sql"),
        ),
        ("0003_create_score", include_str!("../../../migrations/sqlite/gamification/0003_create_score.sql")),
        (
            "0004_create_team_placement",
            include_str!("../../../migrations/sqlite/gamification/0004_create_team_placement.sql"),
        ),
        (
            "0005_create_league",
            include_str!("../../../migrations/sqlite/gamification/0005_create_league.sql"),
        ),
    ],
    postgres: &[
        (
            "0001_create_progress",
            include_str!("../../../migrations/postgres/gamification/0001_create_progress.sql"),
        ),
        (
            "0002_create_challenge",
            include_str!("../../../migrations/postgres/gamification/0002_create_challenge.sql"),
        ),
        (
            "0003_create_score",
            include_str!("../../../migrations/postgres/gamification/0003_create_score.sql"),
        ),
        (
            "0004_create_team_placement",
            include_str!("../../../migrations/postgres/gamification/0004_create_team_placement.sql"),
        ),
        (
            "0005_create_league",
            include_str!("../../../migrations/postgres/gamification/0005_create_league.sql"),
        ),
    ],
};

/// The service, built and not yet running. Its schema is applied already.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let told = metrics::Told::register(&resources.metrics);
    let spine = resources
        .spine()
        .owning(app::backfill::BACKFILL)
        .projection(consumers::own_progress::OwnProgress::new(told))
        .projection(consumers::own_challenges::OwnChallenges)
        .projection(consumers::scores::Scores::new(resources.journal.sealer().clone()))
        .projection(consumers::leagues::Leagues::new(metrics::Leagues::register(&resources.metrics)))
        .projection(consumers::ledger::Entries);
    let app = app(&resources, &spine, config)?;
    let spine = spine
        .reactor(consumers::activities::Activities::new(app.clone()))
        .reactor(consumers::erasures::Erasures::new(app.clone()))
        .reactor(consumers::privacy::Privacy::new(app.journal.clone()))
        .reactor(consumers::rewards::Rewards::new(app.clone()))
        .reactor(consumers::adjustments::Adjustments::new(app.clone()))
        .timers(consumers::timers::Timers::new(app.clone()));
    let routes = Routes::new(GamificationServer::new(api::Api::new(app.clone())));
    let leagues = app::leagues::begin(app.clone(), resources.shutdown.clone());
    let backfill = app::backfill::run(
        app.clone(),
        metrics::Backfill::register(&resources.metrics),
        resources.leases.owned(),
        resources.shutdown.clone(),
    );
    Ok(Module::new("gamification", &["auth", "social", "activity"], routes)
        .keeping(&resources.journal, spine, app)
        .task(Task::new("gamification-leagues-begin", leagues))
        .task(Task::new("gamification-backfill", backfill)))
}

/// What commands and queries stand on, beside the spine that keeps their read models.
pub fn app(resources: &Resources, spine: &Spine, config: Config) -> Result<app::App, StartError> {
    let rulebook = match &config.rules {
        Some(folder) => domain::Rulebook::with_folder(folder),
        None => domain::Rulebook::house(),
    };
    let rulebook = rulebook.map_err(|error| StartError::other("gamification", error))?;
    Ok(app::App {
        journal: resources.journal.clone(),
        store: store::Store::new(resources.db.clone()),
        rulebook: Arc::new(rulebook),
        clock: resources.clock.clone(),
        peers: resources.peers.clone(),
        sight: Sight::new(resources.peers.clone()),
        projected: spine.projected(),
        seating: app::challenges::seating::Seating::new(resources.journal.clone(), resources.tasks.clone()),
        members_writing: app::challenges::members::Turns::default(),
        config,
    })
}
