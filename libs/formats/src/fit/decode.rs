//! The walk over the messages of one FIT file. Whatever can be read is kept; after a gap the way back is sought.

use super::definition::Definition;
use super::developer::Developers;
use super::heart::Beats;
use super::message::{self, Clocks, FileId, Message, PoolLength, Session, TimerEvent};
use super::profile::{FILE_ACTIVITY, TIMESTAMP, global};
use super::record::{self, Odometer, Row};
use super::resync;
use crate::activity::Device;
use crate::reading::{Damage, Reason};

const SESSIONS_MAX: usize = 100;
const LAPS_MAX: usize = 10_000;
const LENGTHS_MAX: usize = 50_000;
const EVENTS_MAX: usize = 50_000;
const DEVICES_MAX: usize = 32;
const PRODUCT_NAME_BYTES_MAX: usize = 64;
/// Longest step between two records that belong together.
pub(super) const DAY_S: u32 = 86_400;

/// What one FIT file of a chain holds.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) file_id: Option<FileId>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) laps: Vec<Session>,
    pub(crate) lengths: Vec<PoolLength>,
    pub(crate) beats: Beats,
    pub(crate) developers: Developers,
    pub(crate) timer_events: Vec<TimerEvent>,
    pub(crate) devices: Vec<Device>,
    pub(crate) clocks: Clocks,
    pub(crate) sport: (Option<u8>, Option<u8>),
    /// What the workout is called that was followed.
    pub(crate) name: Option<String>,
    /// Bytes were lost on the way, so that others may have been read in the wrong place.
    pub(crate) gaps: bool,
}

impl Sequence {
    /// `file_id.type`.
    pub(crate) fn kind(&self) -> Option<u8> {
        self.file_id.as_ref()?.kind
    }

    /// A session makes any file an activity; records do unless the file says that it is something else (a course).
    pub(crate) fn is_activity(&self) -> bool {
        let recorded = self.kind().is_none_or(|kind| kind == FILE_ACTIVITY) && !self.rows.is_empty();
        recorded || !self.sessions.is_empty()
    }
}

pub(super) const LOCALS: usize = 16;
pub(super) type Definitions = [Option<Definition>; LOCALS];

struct Decoder<'d> {
    definitions: Definitions,
    /// How many messages each of them has laid out.
    uses: [u32; LOCALS],
    /// Those that had served most when another took their place, which may have been noise.
    proven: [(u32, Option<Definition>); LOCALS],
    restorations_left: u32,
    search: resync::Search,
    /// The last record has a field for its time, and nothing in it.
    timeless: bool,
    /// Of the last message that had one; compressed timestamps count from it.
    timestamp: Option<u32>,
    odometer: Odometer,
    records_max: usize,
    sequence: Sequence,
    damage: &'d mut Damage,
}

/// Where a message starts, and how many records there were before it.
#[derive(Clone, Copy, Default)]
struct Mark {
    at: usize,
    rows: usize,
}

/// How far the way back is sought where it may never have been lost.
const NEAR_BYTES: usize = 64 << 10;
/// So many messages show that a definition is no noise.
const USES_PROVEN: u32 = 4;
const RESTORATIONS_MAX: u32 = 100;

fn near(data: &[u8], at: usize) -> &[u8] {
    data.get(..data.len().min(at + NEAR_BYTES)).unwrap_or_default()
}

/// Decodes the data of one FIT file.
pub(crate) fn decode(data: &[u8], records_max: usize, damage: &mut Damage) -> Sequence {
    let mut decoder = Decoder {
        definitions: Definitions::default(),
        uses: [0; LOCALS],
        proven: Default::default(),
        restorations_left: RESTORATIONS_MAX,
        search: resync::Search::default(),
        timeless: false,
        timestamp: None,
        odometer: Odometer::default(),
        records_max,
        sequence: Sequence::default(),
        damage,
    };
    decoder.run(data);
    if decoder.sequence.developers.overflown {
        decoder.damage.note(Reason::TooMany);
    }
    decoder.sequence
}

/// The parts of a record header byte.
pub(super) enum Head {
    Definition { local: usize, developer: bool },
    Data { local: usize },
    Compressed { local: usize, offset: u32 },
}

impl Head {
    pub(super) const fn of(byte: u8) -> Self {
        if byte & 0x80 != 0 {
            Self::Compressed { local: (byte >> 5 & 3) as usize, offset: (byte & 0x1f) as u32 }
        } else if byte & 0x40 != 0 {
            Self::Definition { local: (byte & 0x0f) as usize, developer: byte & 0x20 != 0 }
        } else {
            Self::Data { local: (byte & 0x0f) as usize }
        }
    }
}

