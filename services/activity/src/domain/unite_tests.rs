use proptest::prelude::*;

use super::*;
use crate::domain::daily::Span;

/// Minutes of 2026-05-01 in UTC.
fn at(minute: i64) -> i64 {
    "2026-05-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond() + minute * MINUTE_US
}

fn told(device: Option<DeviceKind>, value: f64, spans: &[(i64, i64, f64)]) -> DailyValue {
    let span =
        |(from, to, value): &(i64, i64, f64)| Span { start_us: at(*from), end_us: at(*to), value: *value };
    DailyValue {
        kind: "steps".to_owned(),
        date: "2026-05-01".to_owned(),
        value,
        spans: spans.iter().map(span).collect(),
        device,
    }
}

fn spanned(device: Option<DeviceKind>, spans: &[(i64, i64, f64)]) -> DailyValue {
    told(device, spans.iter().map(|span| span.2).sum(), spans)
}

fn united(all: &[DailyValue]) -> United {
    let names: Vec<String> = (0..all.len()).map(|place| format!("source{place}")).collect();
    let telling = |(place, daily): (usize, _)| {
        let id = DailyId::derived(&[names[place].as_bytes()]);
        Telling { id, source: &names[place], daily }
    };
    unite(&all.iter().enumerate().map(telling).collect::<Vec<_>>())
}

fn shares(all: &[DailyValue]) -> Vec<f64> {
    united(all).shares
}

const WATCH: Option<DeviceKind> = Some(DeviceKind::Watch);
const PHONE: Option<DeviceKind> = Some(DeviceKind::Phone);

#[test]
fn who_tells_alone_tells_all() {
    assert_eq!(shares(&[told(None, 10_432.5, &[])]), [10_432.5]);
    assert_eq!(shares(&[told(None, 10_432.0, &[(600, 610, 812.0)])]), [10_432.0]);
    assert_eq!(united(&[]).value(), 0.0);
}

#[test]
fn the_same_walk_on_wrist_and_in_pocket_counts_once_and_is_the_wrists() {
    let walk = [(600, 601, 110.0), (601, 602, 90.0)];
    let day = united(&[spanned(PHONE, &walk), spanned(WATCH, &[(600, 601, 100.0), (601, 602, 100.0)])]);
    assert_eq!(day.shares, [0.0, 200.0]);
    let [run] = day.runs[..] else { panic!("one run") };
    assert_eq!((run.from_us, run.to_us, run.of, run.value), (at(600), at(602), 1, 200.0));
}

#[test]
fn what_only_one_of_them_saw_counts_too() {
    let phone = spanned(PHONE, &[(480, 490, 1_000.0), (600, 610, 900.0)]);
    let watch = spanned(WATCH, &[(600, 610, 1_000.0), (1_200, 1_230, 3_000.0)]);
    let day = united(&[phone, watch]);
    assert_eq!(day.shares, [1_000.0, 4_000.0]);
    assert_eq!(day.runs.iter().map(|run| run.of).collect::<Vec<_>>(), [0, 1, 1]);
}

#[test]
fn spans_that_overlap_in_part_are_counted_by_what_they_tell_more() {
    let phone = spanned(PHONE, &[(600, 610, 1_000.0)]);
    let watch = spanned(WATCH, &[(605, 615, 1_000.0)]);
    assert_eq!(shares(&[phone, watch]), [500.0, 1_000.0]);
}

#[test]
fn a_coarse_span_adds_only_what_finer_ones_within_it_do_not_tell() {
    let phone = spanned(PHONE, &[(600, 601, 100.0), (601, 602, 100.0)]);
    let watch = spanned(WATCH, &[(600, 660, 5_000.0)]);
    let day = united(&[phone.clone(), watch]);
    assert_eq!((day.value(), &day.shares[..]), (5_000.0, &[200.0, 4_800.0][..]));
    let short = spanned(WATCH, &[(600, 660, 150.0)]);
    assert_eq!(shares(&[phone, short]), [200.0, 0.0], "the finer one tells more");
}

