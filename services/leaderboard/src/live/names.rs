//! Who is named, and to whom. One encoding serves everybody to whom nobody in it is anything in particular; a viewer
//! with a block, a friend or itself among those shown gets its own.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use kernel::AccountId;
use platform::{Look, Person};
use privacy::{BoardName, Relation};
use serde::{Serialize, Serializer};
use tokio::{sync::watch, time::Instant};

use super::{Grounds, frames::json, window::Who};
use crate::app::titles::{Titles, titles};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A member that is shown.
pub(super) struct Face {
    account: AccountId,
    show_as: BoardName,
    /// `None`: auth did not tell; nobody may know.
    look: Option<Arc<Look>>,
    /// To anybody.
    stranger: Option<String>,
    /// Somebody may see more than a stranger.
    depends: bool,
}

impl Face {
    fn of(who: &Who, look: Option<Arc<Look>>) -> Self {
        let stranger = look.as_ref().and_then(|look| look.board_name(who.show_as)).map(str::to_owned);
        let may = look.as_ref().is_some_and(|look| look.may_be_named(who.show_as));
        let depends = stranger.is_none() && may;
        Self { account: who.account, show_as: who.show_as, look, stranger, depends }
    }

    /// Of a team: its group's name, where anybody may know of the group.
    fn of_team(who: &Who, title: Option<&String>) -> Self {
        let stranger = title.cloned();
        Self { account: who.account, show_as: who.show_as, look: None, stranger, depends: false }
    }

    fn is(&self, who: &Who, look: Option<&Arc<Look>>) -> bool {
        let same_look = match (&self.look, look) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same_look && self.account == who.account && self.show_as == who.show_as
    }

    /// The name for one who is this to the member.
    fn to(&self, relation: &Relation) -> Option<String> {
        Person::board_name(self.look.as_deref()?, self.show_as, relation).map(str::to_owned)
    }
}

/// The members that a window shows, by number.
#[derive(Default)]
pub(super) struct Names {
    /// Counts what there was to say; 0: nothing is known yet.
    pub(super) epoch: u64,
    /// Changes in relations are heard of at once; otherwise only strangers are told anything.
    relations_heard: bool,
    faces: BTreeMap<u32, Arc<Face>>,
    /// Those that are new, or not as they were, since the epoch before.
    news: Vec<u32>,
    whole: OnceLock<Bytes>,
    part: OnceLock<Bytes>,
}

impl Names {
    /// The names of those who are shown now; `None` when they are the same.
    pub(super) fn after(
        &self,
        who: &[Who],
        looks: &HashMap<AccountId, Arc<Look>>,
        relations_heard: bool,
    ) -> Option<Self> {
        let look = |one: &Who| looks.get(&one.account);
        let is = |face: &Face, one: &Who| face.is(one, look(one));
        self.next(who, relations_heard, is, |one| Face::of(one, look(one).cloned()))
    }

    /// As [`Names::after`], of teams.
    pub(super) fn after_teams(&self, who: &[Who], titles: &Titles) -> Option<Self> {
        let title = |one: &Who| titles.get(&one.account);
        let is = |face: &Face, one: &Who| face.account == one.account && face.stranger.as_ref() == title(one);
        self.next(who, true, is, |one| Face::of_team(one, title(one)))
    }

    fn next(
        &self,
        who: &[Who],
        relations_heard: bool,
        is: impl Fn(&Face, &Who) -> bool,
        of: impl Fn(&Who) -> Face,
    ) -> Option<Self> {
        let turned = self.relations_heard != relations_heard;
        let (mut faces, mut news) = (BTreeMap::new(), Vec::new());
        for one in who {
            let known = self.faces.get(&one.number).filter(|face| is(face, one));
            if known.is_none() || turned {
                news.push(one.number);
            }
            faces.insert(one.number, known.cloned().unwrap_or_else(|| Arc::new(of(one))));
        }
        if news.is_empty() && faces.len() == self.faces.len() && self.epoch > 0 {
            return None;
        }
        if news.is_empty() && self.epoch > 0 {
            // Some are no longer shown; there is nothing to say, and their return will be news.
            let (epoch, news) = (self.epoch, self.news.iter().filter(|one| faces.contains_key(one)).copied());
            return Some(Self { epoch, relations_heard, news: news.collect(), faces, ..Self::default() });
        }
        Some(Self { epoch: self.epoch + 1, relations_heard, faces, news, ..Self::default() })
    }

    fn said(&self, all: bool) -> impl Iterator<Item = (u32, &Face)> {
        let news = self.news.iter().filter(move |_| !all);
        let news = news.filter_map(|number| Some((*number, &**self.faces.get(number)?)));
        let whole = self.faces.iter().filter(move |_| all).map(|(number, face)| (*number, &**face));
        whole.chain(news)
    }

    /// The frame for strangers, and for whom nobody in it is anything else. `None`: it would say nothing.
    fn shared(&self, all: bool) -> Option<Bytes> {
        let room = if all { &self.whole } else { &self.part };
        self.said(all).next()?;
        let encode =
            || encode(self.said(all).map(|(number, face)| (number, face.account, face.stranger.clone())));
        Some(room.get_or_init(encode).clone())
    }
}

/// The frame of teams: which groups they are, and what they are called as far as the reader may know of them.
pub(super) fn of_teams(viewer: Option<&Viewer>, names: &Names, all: bool) -> Option<Bytes> {
    let room = if all { &names.whole } else { &names.part };
    names.said(all).next()?;
    let own = |face: &Face| viewer.and_then(|viewer| viewer.titles.get(&face.account)?.clone());
    let encode = |own: &dyn Fn(&Face) -> Option<String>| {
        let group = |(number, face): (u32, &Face)| {
            let display_name = face.stranger.clone().or_else(|| own(face));
            (format!("m{number}"), Group { group_id: face.account, display_name })
        };
        json(&names.said(all).map(group).collect::<BTreeMap<_, _>>())
    };
    if names.said(all).any(|(_, face)| face.stranger.is_none() && own(face).is_some()) {
        return Some(encode(&own));
    }
    Some(room.get_or_init(|| encode(&|_: &Face| None)).clone())
}

