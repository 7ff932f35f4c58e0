//! auth, gamification and social as the leaderboard meets them: the RPCs that it calls, answered from what a test has told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use kernel::{AccountId, Id};
use proto::{
    auth,
    gamification::{PastScoresRequest, PastScoresResponse, past_scores_response::PastScore},
    social,
};
use testkit::StandIn;
use tonic::{Status, service::Routes};
use uuid::Uuid;

/// What is known of people.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    people: HashMap<AccountId, auth::AccountStanding>,
    friends: HashSet<(AccountId, AccountId)>,
    blocks: HashSet<(AccountId, AccountId)>,
    groups: HashSet<(AccountId, GroupId)>,
    /// Of groups: the name, and whether only those in it may know of it.
    titles: HashMap<GroupId, (String, bool)>,
    silent: bool,
    /// Since when each score stands, and how often the past was asked for.
    past: Vec<(i64, PastScore)>,
    asked: usize,
}

/// As many scores of the past as the stand-in tells at once.
const PAST_PAGE: usize = 2;

pub(crate) enum Group {}
pub(crate) type GroupId = Id<Group>;

pub(crate) fn group(name: &str) -> GroupId {
    Id::derived(&[name.as_bytes()])
}

pub(crate) fn id_of(bytes: &[u8]) -> AccountId {
    Id::new(Uuid::from_slice(bytes).unwrap())
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

impl Known {
    /// An adult whose name boards may show; `profile`: who may see it, nobody said = the default.
    pub(crate) fn person(&self, account: AccountId, name: &str, profile: Option<&[&str]>) {
        let members = |audience: &[&str]| audience.iter().map(|one| (*one).to_owned()).collect();
        let audience =
            |audience| auth::Audience { data_class: "profile".to_owned(), members: members(audience) };
        let privacy = auth::Privacy {
            board_name: "shown".to_owned(),
            searchable: true,
            audiences: profile.map(audience).into_iter().collect(),
            ..auth::Privacy::default()
        };
        let standing = auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            display_name: name.to_owned(),
            privacy: Some(privacy),
            ..auth::AccountStanding::default()
        };
        self.0.lock().unwrap().people.insert(account, standing);
    }

    pub(crate) fn change(&self, account: AccountId, change: impl FnOnce(&mut auth::AccountStanding)) {
        change(self.0.lock().unwrap().people.get_mut(&account).unwrap());
    }

    pub(crate) fn befriend(&self, one: AccountId, other: AccountId) {
        self.0.lock().unwrap().friends.extend([(one, other), (other, one)]);
    }

    pub(crate) fn block(&self, one: AccountId, other: AccountId) {
        self.0.lock().unwrap().blocks.extend([(one, other), (other, one)]);
    }

    pub(crate) fn join(&self, account: AccountId, group: GroupId) {
        self.0.lock().unwrap().groups.insert((account, group));
    }

    pub(crate) fn leave(&self, account: AccountId, group: GroupId) {
        self.0.lock().unwrap().groups.remove(&(account, group));
    }

    pub(crate) fn title(&self, group: GroupId, name: &str, by_invitation: bool) {
        self.0.lock().unwrap().titles.insert(group, (name.to_owned(), by_invitation));
    }

    /// Social does not answer.
    pub(crate) fn silence(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }

    /// A score that stands since then.
    pub(crate) fn stood(&self, since_us: i64, score: PastScore) {
        self.0.lock().unwrap().past.push((since_us, score));
    }

    pub(crate) fn pages_asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn past(&self, request: &PastScoresRequest) -> PastScoresResponse {
        let mut inner = self.0.lock().unwrap();
        inner.asked += 1;
        let known = inner.past.iter().filter(|(since_us, _)| *since_us <= request.at_us);
        let newest: BTreeMap<Bytes, PastScore> =
            known.map(|(_, score)| (score.account_id.clone(), score.clone())).collect();
        let scores: Vec<PastScore> =
            newest.into_values().filter(|score| score.account_id > request.after).take(PAST_PAGE).collect();
        let full = scores.len() == PAST_PAGE;
        let next = scores.last().filter(|_| full).map(|last| last.account_id.clone()).unwrap_or_default();
        PastScoresResponse { scores, next }
    }

    fn standing(&self, request: auth::StandingRequest) -> Result<auth::StandingResponse, Status> {
        let inner = self.0.lock().unwrap();
        let of = |id: &Bytes| {
            let unknown = auth::AccountStanding { account_id: id.clone(), ..Default::default() };
            inner.people.get(&id_of(id)).cloned().unwrap_or(unknown)
        };
        Ok(auth::StandingResponse { accounts: request.account_ids.iter().map(of).collect() })
    }

    fn relations(&self, request: social::RelationsRequest) -> Result<social::RelationsResponse, Status> {
        let inner = self.heard()?;
        let viewer = id_of(&request.viewer_id);
        let of = |id: &Bytes| {
            let pair = (viewer, id_of(id));
            let shared = inner.groups_of(pair.0).filter(|group| inner.groups.contains(&(pair.1, *group)));
            social::Relation {
                shared_group_ids: shared.map(bytes_of).collect(),
                owner_id: id.clone(),
                friend: inner.friends.contains(&pair),
                blocked: inner.blocks.contains(&pair),
                ..social::Relation::default()
            }
        };
        let items = request.owner_ids.iter().map(of).collect();
        Ok(social::RelationsResponse { items, position: 1 })
    }

    fn hidden(&self, request: social::HiddenRequest) -> Result<social::HiddenResponse, Status> {
        let inner = self.heard()?;
        let account_ids = with(&inner.blocks, id_of(&request.account_id));
        Ok(social::HiddenResponse { account_ids, position: 1 })
    }

    fn friends_of(&self, request: social::FriendsOfRequest) -> Result<social::FriendsOfResponse, Status> {
        let inner = self.heard()?;
        Ok(social::FriendsOfResponse { account_ids: with(&inner.friends, id_of(&request.account_id)) })
    }

    fn groups_of(&self, request: social::GroupsOfRequest) -> Result<social::GroupsOfResponse, Status> {
        let inner = self.heard()?;
        let of = |id: &Bytes| social::AccountGroups {
            account_id: id.clone(),
            group_ids: inner.groups_of(id_of(id)).map(bytes_of).collect(),
            ..social::AccountGroups::default()
        };
        Ok(social::GroupsOfResponse { items: request.account_ids.iter().map(of).collect() })
    }

    fn group_names(&self, request: &social::GroupNamesRequest) -> Result<social::GroupNamesResponse, Status> {
        let inner = self.heard()?;
        let viewer = (!request.viewer_id.is_empty()).then(|| id_of(&request.viewer_id));
        let name = |id: &Bytes| {
            let group: GroupId = Id::new(Uuid::from_slice(id).unwrap());
            let (name, by_invitation) = inner.titles.get(&group)?;
            let within = viewer.is_some_and(|viewer| inner.groups.contains(&(viewer, group)));
            let told = social::GroupName { group_id: id.clone(), name: name.clone() };
            (within || !by_invitation).then_some(told)
        };
        Ok(social::GroupNamesResponse { items: request.group_ids.iter().filter_map(name).collect() })
    }

    fn heard(&self) -> Result<std::sync::MutexGuard<'_, Inner>, Status> {
        let inner = self.0.lock().unwrap();
        if inner.silent { Err(Status::unavailable("silent")) } else { Ok(inner) }
    }
}

