//! Points, daily steps, usual visibility ↔ proto.

use eventing::{Aggregate, DecodeError, DomainEvent, Plain};
use proto::gamification as wire;

use super::{bytes_of, id};
use crate::domain::{
    daily::{self, Daily, Steps},
    fact::Receipt,
    points::{Ledger, Posted},
    visibility::{self, UsualVisibility},
};

impl Aggregate for Daily {
    type Event = daily::Event;
    const KIND: &'static str = "daily";

    fn evolve(&mut self, event: &daily::Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for daily::Event {
    fn encode(&self) -> Plain {
        Plain::of(&wire::DailyCounted {
            account_id: bytes_of(self.account),
            daily_id: bytes_of(self.daily),
            revision: self.revision,
            fact: self.steps.map(|steps| wire::DailyFact {
                local_day: steps.local_day,
                steps: steps.steps,
                received_us: self.receipt.at_us,
            }),
            position: self.receipt.position,
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::DailyCounted = plain.expect()?;
        let at_us = event.fact.as_ref().map_or(0, |fact| fact.received_us);
        Ok(Self {
            account: id(&event.account_id)?,
            daily: id(&event.daily_id)?,
            revision: event.revision,
            receipt: Receipt { at_us, position: event.position },
            steps: event.fact.map(|fact| Steps { local_day: fact.local_day, steps: fact.steps }),
        })
    }
}

impl Aggregate for UsualVisibility {
    type Event = visibility::Event;
    const KIND: &'static str = "visibility";

    fn evolve(&mut self, event: &visibility::Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for visibility::Event {
    fn encode(&self) -> Plain {
        Plain::of(&wire::DefaultVisibilityChanged {
            account_id: bytes_of(self.account),
            only_me: self.only_me,
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::DefaultVisibilityChanged = plain.expect()?;
        Ok(Self { account: id(&event.account_id)?, only_me: event.only_me })
    }
}

impl Aggregate for Ledger {
    type Event = Posted;
    const KIND: &'static str = "points";

    fn evolve(&mut self, event: &Posted) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for Posted {
    fn encode(&self) -> Plain {
        Plain::of(&wire::PointsPosted {
            entry_id: bytes_of(self.entry),
            account_id: bytes_of(self.account),
            debit: self.debit.clone(),
            credit: self.credit.clone(),
            points: self.points,
            challenge_id: bytes_of(self.challenge),
            rank: self.rank,
            at_us: self.at_us,
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::PointsPosted = plain.expect()?;
        Ok(Self {
            entry: id(&event.entry_id)?,
            account: id(&event.account_id)?,
            debit: event.debit,
            credit: event.credit,
            points: event.points,
            challenge: id(&event.challenge_id)?,
            rank: event.rank,
            at_us: event.at_us,
        })
    }
}
