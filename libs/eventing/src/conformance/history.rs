//! One judge for every fault: what was asked and acknowledged, against what a whole read shows at the end.
//!
//! Whoever plays with faults notes each command ([`History::attempted`]) and each answer ([`History::acknowledged`]),
//! reads the journal, the log and every reader's effects when all is over, and lets [`History::judge`] compare.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::{
    bus::partition_of,
    event::{Position, Recorded, Version},
};

/// What was asked of one store.
#[derive(Clone, Debug, Default)]
pub struct History {
    commands: BTreeMap<String, Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// How many events the command writes, all in one append.
    events: usize,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It may have happened, once, or not at all.
    None,
    /// It must have happened, whoever was told.
    Promised,
    At(Position),
}

/// Everything that is there at the end.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The whole journal, as read from its beginning.
    pub journal: Vec<Kept>,
    /// Every event that was ever on the log, each partition in the order of its offsets; `None`: no log was looked at.
    pub log: Option<Vec<Logged>>,
    pub readers: Vec<Reader>,
}

/// An event of the journal, and the command that it came of.
#[derive(Clone, Debug)]
pub struct Kept {
    pub position: Position,
    pub stream: String,
    pub version: Version,
    pub event_id: Uuid,
    pub partition_key: String,
    pub command: String,
}

impl Kept {
    pub fn of(event: &Recorded, command: impl Into<String>) -> Self {
        Self {
            position: event.position,
            stream: event.stream.to_string(),
            version: event.version,
            event_id: event.event_id,
            partition_key: event.partition_key.clone(),
            command: command.into(),
        }
    }
}

/// An event on the log.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    pub part: u32,
    pub position: Position,
}

/// What a reader has done: an entry each time an event had its effect, in the order in which that became durable.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    pub name: String,
    pub applied: Vec<Position>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    #[error("the journal has {found} where position {wanted} belongs")]
    Gap { wanted: Position, found: Position },
    #[error("{stream} has version {found} where {wanted} belongs")]
    Version { stream: String, wanted: Version, found: Version },
    #[error("the event of position {position} has the id of another")]
    SameId { position: Position },
    #[error("{stream} has changed its partition key at position {position}")]
    KeyChanged { stream: String, position: Position },
    #[error("«{command}» must be there, and is not")]
    Lost { command: String },
    #[error("«{command}» has {found} events instead of {wanted}")]
    Partial { command: String, wanted: usize, found: usize },
    #[error("«{command}» happened more than once")]
    Twice { command: String },
    #[error("the events of «{command}» do not stand together")]
    Torn { command: String },
    #[error("«{command}» was answered with position {answered}, and ends at {found}")]
    Misplaced { command: String, answered: Position, found: Position },
    #[error("position {position} is of «{command}», which nobody asked for")]
    Unasked { command: String, position: Position },
    #[error("position {position} is not on the log")]
    Unlogged { position: Position },
    #[error("position {position} is on partition {part}, which is not its key's")]
    Strayed { part: u32, position: Position },
    #[error("partition {part} has position {position} for the first time behind {behind}")]
    Overtaken { part: u32, position: Position, behind: Position },
    #[error("the log has position {position}, which the journal does not know")]
    Foreign { position: Position },
    #[error("{reader} has not taken position {position}")]
    Unseen { reader: String, position: Position },
    #[error("{reader} has taken position {position} more than once")]
    SeenTwice { reader: String, position: Position },
    #[error("{reader} has taken position {position} behind {behind}, which is of the same key")]
    OutOfOrder { reader: String, position: Position, behind: Position },
    #[error("{reader} has taken position {position}, which the journal does not know")]
    OfNothing { reader: String, position: Position },
}

impl History {
    /// A command of so many events is about to be tried, for the first time or again.
    pub fn attempted(&mut self, command: &str, events: usize) {
        self.commands.entry(command.to_owned()).or_insert(Asked { events, answer: Answer::None });
    }

    /// Somebody was told that the command happened, and that its last event has this position.
    pub fn acknowledged(&mut self, command: &str, position: Position) {
        if let Some(asked) = self.commands.get_mut(command) {
            asked.answer = Answer::At(position);
        }
    }

    /// A command of so many events must be there at the end, as what follows from an event must.
    pub fn promised(&mut self, command: &str, events: usize) {
        let asked = self.commands.entry(command.to_owned()).or_insert(Asked { events, answer: Answer::None });
        if asked.answer == Answer::None {
            asked.answer = Answer::Promised;
        }
    }

    /// How many commands were answered.
    pub fn answered(&self) -> usize {
        self.commands.values().filter(|asked| matches!(asked.answer, Answer::At(_))).count()
    }

