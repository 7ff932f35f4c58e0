//! What some watchers see alike: the first places of a segment, now and a few steps back.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;
use kernel::AccountId;
use platform::Look;
use privacy::BoardName;
use tokio::{sync::watch, time::Instant};

use super::{
    frames::{Amount, Delta, Number, Row, Snapshot, json},
    names::Names,
};
use crate::{
    boards::{Moves, Phase},
    domain::{
        board::{Board, Scope},
        places::Place,
    },
};

/// Steps back from which a watcher still gets what changed instead of everything.
const PAST_MAX: usize = 32;
/// Sequences that a watcher may come back with.
const MARKS_MAX: usize = 64;

/// Who holds a place that is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) number: u32,
    pub(super) account: AccountId,
    pub(super) show_as: BoardName,
}

/// A window's places at one moment.
pub(super) struct Cut {
    pub(super) sequence: u64,
    /// Whether the sequence says what the rows are. Of a few it does not: who is shown changes without one.
    pub(super) told: bool,
    /// The revision of the challenge's rules.
    pub(super) rules: u64,
    pub(super) participants: u32,
    pub(super) rows: Vec<Row>,
    pub(super) who: Vec<Who>,
    /// Of a few, those who are shown; `None`: there are many, and everybody is.
    pub(super) few: Option<Arc<[AccountId]>>,
    /// All of the few: who is shown depends on what is known of them.
    pub(super) asked: Vec<AccountId>,
}

/// What a tick of the room is, beside the places.
#[derive(Clone)]
pub(super) struct Tick {
    pub(super) number: u64,
    pub(super) as_of: Timestamp,
    /// Who moved, in this tick and some before it, the newest last.
    pub(super) moves: Arc<[(u64, Arc<Moves>)]>,
    pub(super) over: Option<Phase>,
}

/// Rows of a step back.
#[derive(Clone)]
struct Past {
    generation: u64,
    rows: Arc<[Row]>,
}

/// The newest for everybody who watches the window.
pub(super) struct Published {
    segment: Arc<str>,
    pub(super) tick: Tick,
    /// Counts changes of the rows; 0: nothing is shown before it is known of whom.
    pub(super) generation: u64,
    pub(super) sequence: u64,
    pub(super) rules: u64,
    pub(super) participants: u32,
    rows: Arc<[Row]>,
    /// As [`Cut::few`].
    pub(super) few: Option<Arc<[AccountId]>>,
    past: VecDeque<Past>,
    /// What the rows were at which sequence, where that says it.
    marks: VecDeque<(u64, u64)>,
    pub(super) names: Arc<Names>,
    snapshot: OnceLock<Bytes>,
    deltas: Mutex<HashMap<u64, Bytes>>,
}

impl Published {
    /// Everything, encoded once for all who asked for this segment.
    pub(super) fn snapshot(&self, segment: &str) -> Bytes {
        let encode = || {
            json(&Snapshot {
                sequence: self.sequence,
                as_of: self.tick.as_of,
                segment,
                participants: self.participants,
                entries: &self.rows,
            })
        };
        if segment == &*self.segment { self.snapshot.get_or_init(encode).clone() } else { encode() }
    }

    /// What changed since a step back, encoded once for all who were there. `None`: too long ago.
    pub(super) fn delta_since(&self, generation: u64) -> Option<Bytes> {
        let before = self.past.iter().find(|past| past.generation == generation)?;
        let mut deltas = self.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        let encode = || json(&delta(&before.rows, &self.rows, (self.sequence, self.participants)));
        Some(deltas.entry(generation).or_insert_with(encode).clone())
    }

    /// The step that a watcher was at who has seen this sequence last; `None`: never heard of.
    pub(super) fn generation_at(&self, sequence: u64) -> Option<u64> {
        let mark = self.marks.iter().rev().find(|mark| mark.0 == sequence && sequence != 0)?;
        let kept = mark.1 == self.generation || self.past.iter().any(|past| past.generation == mark.1);
        kept.then_some(mark.1)
    }

    /// What comes after this. `None`: nothing that anybody would want to be woken for.
    fn after(&self, cut: Cut, tick: Tick) -> Option<Self> {
        let known = (self.participants, &self.few) == (cut.participants, &cut.few) && self.generation > 0;
        let moved = !known || self.rows[..] != cut.rows[..];
        let ruled = self.rules != cut.rules;
        if !moved && !ruled && self.sequence == cut.sequence && self.tick.over == tick.over {
            return None;
        }
        let (mut past, mut marks) = (self.past.clone(), self.marks.clone());
        let (mut generation, mut rows) = (self.generation, self.rows.clone());
        if moved {
            past.push_back(Past { generation, rows });
            generation += 1;
            rows = cut.rows.into();
        }
        if (ruled && moved) || !cut.told {
            // Under other rules, or without somebody who vanished, the same sequence means other places.
            marks.clear();
        }
        if cut.told {
            marks.push_back((cut.sequence, generation));
        }
        past.drain(..past.len().saturating_sub(PAST_MAX));
        marks.drain(..marks.len().saturating_sub(MARKS_MAX));
        Some(Self {
            segment: self.segment.clone(),
            tick,
            generation,
            sequence: cut.sequence,
            rules: cut.rules,
            participants: cut.participants,
            rows,
            few: cut.few,
            past,
            marks,
            names: self.names.clone(),
            snapshot: OnceLock::new(),
            deltas: Mutex::default(),
        })
    }

