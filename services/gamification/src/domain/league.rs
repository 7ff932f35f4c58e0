//! Weekly leagues: cohorts of a tier, ranked by the XP of what was started in one ISO week, the same instants for all, in
//! UTC. A week is opened with its terms, ended by a line through the journal, and closed once every cohort is placed.
//!
//! | file | |
//! |---|---|
//! | [`cohort`] | one cohort's final order, and who rises and falls by it |
//! | [`member`] | somebody who vanishes from all of them |

pub mod cohort;
pub mod member;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kernel::time::{from_micros, micros};
use serde::{Deserialize, Serialize};

use super::rules::{Invalid, Rules, named};

const DAY_US: i64 = 86_400_000_000;
const WEEK_US: i64 = 7 * DAY_US;
/// 1970-01-01 was a Thursday: the first week began three days before it.
const FIRST_MONDAY_US: i64 = -3 * DAY_US;

/// An ISO week in UTC, counted from that of 1969-12-29.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(pub i32);

impl Week {
    pub fn of(at: Timestamp) -> Self {
        Self::of_us(micros(at))
    }

    pub fn of_us(at_us: i64) -> Self {
        let number = at_us.saturating_sub(FIRST_MONDAY_US).div_euclid(WEEK_US);
        Self(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
    }

    pub fn start_us(self) -> i64 {
        i64::from(self.0).saturating_mul(WEEK_US).saturating_add(FIRST_MONDAY_US)
    }

    /// The first instant that is not in it.
    pub fn end_us(self) -> i64 {
        self.start_us().saturating_add(WEEK_US)
    }

    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As ISO 8601 names it, `2026-W20`.
    pub fn name(self) -> String {
        let monday: Date = TimeZone::UTC.to_datetime(from_micros(self.start_us())).date();
        let week = monday.iso_week_date();
        format!("{}-W{:02}", week.year(), week.week())
    }
}

/// Leagues as a set of rules declares them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leagues {
    /// Places of a full cohort.
    pub cohort_size: u32,
    /// From the lowest to the highest.
    pub tiers: Vec<Tier>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub tier: String,
    /// Language → name; `en` is always there.
    pub name: BTreeMap<String, String>,
    /// Of a full cohort: so many of the first rise, so many of the last fall.
    pub promotion_places: u32,
    pub demotion_places: u32,
}

impl Leagues {
    const COHORT_MAX: u32 = 100;
    const TIERS_MAX: usize = 20;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let fault = |text: String| Err(Invalid(format!("leagues: {text}")));
        if !(2..=Self::COHORT_MAX).contains(&self.cohort_size) {
            return fault(format!("cohort_size 2 to {}", Self::COHORT_MAX));
        }
        if !(1..=Self::TIERS_MAX).contains(&self.tiers.len()) {
            return fault(format!("1 to {} tiers", Self::TIERS_MAX));
        }
        let mut names = BTreeSet::new();
        let last = self.tiers.len() - 1;
        for (nth, tier) in self.tiers.iter().enumerate() {
            named("tier", &tier.tier)?;
            if !names.insert(&tier.tier) {
                return fault(format!("tier {} stands twice", tier.tier));
            }
            if !tier.name.contains_key("en") {
                return fault(format!("tier {} has no English name", tier.tier));
            }
            if tier.promotion_places.saturating_add(tier.demotion_places) > self.cohort_size {
                return fault(format!("tier {}: more rise and fall than there are places", tier.tier));
            }
            if (nth == last && tier.promotion_places > 0) || (nth == 0 && tier.demotion_places > 0) {
                return fault(format!(
                    "tier {}: nobody rises above the highest, or falls below the lowest",
                    tier.tier
                ));
            }
        }
        Ok(())
    }

    /// A tier's name in the language that fits `locale` best; the tier itself at worst.
    pub fn name<'a>(&'a self, tier: &'a str, locale: &str) -> &'a str {
        let rule = self.tiers.iter().find(|rule| rule.tier == tier);
        rule.map_or(tier, |rule| super::rules::in_language(&rule.name, locale).unwrap_or(tier))
    }
}

/// What a week is played by: fixed when it is opened, whatever the rules say later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub rule_version: u32,
    pub cohort_size: u32,
    pub tiers: Vec<TierTerms>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierTerms {
    pub tier: String,
    pub promotion_places: u32,
    pub demotion_places: u32,
}

impl Terms {
    /// `None` where the rules know no leagues.
    pub fn of(rules: &Rules) -> Option<Self> {
        let leagues = rules.leagues.as_ref()?;
        let tier = |tier: &Tier| TierTerms {
            tier: tier.tier.clone(),
            promotion_places: tier.promotion_places,
            demotion_places: tier.demotion_places,
        };
        Some(Self {
            rule_version: rules.version,
            cohort_size: leagues.cohort_size,
            tiers: leagues.tiers.iter().map(tier).collect(),
        })
    }

    /// Where somebody plays who was in that tier before: there may be fewer tiers now.
    pub fn tier_for(&self, before: u32) -> u32 {
        before.min(u32::try_from(self.tiers.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    pub fn cohort_of(&self, seat: u32) -> u32 {
        seat / self.cohort_size.max(1)
    }

    /// (rise, fall) of a cohort in which so many are ranked: those of a full one, in proportion and rounded down.
    pub fn zones(&self, tier: u32, size: u32) -> (u32, u32) {
        let Some(terms) = usize::try_from(tier).ok().and_then(|tier| self.tiers.get(tier)) else {
            return (0, 0);
        };
        let of = |places: u32| {
            let share = u64::from(places) * u64::from(size.min(self.cohort_size));
            u32::try_from(share / u64::from(self.cohort_size.max(1))).unwrap_or(u32::MAX)
        };
        (of(terms.promotion_places), of(terms.demotion_places))
    }
}

/// Stream `leagues`: two events a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Opened {
        week: Week,
        terms: Terms,
    },
    /// What stands in the journal behind this is too late for the week.
    Ended {
        week: Week,
        /// Everything that activity's service had recorded up to here has been heard.
        activity_head: u64,
    },
    Closed {
        week: Week,
        cohorts: u32,
        members: u32,
        closed_us: i64,
    },
}

/// Where the leagues are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    pub open: Option<OpenWeek>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenWeek {
    pub week: Week,
    pub ended: bool,
}

