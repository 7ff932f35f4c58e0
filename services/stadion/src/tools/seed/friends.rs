//! Who is friends with whom: degrees of a log-normal distribution, most friends near (LDBC SNB has 42 % of them by the
//! place, 42 % by what is shared in the country, the rest anywhere).

use std::collections::{BTreeMap, BTreeSet};

use super::{dice::Dice, people::Athlete};

/// As LDBC SNB's; the heaviest are cut.
const SIGMA: f64 = 1.0;
const DEGREE_MAX: f64 = 500.0;
const NEAR: f64 = 0.42;
const DOMESTIC: f64 = 0.84;

/// Pairs of indices, the lower first, each once, sorted; about `mean` friends for everyone.
pub fn friendships(seed: u64, athletes: &[Athlete], mean: f64) -> Vec<(usize, usize)> {
    if mean <= 0.0 {
        return Vec::new();
    }
    let mut dice = Dice::of(seed, "friendships");
    // Hands that reach out, by the circle in which each looks for another.
    let mut circles: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, athlete) in athletes.iter().enumerate() {
        for _ in 0..degree(&mut dice, mean) {
            let drawn = dice.unit();
            let circle = match drawn {
                near if near < NEAR => athlete.region,
                domestic if domestic < DOMESTIC => athlete.country,
                _ => "",
            };
            circles.entry(circle).or_default().push(index);
        }
    }
    let mut pairs = BTreeSet::new();
    for hands in circles.values_mut() {
        dice.shuffle(hands);
        for two in hands.chunks_exact(2) {
            if two[0] != two[1] {
                pairs.insert((two[0].min(two[1]), two[0].max(two[1])));
            }
        }
    }
    pairs.into_iter().collect()
}

/// A whole number with the mean kept: the fraction decides by chance.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and DEGREE_MAX")]
fn degree(dice: &mut Dice, mean: f64) -> usize {
    let wanted = dice.log_normal(mean, SIGMA).min(DEGREE_MAX);
    wanted as usize + usize::from(dice.chance(wanted.fract()))
}

#[cfg(test)]
mod tests {
    use super::{super::people::athletes, *};

    #[test]
    fn friends_are_as_many_as_asked_for_and_mostly_near() {
        let athletes = athletes(1, 3_000, 2026);
        let pairs = friendships(1, &athletes, 8.0);
        assert_eq!(pairs, friendships(1, &athletes, 8.0));
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let (mean, domestic) = (
            2.0 * pairs.len() as f64 / 3_000.0,
            pairs.iter().filter(|(a, b)| athletes[*a].country == athletes[*b].country).count() as f64
                / pairs.len() as f64,
        );
        assert!((6.5..=8.5).contains(&mean), "{mean}");
        assert!((0.80..=0.97).contains(&domestic), "{domestic}");
        assert!(pairs.iter().all(|(a, b)| a < b));
    }

    #[test]
    fn nobody_has_friends_when_none_are_wanted() {
        assert!(friendships(1, &athletes(1, 10, 2026), 0.0).is_empty());
    }
}
