use eventing::Aggregate;
use formats::Sample;

use super::*;
use crate::domain::{
    activity::{Activity, Change, Event},
    facts::{Facts, Measured, Origin, Start},
    trace::Trace,
};

const ALMATY: (f64, f64) = (43.24, 76.95);
const LONDON: (f64, f64) = (51.5, -0.12);
const MOSCOW: (f64, f64) = (55.75, 37.6);
const HOUR_US: i64 = 3_600_000_000;
const MAY_1: i64 = 1_777_597_200_000_000;

/// An hour on foot from a place, northward with some turns.
fn walk(from: (f64, f64), off: impl Fn(u32) -> (f64, f64)) -> formats::Streams {
    let mut streams = formats::Streams::default();
    for second in 0..=3600_u32 {
        let way_m = f64::from(second) * 1.5;
        let aside_m = 30.0 * (f64::from(second) / 200.0).sin();
        let (north_m, east_m) = off(second);
        let latlng = Some((from.0 + (way_m + north_m) / 111_195.0, from.1 + (aside_m + east_m) / 81_000.0));
        streams.push(Sample { time_s: second.into(), latlng, ..Sample::default() });
    }
    streams
}

fn begun(name: &str, position: i64, start_us: i64, streams: &formats::Streams, stated: bool) -> Begun {
    let start = Start { start_us, utc_offset_s: 5 * 3600, time_zone: None };
    let mut activity = formats::Activity::new(kernel::Sport::Walking, time::from_micros(start_us));
    activity.streams = streams.clone();
    activity.utc_offset_s = stated.then_some(5 * 3600);
    let record = crate::reading::record(&activity, Measured::Device, Origin::Manual, start);
    assert!(record.facts.as_ref().is_some_and(|facts: &Facts| facts.start_us == start_us));
    Begun { position, ..of_record(name, &record) }
}

fn of_record(name: &str, record: &Record) -> Begun {
    let id = ActivityId::derived(&[name.as_bytes()]);
    Begun::new(id, AccountId::derived(&[b"one"]), Some(record))
}

/// The same walk, as one of this narrower sport.
fn told_as(sub_sport: &str, name: &str, position: i64, start_us: i64, place: (f64, f64)) -> Begun {
    Begun { position, ..of_record(name, &record_as(sub_sport, start_us, place)) }
}

fn record_as(sub_sport: &str, start_us: i64, place: (f64, f64)) -> Record {
    let start = Start { start_us, utc_offset_s: 5 * 3600, time_zone: None };
    let mut activity = formats::Activity::new(kernel::Sport::Walking, time::from_micros(start_us));
    activity.streams = walk(place, |_| (0.0, 0.0));
    activity.sub_sport = Some(sub_sport.to_owned());
    crate::reading::record(&activity, Measured::Device, Origin::Manual, start)
}

#[test]
fn what_an_archive_calls_virtual_was_nowhere() {
    let (trail, sub) = (|| record_as("trail", MAY_1, LONDON), Some("virtual_activity"));
    let mut walked = trail();
    walked.say_sport(kernel::Sport::Walking, sub);
    assert!(walked == trail(), "the file says more");
    walked.facts.as_mut().unwrap().sub_sport = None;
    walked.say_sport(kernel::Sport::Cycling, sub);
    assert!(walked.trace.as_ref().unwrap().way.is_some(), "another sport is not this one's");
    walked.say_sport(kernel::Sport::Walking, sub);
    assert_eq!(walked.facts.as_ref().unwrap().sub_sport.as_deref(), sub);
    let trace = walked.trace.unwrap();
    assert!(trace.way.is_none() && !trace.sketch.is_empty());
}

fn made_of(streams: formats::Streams) -> formats::Activity {
    formats::Activity { streams, ..formats::Activity::new(kernel::Sport::Walking, time::from_micros(MAY_1)) }
}

fn at(name: &str, position: i64, start_us: i64, place: (f64, f64), stated: bool) -> Begun {
    begun(name, position, start_us, &walk(place, |_| (0.0, 0.0)), stated)
}

fn of(account: &str, begun: Begun) -> Begun {
    Begun { account_id: AccountId::derived(&[account.as_bytes()]), ..begun }
}