impl Clock {
    /// The leagues begin with the week that it is, once.
    pub fn begin(&self, now: Week, terms: Option<Terms>) -> Vec<Event> {
        match (self.open, terms) {
            (None, Some(terms)) => vec![Event::Opened { week: now, terms }],
            _ => Vec::new(),
        }
    }

    pub fn end(&self, week: Week, activity_head: u64) -> Vec<Event> {
        let running = self.open == Some(OpenWeek { week, ended: false });
        if running { vec![Event::Ended { week, activity_head }] } else { Vec::new() }
    }

    /// Every cohort is placed: the next week follows at once, by the terms that are in force now.
    pub fn close(
        &self,
        week: Week,
        (cohorts, members): (u32, u32),
        closed_us: i64,
        next: Option<Terms>,
    ) -> Vec<Event> {
        if self.open != Some(OpenWeek { week, ended: true }) {
            return Vec::new();
        }
        let closed = Event::Closed { week, cohorts, members, closed_us };
        let opened = next.map(|terms| Event::Opened { week: week.next(), terms });
        [closed].into_iter().chain(opened).collect()
    }

    pub fn evolve(&mut self, event: &Event) {
        self.open = match event {
            Event::Opened { week, .. } => Some(OpenWeek { week: *week, ended: false }),
            Event::Ended { week, .. } => Some(OpenWeek { week: *week, ended: true }),
            Event::Closed { .. } => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(at: &str) -> i64 {
        micros(at.parse().unwrap())
    }

    #[test]
    fn a_week_is_the_iso_week_from_monday_to_monday_in_utc() {
        let week = Week::of_us(us("2026-05-10T23:59:59.999999Z"));
        assert_eq!((week.name().as_str(), week.end_us()), ("2026-W19", us("2026-05-11T00:00:00Z")));
        assert_eq!(week.start_us(), us("2026-05-04T00:00:00Z"));
        assert_eq!(Week::of_us(week.end_us()), week.next());
        assert_eq!(Week::of_us(us("2027-01-03T12:00:00Z")).name(), "2026-W53");
        assert_eq!(Week::of_us(0), Week(0));
        for end in [i64::MIN, i64::MAX] {
            assert!(!Week::of_us(end).name().is_empty());
        }
    }

    fn terms() -> Terms {
        let rules = crate::domain::Rulebook::house().unwrap();
        Terms::of(rules.in_force()).unwrap()
    }

    #[test]
    fn zones_shrink_with_the_cohort() {
        let terms = terms();
        assert_eq!(terms.zones(0, 30), (10, 0));
        assert_eq!([1, 2, 3, 29].map(|size| terms.zones(0, size).0), [0, 0, 1, 9]);
        assert_eq!(terms.zones(1, 30), (7, 5));
        assert_eq!(terms.zones(99, 30), (0, 0));
        assert_eq!((terms.tier_for(2), terms.tier_for(99)), (2, 4));
    }

    #[test]
    fn a_week_is_ended_once_and_closed_once() {
        let (now, mut clock) = (Week(2_940), Clock::default());
        let mut said = Vec::new();
        let mut tell = |clock: &mut Clock, events: Vec<Event>| {
            events.iter().for_each(|event| clock.evolve(event));
            said.extend(events);
        };
        assert_eq!(clock.begin(now, None), [], "no leagues, no weeks");
        for _ in 0..2 {
            let events = clock.begin(now, Some(terms()));
            tell(&mut clock, events);
        }
        assert_eq!(clock.close(now, (0, 0), 7, None), [], "before its end");
        for _ in 0..2 {
            let events = clock.end(now, 41);
            tell(&mut clock, events);
        }
        for _ in 0..2 {
            let events = clock.close(now, (2, 31), 7, Some(terms()));
            tell(&mut clock, events);
        }
        assert_eq!(said.len(), 4);
        assert_eq!(clock.open, Some(OpenWeek { week: now.next(), ended: false }));
    }

    #[test]
    fn leagues_that_cannot_be_played_are_refused() {
        let house = crate::domain::Rulebook::house().unwrap().in_force().leagues.clone().unwrap();
        let broken = |change: fn(&mut Leagues)| {
            let mut leagues = house.clone();
            change(&mut leagues);
            leagues.check().unwrap_err().0
        };
        assert!(broken(|leagues| leagues.cohort_size = 1).contains("cohort_size"));
        assert!(broken(|leagues| leagues.tiers.clear()).contains("tiers"));
        assert!(broken(|leagues| leagues.tiers[1].tier = "bronze".to_owned()).contains("twice"));
        assert!(broken(|leagues| leagues.tiers[0].demotion_places = 1).contains("lowest"));
        assert!(broken(|leagues| leagues.tiers[4].promotion_places = 1).contains("highest"));
        assert!(broken(|leagues| leagues.tiers[1].promotion_places = 26).contains("more rise"));
        assert!(broken(|leagues| drop(leagues.tiers[1].name.remove("en"))).contains("English"));
        assert_eq!(house.name("silver", "ru-KZ"), "Серебро");
        assert_eq!(house.name("gone", "ru"), "gone");
    }
}
