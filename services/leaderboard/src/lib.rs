//! The leaderboard owns the order of a challenge's participants.

pub mod config;
pub mod domain;

pub use config::Config;

use platform::{Module, Resources, StartError};

/// The service, built and not yet running.
pub async fn module(resources: Resources, _config: Config) -> Result<Module, StartError> {
    let spine = resources.spine();
    let module = Module::new("leaderboard", &["auth", "social"], tonic::service::Routes::default());
    Ok(module.spine(&resources.journal, spine))
}