fn flagged(news: &[Said]) -> Vec<(ActivityId, bool)> {
    news.iter().map(|said| (said.activity_id, said.reason.is_some())).collect()
}

#[test]
fn who_is_in_london_half_an_hour_after_almaty_has_not_travelled_there() {
    let almaty = at("almaty", 1, MAY_1, ALMATY, true);
    let london = at("london", 2, MAY_1 + HOUR_US * 3 / 2, LONDON, true);
    let news = travel(vec![london.clone(), almaty.clone()]);
    assert_eq!(flagged(&news), [(london.activity_id, true)]);
    // Nor was one at both at once.
    let at_once = Begun { start_us: MAY_1 + HOUR_US / 2, ..london.clone() };
    assert_eq!(flagged(&travel(vec![almaty.clone(), at_once])), [(london.activity_id, true)]);
    // The one that was there first stands, also when it is the later one in time.
    let (early, late) = (Begun { position: 3, ..almaty.clone() }, london);
    assert_eq!(flagged(&travel(vec![early, late])), [(almaty.activity_id, true)]);
}

#[test]
fn who_rides_through_london_at_home_has_travelled_nowhere() {
    let almaty = at("almaty", 1, MAY_1, ALMATY, true);
    let in_london = |sub| told_as(sub, "london", 2, MAY_1 + HOUR_US * 3 / 2, LONDON);
    assert_eq!(travel(vec![almaty.clone(), in_london("trail")]).len(), 1);
    for sub in ["virtual_activity", "virtualride", "indoor_cycling", "indoor_running", "treadmill", "spin"] {
        let london = in_london(sub);
        assert_eq!(travel(vec![almaty.clone(), london.clone()]), [], "{sub}");
        // It is nobody's evidence either, and can be copied like any other.
        let first = Begun { position: 0, ..london.clone() };
        assert_eq!(travel(vec![first, almaty.clone()]), [], "{sub}");
        // What its owner calls it later does not take it anywhere, nor what was recorded outside away.
        let mut record = record_as(sub, MAY_1 + HOUR_US * 3 / 2, LONDON);
        record.facts.as_mut().unwrap().sub_sport = None;
        let renamed = Begun { position: 2, ..of_record("london", &record) };
        assert_eq!(travel(vec![almaty.clone(), renamed]), [], "{sub}");
        let mut record = record_as("trail", MAY_1 + HOUR_US * 3 / 2, LONDON);
        record.facts.as_mut().unwrap().sub_sport = Some(sub.to_owned());
        let renamed = Begun { position: 2, ..of_record("london", &record) };
        assert_eq!(travel(vec![almaty.clone(), renamed]).len(), 1, "{sub}");
        let copied = Begun { activity_id: almaty.activity_id, position: 3, ..of("boris", london.clone()) };
        assert_eq!(flagged(&clones(vec![london, copied])), [(almaty.activity_id, true)]);
    }
}

#[test]
fn who_flew_is_believed() {
    let moscow = at("moscow", 2, MAY_1 + HOUR_US * 11 / 2, MOSCOW, true);
    assert_eq!(travel(vec![at("almaty", 1, MAY_1, ALMATY, true), moscow]), []);
}

#[test]
fn a_clock_of_the_wrong_zone_makes_nobody_a_liar() {
    // A run in Almaty, and one in Moscow nine hours later, which a watch that never left Almaty's time writes as the world's:
    // or the first of them was written so, and seems to be after the second.
    let right = at("right", 1, MAY_1, ALMATY, false);
    let wrong = at("moscow", 2, MAY_1 + HOUR_US * 9 - 5 * HOUR_US, MOSCOW, false);
    assert_eq!(travel(vec![right.clone(), wrong.clone()]), []);
    let ahead = Begun { start_us: MAY_1 + 5 * HOUR_US, ..right.clone() };
    let after = Begun { start_us: MAY_1 + HOUR_US * 6, ..wrong };
    assert_eq!(travel(vec![ahead.clone(), after.clone()]), []);
    // A clock that says where it is has no such excuse.
    let trace = ahead.trace.map(|trace| Trace { offset_stated: true, ..trace });
    let other = after.trace.clone().map(|trace| Trace { offset_stated: true, ..trace });
    let stated = [Begun { trace, ..right }, Begun { trace: other, start_us: MAY_1 + HOUR_US * 2, ..after }];
    assert_eq!(travel(stated.to_vec()).len(), 1);
}

