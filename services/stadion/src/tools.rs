//! What operators do: each tool asks the running owner, or opens the folder itself when there is none.

pub mod doctor;
pub mod inspect;
pub mod mail;
pub mod migrate;
pub mod operator;
pub mod parked;
pub mod replay;
mod say;
pub mod seed;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::anyhow;
use backends::DataFolder;
use eventing::Spine;
use platform::{Peers, health::Health};
use proto::auth::AddOperatorRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{installation::Installation, settings::Settings, socket};

/// What a tool asks an owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    AddOperator { email: String },
    Parked(parked::Wish),
    Readiness,
}

/// Whoever answers tools.
pub struct Desk {
    peers: Peers,
    health: Health,
    spines: BTreeMap<&'static str, Arc<Spine>>,
}

impl Desk {
    pub fn of(installation: &Installation) -> Self {
        Self {
            peers: installation.peers.clone(),
            health: installation.health.clone(),
            spines: installation.spines().map(|(name, spine)| (name, spine.clone())).collect(),
        }
    }

    /// # Errors
    /// What could not be done.
    pub async fn answer(&self, request: Request) -> anyhow::Result<Value> {
        match request {
            Request::AddOperator { email } => self.add_operator(email).await,
            Request::Parked(wish) => parked::answer(&self.spines, wish).await,
            Request::Readiness => Ok(serde_json::to_value(self.health.readiness())?),
        }
    }

    async fn add_operator(&self, email: String) -> anyhow::Result<Value> {
        let answer = self.peers.auth().add_operator(AddOperatorRequest { email }).await;
        let answer = answer.map_err(|status| anyhow!("{}", platform::refusal(&status)))?.into_inner();
        Ok(json!({ "code": answer.code, "expires_in": answer.expires_in }))
    }
}

/// Has `request` answered by the running owner, or by this process on the folder itself.
///
/// # Errors
/// What could not be done.
pub async fn ask(settings: &Settings, request: Request) -> anyhow::Result<Value> {
    if let Some(answer) = socket::ask(&settings.platform.data, &request).await? {
        return Ok(answer);
    }
    let folder = DataFolder::open(&settings.platform.data)?;
    let installation = Installation::open(folder, settings).await?;
    let answer = Desk::of(&installation).answer(request).await;
    installation.stop().await?;
    answer
}
