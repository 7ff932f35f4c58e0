//! Any order of scores, changes of teams, of rules, and of leaving equals a plain fold over what was told last.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Told = Option<(u8, i64, i64)>;
/// Who is told to have what, and perhaps another rule before: the best, ascending.
type Step = (u8, Told, Option<(bool, bool)>);

fn team(n: u8) -> TeamId {
    TeamId::derived(&[&[n]])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let told = prop::option::weighted(0.8, (0_u8..3, -3_i64..6, 0_i64..4));
    let rule = prop::option::weighted(0.1, any::<(bool, bool)>());
    prop::collection::vec((0_u8..8, told, rule), 0..80)
}

fn folded(told: &BTreeMap<u8, Told>, of: u8, combining: Combining) -> Option<(Score, u32)> {
    let own: Vec<(i64, i64)> =
        told.values().flatten().filter(|told| told.0 == of).map(|told| (told.1, told.2)).collect();
    let latest = own.iter().map(|(_, reached)| *reached).max()?;
    let earliest = |value: i64| own.iter().filter(|one| one.0 == value).map(|one| one.1).min().unwrap();
    let (value, reached_us) = match (combining.best, combining.ascending) {
        (false, _) => (own.iter().map(|(value, _)| value).sum(), latest),
        (true, true) => own.iter().map(|(value, _)| *value).min().map(|value| (value, earliest(value)))?,
        (true, false) => own.iter().map(|(value, _)| *value).max().map(|value| (value, earliest(value)))?,
    };
    Some((Score { value, reached_us }, u32::try_from(own.len()).unwrap()))
}

proptest! {
    #[test]
    fn any_order_equals_a_plain_fold(steps in steps()) {
        let (mut teams, mut told) = (Teams::default(), BTreeMap::new());
        let mut combining = Combining::default();
        let mut known: BTreeMap<u8, Option<Score>> = BTreeMap::new();
        for (who, now, rule) in steps {
            let mut moved = Vec::new();
            if let Some((best, ascending)) = rule {
                combining = Combining { best, ascending };
                moved.extend(teams.rule(combining));
            }
            let score = |(of, value, reached_us)| (team(of), Score { value, reached_us });
            moved.extend(teams.tell(AccountId::derived(&[&[who]]), now.map(score)));
            told.insert(who, now);
            for of in 0..3 {
                let want = folded(&told, of, combining);
                prop_assert_eq!(teams.score(team(of)), want.map(|(score, _)| score));
                prop_assert_eq!(teams.members(team(of)), want.map_or(0, |(_, members)| members));
                // Whatever has changed was said to have.
                let before = known.insert(of, want.map(|(score, _)| score)).flatten();
                prop_assert!(before == want.map(|(score, _)| score) || moved.contains(&team(of)));
            }
            prop_assert_eq!(teams.of(AccountId::derived(&[&[who]])), now.map(|(of, ..)| team(of)));
        }
    }
}

#[test]
fn no_sum_overflows() {
    let mut teams = Teams::default();
    for who in 0..3_u8 {
        let score = Score { value: i64::MAX, reached_us: 0 };
        teams.tell(AccountId::derived(&[&[who]]), Some((team(0), score)));
    }
    assert_eq!(teams.score(team(0)).unwrap().value, i64::MAX);
    teams.tell(AccountId::derived(&[&[0]]), None);
    teams.tell(AccountId::derived(&[&[1]]), None);
    assert_eq!(teams.score(team(0)).unwrap().value, i64::MAX);
    assert_eq!(teams.members(team(0)), 1);
}
