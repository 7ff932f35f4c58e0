//! What a challenge asks and promises: parsed once, valid from then on.

use std::collections::{BTreeMap, BTreeSet};

use eligibility::{Clause, Rule};
use kernel::{FieldError, Refusal, Sport, place::Region};
use unicode_normalization::UnicodeNormalization;

use super::window::Window;

pub const NAME_CHARS_MAX: usize = 120;
const NAMES_MAX: usize = 32;
const LOCALE_BYTES_MAX: usize = 35;
pub const REWARDS_MAX: usize = 64;
pub const POINTS_MAX: u32 = 1_000_000;
const PLACE_MAX: u32 = 10_000_000;
const BADGE_BYTES_MAX: usize = 64;
pub const GRACE_S_MAX: i64 = 30 * 86_400;
pub const GRACE_S: i64 = 172_800;
/// Farther, longer or more than any account can have: thousandths of a unit.
const REACHED_MAX: f64 = 1e12;
const MIN_DISTANCE_M_MAX: f64 = 1e7;

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
    /// The fastest single activity, milliseconds: the least is the best.
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
    /// A score at least this good, in thousandths of the metric's unit.
    Reached { score: i64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Locale → text; never empty.
    pub name: BTreeMap<String, String>,
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
    /// Shorter activities do not count.
    pub min_distance_mm: Option<i64>,
    /// Where whoever may take part lives: what the rule asks of all. Empty: anywhere.
    pub regions: BTreeSet<String>,
}

/// Terms as somebody wrote them. Empty texts: not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub name: BTreeMap<String, String>,
    pub kind: String,
    pub metric: String,
    pub sports: Vec<String>,
    pub start: String,
    pub end: String,
    pub clock: String,
    pub time_zone: String,
    pub eligibility_json: String,
    pub capacity: Option<u32>,
    pub ties: String,
    pub public: bool,
    pub late_sync_grace_s: Option<i64>,
    pub rewards: Vec<WrittenReward>,
    pub count_from: String,
    pub min_distance_m: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenReward {
    pub places: Option<(u32, u32)>,
    pub reached: Option<f64>,
    pub points: u32,
    pub badge: String,
}

impl Terms {
    /// Everything that is wrong is named at once, by its pointer in the public body.
    pub fn parse(written: &Written) -> Result<Self, Refusal> {
        let mut reading = Reading::default();
        let name = reading.name(&written.name);
        reading.kind(&written.kind);
        let metric = reading.word("/metric", Metric::parse(&written.metric), "a metric of the vocabulary");
        let sports = reading.sports(&written.sports);
        let window = Window::parse(&written.start, &written.end, &written.clock, &written.time_zone);
        let window = window.map_err(|errors| reading.errors.extend(errors)).ok();
        let eligibility = reading.rule(&written.eligibility_json);
        if written.capacity == Some(0) {
            reading.fault("/capacity", "out_of_range", "at least one may take part");
        }
        let ties = match written.ties.as_str() {
            "" => Some(Ties::First),
            text => reading.word("/ties", Ties::parse(text), "first, shared or dense"),
        };
        let count_from = match written.count_from.as_str() {
            "" => Some(CountFrom::Window),
            text => reading.word("/count_from", CountFrom::parse(text), "window or join"),
        };
        let late_sync_grace_s = written.late_sync_grace_s.unwrap_or(GRACE_S);
        if !(0..=GRACE_S_MAX).contains(&late_sync_grace_s) {
            reading.fault("/late_sync_grace_s", "out_of_range", "from 0 seconds to 30 days");
        }
        let rewards = reading.rewards(&written.rewards);
        let min_distance_mm = reading.min_distance(written.min_distance_m);
        Refusal::fields(reading.errors)?;
        let (Some(metric), Some(window), Some(eligibility), Some(ties), Some(count_from)) =
            (metric, window, eligibility, ties, count_from)
        else {
            return Err(Refusal::field("", "invalid", "the terms are not complete"));
        };
        let regions = asked_regions(&eligibility).unwrap_or_default();
        let (capacity, public) = (written.capacity, written.public);
        Ok(Self {
            name,
            metric,
            sports,
            window,
            eligibility,
            capacity,
            ties,
            public,
            late_sync_grace_s,
            rewards,
            count_from,
            min_distance_mm,
            regions,
        })
    }

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
        match &self.eligibility {
            Rule::All(rules) => rules.iter().find_map(group_of),
            rule => group_of(rule),
        }
    }
}

