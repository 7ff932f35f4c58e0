//! The rules as data: what gives XP, where levels begin, what earns a badge. A set of rules has a version and is never
//! edited once it has been in force.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Sport;
use serde::{Deserialize, Serialize};

use super::{Fact, league::Leagues, streak::Freezes};

const RULES_MAX: usize = 500;
const NUMBER_MAX: i64 = 1_000_000_000;
/// What one badge combines.
const PARTS_MAX: usize = 20;

/// A set of rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub version: u32,
    /// The most XP that one local day's measures give together; firsts and streaks come on top.
    pub xp_per_day_max: i64,
    /// Absent: every missed day ends a streak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streak_freezes: Option<Freezes>,
    /// Absent: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leagues: Option<Leagues>,
    pub levels: Levels,
    pub xp: Vec<XpRule>,
    pub badges: Vec<BadgeRule>,
}

/// Level 2 needs `first_xp`; each level after it `growth_xp` more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    pub first_xp: i64,
    pub growth_xp: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum XpRule {
    /// `xp` for every whole `per` of a measure, at most `per_day_max` a local day.
    Measure {
        rule: String,
        #[serde(default)]
        sports: Sports,
        measure: Measure,
        per: i64,
        xp: i64,
        per_day_max: i64,
    },
    /// Once, or once for each sport.
    FirstTime {
        rule: String,
        #[serde(default)]
        sports: Sports,
        #[serde(default)]
        each_sport: bool,
        xp: i64,
    },
    /// On every day on which a run reaches a multiple of `every_days` active days.
    Streak { rule: String, every_days: u32, xp: i64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadgeRule {
    pub badge: String,
    /// Language → name; `en` is always there.
    pub name: BTreeMap<String, String>,
    pub earned_by: EarnedBy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EarnedBy {
    /// The first activity in one of these sports.
    First {
        #[serde(default)]
        sports: Sports,
    },
    /// One activity whose measure is at least so much.
    Threshold {
        #[serde(default)]
        sports: Sports,
        measure: Measure,
        at_least: i64,
    },
    /// Activities whose measures are at least so much together.
    Cumulative {
        #[serde(default)]
        sports: Sports,
        measure: Measure,
        at_least: i64,
    },
    /// Activities that begin within so many local days and whose measures are at least so much together.
    Within {
        #[serde(default)]
        sports: Sports,
        measure: Measure,
        at_least: i64,
        days: u32,
    },
    /// So many active days in one run.
    Streak { days: u32 },
    /// All of these; none of them is a combination itself.
    All { of: Vec<EarnedBy> },
}

/// What is looked at. Metres and seconds in rules; thousandths inside where facts have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    DistanceM,
    DurationS,
    AscentM,
    Count,
}

impl Measure {
    /// In thousandths of the measure's unit; unknown is none of it.
    pub fn thousandths(self, fact: &Fact) -> i64 {
        match self {
            Self::DistanceM => fact.distance_mm.unwrap_or(0),
            Self::AscentM => fact.ascent_mm.unwrap_or(0),
            Self::DurationS => fact.duration_s.saturating_mul(1_000),
            Self::Count => 1_000,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::DistanceM => "distance_m",
            Self::DurationS => "duration_s",
            Self::AscentM => "ascent_m",
            Self::Count => "count",
        }
    }
}

/// A set of sports; empty means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Sports(BTreeSet<Sport>);

impl Sports {
    pub fn contain(&self, sport: Sport) -> bool {
        self.0.is_empty() || self.0.contains(&sport)
    }

    fn describe(&self) -> String {
        if self.0.is_empty() {
            return "any sport".to_owned();
        }
        self.0.iter().map(|sport| sport.as_str()).collect::<Vec<_>>().join(" or ")
    }
}

impl TryFrom<Vec<String>> for Sports {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let parse = |name: String| Sport::parse(&name).ok_or_else(|| format!("{name} is not a sport"));
        names.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Sports> for Vec<String> {
    fn from(sports: Sports) -> Self {
        sports.0.into_iter().map(|sport| sport.as_str().to_owned()).collect()
    }
}

/// Why a document is not a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are no valid rules: {0}")]
pub struct Invalid(pub String);

impl Rules {
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        let rules: Self = serde_json::from_str(json).map_err(|error| Invalid(error.to_string()))?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), Invalid> {
        let fault = |text: String| Err(Invalid(text));
        if self.version == 0 {
            return fault("version: from 1".to_owned());
        }
        if self.xp.len() + self.badges.len() > RULES_MAX {
            return fault(format!("more than {RULES_MAX} rules"));
        }
        if !(1..=NUMBER_MAX).contains(&self.levels.first_xp)
            || !(0..=NUMBER_MAX).contains(&self.levels.growth_xp)
        {
            return fault("levels: first_xp from 1, growth_xp from 0".to_owned());
        }
        if !(0..=NUMBER_MAX).contains(&self.xp_per_day_max) {
            return fault("xp_per_day_max: from 0".to_owned());
        }
        if self.streak_freezes.is_some_and(|freezes| {
            !(1..=Freezes::EVERY_MAX).contains(&freezes.earned_every_days)
                || !(1..=Freezes::HELD_MAX).contains(&freezes.held_max)
        }) {
            let (every, held) = (Freezes::EVERY_MAX, Freezes::HELD_MAX);
            return fault(format!("streak_freezes: earned_every_days 1 to {every}, held_max 1 to {held}"));
        }
        if let Some(leagues) = &self.leagues {
            leagues.check()?;
        }
        let mut names = BTreeSet::new();
        for rule in &self.xp {
            rule.check()?;
            if !names.insert(rule.name()) {
                return fault(format!("xp rule {} stands twice", rule.name()));
            }
        }
        let mut badges = BTreeSet::new();
        for badge in &self.badges {
            badge.check()?;
            if !badges.insert(&badge.badge) {
                return fault(format!("badge {} stands twice", badge.badge));
            }
        }
        Ok(())
    }

    /// A badge's name in the language that fits `locale` (BCP 47) best; English otherwise, the badge itself at worst.
    pub fn badge_name<'a>(&'a self, badge: &'a str, locale: &str) -> &'a str {
        let rule = self.badges.iter().find(|rule| rule.badge == badge);
        rule.and_then(|rule| in_language(&rule.name, locale)).unwrap_or(badge)
    }
}

/// A name in the language that fits `locale` (BCP 47) best, else the English one.
pub(super) fn in_language<'a>(names: &'a BTreeMap<String, String>, locale: &str) -> Option<&'a str> {
    let language = locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    names.get(&language).or_else(|| names.get("en")).map(String::as_str)
}

