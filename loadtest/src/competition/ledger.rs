//! What each athlete reported, what was acknowledged, what their stream told them: and what the board must be by that.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::samples::Samples;
use crate::generator::dice::Dice;

/// Workouts began at least so long ago, and at most so much longer.
const BEGAN_S: u32 = 600;
const BEGAN_SPREAD: usize = 3_000;
/// What is reported ended so long ago: it was reached when it ended, not when it was received.
const AGO_S: i64 = 60;
/// Decimetres a second: what people run for an hour.
const PACE_DM: u32 = 25;
const PACE_SPREAD: usize = 20;
/// Newest reports whose effect on a board can still be told.
const RECENT: usize = 3;

/// One place of the board, as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) rank: u32,
    pub(super) member: u32,
    /// Thousandths.
    pub(super) score: i64,
}

/// A report on its way to the athlete's own stream.
#[derive(Clone, Copy)]
struct Waiting {
    score: i64,
    due: Instant,
}

/// What was acknowledged last.
#[derive(Clone, Copy)]
struct Kept {
    score: i64,
    /// When the run that reached it ended, seconds.
    reached_s: i64,
    at: Instant,
}

struct Athlete {
    account: Uuid,
    start_s: i64,
    elapsed_s: u32,
    distance_dm: u32,
    version: u32,
    kept: Option<Kept>,
    /// A report is under way; those that are due meanwhile wait.
    busy: bool,
    due: VecDeque<Instant>,
    waiting: VecDeque<Waiting>,
    /// Reports whose score may show on others' boards.
    recent: VecDeque<Waiting>,
    /// On the board; 0 before joining.
    member: u32,
    /// Rank and score of the newest `me` frame.
    told: Option<(u32, i64)>,
    dice: Dice,
}

/// What is not as it must be.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Athletes whose score on the board is not the acknowledged one.
    pub(super) lost: usize,
    /// Athletes whose rank is another than a fold of what was acknowledged gives, or who stand there unexpectedly.
    pub(super) wrong: usize,
    /// The first of them, in words.
    pub(super) words: Vec<String>,
}

/// Where an athlete must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) who: usize,
    pub(super) rank: u32,
    pub(super) score: i64,
}

pub(super) struct Ledger {
    athletes: Vec<Mutex<Athlete>>,
    /// Who has which number on the board; 0: nobody.
    members: Vec<AtomicU32>,
}

const WORDS_MAX: usize = 20;

