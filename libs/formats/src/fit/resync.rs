//! The way back after lost bytes: the next place from where several messages in a row make sense.

use super::decode::{DAY_S, Definitions, Head};
use super::definition::Definition;
use super::message::Message;
use super::profile::{TIMESTAMP, global};
use super::record::Row;

/// So many messages in a row must make sense.
const CHAIN: usize = 12;
/// So many of them must bear a time close to the last one; one will do if the chain ends with the data.
const TIMED_MIN: usize = 2;
/// Where times are compressed, so many such records say as much.
const COMPRESSED_MIN: usize = 6;
/// Bounds the work on a hostile file.
const STEPS_MAX: usize = 4 << 20;

/// Searches of one FIT file, with what is left of their effort.
pub(super) struct Search {
    steps_left: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self { steps_left: STEPS_MAX }
    }
}

impl Search {
    /// Where to read on, at or after `from`, among times around `near`.
    pub(super) fn find(
        &mut self,
        data: &[u8],
        from: usize,
        definitions: &Definitions,
        near: u32,
    ) -> Option<usize> {
        for at in from..data.len() {
            let mut walk = Walk { definitions, redefined: Vec::new(), near, timed: 0, compressed: 0 };
            if walk.makes_sense(data.get(at..)?, &mut self.steps_left) {
                return Some(at);
            }
            if self.steps_left == 0 {
                return None;
            }
        }
        None
    }
}

/// The last time that agrees with the one before it.
pub(super) fn anchor(rows: &[Row]) -> Option<u32> {
    let agreeing = rows.windows(2).rev().take(CHAIN).find_map(|pair| match pair {
        [before, last] if before.time.abs_diff(last.time) <= DAY_S => Some(last.time),
        _ => None,
    });
    agreeing.or_else(|| rows.last().map(|row| row.time))
}

struct Walk<'a> {
    definitions: &'a Definitions,
    redefined: Vec<(usize, Definition)>,
    near: u32,
    timed: usize,
    compressed: usize,
}

impl Walk<'_> {
    fn makes_sense(&mut self, mut bytes: &[u8], steps_left: &mut usize) -> bool {
        for _ in 0..CHAIN {
            if bytes.is_empty() {
                return self.timed > 0;
            }
            let Some((after, cost)) = self.step(bytes) else {
                *steps_left = steps_left.saturating_sub(1);
                return false;
            };
            *steps_left = steps_left.saturating_sub(cost);
            bytes = after;
        }
        self.timed >= TIMED_MIN || self.compressed >= COMPRESSED_MIN
    }

    /// Passes one message if it makes sense; gives what follows and what it cost.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Option<(&'b [u8], usize)> {
        let (&head, rest) = bytes.split_first()?;
        match Head::of(head) {
            Head::Definition { local, developer } => {
                let (definition, length) = Definition::parse(rest, developer)?;
                if !definition.sane {
                    return None;
                }
                self.redefined.push((local, definition));
                Some((rest.get(length..)?, 1 + length))
            }
            Head::Data { local } | Head::Compressed { local, .. } => {
                let redefined = self.redefined.iter().rev().find(|(number, _)| *number == local);
                let definition = match redefined {
                    Some((_, definition)) => definition,
                    None => self.definitions.get(local)?.as_ref()?,
                };
                let (bytes, after) = rest.split_at_checked(definition.size)?;
                let record = definition.global == global::RECORD;
                match (Message { definition, bytes }).get::<u32>(TIMESTAMP) {
                    Some(time) if time.abs_diff(self.near) > DAY_S => return None,
                    Some(_) => self.timed += 1,
                    // A record that could tell its time does.
                    None if record && definition.timed => return None,
                    None => {
                        let compressed = matches!(Head::of(head), Head::Compressed { .. });
                        self.compressed += usize::from(record && compressed);
                    }
                }
                Some((after, 1))
            }
        }
    }
}