impl Levels {
    const LEVEL_MAX: u32 = 10_000;

    /// The XP at which `level` begins.
    pub fn begins_at_xp(self, level: u32) -> i64 {
        let steps = i64::from(level.clamp(1, Self::LEVEL_MAX + 1)) - 1;
        self.first_xp * steps + self.growth_xp * (steps * (steps - 1) / 2)
    }

    /// The level of so many XP, from 1.
    pub fn level_of(self, xp: i64) -> u32 {
        let (mut reached, mut beyond) = (1, Self::LEVEL_MAX + 1);
        while beyond - reached > 1 {
            let middle = u32::midpoint(reached, beyond);
            if self.begins_at_xp(middle) <= xp {
                reached = middle;
            } else {
                beyond = middle;
            }
        }
        reached
    }
}

impl XpRule {
    pub fn name(&self) -> &str {
        match self {
            Self::Measure { rule, .. } | Self::FirstTime { rule, .. } | Self::Streak { rule, .. } => rule,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let (numbers, days): (&[i64], u32) = match self {
            Self::Measure { per, xp, per_day_max, .. } => (&[*per, *xp, *per_day_max], 1),
            Self::FirstTime { xp, .. } => (&[*xp], 1),
            Self::Streak { every_days, xp, .. } => (&[*xp], *every_days),
        };
        if days == 0 || !numbers.iter().all(|number| (1..=NUMBER_MAX).contains(number)) {
            return Err(Invalid(format!("xp rule {}: numbers go from 1 to {NUMBER_MAX}", self.name())));
        }
        named("xp rule", self.name())
    }
}

impl BadgeRule {
    fn check(&self) -> Result<(), Invalid> {
        named("badge", &self.badge)?;
        if !self.name.contains_key("en") {
            return Err(Invalid(format!("badge {} has no English name", self.badge)));
        }
        let fault = |what: String| Err(Invalid(format!("badge {}: {what}", self.badge)));
        if let EarnedBy::All { of } = &self.earned_by {
            if !(2..=PARTS_MAX).contains(&of.len()) {
                return fault(format!("all: 2 to {PARTS_MAX} parts"));
            }
            if of.iter().any(|part| matches!(part, EarnedBy::All { .. })) {
                return fault("all: no combination within a combination".to_owned());
            }
        }
        if !self.earned_by.numbers().iter().all(|number| (1..=NUMBER_MAX).contains(number)) {
            return fault(format!("numbers go from 1 to {NUMBER_MAX}"));
        }
        Ok(())
    }
}

impl EarnedBy {
    fn numbers(&self) -> Vec<i64> {
        match self {
            Self::First { .. } => Vec::new(),
            Self::Threshold { at_least, .. } | Self::Cumulative { at_least, .. } => vec![*at_least],
            Self::Within { at_least, days, .. } => vec![*at_least, i64::from(*days)],
            Self::Streak { days } => vec![i64::from(*days)],
            Self::All { of } => of.iter().flat_map(Self::numbers).collect(),
        }
    }

