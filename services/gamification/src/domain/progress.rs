//! The stream of one account: what is known of its activities, what it has been told, and what changes now.
//!
//! A decision compares what was said with what the facts now amount to, and says the difference. So activities may
//! come late, twice, in any order, edited or deleted: the account ends where the fold over its facts stands.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{AccountId, ActivityId};

use super::{
    AchievementId, ChallengeId, Fact, Rulebook, Standing, achievement_id,
    fact::Receipt,
    standing::{Award, Cause},
    streak::Run,
};

/// How many changed lines one [`Event::XpChanged`] names; what goes beyond stands in further ones.
pub const PARTS_MAX: usize = 64;

/// What an activity's event says: at this revision the activity counts with this fact, or no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub activity_id: ActivityId,
    pub revision: u64,
    pub change: Change,
    pub receipt: Receipt,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Counts(Fact),
    Gone,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `None`: the fact was erased with its key.
    Counted {
        account: AccountId,
        activity: ActivityId,
        revision: u64,
        fact: Option<Fact>,
        /// Of what was heard, in its service's journal.
        position: u64,
    },
    Uncounted {
        account: AccountId,
        activity: ActivityId,
        revision: u64,
        receipt: Receipt,
    },
    XpChanged {
        account: AccountId,
        before: i64,
        after: i64,
        rule_version: u32,
        parts: Vec<XpPart>,
        /// Of what was heard of the activity that changed them.
        receipt: Receipt,
    },
    LevelReached {
        account: AccountId,
        level: u32,
        from_level: u32,
        rule_version: u32,
    },
    LevelLost {
        account: AccountId,
        level: u32,
        from_level: u32,
        rule_version: u32,
    },
    StreakChanged {
        account: AccountId,
        run: Run,
    },
    BadgeUnlocked(BadgeGiven),
    BadgeReexplained(BadgeGiven),
    BadgeRevoked {
        id: AchievementId,
        account: AccountId,
        badge: String,
        rule_version: u32,
    },
    /// A challenge gave it: no rule takes it back.
    RewardGiven(RewardGiven),
    /// What was told by older rules (0: by none) is now as these have it.
    RulesAdopted {
        account: AccountId,
        rule_version: u32,
        from_version: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewardGiven {
    pub id: AchievementId,
    pub account: AccountId,
    pub badge: String,
    pub challenge: ChallengeId,
    /// 0: given for what was reached, whatever the place.
    pub rank: u32,
    pub at_us: i64,
    /// The participant was shown without a name there.
    pub anonymous: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BadgeGiven {
    pub id: AchievementId,
    pub account: AccountId,
    pub badge: String,
    pub rule_version: u32,
    pub award: Arc<Award>,
}

/// A change of XP by one rule for one activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XpPart {
    pub activity: ActivityId,
    pub rule: String,
    pub xp: i64,
}

/// One small fact an activity, and what was said last.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Whose progress it is; none before its first event.
    pub account: Option<AccountId>,
    pub activities: BTreeMap<ActivityId, Known>,
    pub xp: i64,
    pub level: u32,
    pub run: Option<Run>,
    pub badges: BTreeMap<String, Arc<Award>>,
    /// Badges that challenges gave.
    pub rewards: BTreeMap<AchievementId, String>,
    /// The version of the rules by which all this was told last; 0 before anything was.
    pub rule_version: u32,
}

/// The newest that was heard of an activity. A deleted one keeps its revision, so that an old word changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub revision: u64,
    pub fact: Option<Arc<Fact>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            account: None,
            activities: BTreeMap::new(),
            xp: 0,
            level: 1,
            run: None,
            badges: BTreeMap::new(),
            rewards: BTreeMap::new(),
            rule_version: 0,
        }
    }
}

impl Progress {
    /// What an observation changes, by the rules in force. An older or known one changes nothing.
    pub fn observe(&self, account: AccountId, seen: &Observation, book: &Rulebook) -> Vec<Event> {
        let known = self.activities.get(&seen.activity_id);
        if known.is_some_and(|known| known.revision >= seen.revision) {
            return Vec::new();
        }
        let (activity, revision, receipt) = (seen.activity_id, seen.revision, seen.receipt);
        let mut after = self.clone();
        let heard = match &seen.change {
            Change::Counts(fact) => {
                let (fact, position) = (Some(fact.clone()), receipt.position);
                Event::Counted { account, activity, revision, fact, position }
            }
            Change::Gone => Event::Uncounted { account, activity, revision, receipt },
        };
        after.evolve(&heard);
        let mut events = vec![heard];
        events.extend(self.differences(account, &after, book, receipt));
        events
    }

    /// What the rules in force change with the same facts. They are adopted once: nothing is said where they hold already.
    pub fn reassess(&self, account: AccountId, book: &Rulebook) -> Vec<Event> {
        if self.rule_version >= book.in_force().version {
            return Vec::new();
        }
        self.differences(account, self, book, Receipt::default())
    }

    /// A badge for a place in a challenge, or for what was reached there. One that is held already stays as it is.
    pub fn reward(&self, given: RewardGiven) -> Vec<Event> {
        if self.rewards.contains_key(&given.id) { Vec::new() } else { vec![Event::RewardGiven(given)] }
    }

    /// The facts that count.
    pub fn facts(&self) -> impl Iterator<Item = (ActivityId, &Fact)> {
        self.activities.iter().filter_map(|(id, known)| known.fact.as_deref().map(|fact| (*id, fact)))
    }

