//! Weeks, cohorts and members of the leagues ↔ proto.

use eventing::{Aggregate, Class, DecodeError, DomainEvent, Plain};
use prost::Message;
use proto::gamification as wire;

use super::{bytes_of, id};
use crate::domain::league::{
    Clock, Event, Terms, TierTerms, Week,
    cohort::{self, Cohort, Ended, Outcome, Place},
    member::{self, Member},
};

impl Aggregate for Clock {
    type Event = Event;
    const KIND: &'static str = "leagues";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Opened { week, terms } => Plain::of(&opened_to_wire(*week, terms)),
            Self::Ended { week, activity_head } => {
                Plain::of(&wire::LeagueWeekEnded { week: week.0, activity_head: *activity_head })
            }
            Self::Closed { week, cohorts, members, closed_us } => Plain::of(&wire::LeagueWeekClosed {
                week: week.0,
                cohorts: *cohorts,
                members: *members,
                closed_us: *closed_us,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        match plain.kind.rsplit('.').next().unwrap_or_default() {
            "LeagueWeekOpened" => {
                let event: wire::LeagueWeekOpened = plain.expect()?;
                Ok(Self::Opened { week: Week(event.week), terms: terms_from_wire(event) })
            }
            "LeagueWeekEnded" => {
                let event: wire::LeagueWeekEnded = plain.expect()?;
                Ok(Self::Ended { week: Week(event.week), activity_head: event.activity_head })
            }
            "LeagueWeekClosed" => {
                let wire::LeagueWeekClosed { week, cohorts, members, closed_us } = plain.expect()?;
                Ok(Self::Closed { week: Week(week), cohorts, members, closed_us })
            }
            _ => Err(DecodeError(format!("{} is no event of the leagues", plain.kind))),
        }
    }
}

fn opened_to_wire(week: Week, terms: &Terms) -> wire::LeagueWeekOpened {
    let tier = |tier: &TierTerms| wire::LeagueTier {
        tier: tier.tier.clone(),
        promotion_places: tier.promotion_places,
        demotion_places: tier.demotion_places,
    };
    wire::LeagueWeekOpened {
        week: week.0,
        rule_version: terms.rule_version,
        cohort_size: terms.cohort_size,
        tiers: terms.tiers.iter().map(tier).collect(),
    }
}

fn terms_from_wire(event: wire::LeagueWeekOpened) -> Terms {
    let tier = |tier: wire::LeagueTier| {
        let wire::LeagueTier { tier, promotion_places, demotion_places } = tier;
        TierTerms { tier, promotion_places, demotion_places }
    };
    Terms {
        rule_version: event.rule_version,
        cohort_size: event.cohort_size,
        tiers: event.tiers.into_iter().map(tier).collect(),
    }
}

/// Terms as a row keeps them.
pub(crate) fn terms_to_bytes(week: Week, terms: &Terms) -> Vec<u8> {
    opened_to_wire(week, terms).encode_to_vec()
}

pub(crate) fn terms_from_bytes(bytes: &[u8]) -> Result<Terms, DecodeError> {
    let event = wire::LeagueWeekOpened::decode(bytes);
    event.map(terms_from_wire).map_err(|error| DecodeError(format!("a week's terms: {error}")))
}

impl Aggregate for Cohort {
    type Event = cohort::Event;
    const KIND: &'static str = "cohort";

    fn evolve(&mut self, event: &cohort::Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for cohort::Event {
    fn encode(&self) -> Plain {
        Plain::of(&wire::LeaguePlaceTaken {
            account_id: bytes_of(self.account),
            week: self.place.week.0,
            tier: self.place.tier,
            cohort: self.place.cohort,
            size: self.size,
            rank: self.ended.map_or(0, |ended| ended.rank),
            xp: self.ended.map_or(0, |ended| ended.xp),
            outcome: self.ended.map_or("", |ended| ended.outcome.as_str()).to_owned(),
            next_tier: self.ended.map_or(0, |ended| ended.next_tier),
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::LeaguePlaceTaken = plain.expect()?;
        let wire::LeaguePlaceTaken { week, tier, cohort, size, rank, xp, next_tier, .. } = event;
        let ended = match Outcome::parse(&event.outcome) {
            Some(outcome) => Some(Ended { rank, xp, outcome, next_tier }),
            None if plain.is_erased(Class::Activity) || event.outcome.is_empty() => None,
            None => return Err(DecodeError(format!("{} is no outcome of a week", event.outcome))),
        };
        let place = Place { week: Week(week), tier, cohort };
        Ok(Self { account: id(&event.account_id)?, place, size, ended })
    }
}

impl Aggregate for Member {
    type Event = member::Event;
    const KIND: &'static str = "league_member";

    fn evolve(&mut self, event: &member::Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for member::Event {
    fn encode(&self) -> Plain {
        Plain::of(&wire::LeagueMemberErased { account_id: bytes_of(self.account) })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::LeagueMemberErased = plain.expect()?;
        Ok(Self { account: id(&event.account_id)? })
    }
}