    /// The rule in one line, as an explanation shows it.
    pub fn describe(&self, freezes: Option<Freezes>) -> String {
        let of_measure = |sports: &Sports, measure: &Measure, at_least: &i64| {
            format!("in {} with {} of at least {at_least}", sports.describe(), measure.as_str())
        };
        match self {
            Self::First { sports } => format!("first activity in {}", sports.describe()),
            Self::Threshold { sports, measure, at_least } => {
                format!("one activity {}", of_measure(sports, measure, at_least))
            }
            Self::Cumulative { sports, measure, at_least } => {
                format!("activities {} together", of_measure(sports, measure, at_least))
            }
            Self::Within { sports, measure, at_least, days } => {
                format!(
                    "activities {} together within {days} local days",
                    of_measure(sports, measure, at_least)
                )
            }
            Self::Streak { days } if freezes.is_some() => {
                format!(
                    "an activity on each of {days} local days in a row, those that a freeze covered aside"
                )
            }
            Self::Streak { days } => format!("an activity on each of {days} local days in a row"),
            Self::All { of } => {
                of.iter().map(|part| part.describe(freezes)).collect::<Vec<_>>().join("; and ")
            }
        }
    }
}

pub(super) fn named(what: &str, name: &str) -> Result<(), Invalid> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits { Ok(()) } else { Err(Invalid(format!("{what} {name:?}: 1 to 64 of a-z, 0-9, _"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rulebook;

    fn newest() -> Rules {
        Rulebook::house().unwrap().in_force().clone()
    }

    #[test]
    fn the_rules_in_force_are_valid_and_survive_writing() {
        let rules = newest();
        assert_eq!(Rules::parse(&serde_json::to_string(&rules).unwrap()).unwrap(), rules);
        for badge in ["first_activity", "first_run", "first_ride", "first_swim", "marathon", "streak_7"] {
            assert!(rules.badges.iter().any(|rule| rule.badge == badge), "{badge} is missing");
        }
    }

    #[test]
    fn every_badge_has_a_name_in_every_language_of_the_house() {
        let rules = newest();
        for badge in &rules.badges {
            assert_eq!(badge.name.keys().collect::<Vec<_>>(), ["en", "kk", "ru"], "{}", badge.badge);
        }
        assert_eq!(rules.badge_name("first_run", "ru-KZ"), "Первая пробежка");
        assert_eq!(rules.badge_name("first_run", "sw"), "First run");
        assert_eq!(rules.badge_name("retired_badge", "en"), "retired_badge");
    }

    #[test]
    fn levels_begin_where_they_say() {
        let levels = Levels { first_xp: 100, growth_xp: 50 };
        assert_eq!([1, 2, 3, 4].map(|level| levels.begins_at_xp(level)), [0, 100, 250, 450]);
        assert_eq!([0, 99, 100, 249, 250].map(|xp| levels.level_of(xp)), [1, 1, 2, 2, 3]);
        assert_eq!(levels.level_of(i64::MAX), Levels::LEVEL_MAX);
    }

    #[test]
    fn faulty_rules_are_refused_with_what_is_wrong() {
        let newest = include_str!("../../rules/v3.json");
        for (from, to, said) in [
            (r#""first_xp": 100"#, r#""first_xp": 0"#, "first_xp"),
            (r#""at_least": 42195"#, r#""at_least": -1"#, "marathon"),
            (r#"["running"]"#, r#"["quidditch"]"#, "quidditch is not a sport"),
            (r#""badge": "10k""#, r#""badge": "5k""#, "5k stands twice"),
            (r#""per": 100"#, r#""per": 0"#, "running_distance"),
            (r#""version": 3"#, r#""version": 0"#, "version"),
            (r#""days": 30}}"#, r#""days": 0}}"#, "numbers go from 1"),
            (
                r#""kind": "all", "of": [{"kind": "first","#,
                r#""kind": "all", "of": [{"kind": "all", "of": []}, {"kind": "first","#,
                "no combination within",
            ),
            (r#""earned_every_days": 7"#, r#""earned_every_days": 0"#, "streak_freezes"),
            (r#""held_max": 2"#, r#""held_max": 32"#, "streak_freezes"),
            (r#""held_max": 2"#, r#""held_maxx": 2"#, "held_maxx"),
        ] {
            let faulty = newest.replacen(from, to, 1);
            assert_ne!(faulty, newest, "{from} is not in the rules");
            assert!(Rules::parse(&faulty).unwrap_err().to_string().contains(said));
        }
    }
}
