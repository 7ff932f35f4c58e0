//! A group: who is in it, with which role, and who may change that.
//!
//! | wish | none | requested | invited | banned | member |
//! |---|---|---|---|---|---|
//! | join (oneself) | open: member; approval: requested; invite: 404 | – (open: member) | member | 403 | – |
//! | leave (oneself) | – | withdrawn | declined | – | left; the last owner names a successor |
//! | put by staff | invited | member | – | 409 | a new role, by a higher rank |
//! | delete by staff | – | declined | withdrawn | unbanned | removed, by a higher rank |
//! | ban by staff | banned | banned | banned | – | banned, by a higher rank |
//!
//! Staff are moderators and above. A higher rank acts on lower ones; owners make owners too. Whoever is erased leaves
//! nothing; the last owner is then followed by the senior admin, moderator or member.

use std::collections::BTreeMap;

use kernel::{AccountId, Code, Refusal};
use privacy::GroupId;

use super::terms::{Kind, Terms};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Member,
    Moderator,
    Admin,
    Owner,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Member, Self::Moderator, Self::Admin, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    #[default]
    None,
    Requested,
    Invited,
    Banned,
    Member(Role),
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Invited => "invited",
            Self::Banned => "banned",
            Self::Member(_) => "member",
        }
    }

    pub const fn role(self) -> Option<Role> {
        if let Self::Member(role) = self { Some(role) } else { None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Left,
    Removed,
    Declined,
    Withdrawn,
    Erased,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Left, Self::Removed, Self::Declined, Self::Withdrawn, Self::Erased];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Erased => "erased",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Created {
        group: GroupId,
        owner: AccountId,
        terms: Terms,
    },
    Changed {
        group: GroupId,
        by: AccountId,
        terms: Terms,
    },
    Joined {
        group: GroupId,
        account: AccountId,
        role: Role,
        by: AccountId,
    },
    Requested {
        group: GroupId,
        account: AccountId,
    },
    Invited {
        group: GroupId,
        account: AccountId,
        by: AccountId,
    },
    Ended {
        group: GroupId,
        account: AccountId,
        by: AccountId,
        reason: Reason,
    },
    Banned {
        group: GroupId,
        account: AccountId,
        by: AccountId,
    },
    Unbanned {
        group: GroupId,
        account: AccountId,
        by: AccountId,
    },
    /// `by`: nobody where it came by succession.
    RoleChanged {
        group: GroupId,
        account: AccountId,
        role: Role,
        by: Option<AccountId>,
    },
}

impl Event {
    /// Whose part in the group it changed.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Created { owner, .. } => Some(*owner),
            Self::Changed { .. } => None,
            Self::Joined { account, .. }
            | Self::Requested { account, .. }
            | Self::Invited { account, .. }
            | Self::Ended { account, .. }
            | Self::Banned { account, .. }
            | Self::Unbanned { account, .. }
            | Self::RoleChanged { account, .. } => Some(*account),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub id: Option<GroupId>,
    pub terms: Option<Terms>,
    people: BTreeMap<AccountId, Part>,
    members: u32,
    /// Counts joinings: who has the lower number is senior.
    joined: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    standing: Standing,
    joined: u64,
}

impl Group {
    pub fn members(&self) -> u32 {
        self.members
    }

