//! Terms as they are written, told as sentences.

use super::*;

fn written() -> Written {
    Written {
        name: [("en".to_owned(), "May in Almaty".to_owned()), ("kk".to_owned(), "Мамыр".to_owned())].into(),
        kind: "individual".to_owned(),
        metric: "distance_m".to_owned(),
        sports: vec!["running".to_owned()],
        start: "2026-05-01T00:00:00".to_owned(),
        end: "2026-06-01T00:00:00".to_owned(),
        clock: "instant".to_owned(),
        time_zone: "Asia/Almaty".to_owned(),
        eligibility_json: r#"{"region_in":["KZ-75"]}"#.to_owned(),
        capacity: Some(50_000),
        rewards: vec![
            WrittenReward {
                places: Some((1, 3)),
                points: 500,
                badge: "podium".to_owned(),
                ..WrittenReward::default()
            },
            WrittenReward { reached: Some(42_195.0), points: 100, ..WrittenReward::default() },
        ],
        ..Written::default()
    }
}

fn faults(change: impl FnOnce(&mut Written)) -> Vec<(String, String)> {
    let mut terms = written();
    change(&mut terms);
    let refusal = Terms::parse(&terms).unwrap_err();
    assert_eq!(refusal.code, kernel::Code::InvalidField);
    refusal.fields.into_iter().map(|field| (field.pointer, field.code)).collect()
}

fn fault(pointer: &str, code: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), code.to_owned())]
}

fn rule(text: &str) -> Rule {
    Rule::parse(text, "").unwrap()
}

#[test]
fn what_is_not_said_has_its_usual_value() {
    let terms = Terms::parse(&written()).unwrap();
    assert_eq!((terms.ties, terms.count_from, terms.public), (Ties::First, CountFrom::Window, false));
    assert_eq!((terms.late_sync_grace_s, terms.min_distance_mm), (172_800, None));
    assert_eq!(terms.regions, BTreeSet::from(["KZ-75".to_owned()]));
    assert_eq!(terms.rewards[0].at, RewardAt::Places { first: 1, last: 3 });
    assert_eq!(terms.rewards[1].at, RewardAt::Reached { score: 42_195_000 });
    assert_eq!(terms.settles_at_us(), terms.window.end_us + 172_800_000_000);
    assert!(terms.counts_sport(Sport::Running) && !terms.counts_sport(Sport::Cycling));
    let any = Terms::parse(&Written { sports: Vec::new(), late_sync_grace_s: Some(0), ..written() }).unwrap();
    assert!(any.counts_sport(Sport::Cycling));
    assert_eq!(any.settles_at_us(), any.window.end_us);
}

#[test]
fn a_name_is_seen_as_it_is_written_or_refused() {
    let named = |text: &str| {
        let name = [("en".to_owned(), text.to_owned())].into();
        Terms::parse(&Written { name, ..written() }).map(|terms| terms.name["en"].clone())
    };
    assert_eq!(named("  Two   words ").unwrap(), "Two words");
    assert_eq!(named("e\u{301}te\u{301}").unwrap(), "\u{e9}t\u{e9}");
    assert_eq!(named(&"я".repeat(120)).unwrap().chars().count(), 120);
    for (text, code) in [
        ("", "required"),
        ("   ", "required"),
        ("zero\u{200b}width", "invisible_characters"),
        ("\u{202e}txet", "invisible_characters"),
        ("bell\u{7}", "invisible_characters"),
        (&"я".repeat(121), "too_long"),
        (&"x".repeat(1_000_000), "too_long"),
    ] {
        assert_eq!(named(text).unwrap_err().fields[0].code, code);
    }
    assert_eq!(faults(|terms| terms.name.clear()), fault("/name", "required"));
    assert_eq!(
        faults(|terms| drop(terms.name.insert("../en".to_owned(), "x".to_owned()))),
        fault("/name", "unknown_locale")
    );
}

#[test]
fn individuals_groups_and_teams_compete_and_nobody_else() {
    for (kind, read) in [("", Kind::Individual), ("group", Kind::Group), ("team", Kind::Team)] {
        let terms = Terms::parse(&Written { kind: kind.to_owned(), ..written() }).unwrap();
        assert_eq!((terms.kind, terms.teams.len()), (read, 0));
    }
    assert_eq!(faults(|terms| terms.kind = "herd".to_owned()), fault("/kind", "unknown_value"));
}

#[test]
fn teams_are_named_by_their_groups_where_teams_compete_and_there_are_at_least_two() {
    let [one, other] = [b"one", b"two"].map(|name| TeamId::derived(&[name]).to_string());
    let named = |kind: &str, teams: &[&String]| Written {
        kind: kind.to_owned(),
        teams: teams.iter().map(|team| (*team).clone()).collect(),
        ..written()
    };
    let terms = Terms::parse(&named("team", &[&one, &other])).unwrap();
    assert_eq!(terms.teams.len(), 2);
    let wrong = |written: Written| {
        let refusal = Terms::parse(&written).unwrap_err();
        refusal.fields.into_iter().map(|field| (field.pointer, field.code)).collect::<Vec<_>>()
    };
    assert_eq!(wrong(named("team", &[&one])), fault("/teams", "too_few"));
    assert_eq!(wrong(named("team", &[&one, &one])), fault("/teams", "too_few"));
    assert_eq!(wrong(named("group", &[&one, &other])), fault("/teams", "not_allowed"));
    assert_eq!(wrong(named("team", &[&one, &"hares".to_owned()])), fault("/teams/1", "not_an_id"));
    assert_eq!(wrong(named("team", &vec![&one; 65])), fault("/teams", "too_many"));
}