impl Ledger {
    /// Everybody has been running for a while.
    pub(super) fn of(accounts: &[Uuid], now: Timestamp, seed: u64) -> Self {
        let athlete = |(nth, account): (usize, &Uuid)| {
            let mut dice = Dice::of(seed ^ (nth as u64).rotate_left(20));
            let elapsed_s = BEGAN_S + u32::try_from(dice.below(BEGAN_SPREAD)).unwrap_or_default();
            Mutex::new(Athlete {
                account: *account,
                start_s: now.as_second() - AGO_S - i64::from(elapsed_s),
                elapsed_s,
                distance_dm: elapsed_s * pace_dm(&mut dice),
                version: 0,
                kept: None,
                busy: false,
                due: VecDeque::new(),
                waiting: VecDeque::new(),
                recent: VecDeque::new(),
                member: 0,
                told: None,
                dice,
            })
        };
        Self {
            athletes: accounts.iter().enumerate().map(athlete).collect(),
            members: (0..=2 * accounts.len()).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    fn athlete(&self, who: usize) -> MutexGuard<'_, Athlete> {
        self.athletes[who].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn account(&self, who: usize) -> Uuid {
        self.athlete(who).account
    }

    pub(super) fn joined(&self, who: usize, member: u32) {
        self.athlete(who).member = member;
        if let (Some(place), Ok(number)) = (self.members.get(member as usize), u32::try_from(who + 1)) {
            place.store(number, Ordering::Relaxed);
        }
    }

    /// Who has joined.
    pub(super) fn participants(&self) -> usize {
        (0..self.athletes.len()).filter(|who| self.athlete(*who).member > 0).count()
    }

    /// Whether the report that is due now can be made at once; else it is made when the one before is acknowledged.
    pub(super) fn begins(&self, who: usize, due: Instant) -> bool {
        let mut athlete = self.athlete(who);
        if athlete.busy {
            athlete.due.push_back(due);
        }
        !std::mem::replace(&mut athlete.busy, true)
    }

    /// The body of the next report: the same workout, a version newer, `seconds` longer.
    pub(super) fn report(&self, who: usize, due: Instant, seconds: u32) -> Bytes {
        let mut athlete = self.athlete(who);
        let athlete = &mut *athlete;
        if athlete.version > 0 {
            athlete.elapsed_s += seconds;
            athlete.distance_dm += seconds * pace_dm(&mut athlete.dice);
        }
        athlete.version += 1;
        let waiting = Waiting { score: athlete.score(), due };
        athlete.waiting.push_back(waiting);
        athlete.recent.push_back(waiting);
        if athlete.recent.len() > RECENT {
            athlete.recent.pop_front();
        }
        let (version, elapsed_s) = (athlete.version, athlete.elapsed_s);
        let (metres, tenth) = (athlete.distance_dm / 10, athlete.distance_dm % 10);
        let start_at = Timestamp::from_second(athlete.start_s).unwrap_or_default();
        Bytes::from(format!(
            "{{\"source\":\"wearable\",\"upserts\":[{{\"key\":\"race\",\"version\":{version},\"kind\":\"workout\",\"workout\":{{\
             \"sport\":\"running\",\"start_at\":\"{start_at}\",\"elapsed_time_s\":{elapsed_s},\"timer_time_s\":{elapsed_s},\
             \"distance_m\":{metres}.{tenth}}}}}]}}"
        ))
    }

    /// The report under way was kept.
    pub(super) fn acknowledged(&self, who: usize) {
        let mut athlete = self.athlete(who);
        let reached_s = athlete.start_s + i64::from(athlete.elapsed_s);
        athlete.kept = Some(Kept { score: athlete.score(), reached_s, at: Instant::now() });
    }

    /// No report is under way any more, or the next one that waited is.
    pub(super) fn next(&self, who: usize) -> Option<Instant> {
        let mut athlete = self.athlete(who);
        let due = athlete.due.pop_front();
        athlete.busy = due.is_some();
        due
    }

    /// A `me` frame: every report with that score or a lower one has come round.
    pub(super) fn told(&self, who: usize, (rank, score): (u32, i64), samples: Option<&Samples>) {
        let mut athlete = self.athlete(who);
        athlete.told = Some((rank, score));
        while let Some(waiting) = athlete.waiting.front().copied().filter(|one| one.score <= score) {
            athlete.waiting.pop_front();
            if let Some(samples) = samples {
                samples.note(waiting.due);
            }
        }
    }

    /// When the report of a score that a board shows was due, if it is one of the newest.
    pub(super) fn due_of(&self, member: u32, score: i64) -> Option<Instant> {
        let number = self.members.get(member as usize)?.load(Ordering::Relaxed);
        let who = usize::try_from(number).ok()?.checked_sub(1)?;
        self.athlete(who).recent.iter().find(|one| one.score == score).map(|one| one.due)
    }

    /// Those whose reports were acknowledged last, with the scores.
    pub(super) fn latest(&self, count: usize) -> Vec<(usize, i64)> {
        let kept = |who: usize| self.athlete(who).kept.map(|kept| (kept.at, who, kept.score));
        let mut all: Vec<(Instant, usize, i64)> = (0..self.athletes.len()).filter_map(kept).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.into_iter().take(count).map(|(_, who, score)| (who, score)).collect()
    }

    /// Where everybody must stand: the better score, then who reached it first, then the account. A report of which
    /// nobody knows whether it was kept counts when the board shows it.
    pub(super) fn expected(&self, shown: impl Fn(u32) -> Option<i64>) -> Vec<Expected> {
        let mut order = Vec::with_capacity(self.athletes.len());
        for who in 0..self.athletes.len() {
            let athlete = self.athlete(who);
            if athlete.member == 0 {
                // Never got a seat, which is an error of its own.
                continue;
            }
            let newest = athlete.score();
            let in_doubt = athlete.version > 0 && athlete.kept.is_none_or(|kept| kept.score < newest);
            let doubtful = in_doubt && shown(athlete.member) == Some(newest);
            let reached_s = athlete.start_s + i64::from(athlete.elapsed_s);
            let known = athlete.kept.map(|kept| (kept.score, kept.reached_s));
            let Some((score, reached_s)) = (if doubtful { Some((newest, reached_s)) } else { known }) else {
                continue;
            };
            order.push((std::cmp::Reverse(score), reached_s, athlete.account, who));
        }
        order.sort_unstable();
        let place = |(nth, (score, .., who)): (u32, (std::cmp::Reverse<i64>, i64, Uuid, usize))| Expected {
            who,
            rank: nth,
            score: score.0,
        };
        (1..).zip(order).map(place).collect()
    }

    /// Holds the whole board against what was acknowledged.
    pub(super) fn held_against(&self, board: &[Place]) -> Found {
        let mut shown: HashMap<u32, Place> = board.iter().map(|place| (place.member, *place)).collect();
        let mut found = Found::default();
        let mut say = |words: String| {
            if found.words.len() < WORDS_MAX {
                found.words.push(words);
            }
        };
        let (mut lost, mut wrong) = (0, board.len() - shown.len());
        for expected in self.expected(|member| shown.get(&member).map(|place| place.score)) {
            let Expected { who, rank, score } = expected;
            let member = self.athlete(who).member;
            let Some(place) = shown.remove(&member) else {
                lost += 1;
                say(format!("m{member} is not on the board; {score} thousandths were acknowledged"));
                continue;
            };
            if place.score != score {
                lost += 1;
                say(format!(
                    "m{member} has {} thousandths on the board, {score} were acknowledged",
                    place.score
                ));
            }
            if place.rank != rank {
                wrong += 1;
                say(format!("m{member} has rank {} on the board and must have {rank}", place.rank));
            }
        }
        for place in shown.values() {
            wrong += 1;
            say(format!("m{} stands at {} without a report that was acknowledged", place.member, place.rank));
        }
        (found.lost, found.wrong) = (lost, wrong);
        found
    }

    /// Athletes whose stream has not told them the place that they must have.
    pub(super) fn missed(&self, expected: &[Expected]) -> Vec<usize> {
        let missed = |one: &&Expected| self.athlete(one.who).told != Some((one.rank, one.score));
        expected.iter().filter(missed).map(|one| one.who).collect()
    }

    /// What an athlete was told last, and what was acknowledged: for words.
    pub(super) fn in_words(&self, who: usize) -> String {
        let athlete = self.athlete(who);
        let kept = athlete.kept.map(|kept| kept.score);
        format!("m{} was told {:?} (rank, thousandths), acknowledged {kept:?}", athlete.member, athlete.told)
    }
}

impl Athlete {
    fn score(&self) -> i64 {
        i64::from(self.distance_dm) * 100
    }
}

fn pace_dm(dice: &mut Dice) -> u32 {
    PACE_DM + u32::try_from(dice.below(PACE_SPREAD)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Athletes with the numbers 1, 2, … who have reported once; the last report of the last is not acknowledged.
    fn ledger(count: usize) -> Ledger {
        let accounts: Vec<Uuid> = (1..=count as u128).map(Uuid::from_u128).collect();
        let ledger = Ledger::of(&accounts, Timestamp::from_second(1_800_000_000).unwrap(), 1);
        for who in 0..count {
            ledger.joined(who, u32::try_from(who + 1).unwrap());
            report(&ledger, who);
        }
        ledger
    }

    fn report(ledger: &Ledger, who: usize) {
        let due = Instant::now();
        assert!(ledger.begins(who, due));
        ledger.report(who, due, 10);
        ledger.acknowledged(who);
        assert_eq!(ledger.next(who), None);
    }

    fn board(ledger: &Ledger) -> Vec<Place> {
        let place = |one: Expected| Place {
            rank: one.rank,
            member: u32::try_from(one.who + 1).unwrap(),
            score: one.score,
        };
        ledger.expected(|_| None).into_iter().map(place).collect()
    }

    #[test]
    fn a_board_as_it_must_be_is_found_right() {
        let ledger = ledger(100);
        let found = ledger.held_against(&board(&ledger));
        assert_eq!((found.lost, found.wrong), (0, 0), "{:?}", found.words);
    }

    #[test]
    fn a_lost_update_is_found() {
        let ledger = ledger(100);
        let before = board(&ledger);
        report(&ledger, 7);
        let found = ledger.held_against(&before);
        assert_eq!(found.lost, 1, "{:?}", found.words);
        assert!(found.words[0].contains("m8 "), "{:?}", found.words);
    }

    #[test]
    fn two_that_changed_places_are_two_wrong_ranks() {
        let ledger = ledger(100);
        let mut wrong = board(&ledger);
        let (one, other) = (wrong[3].rank, wrong[4].rank);
        (wrong[3].rank, wrong[4].rank) = (other, one);
        let found = ledger.held_against(&wrong);
        assert_eq!((found.lost, found.wrong), (0, 2), "{:?}", found.words);
    }

    #[test]
    fn who_is_missing_is_lost_and_who_stands_twice_or_unknown_is_wrong() {
        let ledger = ledger(10);
        let mut short = board(&ledger);
        short.pop();
        assert_eq!(ledger.held_against(&short).lost, 1);
        let mut long = board(&ledger);
        long.push(long[0]);
        long.push(Place { rank: 11, member: 77, score: 1 });
        let found = ledger.held_against(&long);
        assert_eq!((found.lost, found.wrong), (0, 2), "{:?}", found.words);
    }

    #[test]
    fn equal_scores_stand_in_the_order_in_which_they_were_reached() {
        let ledger = ledger(3);
        for (who, (start_s, elapsed_s)) in [(100, 50), (100, 40), (90, 50)].into_iter().enumerate() {
            let mut athlete = ledger.athlete(who);
            (athlete.start_s, athlete.elapsed_s, athlete.distance_dm) = (start_s, elapsed_s, 1_000);
            drop(athlete);
            ledger.acknowledged(who);
        }
        let order: Vec<usize> = ledger.expected(|_| None).iter().map(|one| one.who).collect();
        assert_eq!(order, [1, 2, 0], "reached at 140, 140 and 150; equal ones by account");
    }

    #[test]
    fn a_report_of_which_nobody_heard_may_be_kept_or_not() {
        let ledger = ledger(5);
        let without = board(&ledger);
        let due = Instant::now();
        assert!(ledger.begins(2, due));
        ledger.report(2, due, 10);
        assert_eq!(ledger.held_against(&without).lost, 0, "it was not kept");
        let newest = ledger.athlete(2).score();
        let with = ledger.expected(|member| (member == 3).then_some(newest));
        assert!(with.iter().any(|one| one.who == 2 && one.score == newest), "it was kept");
    }

    #[test]
    fn reports_are_versions_of_one_run_that_nobody_is_too_slow_or_too_fast_for() {
        let ledger = ledger(1);
        let due = Instant::now();
        assert!(ledger.begins(0, due));
        assert!(!ledger.begins(0, due), "one at a time");
        let body: serde_json::Value = serde_json::from_slice(&ledger.report(0, due, 10)).unwrap();
        let upsert = &body["upserts"][0];
        assert_eq!((&upsert["key"], &upsert["version"]), (&"race".into(), &2.into()));
        let workout = &upsert["workout"];
        let mps = workout["distance_m"].as_f64().unwrap() / workout["elapsed_time_s"].as_f64().unwrap();
        assert!((2.0..5.0).contains(&mps), "{mps} m/s");
        assert_eq!(ledger.next(0), Some(due), "what waited is due");
    }

    #[test]
    fn a_stream_that_was_not_told_the_last_place_has_missed_it() {
        let ledger = ledger(3);
        let expected = ledger.expected(|_| None);
        assert_eq!(ledger.missed(&expected).len(), 3);
        for one in &expected {
            ledger.told(one.who, (one.rank, one.score), None);
        }
        assert!(ledger.missed(&expected).is_empty());
        ledger.told(1, (9, expected[1].score), None);
        assert_eq!(ledger.missed(&expected).len(), 1);
    }
}