    /// What must be said so that what was said agrees with the facts of `after`.
    fn differences(&self, account: AccountId, after: &Self, book: &Rulebook, receipt: Receipt) -> Vec<Event> {
        let rules = book.in_force();
        let standing = Standing::of(rules, after.facts());
        let (rule_version, from_version) = (rules.version, self.rule_version);
        // What was told was told by the rules of then; where those are not known any more, the newest have to do.
        let told = Standing::lines_of(book.version(from_version).unwrap_or(rules), self.facts());
        let parts = changed_parts(told, &standing.lines);
        let mut events = self.xp_changes(account, standing.xp, parts, (rule_version, receipt));
        let (level, from_level) = (standing.level, self.level);
        match level.cmp(&from_level) {
            std::cmp::Ordering::Greater => {
                events.push(Event::LevelReached { account, level, from_level, rule_version });
            }
            std::cmp::Ordering::Less => {
                events.push(Event::LevelLost { account, level, from_level, rule_version })
            }
            std::cmp::Ordering::Equal => {}
        }
        if standing.run != self.run {
            let run = standing.run.clone().unwrap_or_default();
            events.push(Event::StreakChanged { account, run });
        }
        events.extend(self.badge_changes(account, standing, rule_version));
        // Who is new has nothing by other rules.
        if self.account.is_some() && from_version != rule_version {
            events.push(Event::RulesAdopted { account, rule_version, from_version });
        }
        events
    }

    /// All parts, in as many events as it takes: what one activity gave can be summed from them. XP that only move from
    /// one activity to another are told too.
    fn xp_changes(
        &self,
        account: AccountId,
        xp: i64,
        parts: Vec<XpPart>,
        (rule_version, receipt): (u32, Receipt),
    ) -> Vec<Event> {
        if parts.is_empty() && xp == self.xp {
            return Vec::new();
        }
        let chunks: Vec<&[XpPart]> =
            if parts.is_empty() { vec![&[]] } else { parts.chunks(PARTS_MAX).collect() };
        let mut events = Vec::with_capacity(chunks.len());
        let (mut before, last) = (self.xp, chunks.len() - 1);
        for (index, chunk) in chunks.into_iter().enumerate() {
            let told: i64 = chunk.iter().map(|part| part.xp).sum();
            let after = if index == last { xp } else { before + told };
            let parts = chunk.to_vec();
            events.push(Event::XpChanged { account, before, after, rule_version, parts, receipt });
            before = after;
        }
        events
    }

    fn badge_changes(&self, account: AccountId, standing: Standing<'_>, rule_version: u32) -> Vec<Event> {
        let mut events = Vec::new();
        for badge in self.badges.keys().filter(|badge| !standing.awards.contains_key(badge.as_str())) {
            let (id, badge) = (achievement_id(account, badge), badge.clone());
            events.push(Event::BadgeRevoked { id, account, badge, rule_version });
        }
        for (badge, award) in standing.awards {
            let said = self.badges.get(badge);
            if said.is_some_and(|said| **said == award) {
                continue;
            }
            let (id, award) = (achievement_id(account, badge), Arc::new(award));
            let given = BadgeGiven { id, account, badge: badge.to_owned(), rule_version, award };
            events.push(if said.is_some() {
                Event::BadgeReexplained(given)
            } else {
                Event::BadgeUnlocked(given)
            });
        }
        events
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Counted { account, activity, revision, fact, .. } => {
                self.account = Some(*account);
                let fact = fact.clone().map(Arc::new);
                self.activities.insert(*activity, Known { revision: *revision, fact });
            }
            Event::Uncounted { account, activity, revision, .. } => {
                self.account = Some(*account);
                self.activities.insert(*activity, Known { revision: *revision, fact: None });
            }
            Event::XpChanged { after, rule_version, .. } => {
                self.xp = *after;
                self.rule_version = *rule_version;
            }
            Event::LevelReached { level, rule_version, .. }
            | Event::LevelLost { level, rule_version, .. } => {
                self.level = *level;
                self.rule_version = *rule_version;
            }
            Event::StreakChanged { run, .. } => self.run = (run.days > 0).then(|| run.clone()),
            Event::BadgeUnlocked(given) | Event::BadgeReexplained(given) => {
                self.badges.insert(given.badge.clone(), given.award.clone());
                self.rule_version = given.rule_version;
            }
            Event::BadgeRevoked { badge, rule_version, .. } => {
                self.badges.remove(badge);
                self.rule_version = *rule_version;
            }
            Event::RulesAdopted { rule_version, .. } => self.rule_version = *rule_version,
            Event::RewardGiven(given) => {
                self.account = Some(given.account);
                self.rewards.insert(given.id, given.badge.clone());
            }
        }
    }
}

/// The lines that differ, the greatest changes first.
fn changed_parts(
    before: BTreeMap<(ActivityId, &str), i64>,
    after: &BTreeMap<(ActivityId, &str), i64>,
) -> Vec<XpPart> {
    let mut changes: BTreeMap<(ActivityId, &str), i64> =
        before.into_iter().map(|(line, xp)| (line, -xp)).collect();
    for (line, xp) in after {
        *changes.entry(*line).or_default() += xp;
    }
    let mut parts: Vec<XpPart> = changes
        .into_iter()
        .filter(|(_, xp)| *xp != 0)
        .map(|((activity, rule), xp)| XpPart { activity, rule: rule.to_owned(), xp })
        .collect();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.xp.abs()), part.activity));
    parts
}

impl Award {
    /// An award whose explanation was erased with its key: that it was given still stands.
    pub fn erased(rule: String) -> Self {
        Self { unlocked_us: 0, rule, because: Vec::<Cause>::new(), frozen: Vec::new(), private: false }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
