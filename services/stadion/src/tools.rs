//! What operators do: each tool asks the running owner, or opens the folder itself when there is none.

pub mod agent;
pub mod doctor;
pub mod inspect;
pub mod keys;
pub mod mail;
pub mod migrate;
pub mod operator;
pub mod parked;
pub mod rebuild;
pub mod recompute;
pub mod replay;
mod say;
pub mod seed;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::anyhow;
use backends::DataFolder;
use eventing::Spine;
use kernel::SystemClock;
use platform::{
    Peers, Tasks,
    actor::ActorSigner,
    health::Health,
    installation::InstallationKey,
    metrics::Metrics,
    transport::{Address, PeerMetrics, PeersBuilder, Remote},
};
use proto::{activity::RecomputeRequest, auth::AddOperatorRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    about::About,
    installation::{self, Installation},
    settings::Settings,
    socket,
};

/// How long a sibling of a fleet may take to be reached.
const REACH_WITHIN: Duration = Duration::from_secs(10);
const REACH_LOOK: Duration = Duration::from_millis(20);

/// What a tool asks an owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    AddOperator { email: String },
    Parked(parked::Wish),
    Rebuild(rebuild::Wish),
    Recompute { run: String, events_max: u32, dry_after: Option<u64> },
    Standing,
}

/// Whoever answers tools.
pub struct Desk {
    about: About,
    peers: Peers,
    health: Health,
    spines: BTreeMap<&'static str, Arc<Spine>>,
    rebuilds: rebuild::Workshop,
}

impl Desk {
    pub fn of(installation: &Installation) -> Self {
        Self {
            about: installation.about.clone(),
            peers: installation.peers.clone(),
            health: installation.health.clone(),
            spines: installation.spines().map(|(name, spine)| (name, spine.clone())).collect(),
            rebuilds: rebuild::Workshop::new(installation.tasks.clone()),
        }
    }

    /// # Errors
    /// What could not be done.
    pub async fn answer(&self, request: Request) -> anyhow::Result<Value> {
        match request {
            Request::AddOperator { email } => add_operator(&self.peers, email).await,
            Request::Parked(wish) => parked::answer(&self.spines, wish).await,
            Request::Rebuild(wish) => self.rebuilds.answer(&self.spines, wish).await,
            Request::Recompute { run, events_max, dry_after } => {
                let request = RecomputeRequest { run, events_max, dry_after };
                recompute(&self.peers, request).await
            }
            Request::Standing => Ok(json!({ "process": self.about, "readiness": self.health.readiness() })),
        }
    }
}

async fn add_operator(peers: &Peers, email: String) -> anyhow::Result<Value> {
    let answer = peers.auth().add_operator(AddOperatorRequest { email }).await;
    let answer = answer.map_err(|status| anyhow!("{}", platform::refusal(&status)))?.into_inner();
    Ok(json!({ "code": answer.code, "expires_in": answer.expires_in }))
}

async fn recompute(peers: &Peers, request: RecomputeRequest) -> anyhow::Result<Value> {
    let answer = peers.activity().recompute(request).await;
    let answer = answer.map_err(|status| anyhow!("{}", platform::refusal(&status)))?.into_inner();
    Ok(json!({
        "position": answer.position,
        "head": answer.head,
        "ended": answer.ended,
        "read": answer.read,
        "changed": answer.changed,
        "unreadable": answer.unreadable,
    }))
}

/// Has `request` answered by the running owners, by the service that it is for where the settings say its address, or by
/// this process on the folder itself.
///
/// # Errors
/// What could not be done.
pub async fn ask(settings: &Settings, request: Request) -> anyhow::Result<Value> {
    let data = &settings.platform.data;
    if matches!(request, Request::Parked(_)) {
        // Each process of the folder knows its own services only.
        let answers = socket::ask_each(data, &request).await?;
        if !answers.is_empty() {
            return together(answers);
        }
    } else if let Some(answer) = socket::ask(data, &request).await? {
        return Ok(answer);
    }
    if let (Request::AddOperator { email }, Some(addresses)) = (&request, settings.platform.peers.get("auth"))
    {
        return over_the_network(settings, addresses, email.clone()).await;
    }
    let folder = DataFolder::open(&settings.platform.data)?;
    let installation = Installation::open(folder, settings).await?;
    let answer = Desk::of(&installation).answer(request).await;
    installation.stop().await?;
    answer
}

/// Lists become one, in which replicas of a service say the same thing once; of other answers the first counts.
fn together(answers: Vec<anyhow::Result<Value>>) -> anyhow::Result<Value> {
    let mut list: Option<Vec<Value>> = None;
    let mut failed = None;
    for answer in answers {
        match answer {
            Ok(Value::Array(items)) => {
                let list = list.get_or_insert_default();
                for item in items {
                    if !list.contains(&item) {
                        list.push(item);
                    }
                }
            }
            Ok(answer) => return Ok(answer),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    list.map(Value::Array).ok_or_else(|| failed.unwrap_or_else(|| anyhow!("nobody answered")))
}

/// Somebody who answers more than one request: the running owner, or this process on the folder itself.
pub(crate) enum Session {
    Owner(std::path::PathBuf),
    Own(Box<Installation>, Box<Desk>),
}

impl Session {
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let data = settings.platform.data.clone();
        if socket::ask(&data, &Request::Standing).await?.is_some() {
            return Ok(Self::Owner(data));
        }
        let folder = DataFolder::open(&data)?;
        let installation = Installation::open(folder, settings).await?;
        let desk = Desk::of(&installation);
        Ok(Self::Own(Box::new(installation), Box::new(desk)))
    }

    pub(crate) async fn ask(&self, request: Request) -> anyhow::Result<Value> {
        match self {
            Self::Owner(data) => {
                // Each process of the folder knows its own services only; a replica is not asked to do the same.
                let answer = match request {
                    Request::Rebuild(rebuild::Wish::List) => Some(socket::ask_each(data, &request).await?)
                        .filter(|all| !all.is_empty())
                        .map(together),
                    _ => socket::ask_who_knows(data, &request).await?,
                };
                let gone = || anyhow!("the running owner has gone; asked for again, the work goes on");
                answer.ok_or_else(gone)?
            }
            Self::Own(_, desk) => desk.answer(request).await,
        }
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Owner(_) => Ok(()),
            Self::Own(installation, _) => installation.stop().await,
        }
    }
}

/// A fleet's auth is asked at its addresses; who has the installation's key may.
async fn over_the_network(settings: &Settings, addresses: &str, email: String) -> anyhow::Result<Value> {
    let key = InstallationKey::load_or_create(&installation::key_file(settings))?;
    let remote = Remote::new("auth", Address::list(addresses)?, PeerMetrics::register(&Metrics::new()));
    let tasks = Tasks::new(CancellationToken::new());
    tasks.spawn(remote.watch(tasks.shutdown().clone()));
    let reached = async {
        while remote.reached().is_err() {
            tokio::time::sleep(REACH_LOOK).await;
        }
    };
    let reached = tokio::time::timeout(REACH_WITHIN, reached).await;
    reached.map_err(|_| anyhow!("auth is not reached: {}", remote.reached().err().unwrap_or_default()))?;
    let signer = ActorSigner::new("stadion", &key, Arc::new(SystemClock));
    let answer = add_operator(&PeersBuilder::new().remote(remote).seen_by(signer), email).await;
    tasks.shutdown().cancel();
    answer
}