fn group_of(rule: &Rule) -> Option<&str> {
    if let Rule::Clause(Clause::Group(group)) = rule { Some(group) } else { None }
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

/// One pass over written terms.
#[derive(Default)]
struct Reading {
    errors: Vec<FieldError>,
}

impl Reading {
    fn fault(&mut self, pointer: &str, code: &str, detail: &str) {
        let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
        self.errors.push(FieldError { pointer, code, detail });
    }

    fn word<T>(&mut self, pointer: &str, read: Option<T>, wanted: &str) -> Option<T> {
        if read.is_none() {
            self.fault(pointer, "unknown_value", &format!("{wanted} belongs here"));
        }
        read
    }

    fn kind(&mut self, kind: &str) {
        match kind {
            "" | "individual" => {}
            "group" | "team" => {
                self.fault("/kind", "not_supported", "only individuals compete, not yet groups and teams")
            }
            _ => self.fault("/kind", "unknown_value", "individual belongs here"),
        }
    }

    fn name(&mut self, names: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        if names.is_empty() || names.len() > NAMES_MAX {
            self.fault("/name", "required", "a name in 1 to 32 languages is needed");
        }
        let mut read = BTreeMap::new();
        for (locale, text) in names.iter().take(NAMES_MAX) {
            let pointer = format!("/name/{}", locale.replace('~', "~0").replace('/', "~1"));
            if !is_locale(locale) {
                self.fault("/name", "unknown_locale", "a BCP 47 language belongs here");
                continue;
            }
            // Long texts are refused before they are worked on.
            if text.len() > NAME_CHARS_MAX * 4 * 4 {
                self.fault(&pointer, "too_long", "a name has at most 120 characters");
                continue;
            }
            if text.chars().any(is_deceptive) {
                self.fault(
                    &pointer,
                    "invisible_characters",
                    "the name holds invisible, control or direction characters",
                );
                continue;
            }
            let composed: String = text.nfc().collect();
            let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
            match name.chars().count() {
                0 => self.fault(&pointer, "required", "a name is needed"),
                count if count > NAME_CHARS_MAX => {
                    self.fault(&pointer, "too_long", "a name has at most 120 characters");
                }
                _ => {
                    read.insert(locale.clone(), name);
                }
            }
        }
        read
    }

    fn sports(&mut self, sports: &[String]) -> BTreeSet<Sport> {
        let mut read = BTreeSet::new();
        for (index, text) in sports.iter().take(Sport::ALL.len() * 2).enumerate() {
            read.extend(self.word(
                &format!("/sports/{index}"),
                Sport::parse(text),
                "a sport of the vocabulary",
            ));
        }
        if sports.len() > Sport::ALL.len() * 2 {
            self.fault("/sports", "too_many", "each sport is named once");
        }
        read
    }

    fn rule(&mut self, text: &str) -> Option<Rule> {
        if text.is_empty() {
            return Some(Rule::everyone());
        }
        let rule = match Rule::parse(text, "/eligibility") {
            Ok(rule) => rule,
            Err(errors) => {
                self.errors.extend(errors);
                return None;
            }
        };
        let mut missing = Vec::new();
        find_missing(&rule, "/eligibility", &mut missing);
        for (pointer, region) in missing {
            self.fault(&pointer, "unknown_region", &format!("there is no region {region}"));
        }
        Some(rule)
    }

    fn rewards(&mut self, rewards: &[WrittenReward]) -> Vec<Reward> {
        if rewards.len() > REWARDS_MAX {
            self.fault("/rewards", "too_many", "at most 64 rewards");
            return Vec::new();
        }
        rewards.iter().enumerate().filter_map(|(index, reward)| self.reward(index, reward)).collect()
    }

    fn reward(&mut self, index: usize, reward: &WrittenReward) -> Option<Reward> {
        let at = |field: &str| format!("/rewards/{index}{field}");
        let before = self.errors.len();
        let granted = match (reward.places, reward.reached) {
            (Some((first, last)), None) => {
                if first == 0 || first > last || last > PLACE_MAX {
                    self.fault(
                        &at("/places"),
                        "out_of_range",
                        "places from 1, the first not behind the last",
                    );
                }
                Some(RewardAt::Places { first, last })
            }
            (None, Some(reached)) => {
                let score = thousandths(reached, REACHED_MAX).filter(|score| *score > 0);
                if score.is_none() {
                    self.fault(&at("/reached"), "out_of_range", "a number greater than 0 belongs here");
                }
                score.map(|score| RewardAt::Reached { score })
            }
            _ => {
                self.fault(&at(""), "one_of", "a reward names either places or what is reached");
                None
            }
        };
        if reward.points > POINTS_MAX {
            self.fault(&at("/points"), "out_of_range", "at most a million points");
        }
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if reward.badge.len() > BADGE_BYTES_MAX || !reward.badge.bytes().all(word) {
            self.fault(
                &at("/badge"),
                "not_a_word",
                "a badge is a word of a–z, 0–9 and underscores, at most 64",
            );
        }
        if reward.points == 0 && reward.badge.is_empty() {
            self.fault(&at(""), "empty", "a reward gives points or a badge");
        }
        let badge = (!reward.badge.is_empty()).then(|| reward.badge.clone());
        if self.errors.len() > before {
            None
        } else {
            Some(Reward { at: granted?, points: reward.points, badge })
        }
    }

    fn min_distance(&mut self, distance_m: Option<f64>) -> Option<i64> {
        let distance_mm = distance_m.map(|distance| thousandths(distance, MIN_DISTANCE_M_MAX));
        if distance_mm == Some(None) {
            self.fault("/min_distance_m", "out_of_range", "a distance of at least 0 belongs here");
        }
        distance_mm.flatten().filter(|distance| *distance > 0)
    }
}

/// A unit's number as thousandths of it; `None` when negative, not finite or beyond `max`.
fn thousandths(value: f64, max: f64) -> Option<i64> {
    if !value.is_finite() || !(0.0..=max).contains(&value) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above, and far from the ends of an i64")]
    Some((value * 1_000.0).round() as i64)
}

/// Regions that are well formed and yet do not exist, by their pointers.
fn find_missing(rule: &Rule, pointer: &str, missing: &mut Vec<(String, String)>) {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => {
            let word = if matches!(rule, Rule::All(_)) { "all" } else { "any" };
            for (index, rule) in rules.iter().enumerate() {
                find_missing(rule, &format!("{pointer}/{word}/{index}"), missing);
            }
        }
        Rule::Not(rule) => find_missing(rule, &format!("{pointer}/not"), missing),
        Rule::Clause(Clause::RegionIn(regions)) => {
            let unknown = |(_, region): &(usize, &Region)| !region.exists();
            for (index, region) in regions.iter().enumerate().filter(unknown) {
                missing.push((format!("{pointer}/region_in/{index}"), region.as_str().to_owned()));
            }
        }
        Rule::Clause(_) => {}
    }
}

fn is_locale(text: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let language = text.split(['-', '_']).next().unwrap_or_default();
    text.len() <= LOCALE_BYTES_MAX
        && (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && text.split(['-', '_']).all(part)
}

/// Characters that change how a text looks without being seen: controls, zero-width, bidi, tags, fillers, private use.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
            | 0xE0000..=0xE0FFF | 0xE000..=0xF8FF | 0xF0000..=0x10_FFFF)
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
