//! Who may see whom: the one way from a viewer and some owners to what `privacy::visible` needs.
//!
//! Owners' choices are asked of auth, relations of social, both at their stores' heads, in batches. Without auth nothing
//! can be said (`unavailable`); without social every relation is unknown, and what is unknown hides.

use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kernel::{AccountId, Code, Id, Refusal};
use privacy::{Area, Audience, BoardName, DataClass, FieldMask, Owner, Relation, Settings, Zone, visible};
use proto::{auth, social};
use uuid::Uuid;

use crate::{gather::Gather, recent::Recent, status::refusal, transport::Peers};

/// Accounts asked for in one call.
const BATCH: usize = 200;
/// People who are held, for so long as they are asked for.
const PEOPLE_MAX: usize = 16_384;
const PEOPLE_IDLE: Duration = Duration::from_secs(60);

/// What auth says of an account, read once for all who look.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Without `privacy`, which is read into the next two.
    pub standing: auth::AccountStanding,
    pub settings: Settings,
    /// What is hidden on account of the owner's zones.
    pub areas: Vec<Area>,
}

impl Person {
    pub fn new(mut standing: auth::AccountStanding) -> Self {
        let settings = settings(standing.privacy.take().unwrap_or_default());
        let secrets = standing.zone_secrets.iter().map(Bytes::as_ref).chain(std::iter::repeat(&[][..]));
        let areas = settings.zones.iter().zip(secrets).map(|(zone, secret)| Area::of(zone, secret)).collect();
        Self { standing, settings, areas }
    }

    /// Known, and not erased.
    pub fn is_present(&self) -> bool {
        self.standing.known && !self.standing.erased
    }

    pub fn owner(&self) -> Owner<'_> {
        Owner { settings: &self.settings, minor: self.standing.minor, erased: !self.is_present() }
    }

    /// The name on a board to one who is this to the account: the strictest of the account's setting, what was chosen at
    /// joining, and who may see the profile. `None`: anonymous. One's own is always shown to oneself.
    pub fn board_name(&self, chosen_at_joining: BoardName, relation: &Relation) -> Option<&str> {
        let shown = self.may_be_named(chosen_at_joining)
            && visible(&self.owner(), None, relation).shows(DataClass::Profile);
        (shown || (relation.owner && self.is_present())).then_some(self.standing.display_name.as_str())
    }

    /// Whether anybody at all, beside the account itself, may see the name on a board.
    pub fn may_be_named(&self, chosen_at_joining: BoardName) -> bool {
        privacy::visibility::board_name(&self.owner(), chosen_at_joining) == BoardName::Shown
    }
}

/// One owner, as one viewer stands to them.
#[derive(Clone, Debug)]
pub struct Look {
    person: Arc<Person>,
    pub relation: Relation,
}

impl Deref for Look {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

impl Look {
    pub fn new(person: Arc<Person>, relation: Relation) -> Self {
        Self { person, relation }
    }

    /// What the viewer may see of the owner; of an activity, when its own visibility is given.
    pub fn mask(&self, activity: Option<&Audience>) -> FieldMask {
        visible(&self.owner(), activity, &self.relation)
    }

    pub fn shows_profile(&self) -> bool {
        self.mask(None).shows(DataClass::Profile)
    }

    /// As [`Person::board_name`].
    pub fn board_name(&self, chosen_at_joining: BoardName) -> Option<&str> {
        self.person.board_name(chosen_at_joining, &self.relation)
    }
}

/// Looks on a viewer's behalf. Cheap to clone; clones hold the same people, and ask together.
#[derive(Clone)]
pub struct Sight {
    peers: Peers,
    people: Gather<AccountId, Arc<Person>>,
}

impl Sight {
    pub fn new(peers: Peers) -> Self {
        let known = Known { peers: peers.clone(), people: Mutex::new(Recent::new(PEOPLE_MAX, PEOPLE_IDLE)) };
        let known = Arc::new(known);
        let people = Gather::new(move |accounts| {
            let known = known.clone();
            async move { known.ask(&accounts).await }
        });
        Self { peers, people }
    }

    /// One owner; unknown accounts answer too, and show nothing.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn look(&self, viewer: Option<AccountId>, owner: AccountId) -> Result<Look, Refusal> {
        let mut looks = self.looks(viewer, &[owner]).await?;
        looks.remove(&owner).ok_or_else(|| Refusal::new(Code::Internal, "auth answered without an account"))
    }

