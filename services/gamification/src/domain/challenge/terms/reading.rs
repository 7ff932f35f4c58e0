//! Terms as somebody wrote them, and what makes them valid. Everything that is wrong is named at once.

use std::collections::{BTreeMap, BTreeSet};

use eligibility::{Clause, Rule};
use kernel::{FieldError, Refusal, Sport, place::Region, text::deceives};
use unicode_normalization::UnicodeNormalization;

use super::{CountFrom, Metric, Reward, RewardAt, Terms, Ties, asked_regions};
use crate::domain::{
    challenge::{Kind, Window},
    teams::TeamId,
};

const NAME_CHARS_MAX: usize = 120;
const NAMES_MAX: usize = 32;
const LOCALE_BYTES_MAX: usize = 35;
/// Which of them a place has earned is kept as the bits of one number.
const REWARDS_MAX: usize = 64;
const TEAMS_MAX: usize = 64;
const ATTEMPTS_MAX: u32 = 1_000;
const POINTS_MAX: u32 = 1_000_000;
const PLACE_MAX: u32 = 10_000_000;
const BADGE_BYTES_MAX: usize = 64;
const GRACE_S_MAX: i64 = 30 * 86_400;
const GRACE_S: i64 = 172_800;
/// Farther, longer or more than any account can have: thousandths of a unit.
const REACHED_MAX: f64 = 1e12;
const MIN_DISTANCE_M_MAX: f64 = 1e7;
/// The fastest of any distance would be whoever stops first: so far one goes where nothing else is said.
const FASTEST_OVER_MM: i64 = 1_000_000;

/// Terms as somebody wrote them. Empty texts: not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub name: BTreeMap<String, String>,
    pub kind: String,
    pub teams: Vec<String>,
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
    pub attempts: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenReward {
    pub places: Option<(u32, u32)>,
    pub percentile: Option<(f64, f64)>,
    pub reached: Option<f64>,
    pub points: u32,
    pub badge: String,
}

impl Terms {
    /// Everything that is wrong is named at once, by its pointer in the public body.
    pub fn parse(written: &Written) -> Result<Self, Refusal> {
        Self::read(written, None)
    }

    /// As [`Terms::parse`], over terms that were decided on: their rule stands as it is, though it could not be written
    /// any more.
    pub fn parse_over(written: &Written, decided: &Self) -> Result<Self, Refusal> {
        Self::read(written, Some(&decided.eligibility))
    }