    /// Every promise that was broken; empty when all is well.
    pub fn judge(&self, found: &Found) -> Vec<Breach> {
        let mut breaches = Vec::new();
        order(&found.journal, &mut breaches);
        self.commands(&found.journal, &mut breaches);
        let keys: BTreeMap<Position, &str> =
            found.journal.iter().map(|kept| (kept.position, kept.partition_key.as_str())).collect();
        if let Some(log) = &found.log {
            logged(log, &keys, &mut breaches);
        }
        for reader in &found.readers {
            taken(reader, &keys, &mut breaches);
        }
        breaches
    }

    fn commands(&self, journal: &[Kept], breaches: &mut Vec<Breach>) {
        let mut by_command: BTreeMap<&str, Vec<Position>> = BTreeMap::new();
        for kept in journal {
            if !self.commands.contains_key(&kept.command) {
                let command = kept.command.clone();
                breaches.push(Breach::Unasked { command, position: kept.position });
            }
            by_command.entry(&kept.command).or_default().push(kept.position);
        }
        for (command, asked) in &self.commands {
            let positions = by_command.get(command.as_str()).map(Vec::as_slice).unwrap_or_default();
            breaches.extend(asked.breach(command, positions));
        }
    }
}

impl Asked {
    fn breach(self, command: &str, positions: &[Position]) -> Option<Breach> {
        let command = command.to_owned();
        let Some((first, last)) = positions.first().zip(positions.last()) else {
            let owed = self.answer != Answer::None && self.events > 0;
            return owed.then_some(Breach::Lost { command });
        };
        if positions.len() > self.events {
            return Some(Breach::Twice { command });
        }
        if positions.len() < self.events {
            return Some(Breach::Partial { command, wanted: self.events, found: positions.len() });
        }
        if usize::try_from(last - first + 1) != Ok(positions.len()) {
            return Some(Breach::Torn { command });
        }
        match self.answer {
            Answer::At(answered) if answered != *last => {
                Some(Breach::Misplaced { command, answered, found: *last })
            }
            _ => None,
        }
    }
}

/// Positions and versions without gaps, ids of their own, keys that stay.
fn order(journal: &[Kept], breaches: &mut Vec<Breach>) {
    let mut streams: HashMap<&str, (Version, &str)> = HashMap::new();
    let mut ids = BTreeSet::new();
    for (wanted, kept) in (1..).zip(journal) {
        if kept.position != wanted {
            breaches.push(Breach::Gap { wanted, found: kept.position });
        }
        if !ids.insert(kept.event_id) {
            breaches.push(Breach::SameId { position: kept.position });
        }
        let (version, key) = streams.entry(&kept.stream).or_insert((0, &kept.partition_key));
        *version += 1;
        if kept.version != *version {
            let (stream, wanted) = (kept.stream.clone(), *version);
            breaches.push(Breach::Version { stream, wanted, found: kept.version });
        }
        if *key != kept.partition_key {
            breaches.push(Breach::KeyChanged { stream: kept.stream.clone(), position: kept.position });
        }
    }
}

/// Every event on its key's partition, at least once, and for the first time behind all that are older.
fn logged(log: &[Logged], keys: &BTreeMap<Position, &str>, breaches: &mut Vec<Breach>) {
    let mut newest: HashMap<u32, Position> = HashMap::new();
    let mut there: BTreeSet<Position> = BTreeSet::new();
    for Logged { part, position } in log.iter().copied() {
        match keys.get(&position) {
            None => breaches.push(Breach::Foreign { position }),
            Some(key) if partition_of(key) != part => breaches.push(Breach::Strayed { part, position }),
            Some(_) => {}
        }
        let behind = newest.entry(part).or_default();
        if there.insert(position) && position < *behind {
            breaches.push(Breach::Overtaken { part, position, behind: *behind });
        }
        *behind = position.max(*behind);
    }
    let missing = keys.keys().filter(|position| !there.contains(position));
    breaches.extend(missing.map(|position| Breach::Unlogged { position: *position }));
}