#[test]
fn attempts_are_activities_and_at_least_one() {
    let with = |metric: &str, attempts: u32| Written {
        metric: metric.to_owned(),
        attempts: Some(attempts),
        ..written()
    };
    assert_eq!(Terms::parse(&with("fastest_s", 3)).unwrap().attempts, Some(3));
    for (metric, attempts, code) in
        [("fastest_s", 0, "out_of_range"), ("count", 1_001, "out_of_range"), ("steps", 3, "not_allowed")]
    {
        let refusal = Terms::parse(&with(metric, attempts)).unwrap_err();
        assert_eq!(
            (refusal.fields[0].pointer.as_str(), refusal.fields[0].code.as_str()),
            ("/attempts", code)
        );
    }
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let all = faults(|terms| {
        terms.metric = "smiles".to_owned();
        terms.sports = vec!["running".to_owned(), "quidditch".to_owned()];
        terms.end.clone_from(&terms.start);
        terms.capacity = Some(0);
        terms.ties = "coin".to_owned();
        terms.count_from = "birth".to_owned();
        terms.late_sync_grace_s = Some(GRACE_S_MAX + 1);
        terms.min_distance_m = Some(f64::NAN);
    });
    let pointers: Vec<&str> = all.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/metric",
            "/sports/1",
            "/window/end",
            "/capacity",
            "/ties",
            "/count_from",
            "/late_sync_grace_s",
            "/min_distance_m"
        ]
    );
}

