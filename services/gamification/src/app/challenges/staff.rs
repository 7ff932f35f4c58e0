//! Who may do what with a challenge: by auth's standing and social's groups at the moment of the call, never by a token.

use std::collections::BTreeSet;

use kernel::{AccountId, Code, Refusal};
use proto::{auth::AccountStanding, social};

use super::super::App;
use crate::{
    domain::{Challenge, Terms},
    wire::bytes_of,
};

/// Somebody, with what gives them a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    pub account: AccountId,
    pub operator: bool,
    pub coach: bool,
    pub marketer: Option<Reach>,
    /// Groups where it is owner or admin.
    pub staffs: BTreeSet<String>,
}

/// Where a marketer's role reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everywhere,
    Regions(BTreeSet<String>),
}

impl Reach {
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
        let mut hand =
            Self { account, operator: false, coach: false, marketer: None, staffs: BTreeSet::new() };
        for role in &standing.roles {
            match role.role.as_str() {
                "operator" => hand.operator = true,
                "coach" => hand.coach = true,
                "marketer" if role.regions.is_empty() => hand.marketer = Some(Reach::Everywhere),
                "marketer" => {
                    if let Reach::Regions(mine) =
                        hand.marketer.get_or_insert_with(|| Reach::Regions(BTreeSet::new()))
                    {
                        mine.extend(role.regions.iter().cloned());
                    }
                }
                _ => {}
            }
        }
        hand
    }

    /// Works on every challenge of its regions, whoever wrote it.
    fn is_staff_of(&self, terms: &Terms) -> bool {
        self.operator || self.marketer.as_ref().is_some_and(|reach| reach.covers(terms))
    }

    /// To write a challenge with these terms.
    pub fn may_write(&self, terms: &Terms) -> Result<(), Refusal> {
        let own_group = terms.group().is_some_and(|group| self.staffs.contains(group));
        if own_group || self.by_role(terms) {
            return Ok(());
        }
        let why = match &self.marketer {
            Some(Reach::Regions(_)) => {
                "your role does not reach all of these regions: name them in region_in"
            }
            _ => {
                "challenges are made by marketers, coaches, operators, and by those who run a group for its members"
            }
        };
        Err(Refusal::new(Code::Forbidden, why))
    }

    /// Whether a role lets them work on a challenge with these terms, not only a group that they run.
    pub fn by_role(&self, terms: &Terms) -> bool {
        self.coach || self.is_staff_of(terms)
    }

    /// To promise points and badges: nobody gives them away who only runs a group.
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
        self.account == author || self.is_staff_of(terms)
    }
}

/// The caller, with the groups that it runs where the terms ask for one.
pub async fn hand(app: &App, account: AccountId, terms: Option<&Terms>) -> Result<Hand, Refusal> {
    let unknown = || Refusal::new(Code::Forbidden, "this account may do nothing here");
    let standing = app.standing(account).await?.ok_or_else(unknown)?;
    if standing.locked {
        return Err(Refusal::new(Code::Forbidden, "the account is locked"));
    }
    let mut hand = Hand::of(account, &standing);
    if terms.is_some_and(|terms| terms.group().is_some() && !hand.by_role(terms)) {
        hand.staffs = groups(app, &[account]).await?.into_iter().flat_map(|groups| groups.staffs).collect();
    }
    Ok(hand)
}

/// The caller, allowed to change this challenge: `not_found` where it may not know of it, else `forbidden`.
pub async fn manager(app: &App, account: AccountId, challenge: &Challenge) -> Result<Hand, Refusal> {
    let drafted = challenge.known()?;
    let hidden = challenge.marks().is_hidden();
    let hand = match hand(app, account, None).await {
        Err(refusal) if hidden && refusal.code == Code::Forbidden => return Err(Refusal::not_found()),
        hand => hand?,
    };
    if hand.may_manage(drafted.author, &drafted.terms) {
        return Ok(hand);
    }
    Err(if hidden {
        Refusal::not_found()
    } else {
        Refusal::new(Code::Forbidden, "only its author and the staff of its regions may do this")
    })
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
    match hand(app, account, None).await {
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
