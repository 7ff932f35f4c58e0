//! A service's siblings, each as the client its contract generates.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use proto::{
    activity::activities_client::ActivitiesClient,
    auth::auth_client::AuthClient,
    gamification::gamification_client::GamificationClient,
    journal::{journal_client::JournalClient, state_client::StateClient},
    leaderboard::leaderboard_client::LeaderboardClient,
    promo::promo_client::PromoClient,
    social::social_client::SocialClient,
};

use super::{Remote, Target, Transport};
use crate::{actor::ActorSigner, deadline, guard::Guarded};

/// The largest message between services: an uploaded file with room to spare.
pub const MESSAGE_BYTES_MAX: usize = 72 * 1024 * 1024;

/// Where every service of the installation is. Built once a process, before its modules.
#[derive(Clone, Default)]
pub struct PeersBuilder {
    targets: HashMap<&'static str, Target>,
}

impl PeersBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// A sibling in this process; fill its slot with [`PeersBuilder::serve`] when its module is built.
    pub fn sibling(mut self, service: &'static str) -> Self {
        self.targets.insert(service, Target::Sibling(Arc::new(OnceLock::new())));
        self
    }

    /// A peer elsewhere.
    pub fn remote(mut self, remote: Remote) -> Self {
        self.targets.insert(remote.service(), Target::Remote(remote));
        self
    }

    /// From now on calls to `service` reach `guarded`; the first to serve stays.
    pub fn serve(&self, service: &str, guarded: Guarded) {
        if let Some(Target::Sibling(slot)) = self.targets.get(service) {
            // Serving twice would be a fault in the caller's list of modules; the first answer stays valid.
            let _ = slot.set(guarded);
        }
    }

    /// The siblings as the service behind `signer` reaches them.
    pub fn seen_by(&self, signer: ActorSigner) -> Peers {
        Peers { targets: Arc::new(self.targets.clone()), signer, usual: deadline::USUAL }
    }
}

/// Typed clients to the siblings. Cheap to clone; the clients too.
#[derive(Clone)]
pub struct Peers {
    targets: Arc<HashMap<&'static str, Target>>,
    signer: ActorSigner,
    usual: Duration,
}

impl Peers {
    /// The bare way to a service; one that this installation has not answers `unavailable`.
    pub fn to(&self, service: &'static str) -> Transport {
        let target = self.targets.get(service).cloned().unwrap_or(Target::Absent);
        Transport { service, target, signer: self.signer.clone(), usual: self.usual }
    }

    /// Calls that do not say how long they may take have the longest time: for tests, which wait for a busy machine.
    pub fn patient(self) -> Self {
        Self { usual: deadline::LONGEST, ..self }
    }

    pub fn auth(&self) -> AuthClient<Transport> {
        AuthClient::new(self.to("auth"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub fn activity(&self) -> ActivitiesClient<Transport> {
        ActivitiesClient::new(self.to("activity"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub fn gamification(&self) -> GamificationClient<Transport> {
        GamificationClient::new(self.to("gamification"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub fn promo(&self) -> PromoClient<Transport> {
        PromoClient::new(self.to("promo"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub fn social(&self) -> SocialClient<Transport> {
        SocialClient::new(self.to("social"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub fn leaderboard(&self) -> LeaderboardClient<Transport> {
        LeaderboardClient::new(self.to("leaderboard"))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The journal of a sibling.
    pub fn journal(&self, service: &'static str) -> JournalClient<Transport> {
        JournalClient::new(self.to(service)).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The state tables of a sibling.
    pub fn state(&self, service: &'static str) -> StateClient<Transport> {
        StateClient::new(self.to(service)).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
