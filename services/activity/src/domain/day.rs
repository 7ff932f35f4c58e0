//! Which values tell of one day and type. The stream that all who change one of them meet at.

use std::collections::BTreeSet;

use eventing::Aggregate;
use kernel::AccountId;

use super::{DailyId, DayId};

/// More devices than anybody wears at once.
pub const SOURCES_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub day_id: DayId,
    pub account_id: AccountId,
    /// All of them.
    pub sources: BTreeSet<DailyId>,
}

#[derive(Clone, Debug, Default)]
pub struct Day {
    pub sources: BTreeSet<DailyId>,
}

impl Aggregate for Day {
    type Event = Event;
    const KIND: &'static str = "day";

    fn evolve(&mut self, event: &Event) {
        self.sources.clone_from(&event.sources);
    }
}

/// The day's name: whoever knows what it is of can say it.
pub fn id_of(account: AccountId, kind: &str, date: &str) -> DayId {
    DayId::derived(&[b"day", account.as_bytes(), kind.as_bytes(), date.as_bytes()])
}