    pub fn standing(&self, account: AccountId) -> Standing {
        self.people.get(&account).map(|part| part.standing).unwrap_or_default()
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created { group, owner, terms } => {
                self.id = Some(*group);
                self.terms = Some(terms.clone());
                self.set(*owner, Standing::Member(Role::Owner));
            }
            Event::Changed { terms, .. } => self.terms = Some(terms.clone()),
            Event::Joined { account, role, .. } | Event::RoleChanged { account, role, .. } => {
                self.set(*account, Standing::Member(*role));
            }
            Event::Requested { account, .. } => self.set(*account, Standing::Requested),
            Event::Invited { account, .. } => self.set(*account, Standing::Invited),
            Event::Banned { account, .. } => self.set(*account, Standing::Banned),
            Event::Ended { account, .. } | Event::Unbanned { account, .. } => {
                self.set(*account, Standing::None);
            }
        }
    }

    fn set(&mut self, account: AccountId, standing: Standing) {
        let before = self.people.get(&account).copied();
        let was_member = before.is_some_and(|part| part.standing.role().is_some());
        let is_member = standing.role().is_some();
        self.members = self.members + u32::from(is_member) - u32::from(was_member);
        if standing == Standing::None {
            self.people.remove(&account);
            return;
        }
        let joined = match before {
            Some(part) if was_member && is_member => part.joined,
            _ => {
                self.joined += 1;
                self.joined
            }
        };
        self.people.insert(account, Part { standing, joined });
    }

    /// `not_found` for a group that is not there, has nobody left, or that the account may not know of.
    fn seen_by(&self, account: AccountId) -> Result<(GroupId, &Terms), Refusal> {
        let (Some(id), Some(terms)) = (self.id, &self.terms) else { return Err(Refusal::not_found()) };
        let within = matches!(self.standing(account), Standing::Member(_) | Standing::Invited);
        if self.members == 0 || (terms.kind == Kind::Invite && !within) {
            return Err(Refusal::not_found());
        }
        Ok((id, terms))
    }

    /// The role of a member, at least this one.
    fn ranked(&self, account: AccountId, at_least: Role) -> Result<Role, Refusal> {
        self.seen_by(account)?;
        let role = self.standing(account).role().filter(|role| *role >= at_least);
        role.ok_or_else(|| {
            let detail = format!("only the group's {}s and above may do this", at_least.as_str());
            Refusal::new(Code::Forbidden, detail)
        })
    }

    fn seat(&self) -> Result<(), Refusal> {
        let capacity = self.terms.as_ref().and_then(|terms| terms.capacity);
        match capacity {
            Some(capacity) if self.members >= capacity => {
                Err(Refusal::new(Code::Conflict, format!("the group is full: it has {capacity} members")))
            }
            _ => Ok(()),
        }
    }

    pub fn create(&self, group: GroupId, owner: AccountId, terms: Terms) -> Result<Vec<Event>, Refusal> {
        if self.id.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Created { group, owner, terms }])
    }

    pub fn change(&self, by: AccountId, terms: Terms) -> Result<Vec<Event>, Refusal> {
        let (group, before) = self.seen_by(by)?;
        self.ranked(by, Role::Admin)?;
        if *before == terms {
            return Ok(Vec::new());
        }
        if terms.capacity.is_some_and(|capacity| capacity < self.members) {
            let detail = format!("the group has {} members already", self.members);
            return Err(Refusal::new(Code::Conflict, detail));
        }
        Ok(vec![Event::Changed { group, by, terms }])
    }

    /// Joins, asks, accepts.
    pub fn join(&self, account: AccountId, role: Option<Role>) -> Result<Vec<Event>, Refusal> {
        let (group, terms) = self.seen_by(account)?;
        let joined = Event::Joined { group, account, role: Role::Member, by: account };
        let standing = self.standing(account);
        let as_is = standing.role().unwrap_or(Role::Member);
        if role.is_some_and(|role| role != as_is) {
            return Err(Refusal::new(Code::Forbidden, "nobody gives themselves a role"));
        }
        match (standing, terms.kind) {
            (Standing::Member(_), _) | (Standing::Requested, Kind::Approval | Kind::Invite) => Ok(Vec::new()),
            (Standing::Banned, _) => {
                Err(Refusal::new(Code::Forbidden, "the group's staff keeps you out of it"))
            }
            (Standing::None, Kind::Approval) => Ok(vec![Event::Requested { group, account }]),
            (Standing::None, Kind::Invite) => Err(Refusal::not_found()),
            (Standing::Invited, _) | (Standing::None | Standing::Requested, Kind::Open) => {
                self.seat()?;
                Ok(vec![joined])
            }
        }
    }

    /// Invites, lets in, or gives a role.
    pub fn put(&self, by: AccountId, account: AccountId, role: Option<Role>) -> Result<Vec<Event>, Refusal> {
        let (group, _) = self.seen_by(by)?;
        let rank = self.ranked(by, Role::Moderator)?;
        let new_role = role.unwrap_or(Role::Member);
        match self.standing(account) {
            Standing::Member(old) => {
                let Some(new) = role.filter(|new| *new != old) else { return Ok(Vec::new()) };
                let may_give = new < rank || rank == Role::Owner;
                if old >= rank || !may_give {
                    return Err(Refusal::new(Code::Forbidden, "only a higher rank gives or takes this role"));
                }
                Ok(vec![Event::RoleChanged { group, account, role: new, by: Some(by) }])
            }
            _ if new_role != Role::Member => {
                Err(Refusal::new(Code::Conflict, "a role is given to members; this account is none yet"))
            }
            Standing::None => Ok(vec![Event::Invited { group, account, by }]),
            Standing::Requested => {
                self.seat()?;
                Ok(vec![Event::Joined { group, account, role: Role::Member, by }])
            }
            Standing::Invited => Ok(Vec::new()),
            Standing::Banned => Err(Refusal::new(Code::Conflict, "this account is banned; unban it first")),
        }
    }

    /// Leaves, withdraws, declines.
    pub fn leave(&self, account: AccountId, successor: Option<AccountId>) -> Result<Vec<Event>, Refusal> {
        let Some(group) = self.id else { return Err(Refusal::not_found()) };
        let ended = |reason| Event::Ended { group, account, by: account, reason };
        match self.standing(account) {
            Standing::Member(Role::Owner) if successor.is_some() || self.is_last_owner(account) => {
                let successor = successor
                    .filter(|successor| *successor != account && self.standing(*successor).role().is_some());
                let Some(successor) = successor else {
                    let detail = "the last owner leaves by naming a member as successor (successor_id)";
                    return Err(Refusal::new(Code::Conflict, detail));
                };
                let follows =
                    Event::RoleChanged { group, account: successor, role: Role::Owner, by: Some(account) };
                let is_owner = self.standing(successor).role() == Some(Role::Owner);
                Ok((!is_owner).then_some(follows).into_iter().chain([ended(Reason::Left)]).collect())
            }
            Standing::Member(_) => Ok(vec![ended(Reason::Left)]),
            Standing::Requested => Ok(vec![ended(Reason::Withdrawn)]),
            Standing::Invited => Ok(vec![ended(Reason::Declined)]),
            Standing::Banned => Ok(Vec::new()),
            Standing::None => self.seen_by(account).map(|_| Vec::new()),
        }
    }

    /// Removes, turns away, bans or unbans.
    pub fn remove(&self, by: AccountId, account: AccountId, ban: bool) -> Result<Vec<Event>, Refusal> {
        let (group, _) = self.seen_by(by)?;
        let rank = self.ranked(by, Role::Moderator)?;
        let standing = self.standing(account);
        if standing.role().is_some_and(|role| role >= rank) {
            return Err(Refusal::new(Code::Forbidden, "only a higher rank removes this member"));
        }
        let ended = |reason| vec![Event::Ended { group, account, by, reason }];
        Ok(match standing {
            Standing::Banned if ban => Vec::new(),
            _ if ban => vec![Event::Banned { group, account, by }],
            Standing::Banned => vec![Event::Unbanned { group, account, by }],
            Standing::Member(_) => ended(Reason::Removed),
            Standing::Requested => ended(Reason::Declined),
            Standing::Invited => ended(Reason::Withdrawn),
            Standing::None => Vec::new(),
        })
    }

    /// The account was erased: nothing of it stays, and a last owner is followed.
    pub fn erase(&self, account: AccountId) -> Vec<Event> {
        let (Some(group), true) = (self.id, self.people.contains_key(&account)) else { return Vec::new() };
        let successor = self
            .is_last_owner(account)
            .then(|| self.senior_beside(account))
            .flatten()
            .map(|account| Event::RoleChanged { group, account, role: Role::Owner, by: None });
        let ended = Event::Ended { group, account, by: account, reason: Reason::Erased };
        successor.into_iter().chain([ended]).collect()
    }

    fn is_last_owner(&self, account: AccountId) -> bool {
        let is_owner = |part: &Part| part.standing == Standing::Member(Role::Owner);
        self.standing(account).role() == Some(Role::Owner)
            && !self.people.iter().any(|(other, part)| *other != account && is_owner(part))
    }

    /// Of the highest rank among the others, who joined first.
    fn senior_beside(&self, account: AccountId) -> Option<AccountId> {
        let others = self.people.iter().filter(|(other, _)| **other != account);
        let ranked = others.filter_map(|(other, part)| Some((part.standing.role()?, part.joined, *other)));
        ranked.max_by_key(|(role, joined, _)| (*role, std::cmp::Reverse(*joined))).map(|found| found.2)
    }
}
