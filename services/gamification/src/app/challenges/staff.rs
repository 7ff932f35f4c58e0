//! Who may do what with a challenge: by auth's standing and social's groups at the moment of the call, never by a token.

use std::collections::BTreeSet;

use kernel::{AccountId, Code, Refusal};
use proto::{auth::AccountStanding, social};

use super::{
    super::App,
    read::{self, Asker},
};
use crate::{
    domain::{Challenge, ChallengeId, Terms},
    wire::bytes_of,
};

/// Somebody, with what gives them a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    pub account: AccountId,
    pub operator: bool,
    pub coach: Option<Reach>,
    pub marketer: Option<Reach>,
    /// What it is to groups; of nobody who needs none of them.
    pub groups: Groups,
}

/// Where a role reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everywhere,
    Regions(BTreeSet<String>),
}

impl Reach {
    /// A role may be given more than once: without regions it reaches everywhere.
    fn with(before: Option<Self>, regions: &[String]) -> Self {
        match before {
            Some(Self::Everywhere) => Self::Everywhere,
            _ if regions.is_empty() => Self::Everywhere,
            Some(Self::Regions(mut mine)) => {
                mine.extend(regions.iter().cloned());
                Self::Regions(mine)
            }
            None => Self::Regions(regions.iter().cloned().collect()),
        }
    }

    /// Terms that do not name their regions reach everywhere.
    fn covers(&self, terms: &Terms) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Regions(mine) => !terms.regions.is_empty() && terms.regions.is_subset(mine),
        }
    }
}

impl Hand {
    pub fn of(account: AccountId, standing: &AccountStanding) -> Self {
        let groups = Groups::default();
        let mut hand = Self { account, operator: false, coach: None, marketer: None, groups };
        for role in &standing.roles {
            match role.role.as_str() {
                "operator" => hand.operator = true,
                "coach" => hand.coach = Some(Reach::with(hand.coach.take(), &role.regions)),
                "marketer" => hand.marketer = Some(Reach::with(hand.marketer.take(), &role.regions)),
                _ => {}
            }
        }
        hand
    }

    /// Works on every challenge of its regions, whoever wrote it.
    fn is_staff_of(&self, terms: &Terms) -> bool {
        self.operator || self.marketer.as_ref().is_some_and(|reach| reach.covers(terms))
    }

    /// To write a challenge with these terms, and to open it.
    pub fn may_write(&self, terms: &Terms) -> Result<(), Refusal> {
        if self.by_role(terms) || self.runs(terms) || self.plain_member_of(terms).is_some() {
            return Ok(());
        }
        let why = match (&self.marketer, &self.coach) {
            (Some(Reach::Regions(_)), _) | (_, Some(Reach::Regions(_))) => {
                "your role does not reach all of these regions: name them in region_in"
            }
            _ => "challenges are made by marketers, coaches, operators, and by members of a group for it",
        };
        Err(Refusal::new(Code::Forbidden, why))
    }

    /// Owner or admin of the group whose members alone take part.
    fn runs(&self, terms: &Terms) -> bool {
        terms.group().is_some_and(|group| self.groups.staffs.contains(group))
    }

    /// The group whose members alone take part, of one who is a member of it and nothing more.
    pub(super) fn plain_member_of<'t>(&self, terms: &'t Terms) -> Option<&'t str> {
        let plain = !self.by_role(terms) && !self.runs(terms);
        terms.group().filter(|group| plain && self.groups.member_of.contains(*group))
    }

    /// Whether a role lets them work on a challenge with these terms, not only a group that they are in.
    pub fn by_role(&self, terms: &Terms) -> bool {
        self.is_staff_of(terms) || self.coach.as_ref().is_some_and(|reach| reach.covers(terms))
    }

    /// To promise points and badges: nobody gives them away who is only of a group.
    pub fn may_reward(&self, terms: &Terms) -> Result<(), Refusal> {
        if terms.rewards.is_empty() || self.by_role(terms) {
            return Ok(());
        }
        Err(Refusal::field(
            "/rewards",
            "not_allowed",
            "rewards are promised by marketers, coaches and operators",
        ))
    }

    pub(super) fn may_manage(&self, author: AccountId, terms: &Terms) -> bool {
        self.account == author || self.is_staff_of(terms) || self.runs(terms)
    }
}