    /// Every owner asked for, once.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn looks(
        &self,
        viewer: Option<AccountId>,
        owners: &[AccountId],
    ) -> Result<HashMap<AccountId, Look>, Refusal> {
        let mut owners = owners.to_vec();
        owners.sort_unstable();
        owners.dedup();
        let (standings, mut relations) =
            tokio::join!(self.standings(&owners), self.relations(viewer, &owners));
        let looks = standings?.into_iter().map(|(owner, person)| {
            let relation = relations.remove(&owner).unwrap_or_else(Relation::unknown);
            (owner, Look::new(person, relation))
        });
        Ok(looks.collect())
    }

    /// What auth says of these accounts at its store's head.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn standings(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Arc<Person>>, Refusal> {
        let told = self.people(accounts).await?;
        Ok(accounts.iter().filter_map(|account| Some((*account, told.get(account)?.clone()))).collect())
    }

    /// As [`Sight::standings`], and perhaps of others too.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn people(
        &self,
        accounts: &[AccountId],
    ) -> Result<Arc<HashMap<AccountId, Arc<Person>>>, Refusal> {
        if accounts.is_empty() {
            return Ok(Arc::default());
        }
        self.people.ask(accounts).await
    }

    /// What the viewer is to each owner; those that social does not tell of are absent, and must be taken for unknown.
    pub async fn relations(
        &self,
        viewer: Option<AccountId>,
        owners: &[AccountId],
    ) -> HashMap<AccountId, Relation> {
        let mut found = HashMap::with_capacity(owners.len());
        let Some(viewer) = viewer else {
            found.extend(owners.iter().map(|owner| (*owner, Relation::stranger())));
            return found;
        };
        let others: Vec<AccountId> = owners.iter().copied().filter(|owner| *owner != viewer).collect();
        if others.len() < owners.len() {
            found.insert(viewer, Relation::owner());
        }
        for batch in others.chunks(BATCH) {
            let request = social::RelationsRequest {
                viewer_id: bytes_of(viewer),
                owner_ids: batch.iter().copied().map(bytes_of).collect(),
                friends_of_friends: false,
            };
            match self.peers.social().relations(request).await {
                Ok(answer) => {
                    found.extend(batch.iter().copied().zip(answer.into_inner().items.iter().map(relation)));
                }
                Err(status) => {
                    let refusal = refusal(&status);
                    tracing::warn!(%refusal, "relations cannot be known: they hide");
                }
            }
        }
        found
    }

    /// Those of the owners with whom the viewer shares a block, and perhaps others; `None`: it cannot be known. Of
    /// everybody when `owners` is empty.
    pub async fn hidden(&self, viewer: AccountId, owners: &[AccountId]) -> Option<HashSet<AccountId>> {
        let mut found = HashSet::new();
        for among in owners.chunks(BATCH).chain(owners.is_empty().then_some(&[][..])) {
            let among_ids = among.iter().copied().map(bytes_of).collect();
            let request = social::HiddenRequest { account_id: bytes_of(viewer), among_ids };
            let answer = self.peers.social().hidden(request).await;
            let answer = answer.inspect_err(|status| {
                tracing::warn!(code = ?status.code(), "blocks cannot be known: every name is hidden");
            });
            for id in answer.ok()?.into_inner().account_ids {
                found.insert(Uuid::from_slice(&id).ok().map(Id::new)?);
            }
        }
        Some(found)
    }
}

/// The people that were asked for lately. Auth is asked each time, but says no more than that they are the same.
struct Known {
    peers: Peers,
    people: Mutex<Recent<AccountId, Arc<Person>>>,
}

impl Known {
    async fn ask(&self, accounts: &[AccountId]) -> Result<HashMap<AccountId, Arc<Person>>, Refusal> {
        let mut found = HashMap::with_capacity(accounts.len());
        for batch in accounts.chunks(BATCH) {
            let held = self.held(batch);
            let stamp = |held: &Option<Arc<Person>>| held.as_ref().map_or(0, |held| held.standing.stamp);
            let request = auth::StandingRequest {
                account_ids: batch.iter().copied().map(bytes_of).collect(),
                held: held.iter().map(stamp).collect(),
            };
            let answer = self.peers.auth().standing(request).await.map_err(|status| {
                tracing::warn!(code = ?status.code(), "auth did not say how accounts stand");
                Refusal::new(Code::Unavailable, "accounts cannot be asked at the moment").retry_after_s(1)
            })?;
            let told = held.into_iter().zip(answer.into_inner().accounts);
            let people = batch.iter().zip(told).map(|(account, (held, told))| {
                (*account, held.filter(|_| told.same).unwrap_or_else(|| self.learn(*account, told)))
            });
            found.extend(people);
        }
        Ok(found)
    }

    fn held(&self, accounts: &[AccountId]) -> Vec<Option<Arc<Person>>> {
        let mut people = self.people();
        people.age(Instant::now());
        accounts.iter().map(|account| people.get(account)).collect()
    }

    /// Who has no stamp is not held: unknown today, perhaps known tomorrow.
    fn learn(&self, account: AccountId, told: auth::AccountStanding) -> Arc<Person> {
        let stamped = told.stamp != 0;
        let person = Arc::new(Person::new(told));
        if stamped {
            self.people().put(account, person.clone());
        }
        person
    }

    fn people(&self) -> MutexGuard<'_, Recent<AccountId, Arc<Person>>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A relation as social tells it.
pub fn relation(told: &social::Relation) -> Relation {
    Relation {
        owner: false,
        follower: told.follower,
        friend: told.friend,
        friend_of_friend: told.friend_of_friend,
        shared_groups: told
            .shared_group_ids
            .iter()
            .filter_map(|id| Uuid::from_slice(id).ok())
            .map(Id::new)
            .collect(),
        blocked: told.blocked,
    }
}

/// Privacy settings as auth tells them. A word that is not known here admits nobody.
pub fn settings(told: auth::Privacy) -> Settings {
    let mut settings = Settings {
        searchable: told.searchable,
        board_name: BoardName::parse(&told.board_name).unwrap_or(BoardName::Anonymous),
        follow_approval: told.follow_approval,
        ..Settings::default()
    };
    for audience in told.audiences {
        let Some(class) = DataClass::parse(&audience.data_class) else { continue };
        settings.audiences.insert(class, Audience::parse(&audience.members).unwrap_or_default());
    }
    let zone = |zone: auth::PrivacyZone| Zone {
        name: zone.name,
        latitude: zone.latitude,
        longitude: zone.longitude,
        radius_m: zone.radius_m,
    };
    settings.zones = told.zones.into_iter().map(zone).collect();
    settings
}

fn bytes_of(account: AccountId) -> Bytes {
    Bytes::copy_from_slice(account.as_bytes())
}
