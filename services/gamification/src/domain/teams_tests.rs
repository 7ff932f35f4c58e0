//! Teams, told as sentences.

use kernel::AccountId;
use proptest::prelude::*;

use super::*;
use crate::domain::challenge::{Metric, Reward, RewardAt, Ties, terms::Written};

fn terms(kind: Kind, metric: Metric, ties: Ties) -> Terms {
    Terms::parse(&Written {
        name: [("en".to_owned(), "May".to_owned())].into(),
        kind: kind.as_str().to_owned(),
        metric: metric.as_str().to_owned(),
        ties: ties.as_str().to_owned(),
        start: "2026-05-01T00:00:00".to_owned(),
        end: "2026-06-01T00:00:00".to_owned(),
        ..Written::default()
    })
    .unwrap()
}

fn group(name: &str) -> TeamId {
    TeamId::derived(&[name.as_bytes()])
}

fn groups(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| group(name).to_string()).collect()
}

fn any() -> Terms {
    terms(Kind::Group, Metric::Distance, Ties::First)
}

#[test]
fn whoever_is_in_one_group_competes_for_it_and_whoever_is_in_several_says_for_which() {
    let chosen = |names: &[&str], asked: Option<&str>| choose(&any(), &groups(names), asked.map(group), None);
    assert_eq!(chosen(&["hares"], None).unwrap(), Some(group("hares")));
    assert_eq!(chosen(&["hares", "storks"], Some("storks")).unwrap(), Some(group("storks")));
    let several = chosen(&["hares", "storks"], None).unwrap_err();
    assert_eq!((several.fields[0].pointer.as_str(), several.fields[0].code.as_str()), (FIELD, "required"));
    let alone = chosen(&[], None).unwrap_err();
    assert_eq!((alone.code, alone.reasons), (Code::NotEligible, vec![reason(r#"{"kind":"group"}"#)]));
    let stranger = chosen(&["hares"], Some("storks")).unwrap_err();
    let clause = format!(r#"{{"group":"{}"}}"#, group("storks"));
    assert_eq!((stranger.code, stranger.reasons), (Code::NotEligible, vec![reason(&clause)]));
}

fn reason(clause: &str) -> String {
    format!(r#"{{"clause":{clause},"met":false}}"#)
}

#[test]
fn only_the_teams_that_were_named_compete_and_in_a_groups_own_challenge_that_group_alone() {
    let named = Terms {
        teams: ["hares", "storks"].map(group).into(),
        ..terms(Kind::Team, Metric::Distance, Ties::First)
    };
    let mine = groups(&["storks", "snails"]);
    assert_eq!(choose(&named, &mine, None, None).unwrap(), Some(group("storks")));
    let unnamed = choose(&named, &mine, Some(group("snails")), None).unwrap_err();
    assert_eq!(unnamed.fields[0].code, "unknown_value");
    assert!(has_one(&named, &mine) && !has_one(&named, &groups(&["snails"])));
    let rule = format!(r#"{{"group":"{}"}}"#, group("snails"));
    let own = Terms { eligibility: eligibility::Rule::parse(&rule, "").unwrap(), ..any() };
    assert_eq!(choose(&own, &mine, None, None).unwrap(), Some(group("snails")));
}

#[test]
fn nobody_goes_over_to_another_team_not_even_by_leaving() {
    let mine = groups(&["hares", "storks"]);
    let hares = Some(group("hares"));
    assert_eq!(choose(&any(), &mine, None, hares).unwrap(), hares);
    assert_eq!(choose(&any(), &mine, Some(group("storks")), hares).unwrap_err().code, Code::Conflict);
    assert_eq!(choose(&any(), &groups(&["storks"]), None, hares).unwrap_err().code, Code::NotEligible);
    assert!(stays(hares, None).is_ok() && stays(hares, hares).is_ok() && stays(None, hares).is_ok());
}

#[test]
fn who_competes_alone_names_no_group() {
    let alone = terms(Kind::Individual, Metric::Distance, Ties::First);
    assert_eq!(choose(&alone, &groups(&["hares"]), None, None).unwrap(), None);
    let refused = choose(&alone, &groups(&["hares"]), Some(group("hares")), None).unwrap_err();
    assert_eq!(refused.fields[0].code, "not_allowed");
    assert!(has_one(&alone, &BTreeSet::new()));
}

fn scored(name: &str, team: &str, value: i64, reached_us: i64) -> Scored {
    let account = AccountId::derived(&[name.as_bytes()]);
    Scored {
        account,
        member: 1,
        anonymous: false,
        score: Score { value, reached_us },
        team: Some(group(team)),
    }
}

#[test]
fn rewards_go_by_the_place_of_the_team_to_each_of_its_members() {
    let reward = |at| Reward { at, points: 10, badge: None };
    let at = [
        RewardAt::Places { first: 1, last: 1 },
        RewardAt::Reached { score: 9_000 },
        RewardAt::Percentile { from: 0, to: 0 },
    ];
    let terms = Terms { rewards: at.map(reward).into(), ..any() };
    let all = vec![
        scored("a", "hares", 6_000, 5),
        scored("b", "hares", 3_000, 7),
        scored("c", "storks", 8_000, 1),
        // Reached with its last member: behind, under `first`.
        scored("d", "snails", 8_000, 2),
    ];
    let order = order(&terms, all);
    let teams: Vec<_> = order
        .teams
        .iter()
        .map(|team| (team.team, team.rank, team.score, team.members, team.behind))
        .collect();
    assert_eq!(
        teams,
        [
            (group("hares"), 1, 9_000, 2, 2),
            (group("storks"), 2, 8_000, 1, 1),
            (group("snails"), 3, 8_000, 1, 0)
        ]
    );
    let places: Vec<_> = order
        .placements
        .iter()
        .map(|place| (place.rank, place.score, place.team.unwrap().rank, place.earned.unwrap()))
        .collect();
    assert_eq!(places, [(1, 8_000, 2, 0), (2, 8_000, 3, 4), (3, 6_000, 1, 3), (4, 3_000, 1, 3)]);
}

proptest! {
    /// As plainly as can be: every team's members are looked for in the list, and every other team is compared with.
    #[test]
    fn the_order_of_teams_is_that_of_a_plain_fold(
        members in prop::collection::vec((0_usize..4, 1_i64..5, 0_i64..4), 0..24),
        metric in prop::sample::select(Metric::ALL.to_vec()),
        ties in prop::sample::select(vec![Ties::First, Ties::Shared, Ties::Dense]),
    ) {
        let names = ["a", "b", "c", "d"];
        let all = members.iter().enumerate().map(|(nth, (team, value, reached_us))| {
            scored(&nth.to_string(), names[*team], *value, *reached_us)
        });
        let order = order(&terms(Kind::Team, metric, ties), all.collect());
        let of = |team: usize| -> Option<(i64, i64, TeamId)> {
            let own: Vec<_> = members.iter().filter(|member| member.0 == team).collect();
            let latest = own.iter().map(|member| member.2).max()?;
            let best = |pick: Option<&&(usize, i64, i64)>| {
                let value = pick.unwrap().1;
                (value, own.iter().filter(|member| member.1 == value).map(|member| member.2).min().unwrap())
            };
            let (value, reached_us) = match metric {
                Metric::Longest => best(own.iter().max_by_key(|member| member.1)),
                Metric::Fastest => best(own.iter().min_by_key(|member| member.1)),
                _ => (own.iter().map(|member| member.1).sum(), latest),
            };
            Some((value, reached_us, group(names[team])))
        };
        let teams: Vec<_> = (0..4).filter_map(of).collect();
        let better = |one: i64, other: i64| if metric == Metric::Fastest { one < other } else { one > other };
        for placed in &order.teams {
            let mine = teams.iter().find(|team| team.2 == placed.team).unwrap();
            prop_assert_eq!((placed.score, placed.reached_us), (mine.0, mine.1));
            let ahead: Vec<_> = teams.iter().filter(|team| better(team.0, mine.0)).collect();
            let earlier = teams.iter().filter(|team| team.0 == mine.0 && (team.1, team.2) < (mine.1, mine.2));
            let rank = match ties {
                Ties::First => ahead.len() + earlier.count(),
                Ties::Shared => ahead.len(),
                Ties::Dense => ahead.iter().map(|team| team.0).collect::<BTreeSet<_>>().len(),
            };
            prop_assert_eq!(placed.rank as usize, rank + 1);
        }
        prop_assert_eq!(order.teams.len(), teams.len());
        prop_assert_eq!(order.placements.len(), members.len());
    }
}