/// The caller, with its groups where the terms ask for one.
pub async fn hand(app: &App, account: AccountId, terms: &Terms) -> Result<Hand, Refusal> {
    with_groups(app, alone(app, account).await?, terms).await
}

/// With the groups, where the terms ask for one and no role does instead. `unavailable` without social.
async fn with_groups(app: &App, mut hand: Hand, terms: &Terms) -> Result<Hand, Refusal> {
    if terms.group().is_some() && !hand.by_role(terms) {
        hand.groups = groups(app, &[hand.account]).await?.pop().unwrap_or_default();
    }
    Ok(hand)
}

/// The caller by its roles alone.
pub async fn alone(app: &App, account: AccountId) -> Result<Hand, Refusal> {
    let unknown = || Refusal::new(Code::Forbidden, "this account may do nothing here");
    let standing = app.standing(account).await?.ok_or_else(unknown)?;
    if standing.locked {
        return Err(Refusal::new(Code::Forbidden, "the account is locked"));
    }
    Ok(Hand::of(account, &standing))
}

/// The caller, allowed to change this challenge: `not_found` where it may not know of it, else `forbidden`. What was
/// opened is others' too: its author manages it for as long as he might write it.
pub async fn manager(
    app: &App,
    account: AccountId,
    id: ChallengeId,
    challenge: &Challenge,
) -> Result<Hand, Refusal> {
    let drafted = challenge.known()?;
    let opened = !challenge.marks().is_hidden();
    let may = |hand: &Hand| {
        let writes = !opened || hand.may_write(&drafted.terms).is_ok();
        writes && hand.may_manage(drafted.author, &drafted.terms)
    };
    let refusal = match alone(app, account).await {
        Ok(mut hand) => {
            if !may(&hand) {
                hand = with_groups(app, hand, &drafted.terms).await?;
            }
            if may(&hand) {
                return Ok(hand);
            }
            let detail = "only its author, the staff of its regions and who runs its group may do this";
            Refusal::new(Code::Forbidden, detail)
        }
        Err(refusal) if refusal.code == Code::Forbidden => refusal,
        Err(refusal) => return Err(refusal),
    };
    read::get(app, Asker::Account(account), id).await?;
    Err(refusal)
}

/// Whether the caller may know of a challenge that strangers do not.
pub async fn may_see_hidden(
    app: &App,
    account: AccountId,
    author: AccountId,
    terms: &Terms,
) -> Result<bool, Refusal> {
    if account == author {
        return Ok(true);
    }
    match hand(app, account, terms).await {
        Ok(hand) => Ok(hand.may_manage(author, terms)),
        Err(refusal) if refusal.code == Code::Forbidden => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// An account's groups, as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    pub member_of: BTreeSet<String>,
    pub staffs: BTreeSet<String>,
}

/// In the order asked; at most 200 accounts. `unavailable` without social.
pub async fn groups(app: &App, accounts: &[AccountId]) -> Result<Vec<Groups>, Refusal> {
    let request =
        social::GroupsOfRequest { account_ids: accounts.iter().map(|account| bytes_of(*account)).collect() };
    let answer = app.peers.social().groups_of(request).await.map_err(|status| platform::refusal(&status))?;
    let texts = |ids: &[bytes::Bytes]| {
        ids.iter().filter_map(|id| uuid::Uuid::from_slice(id).ok()).map(|id| id.to_string()).collect()
    };
    let items = answer.into_inner().items;
    let mut all: Vec<Groups> = items
        .iter()
        .map(|item| Groups { member_of: texts(&item.group_ids), staffs: texts(&item.staffed_group_ids) })
        .collect();
    all.resize(accounts.len(), Groups::default());
    Ok(all)
}

#[cfg(test)]
#[path = "staff_tests.rs"]
mod tests;
