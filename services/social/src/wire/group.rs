//! Events of groups.

use eventing::{Aggregate, DecodeError, DomainEvent, Plain};
use kernel::{Sport, place::Region};
use proto::social as p;

use super::{bytes_of, id, id_of, read, unknown};
use crate::domain::{
    group::{Event, Group, Reason, Role},
    terms::{Kind, Terms, Wanted},
};

impl Aggregate for Group {
    type Event = Event;
    const KIND: &'static str = "group";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

pub fn terms_to_wire(terms: &Terms) -> p::GroupTerms {
    p::GroupTerms {
        name: terms.name.clone(),
        kind: terms.kind.as_str().to_owned(),
        region: terms.region.as_ref().map(|region| region.as_str().to_owned()),
        sports: terms.sports.iter().map(|sport| sport.as_str().to_owned()).collect(),
        capacity: terms.capacity,
    }
}

/// What somebody asks for.
pub fn wanted(terms: p::GroupTerms) -> Wanted {
    Wanted {
        name: terms.name,
        kind: terms.kind,
        region: terms.region.unwrap_or_default(),
        sports: terms.sports,
        capacity: terms.capacity,
    }
}

/// Terms that were valid when they were written: read as they are.
fn terms(terms: Option<p::GroupTerms>) -> Result<Terms, DecodeError> {
    let terms = terms.ok_or_else(|| DecodeError("a group without terms".to_owned()))?;
    let no = |what: &str, text: &str| DecodeError(format!("{text:?} is no {what}"));
    let sport = |text: &String| Sport::parse(text).ok_or_else(|| no("sport", text));
    let region = |text: &String| Region::parse(text).ok_or_else(|| no("region", text));
    Ok(Terms {
        kind: Kind::parse(&terms.kind).ok_or_else(|| no("kind of group", &terms.kind))?,
        region: terms.region.as_ref().map(region).transpose()?,
        sports: terms.sports.iter().map(sport).collect::<Result<_, _>>()?,
        capacity: terms.capacity,
        name: terms.name,
    })
}

fn role(text: &str) -> Result<Role, DecodeError> {
    Role::parse(text).ok_or_else(|| DecodeError(format!("{text:?} is no role")))
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Created { group, owner, terms } => Plain::of(&p::GroupCreated {
                group_id: bytes_of(*group),
                owner_id: bytes_of(*owner),
                terms: Some(terms_to_wire(terms)),
            }),
            Self::Changed { group, by, terms } => Plain::of(&p::GroupChanged {
                group_id: bytes_of(*group),
                by_id: bytes_of(*by),
                terms: Some(terms_to_wire(terms)),
            }),
            Self::Joined { group, account, role, by } => Plain::of(&p::MemberJoined {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                role: role.as_str().to_owned(),
                by_id: bytes_of(*by),
            }),
            Self::Requested { group, account } => Plain::of(&p::MembershipRequested {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
            }),
            Self::Invited { group, account, by } => Plain::of(&p::MemberInvited {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                by_id: bytes_of(*by),
            }),
            Self::Ended { group, account, by, reason } => Plain::of(&p::MembershipEnded {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                by_id: bytes_of(*by),
                reason: reason.as_str().to_owned(),
            }),
            Self::Banned { group, account, by } => Plain::of(&p::MemberBanned {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                by_id: bytes_of(*by),
            }),
            Self::Unbanned { group, account, by } => Plain::of(&p::MemberUnbanned {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                by_id: bytes_of(*by),
            }),
            Self::RoleChanged { group, account, role, by } => Plain::of(&p::MemberRoleChanged {
                group_id: bytes_of(*group),
                account_id: bytes_of(*account),
                role: role.as_str().to_owned(),
                by_id: by.map(bytes_of).unwrap_or_default(),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        itself(plain)
            .or_else(|| coming(plain))
            .or_else(|| going(plain))
            .unwrap_or_else(|| unknown(plain, "a group"))
    }
}

type Read = Option<Result<Event, DecodeError>>;

fn itself(plain: &Plain) -> Read {
    read(plain, |m: p::GroupCreated| {
        Ok(Event::Created {
            group: id(&m.group_id, "group_id")?,
            owner: id(&m.owner_id, "owner_id")?,
            terms: terms(m.terms)?,
        })
    })
    .or_else(|| {
        read(plain, |m: p::GroupChanged| {
            Ok(Event::Changed {
                group: id(&m.group_id, "group_id")?,
                by: id(&m.by_id, "by_id")?,
                terms: terms(m.terms)?,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::MemberRoleChanged| {
            Ok(Event::RoleChanged {
                group: id(&m.group_id, "group_id")?,
                account: id(&m.account_id, "account_id")?,
                role: role(&m.role)?,
                by: id_of(&m.by_id),
            })
        })
    })
}

fn coming(plain: &Plain) -> Read {
    read(plain, |m: p::MemberJoined| {
        Ok(Event::Joined {
            group: id(&m.group_id, "group_id")?,
            account: id(&m.account_id, "account_id")?,
            role: role(&m.role)?,
            by: id(&m.by_id, "by_id")?,
        })
    })
    .or_else(|| {
        read(plain, |m: p::MembershipRequested| {
            Ok(Event::Requested {
                group: id(&m.group_id, "group_id")?,
                account: id(&m.account_id, "account_id")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::MemberInvited| {
            Ok(Event::Invited {
                group: id(&m.group_id, "group_id")?,
                account: id(&m.account_id, "account_id")?,
                by: id(&m.by_id, "by_id")?,
            })
        })
    })
}

fn going(plain: &Plain) -> Read {
    read(plain, |m: p::MembershipEnded| {
        Ok(Event::Ended {
            group: id(&m.group_id, "group_id")?,
            account: id(&m.account_id, "account_id")?,
            by: id(&m.by_id, "by_id")?,
            reason: Reason::parse(&m.reason)
                .ok_or_else(|| DecodeError(format!("{:?} is no reason", m.reason)))?,
        })
    })
    .or_else(|| {
        read(plain, |m: p::MemberBanned| {
            Ok(Event::Banned {
                group: id(&m.group_id, "group_id")?,
                account: id(&m.account_id, "account_id")?,
                by: id(&m.by_id, "by_id")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::MemberUnbanned| {
            Ok(Event::Unbanned {
                group: id(&m.group_id, "group_id")?,
                account: id(&m.account_id, "account_id")?,
                by: id(&m.by_id, "by_id")?,
            })
        })
    })
}
