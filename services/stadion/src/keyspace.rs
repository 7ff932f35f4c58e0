//! The keyspace in which activities are kept, when the settings say so.

use activity::{CQL_MIGRATIONS, Config, config::Store};
use anyhow::Context;
use backends::cql;
use eventing::cql::Cql;
use tracing::info;

/// Connects, and brings the keyspace's schema up to date; `None`: activities lie in the service's own database.
///
/// # Errors
/// No node answers, the keyspace cannot be made or is of a newer program.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Option<Cql>> {
    if config.store != Store::Cql {
        return Ok(None);
    }
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let options = cql::Options {
        nodes: config.cql_nodes().map(str::to_owned).collect(),
        keyspace: config.cql_keyspace.clone(),
        replication: config.cql_replication,
        datacenter: said(&config.cql_datacenter),
        user: said(&config.cql_user).map(|name| (name, config.cql_password.clone())),
    };
    let cql = cql::connect(options).await.context("activity.cql_nodes")?;
    let applied = CQL_MIGRATIONS.apply(&cql).await.context("activity.cql_keyspace")?;
    if !applied.is_empty() {
        info!(service = "activity", migrations = applied.len(), "the keyspace was brought up to date");
    }
    Ok(Some(cql))
}