#[test]
fn of_equals_the_greater_is_believed_minute_by_minute() {
    let one = spanned(None, &[(600, 601, 50.0), (601, 602, 120.0)]);
    let other = spanned(None, &[(600, 601, 80.0), (601, 602, 70.0)]);
    assert_eq!(shares(&[one, other]), [120.0, 80.0]);
}

#[test]
fn a_value_without_spans_counts_by_what_it_tells_more_than_all_minutes() {
    let watch = spanned(WATCH, &[(600, 610, 1_000.0)]);
    let day = united(&[told(PHONE, 2_500.0, &[]), watch.clone()]);
    assert_eq!((&day.shares[..], day.rest), (&[1_500.0, 1_000.0][..], Some((0, 1_500.0))));
    assert_eq!(shares(&[told(PHONE, 900.0, &[]), watch]), [0.0, 1_000.0]);
    assert_eq!(shares(&[told(PHONE, 900.0, &[]), told(WATCH, 800.0, &[])]), [900.0, 0.0]);
}

#[test]
fn a_device_that_lies_on_the_table_hides_nothing() {
    let table = told(WATCH, 0.0, &[(600, 610, 0.0)]);
    assert_eq!(shares(&[spanned(PHONE, &[(600, 610, 700.0)]), table]), [700.0, 0.0]);
}

#[test]
fn spans_that_tell_more_than_the_day_are_cut_to_it_and_those_of_other_days_say_nothing_of_when() {
    let phone = told(PHONE, 1_000.0, &[(600, 610, 1_000.0), (600, 610, 1_000.0)]);
    assert_eq!(shares(&[phone, spanned(WATCH, &[(600, 610, 900.0)])]), [0.0, 900.0]);
    let elsewhere = told(PHONE, 1_000.0, &[(50_000, 50_010, 1_000.0)]);
    let day = united(&[elsewhere, spanned(WATCH, &[(600, 610, 900.0)])]);
    assert_eq!((&day.shares[..], day.rest), (&[100.0, 900.0][..], Some((0, 100.0))));
}

#[test]
fn spans_of_any_length_are_taken() {
    let for_ever = DailyValue {
        spans: vec![
            Span { start_us: 0, end_us: i64::MAX, value: 1e308 },
            Span { start_us: 0, end_us: i64::MAX, value: 1e308 },
            Span { start_us: at(1), end_us: at(1) + 1, value: 1e308 },
        ],
        ..told(None, 5_000.0, &[])
    };
    let day = united(&[for_ever, spanned(WATCH, &[(600, 610, 900.0)])]);
    assert!(day.value().is_finite() && day.value() <= 5_900.0, "{day:?}");
}

#[test]
fn what_cannot_be_added_up_is_taken_from_one() {
    let sleep = |device, value| DailyValue { kind: "sleep".to_owned(), ..told(device, value, &[]) };
    let day = united(&[sleep(PHONE, 30_000.0), sleep(WATCH, 27_000.0)]);
    assert_eq!(day.shares, [0.0, 27_000.0]);
}

fn device() -> impl Strategy<Value = Option<DeviceKind>> {
    prop_oneof![Just(None), Just(WATCH), Just(PHONE), Just(Some(DeviceKind::Ring))]
}

fn daily() -> impl Strategy<Value = DailyValue> {
    let span = (-900_i64..2_000, prop_oneof![Just(0_i64), Just(1), 1_i64..20, 1_i64..2_000], 0_u32..5_000);
    let spans = prop::collection::vec(span, 0..8);
    (device(), spans, prop_oneof![Just(0_u32), 0_u32..3_000], 1_u32..4).prop_map(
        |(device, spans, rest, cut)| {
            let spans: Vec<_> =
                spans.into_iter().map(|(from, long, value)| (from, from + long, f64::from(value))).collect();
            let sum: f64 = spans.iter().map(|span| span.2).sum();
            told(device, (sum / f64::from(cut) + f64::from(rest)).round(), &spans)
        },
    )
}

