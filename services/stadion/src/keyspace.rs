//! The keyspace in which activities are kept, when the settings say so.

use activity::{CQL_MIGRATIONS, Config, config::Store};
use anyhow::Context;
use backends::cql;
use eventing::cql::{Cql, belongs};

/// The keyspace, with its newest schema.
pub(crate) struct Keyspace {
    pub(crate) cql: Cql,
    /// What was applied at this opening.
    pub(crate) migrated: Vec<&'static str>,
}

/// Connects, makes the keyspace where there is none, and brings its schema up to date: one process at a time does. `None`:
/// activities lie in the service's own database.
///
/// # Errors
/// No node answers, the keyspace cannot be made, is of a newer program or another installation's; `marks` name ours.
pub(crate) async fn open(config: &Config, marks: &[String]) -> anyhow::Result<Option<Keyspace>> {
    let Some(options) = options(config) else { return Ok(None) };
    let cql = cql::connect(options).await.context("activity.cql_nodes")?;
    belongs(&cql, activity::SERVICE, marks).await.context("activity.cql_keyspace")?;
    let migrated = CQL_MIGRATIONS.apply(&cql).await.context("activity.cql_keyspace")?;
    Ok(Some(Keyspace { cql, migrated }))
}

/// Where the keyspace is, when there is one.
pub(crate) fn options(config: &Config) -> Option<cql::Options> {
    if config.store != Store::Cql {
        return None;
    }
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(cql::Options {
        nodes: config.cql_nodes().map(str::to_owned).collect(),
        keyspace: config.cql_keyspace.clone(),
        replication: config.cql_replication,
        datacenter: said(&config.cql_datacenter),
        user: said(&config.cql_user).map(|name| (name, config.cql_password.clone())),
    })
}