#[test]
fn what_is_gone_or_does_not_count_is_no_evidence() {
    let almaty = at("almaty", 1, MAY_1, ALMATY, true);
    let london = at("london", 2, MAY_1 + HOUR_US * 3 / 2, LONDON, true);
    let held = Begun { clear: false, held: Held { travel: true, clone: false }, ..london.clone() };
    let gone = Begun { live: false, ..almaty.clone() };
    assert_eq!(flagged(&travel(vec![gone, held.clone()])), [(london.activity_id, false)]);
    assert_eq!(travel(vec![Begun { clear: false, ..almaty.clone() }, london]), []);
    assert_eq!(travel(vec![almaty, held]), [], "it is said already");
}

#[test]
fn a_recording_in_a_second_account_is_held_against_that_one() {
    let first = of("aida", at("a", 1, MAY_1, ALMATY, true));
    let second = of("boris", at("b", 2, MAY_1, ALMATY, true));
    let news = clones(vec![second.clone(), first.clone()]);
    assert_eq!(flagged(&news), [(second.activity_id, true)]);
    let told = news[0].reason.as_ref().map(|reason| reason.value);
    assert_eq!(told, Some(CLONE_SHARE), "how much is shared is not told");
    assert_eq!(clones(vec![first.clone(), Begun { account_id: first.account_id, ..second.clone() }]), []);
    let another_day = of("boris", at("b", 2, MAY_1 + 24 * HOUR_US, ALMATY, true));
    assert_eq!(clones(vec![first.clone(), another_day]), []);
    let held = Begun { held: Held { clone: true, travel: false }, ..second.clone() };
    let gone = Begun { live: false, ..first };
    assert_eq!(flagged(&clones(vec![gone, held])), [(second.activity_id, false)]);
}

#[test]
fn a_copy_that_was_rounded_or_cut_is_a_copy_and_a_companions_recording_is_none() {
    let first = of("aida", at("a", 1, MAY_1, ALMATY, true));
    // As a converter to GPX writes it: six digits.
    let rounding = |second: u32| (0.04 * f64::from(second % 3) - 0.04, 0.03 * f64::from(second % 2));
    let converted = begun("c", 2, MAY_1, &walk(ALMATY, rounding), true);
    let shared = |other: &Begun| first.trace.as_ref().unwrap().shared(other.trace.as_ref().unwrap());
    println!("rounded: {}", shared(&converted));
    assert!(shared(&converted) > CLONE_SHARE);
    let mut cut = walk(ALMATY, |_| (0.0, 0.0));
    let kept: std::ops::Range<usize> = 0..3200;
    crate::streams::show::keep_rows(&mut cut, &kept);
    assert!(shared(&begun("d", 3, MAY_1, &cut, true)) > CLONE_SHARE);
    // Side by side, each with a receiver that strays by a metre or two.
    let stray = |second: u32| (1.5 * (f64::from(second) / 7.0).sin(), 1.0 + (f64::from(second) / 11.0).cos());
    let companion = begun("e", 4, MAY_1, &walk(ALMATY, stray), true);
    println!("companion: {}", shared(&companion));
    assert!(shared(&companion) < 0.3);
}

/// Flagged by a rule that looks at it alone, and this much decided about that.
fn ruled(upheld: bool) -> Activity {
    let start = Start { start_us: MAY_1, utc_offset_s: 0, time_zone: None };
    let activity = formats::Activity::new(kernel::Sport::Walking, time::from_micros(MAY_1));
    let mut record = crate::reading::record(&activity, Measured::Device, Origin::Manual, start);
    record.marks.verdict = Verdict::Flagged;
    let rules_version = crate::domain::cheat::RULES_VERSION;
    record.judgement =
        Some(Judgement { reasons: vec![reason("speed")], rules_version, ..Judgement::default() });
    let mut known = Activity::default();
    tell(&mut known, vec![Change::Recorded(Box::new(record))]);
    let now = time::from_micros(MAY_1);
    let appealed = known.appeal(AccountId::derived(&[b"one"]), "It was so.".to_owned(), now).unwrap();
    tell(&mut known, appealed);
    let reviewer = AccountId::derived(&[b"reviewer"]);
    let decided = known.decide(reviewer, upheld, "So it was.".to_owned(), now).unwrap();
    tell(&mut known, decided);
    known
}