    fn read(written: &Written, decided: Option<&Rule>) -> Result<Self, Refusal> {
        let mut reading = Reading::default();
        let name = reading.name(&written.name);
        let kind = match written.kind.as_str() {
            "" => Some(Kind::Individual),
            text => reading.word("/kind", Kind::parse(text), "individual, group or team"),
        };
        let teams = reading.teams(kind, &written.teams);
        let metric = reading.word("/metric", Metric::parse(&written.metric), "a metric of the vocabulary");
        let sports = reading.sports(&written.sports);
        let window = Window::parse(&written.start, &written.end, &written.clock, &written.time_zone);
        let window = window.map_err(|errors| reading.errors.extend(errors)).ok();
        let eligibility = reading.rule(&written.eligibility_json, decided);
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
        let min_distance_mm = reading.min_distance(metric, written.min_distance_m);
        reading.attempts(metric, written.attempts);
        Refusal::fields(reading.errors)?;
        let (Some(kind), Some(metric), Some(window), Some(eligibility), Some(ties), Some(count_from)) =
            (kind, metric, window, eligibility, ties, count_from)
        else {
            return Err(Refusal::field("", "invalid", "the terms are not complete"));
        };
        let regions = asked_regions(&eligibility).unwrap_or_default();
        let (capacity, public, attempts) = (written.capacity, written.public, written.attempts);
        Ok(Self {
            name,
            kind,
            teams,
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
            attempts,
            regions,
        })
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

    fn teams(&mut self, kind: Option<Kind>, teams: &[String]) -> BTreeSet<TeamId> {
        if kind.is_some_and(|kind| kind != Kind::Team) && !teams.is_empty() {
            self.fault("/teams", "not_allowed", "teams are named where teams compete");
        }
        if teams.len() > TEAMS_MAX {
            self.fault("/teams", "too_many", "at most 64 teams are named");
            return BTreeSet::new();
        }
        let mut read = BTreeSet::new();
        for (index, text) in teams.iter().enumerate() {
            match text.parse() {
                Ok(team) => drop(read.insert(team)),
                Err(_) => {
                    self.fault(&format!("/teams/{index}"), "not_an_id", "the id of a group belongs here")
                }
            }
        }
        let wrong = self.errors.iter().any(|error| error.pointer.starts_with("/teams"));
        if !wrong && (read.len() == 1 || read.len() < teams.len()) {
            self.fault("/teams", "too_few", "at least two teams compete, each named once");
        }
        read
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
            if deceives(text) {
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

    fn rule(&mut self, text: &str, decided: Option<&Rule>) -> Option<Rule> {
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
        if decided == Some(&rule) {
            return Some(rule);
        }
        let mut faults = Vec::new();
        find_faults(&rule, "/eligibility", &mut faults);
        for (pointer, code, detail) in faults {
            self.fault(&pointer, code, &detail);
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
        let granted = self.reward_at(index, reward);
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

    fn reward_at(&mut self, index: usize, reward: &WrittenReward) -> Option<RewardAt> {
        let at = |field: &str| format!("/rewards/{index}{field}");
        match (reward.places, reward.percentile, reward.reached) {
            (Some((first, last)), None, None) => {
                if first == 0 || first > last || last > PLACE_MAX {
                    self.fault(
                        &at("/places"),
                        "out_of_range",
                        "places from 1, the first not behind the last",
                    );
                }
                Some(RewardAt::Places { first, last })
            }
            (None, Some((from, to)), None) => {
                let share = percentile(from).zip(percentile(to)).filter(|(from, to)| from <= to);
                if share.is_none() {
                    self.fault(
                        &at("/percentile"),
                        "out_of_range",
                        "percentiles from 0 to 100, the first not above the last",
                    );
                }
                share.map(|(from, to)| RewardAt::Percentile { from, to })
            }
            (None, None, Some(reached)) => {
                let score = thousandths(reached, REACHED_MAX).filter(|score| *score > 0);
                if score.is_none() {
                    self.fault(&at("/reached"), "out_of_range", "a number greater than 0 belongs here");
                }
                score.map(|score| RewardAt::Reached { score })
            }
            _ => {
                self.fault(
                    &at(""),
                    "one_of",
                    "a reward names one of three: places, a percentile, what is reached",
                );
                None
            }
        }
    }

    fn attempts(&mut self, metric: Option<Metric>, attempts: Option<u32>) {
        let Some(attempts) = attempts else { return };
        if !(1..=ATTEMPTS_MAX).contains(&attempts) {
            self.fault("/attempts", "out_of_range", "from 1 to 1000 attempts");
        }
        if let Some(Metric::Steps | Metric::Xp) = metric {
            self.fault("/attempts", "not_allowed", "steps and XP are not made in attempts");
        }
    }

    fn min_distance(&mut self, metric: Option<Metric>, distance_m: Option<f64>) -> Option<i64> {
        let distance_mm = distance_m.map(|distance| thousandths(distance, MIN_DISTANCE_M_MAX));
        if distance_mm == Some(None) {
            self.fault("/min_distance_m", "out_of_range", "a distance of at least 0 belongs here");
        }
        let unsaid = (metric == Some(Metric::Fastest)).then_some(FASTEST_OVER_MM);
        distance_mm.flatten().filter(|distance| *distance > 0).or(unsaid)
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

fn percentile(value: f64) -> Option<u32> {
    thousandths(value, 100.0).and_then(|share| u32::try_from(share).ok())
}

/// What is well formed and yet met by nobody, as pointer, code and detail: regions that do not exist, and what shops know
/// of their customers, which is the promos' to ask.
fn find_faults(rule: &Rule, pointer: &str, faults: &mut Vec<(String, &'static str, String)>) {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => {
            let word = if matches!(rule, Rule::All(_)) { "all" } else { "any" };
            for (index, rule) in rules.iter().enumerate() {
                find_faults(rule, &format!("{pointer}/{word}/{index}"), faults);
            }
        }
        Rule::Not(rule) => find_faults(rule, &format!("{pointer}/not"), faults),
        Rule::Clause(Clause::RegionIn(regions)) => {
            let unknown = |(_, region): &(usize, &Region)| !region.exists();
            for (index, region) in regions.iter().enumerate().filter(unknown) {
                let detail = format!("there is no region {}", region.as_str());
                faults.push((format!("{pointer}/region_in/{index}"), "unknown_region", detail));
            }
        }
        Rule::Clause(Clause::PurchasedWithinDays(_)) => {
            let detail = "purchases are known to promos alone: no challenge can ask for them".to_owned();
            faults.push((format!("{pointer}/purchased_within_days"), "not_for_challenges", detail));
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

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