impl Inner {
    fn groups_of(&self, account: AccountId) -> impl Iterator<Item = GroupId> {
        self.groups.iter().filter(move |member| member.0 == account).map(|member| member.1)
    }
}

fn with(pairs: &HashSet<(AccountId, AccountId)>, account: AccountId) -> Vec<Bytes> {
    pairs.iter().filter(|pair| pair.0 == account).map(|pair| bytes_of(pair.1)).collect()
}

pub(crate) fn auth(known: &Known) -> Routes {
    let known = known.clone();
    StandIn::of("stadion.auth.v1.Auth").on("Standing", move |asked| known.standing(asked)).routes()
}

pub(crate) fn gamification(known: &Known) -> Routes {
    let known = known.clone();
    let past = move |asked: PastScoresRequest| Ok(known.past(&asked));
    StandIn::of("stadion.gamification.v1.Gamification").on("PastScores", past).routes()
}

pub(crate) fn social(known: &Known) -> Routes {
    let [relations, hidden, friends, groups, names] = [(); 5].map(|()| known.clone());
    StandIn::of("stadion.social.v1.Social")
        .on("Relations", move |asked| relations.relations(asked))
        .on("Hidden", move |asked| hidden.hidden(asked))
        .on("FriendsOf", move |asked| friends.friends_of(asked))
        .on("GroupsOf", move |asked| groups.groups_of(asked))
        .on("GroupNames", move |asked: social::GroupNamesRequest| names.group_names(&asked))
        .routes()
}