/// Of spans of one whole minute each: what the best of each minute says.
fn oracle(all: &[DailyValue]) -> f64 {
    let mut best = std::collections::BTreeMap::new();
    for (place, daily) in all.iter().enumerate() {
        for span in &daily.spans {
            let mine = best.entry(span.start_us).or_insert_with(Vec::new);
            mine.push((rank(daily.device), -span.value, place));
        }
    }
    let worth = |mut told: Vec<(u8, f64, usize)>| {
        told.retain(|one| one.1 < 0.0);
        told.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let first = told.first().copied().unwrap_or_default();
        // One whose rank is lower adds what it tells more: nothing, where the minute is taken.
        -first.1
    };
    best.into_values().map(worth).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_comes_first_the_shares_are_the_same(all in prop::collection::vec(daily(), 1..6), turn in any::<prop::sample::Index>()) {
        let names: Vec<String> = (0..all.len()).map(|place| format!("source{place}")).collect();
        let mut tellings: Vec<_> = all
            .iter()
            .zip(&names)
            .map(|(daily, source)| Telling { id: DailyId::derived(&[source.as_bytes()]), source, daily })
            .collect();
        let of = |tellings: &[Telling<'_>]| {
            let shares = unite(tellings).shares;
            let mut named: Vec<_> =
                tellings.iter().map(|one| one.source.to_owned()).zip(shares.iter().map(|share| share.to_bits())).collect();
            named.sort();
            named
        };
        let first = of(&tellings);
        tellings.reverse();
        prop_assert_eq!(&of(&tellings), &first);
        let by = turn.index(tellings.len());
        tellings.rotate_left(by);
        prop_assert_eq!(&of(&tellings), &first);
    }

    #[test]
    fn no_source_counts_for_more_than_it_tells_and_the_sum_is_between_the_best_minutes_and_all(
        all in prop::collection::vec(daily(), 1..6),
    ) {
        let day = united(&all);
        for (share, daily) in day.shares.iter().zip(&all) {
            prop_assert!(*share >= 0.0 && *share <= daily.value + 1.0, "{share} of {daily:?}");
        }
        let most: f64 = all.iter().map(|daily| daily.value).sum();
        prop_assert!(day.value() <= most + 1.0);
    }

    #[test]
    fn each_minute_is_in_one_run_and_the_runs_make_the_shares(all in prop::collection::vec(daily(), 1..6)) {
        let day = united(&all);
        prop_assert!(day.runs.iter().all(|run| run.from_us < run.to_us && run.value > 0.0));
        prop_assert!(day.runs.windows(2).all(|two| two[0].to_us <= two[1].from_us));
        for (of, share) in day.shares.iter().enumerate() {
            let runs: f64 = day.runs.iter().filter(|run| run.of == of).map(|run| run.value).sum();
            let rest = day.rest.filter(|rest| rest.0 == of).map_or(0.0, |rest| rest.1);
            prop_assert!((runs + rest - share).abs() <= 1.0, "{runs} + {rest} make {share}");
        }
    }

    #[test]
    fn who_says_the_same_again_adds_nothing(one in daily(), times in 2_usize..5) {
        let day = united(&vec![one.clone(); times]);
        prop_assert!((day.value() - one.value).abs() <= 1.0, "{} of {}", day.value(), one.value);
    }

    #[test]
    fn of_whole_minutes_the_best_of_each_counts(
        all in prop::collection::vec(
            (device(), prop::collection::btree_map(0_i64..12, 0_u32..200, 0..12)),
            1..5,
        ),
    ) {
        let all: Vec<DailyValue> = all
            .into_iter()
            .map(|(device, minutes)| {
                let spans: Vec<_> =
                    minutes.into_iter().map(|(minute, value)| (minute, minute + 1, f64::from(value))).collect();
                spanned(device, &spans)
            })
            .collect();
        let (found, expected) = (united(&all).value(), oracle(&all));
        prop_assert!((found - expected).abs() <= 1.0, "{found}, {expected}");
    }
}
