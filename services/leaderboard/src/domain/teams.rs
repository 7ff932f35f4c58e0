//! What teams have together, from what their members are told to have: kept beside a board, one step a score.
//!
//! Of a metric that sums, a team has the sum, reached with the last of its members; of one that looks for the best, it has
//! the best of theirs.

use std::collections::{BTreeMap, HashMap};

use kernel::{AccountId, Id};

use super::board::Score;

/// A team is a group of social.
pub enum Team {}
pub type TeamId = Id<Team>;

/// How the scores of members are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combining {
    /// The best of them, not their sum.
    pub best: bool,
    /// The lower score is the better one.
    pub ascending: bool,
}

/// The teams of one challenge.
#[derive(Debug, Default)]
pub struct Teams {
    combining: Combining,
    members: HashMap<AccountId, (TeamId, Score)>,
    sums: HashMap<TeamId, Sums>,
}

/// What the members of a team have: both ways of combining it, so that the challenge's rule may come later.
#[derive(Debug, Default)]
struct Sums {
    sum: i128,
    members: u32,
    /// Values with when they were reached, how often each.
    scores: BTreeMap<(i64, i64), u32>,
    reached: BTreeMap<i64, u32>,
}

impl Teams {
    /// What a member has now, and for whom; `None`: nothing. Teams that have something else by this.
    pub fn tell(&mut self, account: AccountId, now: Option<(TeamId, Score)>) -> Vec<TeamId> {
        let before = match now {
            Some(now) => self.members.insert(account, now),
            None => self.members.remove(&account),
        };
        if before == now {
            return Vec::new();
        }
        if let Some((team, score)) = before
            && let Some(sums) = self.sums.get_mut(&team)
        {
            sums.take(score);
            if sums.members == 0 {
                self.sums.remove(&team);
            }
        }
        if let Some((team, score)) = now {
            self.sums.entry(team).or_default().put(score);
        }
        let mut moved: Vec<TeamId> = before.into_iter().chain(now).map(|(team, _)| team).collect();
        moved.dedup();
        moved
    }

    /// All teams, when they are combined otherwise from now on.
    pub fn rule(&mut self, combining: Combining) -> Vec<TeamId> {
        if std::mem::replace(&mut self.combining, combining) == combining {
            return Vec::new();
        }
        self.sums.keys().copied().collect()
    }

    /// `None`: nobody has a score for it.
    pub fn score(&self, team: TeamId) -> Option<Score> {
        self.sums.get(&team)?.combined(self.combining)
    }

    /// How many have a score for it.
    pub fn members(&self, team: TeamId) -> u32 {
        self.sums.get(&team).map_or(0, |sums| sums.members)
    }

    /// For whom somebody has a score.
    pub fn of(&self, account: AccountId) -> Option<TeamId> {
        self.members.get(&account).map(|(team, _)| *team)
    }
}

impl Sums {
    fn put(&mut self, score: Score) {
        self.sum += i128::from(score.value);
        self.members = self.members.saturating_add(1);
        *self.scores.entry((score.value, score.reached_us)).or_default() += 1;
        *self.reached.entry(score.reached_us).or_default() += 1;
    }

    fn take(&mut self, score: Score) {
        self.sum -= i128::from(score.value);
        self.members = self.members.saturating_sub(1);
        less(&mut self.scores, (score.value, score.reached_us));
        less(&mut self.reached, score.reached_us);
    }

    fn combined(&self, combining: Combining) -> Option<Score> {
        let (value, reached_us) = match combining {
            Combining { best: false, .. } => {
                let value = i64::try_from(self.sum).unwrap_or(if self.sum < 0 { i64::MIN } else { i64::MAX });
                (value, *self.reached.keys().next_back()?)
            }
            Combining { ascending: true, .. } => *self.scores.keys().next()?,
            Combining { ascending: false, .. } => {
                let (best, _) = *self.scores.keys().next_back()?;
                *self.scores.range((best, i64::MIN)..).next()?.0
            }
        };
        Some(Score { value, reached_us })
    }
}

fn less<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
