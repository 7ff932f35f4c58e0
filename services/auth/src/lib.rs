//! Accounts, tokens, roles, consents, privacy settings, partners, the key store.
//!
//! Accounts and partners are event-sourced, with inline rows for what must never be seen late. Passwords' hashes,
//! sessions, codes, grants and throttles are plain rows and primary. Everything secret in the tables is wrapped by a
//! key-encryption key that stands in a file beside them.

pub mod api;
pub mod app;
pub mod config;
pub mod consumers;
pub mod courier;
pub mod domain;
pub mod error;
pub mod jws;
pub mod key_store;
pub mod letters;
pub mod mail;
pub mod metrics;
pub mod passwords;
pub mod secrets;
pub mod seed;
pub mod signing;
pub mod smtp;
mod state;
pub mod store;
pub mod tokens;
pub mod wire;

use std::{path::Path, sync::Arc, time::Duration};

use eventing::{Db, migrate::Migrations, sealing::KeyRing};
use kernel::time::micros;
use platform::{Module, Resources, StartError, Task, transport::MESSAGE_BYTES_MAX};
use proto::auth::auth_server::AuthServer;
use tonic::service::Routes;

pub use config::Config;

use crate::{
    app::App,
    courier::Courier,
    key_store::KeyStore,
    mail::{MailSink, Outbox},
    metrics::{Couriers, Metrics},
    passwords::Passwords,
    secrets::Secrets,
    signing::Signing,
    smtp::Server,
    store::near::Near,
};

const SERVICE: &str = "auth";

/// How often dated rows are forgotten and signing keys looked after.
const UPKEEP: Duration = Duration::from_secs(600);

pub const MIGRATIONS: Migrations = Migrations {
    service: SERVICE,
    sqlite: &[
        ("0001_create_auth", include_str!("../../../migrations/sqlite/auth/0001_create_auth.sql")),
        (
            "0002_create_standing_change",
            include_str!("../../../migrations/sqlite/auth/0002_create_standing_change.sql"),
        ),
        ("0003_create_mail", include_str!("../../../migrations/sqlite/auth/0003_create_mail.sql")),
        (
            "0004_index_destroyed_keys",
            include_str!("../../../migrations/sqlite/auth/0004_index_destroyed_keys.sql"),
        ),
    ],
    postgres: &[
        ("0001_create_auth", include_str!("../../../migrations/postgres/auth/0001_create_auth.sql")),
        (
            "0002_create_standing_change",
            include_str!("../../../migrations/postgres/auth/0002_create_standing_change.sql"),
        ),
        ("0003_create_mail", include_str!("../../../migrations/postgres/auth/0003_create_mail.sql")),
        (
            "0004_index_destroyed_keys",
            include_str!("../../../migrations/postgres/auth/0004_index_destroyed_keys.sql"),
        ),
    ],
};

/// The key ring of auth's own journal, over the same tables that it serves to siblings. `data` is the service's own
/// folder: the key-encryption key is made there when it is missing.
///
/// # Errors
/// The key-encryption key cannot be read or made.
pub fn key_ring(db: Db, data: &Path, config: &Config) -> Result<Arc<dyn KeyRing>, StartError> {
    Ok(Arc::new(KeyStore::new(db, secrets_of(data, config)?)))
}

fn secrets_of(data: &Path, config: &Config) -> Result<Secrets, StartError> {
    Secrets::load_or_create(&config.kek_path(data)).map_err(|error| StartError::other(SERVICE, error))
}

/// Builds the service. Its tables exist already, and its journal seals with [`key_ring`].
///
/// # Errors
/// The store, the key-encryption key or the signing keys cannot be used.
pub async fn module(resources: Resources, config: Config) -> Result<Module, StartError> {
    let app = Box::pin(build(&resources, config)).await?;
    let server = AuthServer::new(api::Api(app.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let spine = resources
        .spine()
        .projection(consumers::password_changed::EndSessions)
        .projection(consumers::standing_changed::TellStandings)
        .projection(consumers::consent_withdrawn::TellDestroyed);
    let shutdown = resources.shutdown.clone();
    let courier = courier_of(&resources, &app)?;
    let upkeep = Task::new("auth/upkeep", keep_up(app.clone(), shutdown));
    let module = Module::new(SERVICE, &[], Routes::new(server)).keeping(&resources.journal, spine, app);
    Ok(courier.into_iter().fold(module.task(upkeep), Module::task))
}

/// Takes mail to the SMTP server, where one is set.
fn courier_of(resources: &Resources, app: &App) -> Result<Option<Task>, StartError> {
    let Some(outbox) = app.mail.waiting() else { return Ok(None) };
    let server = Server::new(&app.config.mail, &app.config.mail_from);
    let server = server.map_err(|error| StartError::other(SERVICE, error))?;
    let metrics = Couriers::register(&resources.metrics);
    let courier = Courier::new(outbox.clone(), server, resources.clock.clone(), metrics);
    let shutdown = resources.shutdown.clone();
    Ok(Some(Task::new("auth/courier", async move {
        Box::pin(courier.run(shutdown)).await;
        Ok(())
    })))
}

/// Everything but the doors: for the tools that open the folder themselves.
///
/// # Errors
/// As [`module`].
pub async fn build(resources: &Resources, config: Config) -> Result<App, StartError> {
    let other = |error: String| StartError::other(SERVICE, error);
    let secrets = secrets_of(&resources.data, &config)?;
    let now_us = micros(resources.clock.now());
    let signing = Signing::open(resources.db.clone(), secrets.clone(), now_us).await;
    Ok(App {
        journal: resources.journal.clone(),
        db: resources.db.clone(),
        clock: resources.clock.clone(),
        keys: KeyStore::new(resources.db.clone(), secrets.clone()),
        near: Near::default(),
        mail: sink_of(resources, &config, &secrets),
        secrets,
        signing: signing.map_err(|error| other(error.to_string()))?,
        passwords: Passwords::new(config.hashes_at_once).map_err(other)?,
        metrics: Metrics::register(&resources.metrics),
        config: Arc::new(config),
    })
}

fn sink_of(resources: &Resources, config: &Config, secrets: &Secrets) -> MailSink {
    if config.mail.is_taken_on() {
        MailSink::outbox(Outbox::new(resources.db.clone(), secrets.clone()), &config.mail_from)
    } else {
        MailSink::folder(resources.mail.clone(), &config.mail_from)
    }
}

/// Forgets dated rows and looks after the signing keys. A failure is said and tried again: nothing waits for it.
async fn keep_up(app: App, shutdown: tokio_util::sync::CancellationToken) -> Result<(), String> {
    loop {
        if let Err(error) = store::sweep::sweep(&app.db, app.now_us()).await {
            tracing::warn!(%error, "dated rows were not forgotten");
        }
        if let Err(error) = app.signing.maintain(app.now_us()).await {
            tracing::warn!(%error, "the signing keys were not looked after");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(UPKEEP) => {}
        }
    }
}
