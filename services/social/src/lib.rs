//! Social owns who is what to whom.

pub mod config;

pub use config::Config;

use eventing::migrate::Migrations;
use platform::{Module, Resources, StartError};

/// The schema of the rows.
pub const MIGRATIONS: Migrations = Migrations { service: "social", sqlite: &[], postgres: &[] };

/// The service, built and not yet running. Its schema is applied already.
pub async fn module(resources: Resources, _config: Config) -> Result<Module, StartError> {
    let spine = resources.spine();
    Ok(Module::new("social", &["auth"], tonic::service::Routes::default()).spine(&resources.journal, spine))
}