impl Decoder<'_> {
    fn run(&mut self, data: &[u8]) {
        let (mut at, mut last) = (0, Mark::default());
        while let Some(rest) = data.get(at..)
            && !rest.is_empty()
        {
            let here = Mark { at, rows: self.sequence.rows.len() };
            if here.rows > self.records_max {
                self.sequence.rows.truncate(self.records_max);
                self.damage.lose(Reason::TooMany, rest.len());
                return;
            }
            let (reason, found) = match self.message(rest) {
                Ok(after) if !self.is_doubtful(here.rows) => {
                    (at, last) = (data.len() - after.len(), here);
                    continue;
                }
                // Read in the wrong place, or the clock was set: then nothing of the old time is near.
                Ok(after) => match self.seek(near(data, at), at + 1, here.rows) {
                    Some(next) => (Reason::AbsurdTime, Some((next, here))),
                    None => {
                        (at, last) = (data.len() - after.len(), here);
                        continue;
                    }
                },
                Err(reason) => {
                    let next = self
                        .seek(data, last.at + 1, here.rows)
                        .or_else(|| self.seek_as_before(data, last.at + 1, here.rows));
                    // If the message before ran into this one, it is the broken one.
                    (reason, next.map(|next| (next, if next <= at { last } else { here })))
                }
            };
            self.sequence.gaps = true;
            let Some((next, kept)) = found else {
                self.damage.lose(reason, rest.len());
                return;
            };
            self.sequence.rows.truncate(kept.rows);
            self.damage.lose(reason, next - kept.at);
            (at, last) = (next, Mark { at: next, rows: kept.rows });
        }
    }

    /// Seeks the way back among times around those of the first `rows` records.
    fn seek(&mut self, data: &[u8], from: usize, rows: usize) -> Option<usize> {
        let time = self.time_around(rows)?;
        self.search.find(data, from, &self.definitions, time)
    }

    /// Seeks it with the definitions that served well; they are in force again if it is found.
    fn seek_as_before(&mut self, data: &[u8], from: usize, rows: usize) -> Option<usize> {
        self.restorations_left = self.restorations_left.checked_sub(1)?;
        let restored = std::array::from_fn(|local| {
            let proven = self.proven.get(local).and_then(|(_, proven)| proven.as_ref());
            proven.or(self.definitions.get(local)?.as_ref()).cloned()
        });
        let found = self.search.find(data, from, &restored, self.time_around(rows)?)?;
        self.definitions = restored;
        Some(found)
    }

    fn time_around(&self, rows: usize) -> Option<u32> {
        let created = || self.sequence.file_id.as_ref()?.time_created;
        resync::anchor(self.before(rows)).or_else(created).or(self.timestamp)
    }

    /// A layout that hardly can be, in the place of one that served well for something else.
    fn is_noise(&self, local: usize, definition: &Definition) -> bool {
        let served = self.uses.get(local).is_some_and(|uses| *uses >= USES_PROVEN);
        let before = self.definitions.get(local).and_then(Option::as_ref);
        served && !definition.sane && before.is_some_and(|before| before.global != definition.global)
    }

    fn define(&mut self, local: usize, definition: Definition) {
        let (Some(slot), Some(uses)) = (self.definitions.get_mut(local), self.uses.get_mut(local)) else {
            return;
        };
        let before = slot.replace(definition);
        let uses = std::mem::take(uses);
        if let Some(proven) = self.proven.get_mut(local)
            && uses >= proven.0.max(USES_PROVEN)
        {
            *proven = (uses, before);
        }
    }

    fn before(&self, rows: usize) -> &[Row] {
        self.sequence.rows.get(..rows).unwrap_or_default()
    }

    /// Whether a record came, after `rows` others, that does not tell its time, or is days from the one before.
    fn is_doubtful(&self, rows: usize) -> bool {
        let Some(now) = self.sequence.rows.get(rows) else { return false };
        let before = self.before(rows).last();
        self.timeless || before.is_some_and(|before| before.time.abs_diff(now.time) > DAY_S)
    }

    /// Reads one message and gives what follows it.
    fn message<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Reason> {
        let (&head, rest) = bytes.split_first().ok_or(Reason::Truncated)?;
        match Head::of(head) {
            Head::Data { local } => self.data(local, rest, None),
            Head::Compressed { local, offset } => self.data(local, rest, Some(offset)),
            Head::Definition { local, developer } => {
                let (definition, length) = Definition::parse(rest, developer).ok_or(Reason::Truncated)?;
                if !definition.possible || self.is_noise(local, &definition) {
                    return Err(Reason::MalformedDefinition);
                }
                self.define(local, definition);
                if let Some(definition) = self.definitions.get_mut(local).and_then(Option::as_mut) {
                    self.sequence.developers.plan(definition);
                }
                Ok(rest.get(length..).unwrap_or_default())
            }
        }
    }

    #[inline]
    fn data<'a>(&mut self, local: usize, bytes: &'a [u8], offset: Option<u32>) -> Result<&'a [u8], Reason> {
        let definition =
            self.definitions.get(local).and_then(Option::as_ref).ok_or(Reason::UndefinedLocal)?;
        let (bytes, after) = bytes.split_at_checked(definition.size).ok_or(Reason::Truncated)?;
        if let Some(uses) = self.uses.get_mut(local) {
            *uses = uses.saturating_add(1);
        }
        if let (Some(offset), Some(last)) = (offset, self.timestamp) {
            self.timestamp = Some(last.wrapping_add(offset.wrapping_sub(last) & 0x1f));
        }
        if definition.global == global::RECORD {
            let mut row = record::read(definition, bytes, &mut self.odometer);
            self.timeless = row.time == Row::EMPTY.time && definition.timed;
            if row.time == Row::EMPTY.time {
                row.time = self.timestamp.unwrap_or(Row::EMPTY.time);
            }
            if row.time != Row::EMPTY.time {
                if !definition.extras.is_empty() {
                    self.sequence.developers.read(definition, bytes, &mut row);
                }
                self.timestamp = Some(row.time);
                self.sequence.rows.push(row);
            }
            return Ok(after);
        }
        let message = Message { definition, bytes };
        if let Some(time) = message.get(TIMESTAMP) {
            self.timestamp = Some(time);
        }
        if definition.global == global::FIELD_DESCRIPTION {
            self.sequence.developers.describe(message);
            self.plan_anew();
        } else {
            self.sequence.take(message, self.damage);
        }
        Ok(after)
    }

    /// Descriptions come before what they describe, but nothing makes them.
    fn plan_anew(&mut self) {
        let developers = &mut self.sequence.developers;
        let definitions = self.definitions.iter_mut().flatten();
        for definition in definitions.filter(|definition| !definition.developer.is_empty()) {
            developers.plan(definition);
        }
    }
}

