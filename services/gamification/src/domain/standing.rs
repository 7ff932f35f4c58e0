//! The fold: rules over all facts of an account, in canonical order (start, then id). Whatever order activities are
//! heard in, the same facts give the same standing.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ActivityId, Sport};

use super::{
    fact::{Day, Fact},
    rules::{EarnedBy, Measure, Rules, Sports, XpRule},
    streak::{self, Run, Step},
};

/// How many activities an explanation names: the newest of those that earned the badge.
pub const CAUSES_MAX: usize = 50;

/// What the facts of an account amount to.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing<'r> {
    pub xp: i64,
    /// Who gave how much, by which rule. Sums to `xp`.
    pub lines: BTreeMap<(ActivityId, &'r str), i64>,
    pub level: u32,
    /// The newest run of days; none without activities.
    pub run: Option<Run>,
    pub awards: BTreeMap<&'r str, Award>,
}

/// A badge with its explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Award {
    /// The end of the activity that earned it.
    pub unlocked_us: i64,
    /// The rule, in one line.
    pub rule: String,
    pub because: Vec<Cause>,
    /// Of a streak: the days in between that freezes covered, at most as many of the newest as a run tells.
    pub frozen: Vec<Day>,
    /// Some of what earned it is shown to nobody, by its own visibility.
    pub private: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cause {
    pub activity_id: ActivityId,
    /// In the rule's own measure: metres, seconds, a count, the day of a streak.
    pub value: f64,
    pub at_us: i64,
}

impl<'r> Standing<'r> {
    pub fn of<'f>(rules: &'r Rules, facts: impl IntoIterator<Item = (ActivityId, &'f Fact)>) -> Self {
        let freezes = rules.streak_freezes;
        let timeline = Timeline::of(rules, facts);
        let lines = timeline.xp(rules);
        let xp = lines.values().sum();
        let awards = rules.badges.iter().filter_map(|badge| {
            let Earned { unlocked_us, because, frozen } = timeline.earned(&badge.earned_by)?;
            let private = because.iter().any(|cause| timeline.only_me.contains(&cause.activity_id));
            let (because, rule) = (newest(because), badge.earned_by.describe(freezes));
            Some((badge.badge.as_str(), Award { unlocked_us, rule, because, frozen, private }))
        });
        Self {
            xp,
            awards: awards.collect(),
            level: rules.levels.level_of(xp),
            run: timeline.runs.last().map(|step| step.run(freezes, &timeline.days)),
            lines,
        }
    }

    /// Who gave how much, by which rule, and nothing else of a standing.
    pub fn lines_of<'f>(
        rules: &'r Rules,
        facts: impl IntoIterator<Item = (ActivityId, &'f Fact)>,
    ) -> BTreeMap<(ActivityId, &'r str), i64> {
        Timeline::of(rules, facts).xp(rules)
    }
}

