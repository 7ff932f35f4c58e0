//! What counts and when it was reached, case by case; the interleavings are tried from outside.

use std::collections::BTreeMap;

use super::*;
use crate::domain::challenge::terms::Written;

const HOUR_US: i64 = 3_600_000_000;

fn at(text: &str) -> i64 {
    micros(text.parse().unwrap())
}

/// The last week-end of October, when Berlin's clocks go back, in each participant's own days.
fn terms(metric: &str) -> Terms {
    Terms::parse(&Written {
        name: BTreeMap::from([("en".to_owned(), "October".to_owned())]),
        metric: metric.to_owned(),
        start: "2026-10-24T00:00:00".to_owned(),
        end: "2026-10-26T00:00:00".to_owned(),
        clock: "local".to_owned(),
        ..Written::default()
    })
    .unwrap()
}

fn taking(zone: &str) -> Taking {
    let zone = TimeZone::get(zone).unwrap();
    Taking { zone, joined_us: 0, count_private: false, only_me_usual: false }
}

fn run(revision: u64, start_us: i64, received_us: i64) -> Heard {
    let effort = Effort {
        sport: Sport::Running,
        start_us,
        end_us: start_us + HOUR_US,
        duration_s: 3_600,
        distance_mm: Some(10_000_000),
        ascent_mm: None,
        only_me: None,
    };
    Heard { revision, receipt: Receipt { at_us: received_us, position: revision }, effort: Some(effort) }
}

fn contest(terms: &Terms) -> Contest<'_> {
    Contest { terms, head: None, late_too: false }
}

#[test]
fn the_same_instant_counts_for_one_zone_and_not_for_another() {
    let terms = terms("distance_m");
    // 23:30 on Sunday in Berlin, Monday morning in Almaty.
    let start_us = at("2026-10-25T22:30:00Z");
    let heard = [run(1, start_us, start_us + 2 * HOUR_US)];
    let counts = |zone| contest(&terms).activity(&taking(zone), &heard, &[]).is_some();
    assert!(counts("Europe/Berlin") && !counts("Asia/Almaty"));
}

#[test]
fn a_day_of_25_hours_is_one_day_of_steps() {
    let terms = terms("steps");
    let sunday = super::super::fact::day_named("2026-10-25").unwrap();
    let receipt = Receipt { at_us: at("2026-10-27T00:00:00Z"), position: 1 };
    let heard = [DayHeard { revision: 1, receipt, local_day: sunday, steps: 9_000 }];
    let one = contest(&terms).day(&taking("Europe/Berlin"), &heard).unwrap();
    assert_eq!((one.value, one.reached_us), (9_000_000, at("2026-10-25T23:00:00Z")));
    let (start_us, end_us) = day_in(sunday, &TimeZone::get("Europe/Berlin").unwrap()).unwrap();
    assert_eq!(end_us - start_us, 25 * HOUR_US);
}

#[test]
fn an_edit_that_comes_too_late_leaves_what_was_said_in_time() {
    let terms = terms("count");
    let start_us = at("2026-10-24T10:00:00Z");
    let gone = |received_us| Heard { effort: None, ..run(2, start_us, received_us) };
    let counts = |heard: &[Heard]| contest(&terms).activity(&taking("UTC"), heard, &[]).is_some();
    let first = run(1, start_us, start_us + 2 * HOUR_US);
    assert!(!counts(&[first, gone(start_us + 3 * HOUR_US)]));
    assert!(counts(&[first, gone(terms.settles_at_us() + 1)]));
    assert!(counts(&[gone(terms.settles_at_us() + 1), first]), "in whatever order it is heard");
}

#[test]
fn behind_the_line_of_the_settlement_nothing_counts() {
    let terms = terms("count");
    let start_us = at("2026-10-24T10:00:00Z");
    let heard = [run(7, start_us, start_us + HOUR_US)];
    let with = |head| Contest { head: Some(head), ..contest(&terms) };
    assert!(with(7).activity(&taking("UTC"), &heard, &[]).is_some());
    assert!(with(6).activity(&taking("UTC"), &heard, &[]).is_none());
    assert!(Contest { late_too: true, ..with(6) }.activity(&taking("UTC"), &heard, &[]).is_some());
}

#[test]
fn a_clock_that_runs_ahead_reaches_nothing_before_it_is_heard() {
    let terms = terms("longest_m");
    let start_us = at("2026-10-24T10:00:00Z");
    let one = contest(&terms).activity(&taking("UTC"), &[run(1, start_us, start_us + 60)], &[]).unwrap();
    assert_eq!(one.reached_us, start_us + 60);
}

#[test]
fn private_activities_count_when_the_participant_chose_so() {
    let terms = terms("count");
    let start_us = at("2026-10-24T10:00:00Z");
    let shown_as = |only_me| {
        let mut heard = run(1, start_us, start_us + HOUR_US);
        heard.effort = heard.effort.map(|effort| Effort { only_me, ..effort });
        [heard]
    };
    let counts =
        |only_me, taking: &Taking| contest(&terms).activity(taking, &shown_as(only_me), &[]).is_some();
    let public = taking("UTC");
    let usual = Taking { only_me_usual: true, ..public.clone() };
    let chose = Taking { count_private: true, ..usual.clone() };
    assert!(counts(None, &public) && counts(Some(false), &usual) && counts(None, &chose));
    assert!(!counts(Some(true), &public) && !counts(None, &usual));
}

#[test]
fn sums_are_reached_last_and_bests_first() {
    let one = |value, reached_us| Contribution { bucket: 0, value, reached_us };
    let all = || vec![one(5, 30), one(9, 20), one(9, 10), one(2, 40)];
    assert_eq!(combine(Metric::Distance, all()), Some(Score { value: 25, reached_us: 40 }));
    assert_eq!(combine(Metric::Longest, all()), Some(Score { value: 9, reached_us: 10 }));
    assert_eq!(combine(Metric::Fastest, all()), Some(Score { value: 2, reached_us: 40 }));
    assert_eq!(combine(Metric::Count, Vec::new()), None);
}

#[test]
fn the_shares_of_a_days_sources_make_the_day() {
    let day = |bucket, value, reached_us| Contribution { bucket, value, reached_us };
    let days = vec![day(1, 7_000, 50), day(1, 9_000, 20), day(2, 1_000, 30)];
    assert_eq!(combine(Metric::Steps, days), Some(Score { value: 17_000, reached_us: 50 }));
}

#[test]
fn no_sum_overflows() {
    let much = Contribution { bucket: 0, value: i64::MAX, reached_us: 1 };
    assert_eq!(combine(Metric::Distance, vec![much; 3]).unwrap().value, i64::MAX);
}
