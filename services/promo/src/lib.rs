//! Promo owns what happens between an achievement and a purchase: campaigns and their review, budgets, offers, the
//! partners' catalogue, clicks, reservations, orders, and the ledger that says what each partner is owed.
//!
//! Streams: `campaign-`, `budget-` and `ledger-{campaign}`, `offer-{campaign, account}`, `redemption-{partner, order,
//! offer}`, `order-{partner, order}`, `feed-{partner, feed}`, `click-`. A purchase moves five of them in one append.

pub mod api;
pub mod app;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod metrics;
pub mod secret;
pub mod store;
pub mod wire;
pub mod wording;

pub use config::Config;

use eventing::migrate::Migrations;
use platform::{Module, Resources, StartError, transport::MESSAGE_BYTES_MAX};
use proto::promo::promo_server::PromoServer;
use tonic::service::Routes;

/// The schema of the read models.
pub const MIGRATIONS: Migrations = Migrations {
    service: "promo",
    sqlite: &[
        ("0001_create_promo", include_str!("../../../migrations/sqlite/promo/0001_create_promo.sql")),
        ("0002_create_gone", include_str!("../../../migrations/sqlite/promo/0002_create_gone.sql")),
    ],
    postgres: &[
        ("0001_create_promo", include_str!("../../../migrations/postgres/promo/0001_create_promo.sql")),
        ("0002_create_gone", include_str!("../../../migrations/postgres/promo/0002_create_gone.sql")),
    ],
};

/// The service, built and not yet running. Its schema is applied already.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let told = metrics::Told::register(&resources.metrics);
    let app = app(&resources, config)?;
    let spine = resources
        .spine()
        .projection(consumers::own_journal::OwnJournal::new(told))
        .projection(consumers::people::People)
        .reactor(consumers::badges::Badges::new(app.clone()))
        .timers(consumers::timers::Timers::new(app.clone()));
    let server = PromoServer::new(api::Api::new(app)).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Module::new("promo", &["auth", "gamification", "social"], Routes::new(server))
        .spine(&resources.journal, spine))
}

/// What commands and queries stand on.
pub fn app(resources: &Resources, config: Config) -> Result<app::App, StartError> {
    let secrets = secret::secrets(&config.secret, &resources.data)
        .map_err(|error| StartError::other("promo", error))?;
    Ok(app::App {
        journal: resources.journal.clone(),
        store: store::Store::new(resources.db.clone()),
        clock: resources.clock.clone(),
        peers: resources.peers.clone(),
        secrets,
        books: app::books::Books::default(),
        config,
    })
}
