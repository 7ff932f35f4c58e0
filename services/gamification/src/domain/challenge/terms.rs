//! What a challenge asks and promises: parsed once ([`reading`]), valid from then on.

mod reading;

use std::collections::{BTreeMap, BTreeSet};

use eligibility::{Clause, Rule};
use kernel::Sport;

use super::{kind::Kind, window::Window};
use crate::domain::teams::TeamId;
pub use reading::{Written, WrittenReward};

/// What is counted. A score is an integer in thousandths of the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Sum of distances, millimetres.
    Distance,
    /// Sum of moving times, milliseconds.
    MovingTime,
    /// Sum of ascents, millimetres.
    Ascent,
    /// Activities, each a thousand.
    Count,
    /// Steps of the days, each a thousand.
    Steps,
    /// The longest single activity, millimetres.
    Longest,
    /// The fastest single activity of those that are long enough, milliseconds: the least is the best.
    Fastest,
    /// XP gained, each a thousand.
    Xp,
}

impl Metric {
    pub const ALL: [Self; 8] = [
        Self::Distance,
        Self::MovingTime,
        Self::Ascent,
        Self::Count,
        Self::Steps,
        Self::Longest,
        Self::Fastest,
        Self::Xp,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Distance => "distance_m",
            Self::MovingTime => "moving_time_s",
            Self::Ascent => "ascent_m",
            Self::Count => "count",
            Self::Steps => "steps",
            Self::Longest => "longest_m",
            Self::Fastest => "fastest_s",
            Self::Xp => "xp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.as_str() == text)
    }

    /// The least score stands first.
    pub const fn ascending(self) -> bool {
        matches!(self, Self::Fastest)
    }
}

/// Who stands first of those with the same score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Whoever reached it first.
    First,
    /// All share the place, the next places are left out: 1224.
    Shared,
    /// All share the place, none is left out: 1223.
    Dense,
}

impl Ties {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Shared => "shared",
            Self::Dense => "dense",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::First, Self::Shared, Self::Dense].into_iter().find(|ties| ties.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountFrom {
    /// What lies in the window counts, also from before joining.
    Window,
    /// Only what starts at the joining or later.
    Join,
}

impl CountFrom {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Join => "join",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Window, Self::Join].into_iter().find(|from| from.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reward {
    pub at: RewardAt,
    /// 0: the badge alone.
    pub points: u32,
    pub badge: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewardAt {
    /// Ranks from `first` to `last`, both in.
    Places { first: u32, last: u32 },
    /// Percentiles from … to, both in, in thousandths: the share of all who are ranked that stands strictly behind.
    Percentile { from: u32, to: u32 },
    /// A score at least this good, in thousandths of the metric's unit.
    Reached { score: i64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Locale → text; never empty.
    pub name: BTreeMap<String, String>,
    pub kind: Kind,
    /// Of [`Kind::Team`]: those that compete; empty: any.
    pub teams: BTreeSet<TeamId>,
    pub metric: Metric,
    /// Empty: all of them.
    pub sports: BTreeSet<Sport>,
    pub window: Window,
    pub eligibility: Rule,
    pub capacity: Option<u32>,
    pub ties: Ties,
    pub public: bool,
    /// How long after the end what is synced late still counts.
    pub late_sync_grace_s: i64,
    pub rewards: Vec<Reward>,
    pub count_from: CountFrom,
    /// Shorter activities do not count. Of [`Metric::Fastest`] there is always one, but for terms from before that was so.
    pub min_distance_mm: Option<i64>,
    /// Of each participant's activities that would count, only the first so many do, by when they begin.
    pub attempts: Option<u32>,
    /// Where whoever may take part lives: what the rule asks of all. Empty: anywhere.
    pub regions: BTreeSet<String>,
}

impl Terms {
    /// Whether a sport is one of those that count.
    pub fn counts_sport(&self, sport: Sport) -> bool {
        self.sports.is_empty() || self.sports.contains(&sport)
    }

    /// When nothing more is waited for: the end, and the time for what is synced late.
    pub fn settles_at_us(&self) -> i64 {
        self.window.end_us.saturating_add(self.late_sync_grace_s.saturating_mul(1_000_000))
    }

    /// The group whose members alone may take part, where the rule says so for all.
    pub fn group(&self) -> Option<&str> {
        self.eligibility.group()
    }
}

/// Regions outside of which nobody meets the rule; `None`: it does not limit them.
pub fn asked_regions(rule: &Rule) -> Option<BTreeSet<String>> {
    match rule {
        Rule::Clause(Clause::RegionIn(regions)) => {
            Some(regions.iter().map(|region| region.as_str().to_owned()).collect())
        }
        Rule::All(rules) => rules
            .iter()
            .filter_map(asked_regions)
            .reduce(|one, other| one.intersection(&other).cloned().collect()),
        Rule::Any(rules) => rules.iter().map(asked_regions).try_fold(BTreeSet::new(), |mut all, one| {
            all.extend(one?);
            Some(all)
        }),
        Rule::Not(_) | Rule::Clause(_) => None,
    }
}
