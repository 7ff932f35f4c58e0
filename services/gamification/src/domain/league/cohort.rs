//! One cohort's final order. Stream `cohort-{cohort}`: written whole in one append, and never again.

use std::cmp::Reverse;

use kernel::{AccountId, Id};

use super::{Terms, Week};

/// Kind of a cohort's id.
pub enum Table {}
pub type CohortId = Id<Table>;

/// Where a cohort plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub week: Week,
    /// From 0, the lowest.
    pub tier: u32,
    /// Within the tier, from 0.
    pub cohort: u32,
}

impl Place {
    pub fn id(self) -> CohortId {
        let Self { week, tier, cohort } = self;
        CohortId::derived(&[b"cohort", &week.0.to_be_bytes(), &tier.to_be_bytes(), &cohort.to_be_bytes()])
    }
}

/// Somebody in a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seated {
    pub account: AccountId,
    /// In the order in which they entered the week.
    pub seat: u32,
    pub xp: i64,
}

/// What a place means for the next week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Promoted,
    Kept,
    Demoted,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Promoted, Self::Kept, Self::Demoted];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Kept => "kept",
            Self::Demoted => "demoted",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One's place in a week that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: AccountId,
    pub place: Place,
    /// How many were ranked.
    pub size: u32,
    /// `None`: erased with its key.
    pub ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub rank: u32,
    pub xp: i64,
    pub outcome: Outcome,
    pub next_tier: u32,
}

/// Those who have earned something, the most first; of equals, whoever entered the week first.
pub fn ranked(mut seated: Vec<Seated>) -> Vec<Seated> {
    seated.retain(|one| one.xp > 0);
    seated.sort_unstable_by_key(|one| (Reverse(one.xp), one.seat));
    seated
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cohort {
    pub placed: bool,
}

impl Cohort {
    /// Nothing where it was placed before.
    pub fn place(&self, place: Place, seated: Vec<Seated>, terms: &Terms) -> Vec<Event> {
        if self.placed {
            return Vec::new();
        }
        let ranked = ranked(seated);
        let size = u32::try_from(ranked.len()).unwrap_or(u32::MAX);
        let (rise, fall) = terms.zones(place.tier, size);
        let event = |(rank, one): (u32, Seated)| {
            let (outcome, next_tier) = if rank <= rise {
                (Outcome::Promoted, place.tier + 1)
            } else if rank > size - fall {
                (Outcome::Demoted, place.tier.saturating_sub(1))
            } else {
                (Outcome::Kept, place.tier)
            };
            let ended = Some(Ended { rank, xp: one.xp, outcome, next_tier });
            Event { account: one.account, place, size, ended }
        };
        (1..).zip(ranked).map(event).collect()
    }

    pub fn evolve(&mut self, _: &Event) {
        self.placed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rulebook;

    fn seated(seat: u32, xp: i64) -> Seated {
        Seated { account: AccountId::derived(&[&seat.to_be_bytes()]), seat, xp }
    }

    fn placed(tier: u32, seated: Vec<Seated>) -> Vec<(i64, Outcome, u32)> {
        let terms = Terms::of(Rulebook::house().unwrap().in_force()).unwrap();
        let place = Place { week: Week(2_940), tier, cohort: 0 };
        let events = Cohort::default().place(place, seated, &terms);
        let ended = events.iter().filter_map(|event| event.ended);
        ended.map(|ended| (ended.xp, ended.outcome, ended.next_tier)).collect()
    }

    #[test]
    fn the_first_rise_the_last_fall_and_the_middle_stays() {
        let all = placed(1, (0..30).map(|seat| seated(seat, i64::from(seat) + 1)).collect());
        let count = |wanted: Outcome| all.iter().filter(|(_, outcome, _)| *outcome == wanted).count();
        assert_eq!(Outcome::ALL.map(count), [7, 18, 5]);
        assert_eq!(
            (all[0], all[7].1, all[29]),
            ((30, Outcome::Promoted, 2), Outcome::Kept, (1, Outcome::Demoted, 0))
        );
        let lowest = placed(0, (0..30).map(|seat| seated(seat, 5)).collect());
        assert!(lowest.iter().all(|(_, outcome, _)| *outcome != Outcome::Demoted));
    }

    #[test]
    fn of_equals_the_first_to_enter_is_ahead_and_who_has_nothing_is_not_ranked() {
        let order = ranked(vec![seated(2, 7), seated(0, 0), seated(1, 7), seated(3, -1), seated(4, 9)]);
        assert_eq!(order.iter().map(|one| one.seat).collect::<Vec<_>>(), [4, 1, 2]);
        assert_eq!(placed(0, vec![seated(0, 0)]), []);
    }

    #[test]
    fn a_cohort_is_placed_once() {
        let terms = Terms::of(Rulebook::house().unwrap().in_force()).unwrap();
        let place = Place { week: Week(1), tier: 0, cohort: 3 };
        let mut cohort = Cohort::default();
        for event in cohort.place(place, vec![seated(0, 5)], &terms) {
            cohort.evolve(&event);
        }
        assert_eq!(cohort.place(place, vec![seated(0, 5)], &terms), []);
        assert_ne!(place.id(), Place { cohort: 4, ..place }.id());
    }
}