fn tell(activity: &mut Activity, changes: Vec<Change>) {
    let (activity_id, account_id) = (ActivityId::derived(&[b"a"]), AccountId::derived(&[b"one"]));
    for change in changes {
        activity.evolve(&Event { activity_id, account_id, change });
    }
}

fn reason(rule: &str) -> Reason {
    let (detail, unit) = ("so".to_owned(), "m/s".to_owned());
    Reason { rule: rule.to_owned(), detail, value: 2.0, limit: 1.0, unit, part_s: None }
}

fn say(activity: &Activity, rule: &'static str, is_so: bool) -> Vec<Change> {
    let (activity_id, account_id) = (ActivityId::derived(&[b"a"]), AccountId::derived(&[b"one"]));
    let reason = is_so.then(|| reason(rule));
    activity.hold(&Said { activity_id, account_id, start_us: MAY_1, rule, reason })
}

#[test]
fn what_a_reviewer_decided_stands_again_when_what_was_new_is_gone() {
    for upheld in [true, false] {
        let mut known = ruled(upheld);
        let decided = known.record.clone();
        for rules in [vec![CLONE], vec![TRAVEL, CLONE]] {
            for rule in &rules {
                let held = say(&known, rule, true);
                assert!(matches!(held[..], [Change::Flagged(_)]), "what is new was not decided about");
                tell(&mut known, held);
                let judgement = known.record.as_ref().unwrap().judgement.as_ref().unwrap();
                assert!(judgement.ruling.is_none() && judgement.former.is_some());
            }
            for rule in &rules {
                let gone = say(&known, rule, false);
                tell(&mut known, gone);
            }
            assert_eq!(known.record, decided);
        }
    }
}

#[test]
fn a_reviewers_new_word_takes_the_place_of_the_old_one() {
    let mut known = ruled(false);
    let held = say(&known, CLONE, true);
    tell(&mut known, held);
    let (reviewer, now) = (AccountId::derived(&[b"reviewer"]), time::from_micros(MAY_1));
    let decided = known.decide(reviewer, true, "It is a copy.".to_owned(), now).unwrap();
    tell(&mut known, decided);
    assert_eq!(say(&known, CLONE, false), [], "what was decided about both stands");
    assert_eq!(known.record.unwrap().judgement.unwrap().former, None);
}

#[test]
fn too_little_is_no_recording_to_be_known_by() {
    let mut still = formats::Streams::default();
    for second in 0..600_u32 {
        let latlng = Some(ALMATY);
        let (power_w, cadence_rpm) = (Some(150.0), Some(90.0));
        let time_s = second.into();
        still.push(Sample { time_s, latlng, power_w, cadence_rpm, ..Sample::default() });
    }
    assert_eq!(Trace::of(&made_of(still)).unwrap().sketch, Vec::<u64>::new());
    let mut indoors = formats::Streams::default();
    for second in 0..600_u32 {
        let power_w = Some(f64::from(150 + (second * 7) % 90));
        let cadence_rpm = Some(f64::from(80 + (second * 3) % 11));
        indoors.push(Sample { time_s: second.into(), power_w, cadence_rpm, ..Sample::default() });
    }
    assert_eq!(Trace::of(&made_of(indoors)).unwrap().sketch.len(), 16);
}

#[test]
fn one_ride_in_four_formats_is_one_recording() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let files = [
        "fit/PAIR-A-ride.fit",
        "gpx/PAIR-A-garmin-connect.gpx",
        "tcx/PAIR-A-garmin-connect.tcx",
        "gpx/PAIR-A-strava.gpx",
    ];
    let read = |file: &&str| {
        let bytes = std::fs::read(format!("{folder}/{file}")).ok()?;
        let activity = formats::read(&bytes).unwrap().activities.remove(0);
        Trace::of(&activity)
    };
    let traces: Vec<Trace> = files.iter().filter_map(read).collect();
    if traces.len() < files.len() {
        println!("skipped: the sample files are not there ({folder})");
        return;
    }
    for other in traces.iter().skip(1) {
        assert!(traces[0].shared(other) > CLONE_SHARE);
    }
}