#[derive(Serialize)]
struct Group {
    group_id: AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

fn encode(names: impl Iterator<Item = (u32, AccountId, Option<String>)>) -> Bytes {
    json(&Frame(names.collect()))
}

struct Frame(Vec<(u32, AccountId, Option<String>)>);

#[derive(Serialize)]
struct Named<'a> {
    account_id: AccountId,
    display_name: &'a str,
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(number, account, name)| {
            let named = name.as_deref().map(|display_name| Named { account_id: *account, display_name });
            (format!("m{number}"), named)
        }))
    }
}

/// Who looks: what names depend on, beside the members themselves.
pub(super) struct Viewer {
    pub(super) account: AccountId,
    /// Changes when something between the viewer and others does.
    pub(super) signal: watch::Receiver<u64>,
    /// With whom it shares a block; `None`: not known, so everybody is hidden.
    hidden: Option<HashSet<AccountId>>,
    relations: HashMap<AccountId, Relation>,
    /// Of teams that strangers may not know of: what the viewer may call them.
    titles: HashMap<AccountId, Option<String>>,
    /// Of the names whose news relations were last asked for.
    epoch: u64,
    /// When to ask again for what was not answered.
    pub(super) retry_at: Option<Instant>,
}

impl Viewer {
    pub(super) fn new(account: AccountId, signal: watch::Receiver<u64>) -> Self {
        let (relations, titles) = (HashMap::new(), HashMap::new());
        Self { account, signal, hidden: None, relations, titles, epoch: 0, retry_at: None }
    }

    /// What was known of relations is no longer so.
    pub(super) fn forget(&mut self) {
        self.hidden = None;
        self.relations.clear();
        self.titles.clear();
    }

    /// As [`Viewer::prepare`], of teams.
    pub(super) async fn prepare_teams(&mut self, grounds: &Grounds, names: &Names, all: bool) -> bool {
        self.retry_at = None;
        let nameless = names.said(all).filter(|(_, face)| face.stranger.is_none());
        let open: Vec<AccountId> =
            nameless.map(|(_, face)| face.account).filter(|row| !self.titles.contains_key(row)).collect();
        let told = titles(&grounds.peers, Some(self.account), &open).await;
        match told {
            Ok(mut told) => {
                self.titles.extend(open.into_iter().map(|row| (row, told.remove(&row))));
                true
            }
            Err(refusal) => {
                tracing::warn!(%refusal, "a reader's own groups cannot be named");
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                false
            }
        }
    }

    /// Asks for what is not known and is needed for these names. Whether all of it is known now.
    pub(super) async fn prepare(&mut self, grounds: &Grounds, names: &Names, all: bool) -> bool {
        self.retry_at = None;
        self.doubt(names);
        if names.said(all).all(|(_, face)| face.account == self.account) {
            return true;
        }
        if self.hidden.is_none() {
            self.hidden = grounds.sight.hidden(self.account, &[]).await;
        }
        let Some(hidden) = &self.hidden else {
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
            return false;
        };
        let asked = |face: &Face| {
            face.depends
                && face.account != self.account
                && !hidden.contains(&face.account)
                && !self.relations.contains_key(&face.account)
        };
        let open: Vec<AccountId> =
            names.said(all).filter(|(_, face)| asked(face)).map(|(_, face)| face.account).collect();
        if !open.is_empty() {
            let shown: HashSet<AccountId> = names.faces.values().map(|face| face.account).collect();
            self.relations.retain(|account, _| shown.contains(account));
            self.relations.extend(grounds.sight.relations(Some(self.account), &open).await);
        }
        let complete = open.iter().all(|account| self.relations.contains_key(account));
        if !complete {
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
        }
        complete
    }

    /// Who is news may be somebody else to the viewer by now: it is asked for again.
    fn doubt(&mut self, names: &Names) {
        if self.epoch + 1 == names.epoch {
            let news = names.news.iter().filter_map(|number| names.faces.get(number));
            news.for_each(|face| drop(self.relations.remove(&face.account)));
        } else if self.epoch != names.epoch {
            self.relations.clear();
        }
        self.epoch = names.epoch;
    }

    /// The frame for this viewer.
    fn frame(&self, names: &Names, all: bool) -> Option<Bytes> {
        let own = |face: &Face| face.account == self.account;
        let hides = |face: &Face| {
            let hidden = self.hidden.as_ref().is_none_or(|hidden| hidden.contains(&face.account));
            !own(face) && (hidden || !names.relations_heard)
        };
        let alike = |face: &Face| !hides(face) && !face.depends && (!own(face) || face.stranger.is_some());
        if names.said(all).all(|(_, face)| alike(face)) {
            return names.shared(all);
        }
        let name = |face: &Face| {
            if own(face) {
                face.to(&Relation::owner())
            } else if hides(face) {
                None
            } else if face.depends {
                self.relations.get(&face.account).and_then(|relation| face.to(relation))
            } else {
                face.stranger.clone()
            }
        };
        Some(encode(names.said(all).map(|(number, face)| (number, face.account, name(face)))))
    }
}

/// The frame for whoever looks; `all` instead of what is new.
pub(super) fn frame(viewer: Option<&Viewer>, names: &Names, all: bool) -> Option<Bytes> {
    viewer.map_or_else(|| names.shared(all), |viewer| viewer.frame(names, all))
}
