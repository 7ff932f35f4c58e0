//! Social owns who is what to whom: friends, follows, blocks; groups; people as one may see them; the feed; kudos and
//! comments.
//!
//! Streams: `pair-{lo}-{hi}` two accounts, `group-{id}`, `item-{activity}` kudos and comments, `subject-{account}` its
//! erasure. What decides visibility is written inline, in the append that decided it.

pub mod api;
pub mod app;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod metrics;
pub mod seed;
mod state;
pub mod store;
pub mod wire;

pub use config::Config;

use eventing::migrate::Migrations;
use platform::{Module, Resources, Sight, StartError, transport::MESSAGE_BYTES_MAX};
use proto::social::social_server::SocialServer;
use tonic::service::Routes;

/// The schema of the rows.
pub const MIGRATIONS: Migrations = Migrations {
    service: "social",
    sqlite: &[
        ("0001_create_social", include_str!("../../../migrations/sqlite/social/0001_create_social.sql")),
        (
            "0002_create_activity_sport",
            include_str!("../../../migrations/sqlite/social/0002_create_activity_sport.sql"),
        ),
    ],
    postgres: &[
        ("0001_create_social", include_str!("../../../migrations/postgres/social/0001_create_social.sql")),
        (
            "0002_create_activity_sport",
            include_str!("../../../migrations/postgres/social/0002_create_activity_sport.sql"),
        ),
    ],
};

/// The service, built and not yet running. Its schema is applied already.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let app = app(&resources, config);
    let spine = resources
        .spine()
        .projection(consumers::own_journal::OwnJournal::new(app.told.clone()))
        .projection(consumers::people::People)
        .projection(consumers::posts::Posts)
        .reactor(consumers::erasure::Erasure::new(app.clone()));
    let server = SocialServer::new(api::Api::new(app.clone())).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Module::new("social", &["auth"], Routes::new(server)).keeping(&resources.journal, spine, app))
}

/// What commands and queries stand on.
pub fn app(resources: &Resources, config: Config) -> app::App {
    app::App {
        journal: resources.journal.clone(),
        store: store::Store::new(resources.db.clone()),
        clock: resources.clock.clone(),
        sight: Sight::new(resources.peers.clone()),
        turns: app::turns::Turns::default(),
        told: metrics::Told::register(&resources.metrics),
        config,
    }
}