    fn named(&self, names: Arc<Names>) -> Self {
        Self {
            segment: self.segment.clone(),
            tick: self.tick.clone(),
            generation: self.generation,
            sequence: self.sequence,
            rules: self.rules,
            participants: self.participants,
            rows: self.rows.clone(),
            few: self.few.clone(),
            past: self.past.clone(),
            marks: self.marks.clone(),
            names,
            snapshot: self.snapshot.clone(),
            deltas: Mutex::new(self.deltas.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}

fn delta(before: &[Row], after: &[Row], (sequence, participants): (u64, u32)) -> Delta {
    let known: HashMap<u32, &Row> = before.iter().map(|row| (row.member.0, row)).collect();
    let shown: HashSet<u32> = after.iter().map(|row| row.member.0).collect();
    let news = |row: &&Row| known.get(&row.member.0).is_none_or(|known| known != row);
    let gone = |row: &&Row| !shown.contains(&row.member.0);
    Delta {
        sequence,
        participants,
        changes: after.iter().filter(news).copied().collect(),
        left: before.iter().filter(gone).map(|row| row.member).collect(),
    }
}

/// The first `limit` places of a segment.
pub(super) struct Window {
    pub(super) segment: Arc<str>,
    limit: usize,
    published: watch::Sender<Arc<Published>>,
    /// Since when nobody watches.
    idle: Mutex<Option<Instant>>,
}

impl Window {
    pub(super) fn open(segment: &str, limit: usize, board: (&Board, u64), tick: Tick) -> Self {
        let segment: Arc<str> = segment.into();
        let cut = cut(&segment, limit, board, |_| false);
        let generation = u64::from(cut.asked.is_empty());
        let marks = cut.told.then_some((cut.sequence, generation));
        let first = Published {
            segment: segment.clone(),
            tick,
            generation,
            sequence: cut.sequence,
            rules: cut.rules,
            participants: cut.participants,
            rows: cut.rows.into(),
            few: cut.few,
            past: VecDeque::new(),
            marks: marks.into_iter().collect(),
            names: Arc::default(),
            snapshot: OnceLock::new(),
            deltas: Mutex::default(),
        };
        Self { segment, limit, published: watch::Sender::new(Arc::new(first)), idle: Mutex::default() }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        let mut receiver = self.published.subscribe();
        receiver.mark_changed();
        receiver
    }

    pub(super) fn watchers(&self) -> usize {
        self.published.receiver_count()
    }

    /// How long nobody has watched.
    pub(super) fn idle(&self) -> std::time::Duration {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if self.watchers() > 0 {
            *idle = None;
            return std::time::Duration::ZERO;
        }
        idle.get_or_insert_with(Instant::now).elapsed()
    }

    /// The places now; of a few, no row yet.
    pub(super) fn cut(&self, board: (&Board, u64)) -> Cut {
        cut(&self.segment, self.limit, board, |_| false)
    }

    /// The places now; of a few, the rows of those whom a stranger may know by name. A frame is the same for all who
    /// watch, so it shows nobody whom one of them could not name: a row there is a name. All of them count.
    pub(super) fn cut_known(&self, board: (&Board, u64), looks: &HashMap<AccountId, Arc<Look>>) -> Cut {
        cut(&self.segment, self.limit, board, |who| {
            looks.get(&who.account).is_some_and(|look| look.board_name(who.show_as).is_some())
        })
    }

    /// Leaves the newest places for everybody; wakes them when anything changed.
    pub(super) fn publish(&self, cut: Cut, tick: &Tick) {
        self.published.send_if_modified(|published| {
            let Some(next) = published.after(cut, tick.clone()) else { return false };
            *published = Arc::new(next);
            true
        });
    }

    /// Leaves the newest names; wakes when there is anything to say.
    pub(super) fn name(&self, next: impl FnOnce(&Names) -> Option<Names>) {
        self.published.send_if_modified(|published| {
            let Some(names) = next(&published.names) else { return false };
            let news = names.epoch != published.names.epoch;
            *published = Arc::new(published.named(Arc::new(names)));
            news
        });
    }
}

fn cut(segment: &str, limit: usize, (board, rules): (&Board, u64), shows: impl Fn(&Who) -> bool) -> Cut {
    let few = board.few(segment);
    let asked = few.clone().unwrap_or_default();
    let known = |account: &AccountId| board.slot(*account).is_some_and(|slot| shows(&who(board, slot)));
    let few: Option<Arc<[AccountId]>> = few.map(|few| few.into_iter().filter(known).collect());
    let scope = Scope::Segment(segment);
    let mut places = board.list(scope, 0, limit);
    if let Some(few) = &few {
        places.retain(|place| few.contains(&board.member(place.slot).account));
    }
    let row = |place: &Place| {
        let member = board.member(place.slot);
        let score = member.score.map_or(0, |score| score.value);
        Row { rank: place.rank, member: Number(member.number), score: Amount(score) }
    };
    Cut {
        sequence: board.sequence(),
        told: few.is_none() && board.is_told(),
        rules,
        participants: u32::try_from(board.count(scope)).unwrap_or(u32::MAX),
        rows: places.iter().map(row).collect(),
        who: places.iter().map(|place| who(board, place.slot)).collect(),
        few,
        asked,
    }
}

fn who(board: &Board, slot: u32) -> Who {
    let member = board.member(slot);
    Who { number: member.number, account: member.account, show_as: member.show_as }
}
