//! Activities: uploads, sync, manual entries; their totals and streams.
//!
//! It owns what was done: files as they came (blobs), every decision about them (journal), and what is read (rows,
//! columns). Samples of phones and what is told live are its primary stores beside the journal.
//!
//! | module | what |
//! |---|---|
//! | `domain` | decisions: uploads, activities, days; bounds of what may be said |
//! | `app` | the commands and queries |
//! | `readers` | who reads uploaded files, and who finds those left waiting |
//! | `reading`, `streams` | from a file's shape to records and columns; who sees which |
//! | `stats` | what activities add up to: sums, records, comparisons |
//! | `store`, `consumers`, `blobs` | what is kept beside the journal |

pub mod api;
pub mod app;
pub mod blobs;
pub mod config;
pub mod consumers;
pub mod domain;
pub mod metrics;
pub mod readers;
pub mod reading;
pub mod stats;
pub mod store;
pub mod streams;
pub mod wire;

use std::sync::Arc;

use eventing::cql::Cql;
use platform::{Module, Resources, Sight, StartError, Task, transport::MESSAGE_BYTES_MAX};
use proto::activity::activities_server::ActivitiesServer;
use tonic::service::Routes;

pub use config::Config;
pub use store::{CQL_MIGRATIONS, MIGRATIONS};

/// The name in addresses, topics, metrics.
pub const SERVICE: &str = "activity";

/// The service, built and not yet running. Its schema is applied already, in the keyspace too: `cql` is what
/// `config.store` asks for, if it does.
pub async fn module(resources: Resources, config: Config, cql: Option<Cql>) -> Result<Module, StartError> {
    let failed = |error: String| StartError::other(SERVICE, error);
    let blobs = blobs::Blobs::open(&config.files, &resources.data).map_err(failed)?;
    let place = blobs.identity().await.map_err(|error| failed(error.to_string()))?;
    store::files::kept_at(&resources.db, &place, config.files.moved)
        .await
        .map_err(|error| StartError::store(SERVICE, error))?;
    let activities: Arc<dyn store::ActivityStore> = match (config.store, cql) {
        (config::Store::Sql, _) => Arc::new(store::SqlActivities(resources.db.clone())),
        (config::Store::Cql, Some(cql)) => Arc::new(store::CqlActivities(cql)),
        (config::Store::Cql, None) => {
            return Err(failed("store = \"cql\", and no keyspace is open".to_owned()));
        }
    };
    let (queue, readers) = readers::Queue::new(config.readers_queue_max.max(1));
    let app = app::App {
        journal: resources.journal.clone(),
        db: resources.db.clone(),
        activities: activities.clone(),
        blobs: blobs.clone(),
        peers: resources.peers.clone(),
        sight: Sight::new(resources.peers.clone()),
        cuts: app::cut::Cuts::default(),
        config: Arc::new(config),
        queue,
        heard: app::watch_live::Heard::new(resources.tasks.clone(), resources.drain.clone()),
        metrics: metrics::Metrics::register(&resources.metrics),
    };
    let spine = resources
        .spine()
        .owning(readers::SWEEP)
        .projection(consumers::Rows { activities: activities.clone(), blobs: blobs.clone() })
        .projection(consumers::Statistics)
        .projection(consumers::Comparers)
        .projection(consumers::ConsentWithdrawn { activities: activities.clone() })
        .reactor(consumers::FindTwins { app: app.clone() })
        .timers(consumers::Timers { app: app.clone() })
        .reactor(consumers::AccountErased {
            journal: resources.journal.clone(),
            db: resources.db.clone(),
            activities,
            blobs,
        });
    let server = ActivitiesServer::new(api::Api::new(app.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let reading =
        readers.run(app, resources.leases.clone(), resources.tasks.clone(), resources.shutdown.clone());
    Ok(Module::new(SERVICE, &["auth", "social"], Routes::new(server))
        .spine(&resources.journal, spine)
        .task(Task::new("activity/readers", reading)))
}