/// Facts in canonical order, with their days.
struct Timeline<'f> {
    facts: Vec<(ActivityId, &'f Fact)>,
    /// The first activity of each day.
    openers: BTreeMap<Day, (ActivityId, &'f Fact)>,
    days: BTreeSet<Day>,
    runs: Vec<Step>,
    /// Shown to nobody.
    only_me: BTreeSet<ActivityId>,
}

impl<'f> Timeline<'f> {
    fn of(rules: &Rules, facts: impl IntoIterator<Item = (ActivityId, &'f Fact)>) -> Self {
        let mut facts: Vec<_> = facts.into_iter().collect();
        facts.sort_unstable_by_key(|(id, fact)| (fact.start_us, *id));
        let mut openers = BTreeMap::new();
        for &(id, fact) in &facts {
            openers.entry(fact.local_day).or_insert((id, fact));
        }
        let days = openers.keys().copied().collect();
        let runs = streak::runs(&days, rules.streak_freezes);
        let hidden = facts.iter().filter(|(_, fact)| fact.only_me == Some(true));
        let only_me = hidden.map(|(id, _)| *id).collect();
        Self { facts, openers, days, runs, only_me }
    }

    fn xp<'r>(&self, rules: &'r Rules) -> BTreeMap<(ActivityId, &'r str), i64> {
        let mut lines = BTreeMap::new();
        let mut given = Given::default();
        for rule in &rules.xp {
            if let XpRule::Streak { rule, every_days, xp } = rule {
                let days = self.runs.iter().filter(|run| run.days.is_multiple_of(*every_days));
                for (id, _) in days.filter_map(|run| self.openers.get(&run.last_day)) {
                    lines.insert((*id, rule.as_str()), *xp);
                }
            }
        }
        for &(id, fact) in &self.facts {
            for rule in &rules.xp {
                let xp = given.by(rule, fact, rules.xp_per_day_max);
                if xp > 0 {
                    lines.insert((id, rule.name()), xp);
                }
            }
        }
        lines
    }

    /// When and by what a badge is earned, if it is: by all that counted towards it.
    fn earned(&self, by: &EarnedBy) -> Option<Earned> {
        match by {
            EarnedBy::First { sports } => self.crossing(sports, Measure::Count, 1),
            EarnedBy::Threshold { sports, measure, at_least } => {
                let wanted = at_least * 1_000;
                let found = |(_, fact): &&(ActivityId, &Fact)| {
                    sports.contain(fact.sport) && measure.thousandths(fact) >= wanted
                };
                let &(id, fact) = self.facts.iter().find(found)?;
                Some(Earned::by(fact.end_us, vec![cause(id, fact, measure.thousandths(fact))]))
            }
            EarnedBy::Cumulative { sports, measure, at_least } => self.crossing(sports, *measure, *at_least),
            EarnedBy::Within { sports, measure, at_least, days } => {
                self.within((sports, *measure), *at_least, *days)
            }
            EarnedBy::Streak { days } => self.days_in_a_row(*days),
            EarnedBy::All { of } => self.all(of),
        }
    }

    /// The first of the periods of so many local days whose activities reach `at_least` together, up to the one that
    /// crosses it. Days in their own order: a journey across the date line may turn the order of starts around.
    fn within(&self, (sports, measure): (&Sports, Measure), at_least: i64, days: u32) -> Option<Earned> {
        let wanted = at_least * 1_000;
        let counts =
            |(_, fact): &&(ActivityId, &Fact)| sports.contain(fact.sport) && measure.thousandths(fact) > 0;
        let mut counting: Vec<_> = self.facts.iter().filter(counts).copied().collect();
        counting.sort_by_key(|(_, fact)| fact.local_day);
        let (mut first, mut sum) = (0, 0_i64);
        for (last, (_, fact)) in counting.iter().enumerate() {
            sum = sum.saturating_add(measure.thousandths(fact));
            while i64::from(fact.local_day) - i64::from(counting[first].1.local_day) >= i64::from(days) {
                sum -= measure.thousandths(counting[first].1);
                first += 1;
            }
            if sum >= wanted {
                let of_period = counting[first..=last].iter();
                let because: Vec<Cause> =
                    of_period.map(|(id, fact)| cause(*id, fact, measure.thousandths(fact))).collect();
                let unlocked_us = because.iter().map(|cause| cause.at_us).max()?;
                return Some(Earned::by(unlocked_us, because));
            }
        }
        None
    }

    /// Earned with the last of its parts, by what earned each: an activity that several name is told once.
    fn all(&self, of: &[EarnedBy]) -> Option<Earned> {
        let parts = of.iter().map(|part| self.earned(part)).collect::<Option<Vec<Earned>>>()?;
        let unlocked_us = parts.iter().map(|part| part.unlocked_us).max()?;
        let (mut because, mut frozen) = (BTreeMap::new(), BTreeSet::new());
        for part in parts {
            frozen.extend(part.frozen);
            for cause in part.because {
                because.entry((cause.at_us, cause.activity_id)).or_insert(cause);
            }
        }
        let frozen = frozen.into_iter().collect();
        Some(Earned { unlocked_us, because: because.into_values().collect(), frozen })
    }

    /// The activities that reach `at_least` together, up to the one that crosses it.
    fn crossing(&self, sports: &Sports, measure: Measure, at_least: i64) -> Option<Earned> {
        let wanted = at_least * 1_000;
        let mut sum = 0_i64;
        let mut because = Vec::new();
        for &(id, fact) in self.facts.iter().filter(|(_, fact)| sports.contain(fact.sport)) {
            let part = measure.thousandths(fact);
            if part > 0 {
                sum = sum.saturating_add(part);
                because.push(cause(id, fact, part));
            }
            if sum >= wanted {
                return Some(Earned::by(fact.end_us, because));
            }
        }
        None
    }

    /// Active days of one run: frozen ones neither end it nor count.
    fn days_in_a_row(&self, days: u32) -> Option<Earned> {
        let run = self.runs.iter().find(|run| run.days >= days)?;
        let openers = self.openers.range(run.first_day..=run.last_day);
        let because: Vec<Cause> =
            openers.zip(1_i64..).map(|((_, (id, fact)), nth)| cause(*id, fact, nth * 1_000)).collect();
        // The last day's opener, unless a journey across the date line turned the order of ends around.
        let unlocked_us = because.iter().map(|cause| cause.at_us).max()?;
        Some(Earned { unlocked_us, because, frozen: streak::newest(run.frozen(&self.days)) })
    }
}

/// When a badge was earned, by all that counted towards it.
struct Earned {
    unlocked_us: i64,
    because: Vec<Cause>,
    frozen: Vec<Day>,
}

impl Earned {
    fn by(unlocked_us: i64, because: Vec<Cause>) -> Self {
        Self { unlocked_us, because, frozen: Vec::new() }
    }
}

#[expect(clippy::cast_precision_loss, reason = "thousandths stay far below 2^53")]
fn cause(activity_id: ActivityId, fact: &Fact, thousandths: i64) -> Cause {
    Cause { activity_id, value: thousandths as f64 / 1_000.0, at_us: fact.end_us }
}

fn newest(mut because: Vec<Cause>) -> Vec<Cause> {
    because.drain(..because.len().saturating_sub(CAUSES_MAX));
    because
}

/// What was given so far, on the way through the timeline.
#[derive(Default)]
struct Given<'r> {
    by_rule: BTreeMap<(Day, &'r str), i64>,
    by_day: BTreeMap<Day, i64>,
    firsts: BTreeSet<(&'r str, Option<Sport>)>,
}

impl<'r> Given<'r> {
    /// What `rule` gives for the next activity of the timeline.
    fn by(&mut self, rule: &'r XpRule, fact: &Fact, per_day_max: i64) -> i64 {
        match rule {
            XpRule::Measure { rule, sports, measure, per, xp, per_day_max: rule_max } => {
                if !sports.contain(fact.sport) {
                    return 0;
                }
                let of_rule = self.by_rule.entry((fact.local_day, rule)).or_default();
                let of_day = self.by_day.entry(fact.local_day).or_default();
                let earned = (measure.thousandths(fact) / (per * 1_000)).saturating_mul(*xp);
                let given = earned.min(rule_max - *of_rule).min(per_day_max - *of_day).max(0);
                *of_rule += given;
                *of_day += given;
                given
            }
            XpRule::FirstTime { rule, sports, each_sport, xp } => {
                let key = (rule.as_str(), each_sport.then_some(fact.sport));
                if sports.contain(fact.sport) && self.firsts.insert(key) { *xp } else { 0 }
            }
            XpRule::Streak { .. } => 0,
        }
    }
}