impl Sequence {
    fn take(&mut self, message: Message<'_>, damage: &mut Damage) {
        let within = match message.definition.global {
            global::FILE_ID => {
                self.file_id.get_or_insert_with(|| bounded_name(message::file_id(message)));
                true
            }
            global::SPORT => {
                self.sport = message::sport(message);
                true
            }
            global::WORKOUT => {
                self.name = self.name.take().or_else(|| message::workout(message));
                true
            }
            global::ACTIVITY => {
                self.clocks = message::clocks(message);
                true
            }
            global::SESSION => push(&mut self.sessions, SESSIONS_MAX, || message::whole(message)),
            global::LAP => push(&mut self.laps, LAPS_MAX, || message::lap(message)),
            global::LENGTH => match message::length(message) {
                Some(length) => push(&mut self.lengths, LENGTHS_MAX, || length),
                None => true,
            },
            global::HR => {
                self.beats.take(message);
                true
            }
            global::EVENT => match message::timer_event(message) {
                Some(event) => push(&mut self.timer_events, EVENTS_MAX, || event),
                None => true,
            },
            global::DEVICE_INFO => {
                self.meet(message::device(message));
                true
            }
            _ => true,
        };
        if !within {
            damage.note(Reason::TooMany);
        }
    }

    /// Devices report again and again, and more than anybody wants to know: the first few are kept, once each.
    fn meet(&mut self, mut device: Device) {
        device.product_name = device.product_name.map(bounded);
        let nameless = Device { creator: device.creator, ..Device::default() } == device;
        if !nameless && self.devices.len() < DEVICES_MAX && !self.devices.contains(&device) {
            self.devices.push(device);
        }
    }
}

fn push<T>(list: &mut Vec<T>, most: usize, item: impl FnOnce() -> T) -> bool {
    let within = list.len() < most;
    if within {
        list.push(item());
    }
    within
}

fn bounded_name(mut file_id: FileId) -> FileId {
    file_id.device.product_name = file_id.device.product_name.map(bounded);
    file_id
}

fn bounded(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(PRODUCT_NAME_BYTES_MAX));
    name
}
