//! Who a process is: told to tools on its socket, and to whoever asks `GET /who` where its siblings call it. Nothing of
//! it is a secret: the marks are hashes of public keys.

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use kernel::Clock;
use platform::installation::InstallationKey;
use serde::{Deserialize, Serialize};

/// Where siblings' operators ask.
pub const PATH: &str = "/who";

/// A process of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// As leases and logs know it.
    pub name: String,
    pub services: Vec<String>,
    pub version: String,
    /// The marks of the installation that it belongs to, the signing key's first.
    pub installation: Vec<String>,
    pub process: u32,
    /// What its clock says, in microseconds since 1970.
    pub now_us: i64,
}

impl About {
    /// This process.
    pub fn this(name: &str, services: &[&'static str], marks: &[String], clock: &dyn Clock) -> Self {
        Self {
            name: name.to_owned(),
            services: services.iter().map(|service| (*service).to_owned()).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            installation: marks.to_vec(),
            process: std::process::id(),
            now_us: kernel::time::micros(clock.now()),
        }
    }

    /// `GET /who`. The key may be changed while this process runs.
    pub fn routes(self, clock: Arc<dyn Clock>, key: InstallationKey) -> Router {
        let answer = move || {
            let now_us = kernel::time::micros(clock.now());
            let said = Self { now_us, installation: key.marks(), ..self.clone() };
            async move { Json(said) }
        };
        Router::new().route(PATH, get(answer))
    }
}