/// Every event once, those of a key in their order: then what was made of them is the fold of the journal.
fn taken(reader: &Reader, keys: &BTreeMap<Position, &str>, breaches: &mut Vec<Breach>) {
    let mut newest: HashMap<&str, Position> = HashMap::new();
    let mut seen: BTreeSet<Position> = BTreeSet::new();
    for position in reader.applied.iter().copied() {
        let name = || reader.name.clone();
        let Some(key) = keys.get(&position) else {
            breaches.push(Breach::OfNothing { reader: name(), position });
            continue;
        };
        let behind = newest.entry(key).or_default();
        if !seen.insert(position) {
            breaches.push(Breach::SeenTwice { reader: name(), position });
        } else if position < *behind {
            breaches.push(Breach::OutOfOrder { reader: name(), position, behind: *behind });
        }
        *behind = position.max(*behind);
    }
    let missing = keys.keys().filter(|position| !seen.contains(position));
    breaches
        .extend(missing.map(|position| Breach::Unseen { reader: reader.name.clone(), position: *position }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(position: Position, stream: &str, version: Version, command: &str) -> Kept {
        let (stream, command) = (stream.to_owned(), command.to_owned());
        let event_id = Uuid::from_u128(position.unsigned_abs().into());
        Kept { position, partition_key: stream.clone(), stream, version, event_id, command }
    }

    fn logged(stream: &str, position: Position) -> Logged {
        Logged { part: partition_of(stream), position }
    }

    /// Two commands on two streams, one of them of two events; a third was tried in vain.
    fn whole() -> (History, Found) {
        let mut history = History::default();
        history.attempted("one", 1);
        history.attempted("two", 2);
        history.attempted("in vain", 1);
        history.acknowledged("one", 1);
        history.acknowledged("two", 3);
        let journal = vec![kept(1, "a", 1, "one"), kept(2, "b", 1, "two"), kept(3, "a", 2, "two")];
        let log = Some(vec![logged("a", 1), logged("b", 2), logged("a", 1), logged("a", 3)]);
        let readers = vec![Reader { name: "r".to_owned(), applied: vec![2, 1, 3] }];
        (history, Found { journal, log, readers })
    }

    #[track_caller]
    fn finds(broken: impl FnOnce(&mut History, &mut Found), wanted: &[Breach]) {
        let (mut history, mut found) = whole();
        broken(&mut history, &mut found);
        let breaches = history.judge(&found);
        for breach in wanted {
            assert!(breaches.contains(breach), "«{breach}» is not among {breaches:?}");
        }
    }

    fn reader_finds(applied: &[Position], wanted: Breach) {
        finds(|_, found| found.readers[0].applied = applied.to_vec(), &[wanted]);
    }

    fn log_finds(log: &[Logged], wanted: Breach) {
        finds(|_, found| found.log = Some(log.to_vec()), &[wanted]);
    }

    #[test]
    fn a_whole_history_breaks_nothing() {
        let (history, found) = whole();
        assert_eq!(history.judge(&found), []);
        assert_eq!(history.answered(), 2);
    }

    #[test]
    fn a_journal_out_of_order_is_found() {
        finds(
            |_, found| found.journal[2].position = 4,
            &[Breach::Gap { wanted: 3, found: 4 }, Breach::Torn { command: "two".to_owned() }],
        );
        let stream = || "a".to_owned();
        finds(
            |_, found| found.journal[2].version = 3,
            &[Breach::Version { stream: stream(), wanted: 2, found: 3 }],
        );
        finds(
            |_, found| found.journal[2].event_id = found.journal[0].event_id,
            &[Breach::SameId { position: 3 }],
        );
        finds(
            |_, found| found.journal[2].partition_key = "b".to_owned(),
            &[Breach::KeyChanged { stream: stream(), position: 3 }],
        );
    }

    #[test]
    fn a_command_lost_halved_doubled_or_never_asked_for_is_found() {
        let two = || "two".to_owned();
        finds(
            |history, _| {
                history.attempted("gone", 1);
                history.acknowledged("gone", 4);
            },
            &[Breach::Lost { command: "gone".to_owned() }],
        );
        finds(|history, _| history.promised("owed", 1), &[Breach::Lost { command: "owed".to_owned() }]);
        finds(
            |_, found| drop(found.journal.pop()),
            &[Breach::Partial { command: two(), wanted: 2, found: 1 }],
        );
        finds(|_, found| found.journal.push(kept(4, "a", 3, "two")), &[Breach::Twice { command: two() }]);
        finds(
            |history, _| history.acknowledged("two", 2),
            &[Breach::Misplaced { command: two(), answered: 2, found: 3 }],
        );
        finds(
            |_, found| found.journal.push(kept(4, "a", 3, "stray")),
            &[Breach::Unasked { command: "stray".to_owned(), position: 4 }],
        );
    }

    #[test]
    fn a_log_that_loses_mixes_or_overtakes_is_found() {
        let (one, two, three) = (logged("a", 1), logged("b", 2), logged("a", 3));
        log_finds(&[one, two], Breach::Unlogged { position: 3 });
        let part = partition_of("a");
        log_finds(&[three, two, one], Breach::Overtaken { part, position: 1, behind: 3 });
        let part = partition_of("b");
        log_finds(&[one, two, Logged { part, position: 3 }], Breach::Strayed { part, position: 3 });
        log_finds(&[one, two, three, logged("a", 9)], Breach::Foreign { position: 9 });
    }

    #[test]
    fn a_reader_that_skips_repeats_or_overtakes_is_found() {
        let reader = || "r".to_owned();
        reader_finds(&[1, 2], Breach::Unseen { reader: reader(), position: 3 });
        reader_finds(&[1, 2, 3, 3], Breach::SeenTwice { reader: reader(), position: 3 });
        reader_finds(&[3, 2, 1], Breach::OutOfOrder { reader: reader(), position: 1, behind: 3 });
        reader_finds(&[1, 2, 3, 9], Breach::OfNothing { reader: reader(), position: 9 });
    }
}
