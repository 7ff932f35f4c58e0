//! One challenge, and lists of them, as somebody may see them.

use kernel::{AccountId, Code, Refusal, Sport, place::Region};
use tokio::sync::OnceCell;

use super::{
    super::App,
    View, nobody, now_us,
    staff::{self, Groups, Hand},
};
use crate::{
    domain::{ChallengeId, Terms, challenge::State},
    store::challenges::{ChallengeRow, Wanted},
};

const LIMIT_USUAL: u32 = 50;
const LIMIT_MAX: u32 = 200;
/// How often a page is filled up with what comes after others' group challenges.
const ROUNDS_MAX: usize = 8;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    Account(AccountId),
    /// Nobody that we know: sees what is public.
    Stranger,
    /// A sibling sees everything.
    Service,
}

/// `not_found` alike for what does not exist, for another's draft, and for what a group keeps among its members.
pub async fn get(app: &App, asker: Asker, id: ChallengeId) -> Result<View, Refusal> {
    let viewer = if let Asker::Account(account) = asker { account } else { nobody() };
    let row = app.store.challenge(id, viewer).await.map_err(eventing::Error::from)?;
    let mut view = view(app, row.ok_or_else(Refusal::not_found)?);
    let hidden = view.marks.is_hidden();
    let account = match asker {
        Asker::Service => return Ok(view),
        Asker::Stranger if hidden => return Err(Refusal::not_found()),
        Asker::Stranger if !view.terms.public => {
            return Err(Refusal::new(Code::Unauthenticated, "sign in to see this challenge"));
        }
        Asker::Stranger => {
            view.author = None;
            return Ok(view);
        }
        Asker::Account(account) => account,
    };
    let hand = Hands::of(app, account).await;
    if !hand.may_manage(&view).await {
        let secret = hidden || (view.mine.is_none() && !hand.belongs(circle(&view.terms)).await?);
        if secret {
            hand.heard()?;
            if hidden && view.terms.group().is_some() {
                hand.groups().await?;
            }
            return Err(Refusal::not_found());
        }
        view.author = None;
    }
    Ok(view)
}

/// The group whose members alone know of a challenge with these terms.
fn circle(terms: &Terms) -> Option<&str> {
    if terms.public { None } else { terms.group() }
}

/// What gives the one who asks a sight of challenges; each sibling is asked at most once.
struct Hands<'a> {
    app: &'a App,
    account: AccountId,
    hand: Result<Hand, Refusal>,
    groups: OnceCell<Result<Groups, Refusal>>,
}

impl<'a> Hands<'a> {
    async fn of(app: &'a App, account: AccountId) -> Self {
        let hand = staff::alone(app, account).await;
        Self { app, account, hand, groups: OnceCell::new() }
    }

    /// Its author, or staff of it or of its group, as far as auth and social could be asked.
    async fn may_manage(&self, view: &View) -> bool {
        let Some(author) = view.author else { return false };
        let by_role = |hand: &Hand| hand.may_manage(author, &view.terms);
        if author == self.account || self.hand.as_ref().is_ok_and(by_role) {
            return true;
        }
        let Some(group) = view.terms.group().filter(|_| self.hand.is_ok()) else { return false };
        self.groups().await.is_ok_and(|groups| groups.staffs.contains(group))
    }

    /// `unavailable` without social.
    async fn groups(&self) -> Result<&Groups, Refusal> {
        let asked = || async {
            Ok::<_, Refusal>(staff::groups(self.app, &[self.account]).await?.pop().unwrap_or_default())
        };
        self.groups.get_or_init(asked).await.as_ref().map_err(Clone::clone)
    }

    fn is_operator(&self) -> bool {
        self.hand.as_ref().is_ok_and(|hand| hand.operator)
    }

    /// `unavailable` when auth could not be asked whether this is staff.
    fn heard(&self) -> Result<(), Refusal> {
        match &self.hand {
            Err(refusal) if refusal.code != Code::Forbidden => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    /// Whether the account is a member, where there is a group to be one of. `unavailable` without social.
    async fn belongs(&self, circle: Option<&str>) -> Result<bool, Refusal> {
        let Some(group) = circle else { return Ok(true) };
        Ok(self.groups().await?.member_of.contains(group))
    }

    /// The challenge as it stands in a list of this account; `None`: it does not, nor while its group cannot be asked.
    async fn admit(&self, mut view: View) -> Option<View> {
        if self.may_manage(&view).await {
            return Some(view);
        }
        if view.mine.is_none() && !self.belongs(circle(&view.terms)).await.unwrap_or(false) {
            return None;
        }
        view.author = None;
        Some(view)
    }
}

/// What a list asks for, as it was written; empty: not said.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    pub region: &'a str,
    pub sport: &'a str,
    pub state: &'a str,
    pub mine: bool,
    pub cursor: &'a str,
    pub limit: u32,
}

/// The newest first, and the cursor of the next page, empty at the end.
pub async fn list(app: &App, viewer: AccountId, query: &Query<'_>) -> Result<(Vec<View>, String), Refusal> {
    let state = said(query.state, State::parse, "/state", "a state of challenges")?;
    // Drafts of others are the operators': the staff of a region finds them by their ids.
    let hands = Hands::of(app, viewer).await;
    let all_drafts = matches!(state, Some(State::Draft | State::Stopped)) && hands.is_operator();
    let bad_cursor = |_| Refusal::new(Code::BadCursor, "the cursor does not belong to this list");
    let limit = if query.limit == 0 { LIMIT_USUAL } else { query.limit.min(LIMIT_MAX) };
    let mut wanted = Wanted {
        viewer,
        region: said(query.region, Region::parse, "/region", "an ISO 3166-2 region")?,
        sport: said(query.sport, Sport::parse, "/sport", "a sport of the vocabulary")?,
        state,
        mine: query.mine,
        all_drafts,
        before: if query.cursor.is_empty() { i64::MAX } else { query.cursor.parse().map_err(bad_cursor)? },
        now_us: now_us(app),
        limit: limit + 1,
    };
    let mut found = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let rows = app.store.challenges(&wanted).await.map_err(eventing::Error::from)?;
        let last = rows.len() <= limit as usize;
        for row in rows {
            if found.len() == limit as usize {
                return Ok((found, wanted.before.to_string()));
            }
            wanted.before = row.position;
            found.extend(hands.admit(view(app, row)).await);
        }
        if last {
            return Ok((found, String::new()));
        }
    }
    // A short page, with where to go on.
    Ok((found, wanted.before.to_string()))
}

fn said<T>(
    text: &str,
    parse: fn(&str) -> Option<T>,
    pointer: &str,
    wanted: &str,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Refusal::field(pointer, "unknown_value", format!("{wanted} belongs here"));
    parse(text).map(Some).ok_or_else(wrong)
}

fn view(app: &App, row: ChallengeRow) -> View {
    View {
        id: row.id,
        author: Some(row.author),
        state: State::of(&row.marks, now_us(app)),
        terms: row.terms,
        marks: row.marks,
        taken: row.taken,
        revision: row.revision,
        mine: row.mine,
    }
}
