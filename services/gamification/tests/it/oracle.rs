//! What the rules mean, written down a second time and as plainly as can be: no incremental state, no
//! shared code with the domain except its types. Slow on purpose.

use std::collections::{BTreeMap, BTreeSet};

use gamification::domain::{
    Fact, Rules,
    rules::{EarnedBy, Measure, XpRule},
    streak::Run,
};
use kernel::ActivityId;

/// What an account must have, by the facts that count.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) xp: i64,
    pub(crate) level: u32,
    pub(crate) run: Option<Run>,
    /// Badge → when it was earned and the activity that earned it.
    pub(crate) badges: BTreeMap<String, (i64, ActivityId)>,
}

pub(crate) fn expected(rules: &Rules, facts: &BTreeMap<ActivityId, Fact>) -> Expected {
    let mut ordered: Vec<(&ActivityId, &Fact)> = facts.iter().collect();
    ordered.sort_by(|one, other| (one.1.start_us, one.0).cmp(&(other.1.start_us, other.0)));
    let xp = rules
        .xp
        .iter()
        .filter(|rule| !matches!(rule, XpRule::Measure { .. }))
        .map(|rule| once(rules, rule, &ordered))
        .sum::<i64>()
        + days(&ordered).into_iter().map(|day| measured(rules, day, &ordered)).sum::<i64>();
    let mut level = 1;
    let mut needed = rules.levels.first_xp;
    let mut step = rules.levels.first_xp;
    while xp >= needed {
        level += 1;
        step += rules.levels.growth_xp;
        needed += step;
    }
    let run = days(&ordered).last().map(|day| run_ending(rules, *day, &ordered));
    let badges = rules.badges.iter().filter_map(|badge| {
        let earned = earned(rules, &badge.earned_by, &ordered)?;
        Some((badge.badge.clone(), earned))
    });
    Expected { xp, level, run, badges: badges.collect() }
}

fn days(ordered: &[(&ActivityId, &Fact)]) -> BTreeSet<i32> {
    ordered.iter().map(|(_, fact)| fact.local_day).collect()
}

/// Lived through day by day, from the first to `day`.
fn run_ending(rules: &Rules, day: i32, ordered: &[(&ActivityId, &Fact)]) -> Run {
    let days = days(ordered);
    let (mut run, mut towards) = (Run::default(), 0);
    for today in *days.first().unwrap()..=day {
        if days.contains(&today) {
            run.days += 1;
            run.last_day = today;
            let Some(freezes) = rules.streak_freezes else { continue };
            towards += u32::from(run.freezes < freezes.held_max);
            if towards == freezes.earned_every_days {
                (run.freezes, towards) = (run.freezes + 1, 0);
            }
        } else if run.freezes > 0 {
            run.freezes -= 1;
            run.frozen.push(today);
        } else {
            (run, towards) = (Run::default(), 0);
        }
    }
    run
}

fn once(rules: &Rules, rule: &XpRule, ordered: &[(&ActivityId, &Fact)]) -> i64 {
    match rule {
        XpRule::Measure { .. } => 0,
        XpRule::FirstTime { sports, each_sport, xp, .. } => {
            let sports: BTreeSet<_> =
                ordered.iter().map(|(_, fact)| fact.sport).filter(|sport| sports.contain(*sport)).collect();
            let times = if *each_sport { sports.len() } else { sports.len().min(1) };
            xp * i64::try_from(times).unwrap()
        }
        XpRule::Streak { every_days, xp, .. } => {
            let reached = days(ordered)
                .into_iter()
                .filter(|day| run_ending(rules, *day, ordered).days.is_multiple_of(*every_days));
            xp * i64::try_from(reached.count()).unwrap()
        }
    }
}

fn measured(rules: &Rules, day: i32, ordered: &[(&ActivityId, &Fact)]) -> i64 {
    let mut of_day = 0;
    let mut of_rule: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, fact) in ordered.iter().filter(|(_, fact)| fact.local_day == day) {
        for rule in &rules.xp {
            let XpRule::Measure { rule, sports, measure, per, xp, per_day_max } = rule else { continue };
            if !sports.contain(fact.sport) {
                continue;
            }
            for _ in 0..(amount(*measure, fact) / (per * 1_000)) {
                let so_far = of_rule.entry(rule).or_default();
                if *so_far + xp <= *per_day_max && of_day + xp <= rules.xp_per_day_max {
                    *so_far += xp;
                    of_day += xp;
                }
            }
        }
    }
    of_day
}

/// Thousandths of the measure.
fn amount(measure: Measure, fact: &Fact) -> i64 {
    match measure {
        Measure::DistanceM => fact.distance_mm.unwrap_or_default(),
        Measure::AscentM => fact.ascent_mm.unwrap_or_default(),
        Measure::DurationS => fact.duration_s * 1_000,
        Measure::Count => 1_000,
    }
}

fn earned(rules: &Rules, by: &EarnedBy, ordered: &[(&ActivityId, &Fact)]) -> Option<(i64, ActivityId)> {
    let said = |(id, fact): &(&ActivityId, &Fact)| (fact.end_us, **id);
    match by {
        EarnedBy::First { sports } => ordered.iter().find(|(_, fact)| sports.contain(fact.sport)).map(said),
        EarnedBy::Threshold { sports, measure, at_least } => {
            let enough =
                |fact: &Fact| sports.contain(fact.sport) && amount(*measure, fact) >= at_least * 1_000;
            ordered.iter().find(|(_, fact)| enough(fact)).map(said)
        }
        EarnedBy::Cumulative { sports, measure, at_least } => (0..ordered.len())
            .find(|last| {
                let all = ordered[..=*last].iter().filter(|(_, fact)| sports.contain(fact.sport));
                all.map(|(_, fact)| amount(*measure, fact)).sum::<i64>() >= at_least * 1_000
            })
            .map(|last| said(&ordered[last])),
        EarnedBy::Within { sports, measure, at_least, days: period } => {
            let fits = |(_, fact): &&(&ActivityId, &Fact)| sports.contain(fact.sport);
            let mut by_day: Vec<_> = ordered.iter().filter(fits).copied().collect();
            by_day.sort_by_key(|(_, fact)| fact.local_day);
            let of_period = |last: usize| {
                let today = by_day[last].1.local_day;
                let period = i32::try_from(*period).unwrap();
                by_day[..=last].iter().filter(move |(_, fact)| fact.local_day > today - period)
            };
            let last = (0..by_day.len()).find(|last| {
                of_period(*last).map(|(_, fact)| amount(*measure, fact)).sum::<i64>() >= at_least * 1_000
            })?;
            of_period(last).filter(|(_, fact)| amount(*measure, fact) > 0).map(said).max_by_key(|(at, _)| *at)
        }
        EarnedBy::All { of } => {
            let parts: Option<Vec<_>> = of.iter().map(|part| earned(rules, part, ordered)).collect();
            parts?.into_iter().max()
        }
        EarnedBy::Streak { days: wanted } => {
            let days = days(ordered);
            let day = *days.iter().find(|day| run_ending(rules, **day, ordered).days >= *wanted)?;
            let of_run = days.range(..=day).rev().take(usize::try_from(*wanted).unwrap());
            let openers = of_run.map(|day| ordered.iter().find(|(_, fact)| fact.local_day == *day).unwrap());
            openers.map(said).max_by_key(|(at, _)| *at)
        }
    }
}