#[test]
fn a_rule_is_understood_or_refused_however_deep_it_is() {
    let with = |text: String| faults(|terms| terms.eligibility_json = text);
    assert_eq!(with("7".to_owned()), fault("/eligibility", "not_a_rule"));
    let deep = |levels: usize| {
        format!("{}{{\"level_at_least\":1}}{}", "{\"not\":".repeat(levels), "}".repeat(levels))
    };
    assert_eq!(with(deep(9))[0].1, "too_deep");
    assert_eq!(with(deep(100))[0].1, "too_deep");
    assert_eq!(with(deep(1_000)), fault("/eligibility", "not_a_rule"));
    assert_eq!(with(deep(1_000_000)), fault("/eligibility", "too_large"));
    assert_eq!(with(r#"{"shoe_size":43}"#.to_owned()), fault("/eligibility/shoe_size", "unknown_clause"));
}

#[test]
fn a_region_that_does_not_exist_is_refused_where_it_stands() {
    let with = |text: &str| faults(|terms| terms.eligibility_json = text.to_owned());
    assert_eq!(
        with(r#"{"region_in":["KZ-75","KZ-99"]}"#),
        fault("/eligibility/region_in/1", "unknown_region")
    );
    assert_eq!(
        with(r#"{"all":[{"level_at_least":2},{"not":{"region_in":["DE-XX"]}}]}"#),
        fault("/eligibility/all/1/not/region_in/0", "unknown_region")
    );
    assert_eq!(with(r#"{"region_in":["nowhere"]}"#)[0].1, "unknown_value");
}

#[test]
fn a_clause_that_no_challenge_can_look_into_is_refused_wherever_it_stands() {
    let with = |text: &str| faults(|terms| terms.eligibility_json = text.to_owned());
    let pointer = "/eligibility/any/1/not/purchased_within_days";
    assert_eq!(
        with(r#"{"any":[{"level_at_least":2},{"not":{"purchased_within_days":90}}]}"#),
        fault(pointer, "not_for_challenges")
    );
    assert_eq!(
        with(r#"{"purchased_within_days":90}"#),
        fault("/eligibility/purchased_within_days", "not_for_challenges")
    );
}

#[test]
fn a_rule_that_was_decided_on_stands_though_it_could_not_be_written_any_more() {
    let ruled = |text: &str| Written { eligibility_json: text.to_owned(), ..written() };
    let text = r#"{"purchased_within_days":90}"#;
    let eligibility = Rule::parse(text, "/eligibility").unwrap();
    let decided = Terms { eligibility, ..Terms::parse(&written()).unwrap() };
    assert_eq!(Terms::parse_over(&ruled(text), &decided).unwrap().eligibility, decided.eligibility);
    assert!(Terms::parse_over(&ruled(r#"{"purchased_within_days":30}"#), &decided).is_err());
}

#[test]
fn the_fastest_is_the_fastest_over_some_distance() {
    let over = |metric: &str, min_distance_m: Option<f64>| {
        let written = Written { metric: metric.to_owned(), min_distance_m, ..written() };
        Terms::parse(&written).unwrap().min_distance_mm
    };
    assert_eq!(over("fastest_s", Some(5_000.0)), Some(5_000_000));
    assert_eq!(over("fastest_s", Some(100.0)), Some(100_000), "as short as its author says");
    for unsaid in [None, Some(0.0)] {
        assert_eq!(over("fastest_s", unsaid), Some(1_000_000), "{unsaid:?}");
        assert_eq!(over("longest_m", unsaid), None);
    }
}

#[test]
fn the_regions_of_a_rule_are_those_that_nobody_gets_around() {
    let regions =
        |text: &str| asked_regions(&rule(text)).map(|all| all.into_iter().collect::<Vec<_>>().join(" "));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(regions("{}"), None);
    assert_eq!(regions(r#"{"region_in":["KZ-75","KZ-71"]}"#), some("KZ-71 KZ-75"));
    assert_eq!(regions(r#"{"all":[{"level_at_least":2},{"region_in":["KZ-75"]}]}"#), some("KZ-75"));
    assert_eq!(
        regions(r#"{"all":[{"region_in":["KZ-75","KZ-71"]},{"region_in":["KZ-71","DE-BE"]}]}"#),
        some("KZ-71")
    );
    assert_eq!(regions(r#"{"any":[{"region_in":["KZ-75"]},{"region_in":["DE-BE"]}]}"#), some("DE-BE KZ-75"));
    assert_eq!(regions(r#"{"any":[{"region_in":["KZ-75"]},{"level_at_least":2}]}"#), None);
    assert_eq!(regions(r#"{"not":{"region_in":["KZ-75"]}}"#), None);
}

#[test]
fn a_club_challenge_asks_for_its_group_of_everybody() {
    let group = |text: &str| {
        let terms = Terms::parse(&Written { eligibility_json: text.to_owned(), ..written() }).unwrap();
        terms.group().map(str::to_owned)
    };
    assert_eq!(group(r#"{"group":"g"}"#).as_deref(), Some("g"));
    assert_eq!(group(r#"{"all":[{"level_at_least":2},{"group":"g"}]}"#).as_deref(), Some("g"));
    assert_eq!(group(r#"{"any":[{"level_at_least":2},{"group":"g"}]}"#), None);
    assert_eq!(group(r#"{"not":{"group":"g"}}"#), None);
}

#[test]
fn a_reward_is_for_places_or_for_a_score_and_gives_something() {
    let with = |reward: WrittenReward| faults(|terms| terms.rewards = vec![reward]);
    let points = WrittenReward { points: 10, ..WrittenReward::default() };
    assert_eq!(with(points.clone()), fault("/rewards/0", "one_of"));
    let both = WrittenReward { places: Some((1, 2)), reached: Some(5.0), ..points.clone() };
    assert_eq!(with(both), fault("/rewards/0", "one_of"));
    let both = WrittenReward { percentile: Some((90.0, 100.0)), reached: Some(5.0), ..points.clone() };
    assert_eq!(with(both), fault("/rewards/0", "one_of"));
    for percentile in [(-1.0, 10.0), (90.0, 100.1), (60.0, 50.0), (f64::NAN, 100.0), (0.0, f64::INFINITY)] {
        let reward = WrittenReward { percentile: Some(percentile), ..points.clone() };
        assert_eq!(with(reward), fault("/rewards/0/percentile", "out_of_range"));
    }
    let top = WrittenReward { percentile: Some((99.5, 100.0)), ..points.clone() };
    let terms = Terms::parse(&Written { rewards: vec![top], ..written() }).unwrap();
    assert_eq!(terms.rewards[0].at, RewardAt::Percentile { from: 99_500, to: 100_000 });
    for places in [(0, 1), (3, 2), (1, u32::MAX)] {
        let reward = WrittenReward { places: Some(places), ..points.clone() };
        assert_eq!(with(reward), fault("/rewards/0/places", "out_of_range"));
    }
    for reached in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        let reward = WrittenReward { reached: Some(reached), ..points.clone() };
        assert_eq!(with(reward), fault("/rewards/0/reached", "out_of_range"));
    }
    let first = WrittenReward { places: Some((1, 1)), ..points };
    assert_eq!(
        with(WrittenReward { points: 1_000_001, ..first.clone() }),
        fault("/rewards/0/points", "out_of_range")
    );
    assert_eq!(
        with(WrittenReward { badge: "Not A Word".to_owned(), ..first.clone() }),
        fault("/rewards/0/badge", "not_a_word")
    );
    assert_eq!(with(WrittenReward { points: 0, ..first.clone() }), fault("/rewards/0", "empty"));
    assert_eq!(faults(|terms| terms.rewards = vec![first; 65]), fault("/rewards", "too_many"));
}

#[test]
fn every_metric_has_a_name_and_only_the_fastest_counts_upwards() {
    for metric in Metric::ALL {
        assert_eq!(Metric::parse(metric.as_str()), Some(metric));
        assert_eq!(metric.ascending(), metric == Metric::Fastest);
    }
}
