//! Heart rates that a strap stored under water and sent later: `hr` messages, merged into the records.

use super::message::Message;
use super::profile::{TIMESTAMP, hr};
use super::record::Row;

/// Sensor time is counted in so many parts of a second.
const TICKS: u64 = 1_024;
const TWELVE_BITS: u32 = 0x0fff;
/// A beat tells the heart rate for so long.
const HOLD_S: u64 = 5;
/// Six days at two a second.
const BEATS_MAX: usize = 1_000_000;

/// One filtered heart rate.
#[derive(Clone, Copy, Debug)]
struct Beat {
    /// FIT's time in 1 024ths of a second.
    at: u64,
    bpm: u8,
}

/// The beats of one FIT file, or of all in a chain.
#[derive(Debug, Default)]
pub(crate) struct Beats {
    /// A moment by FIT's time, in 1 024ths of a second, and the same by the sensor's clock.
    anchor: Option<(u64, u32)>,
    /// Of the last beat, by the sensor's clock.
    last: u32,
    beats: Vec<Beat>,
    /// Beats were left out.
    pub(crate) overflown: bool,
}

impl Beats {
    /// Takes in an `hr` message: one with a time sets the sensor's clock, the others bring beats.
    pub(crate) fn take(&mut self, message: Message<'_>) {
        let definition = message.definition;
        let clocked = definition.field(hr::EVENT_TIME).map(|field| {
            let integer = |one: super::definition::Field| one.integer(message.bytes, definition.big_endian);
            field.elements().map_while(move |one| u32::try_from(integer(one)?).ok())
        });
        if let Some(mut clocked) = clocked
            && let Some(first) = clocked.next()
        {
            if let Some(time) = message.get::<u32>(TIMESTAMP) {
                let fraction = message.get::<u16>(hr::FRACTION).map_or(0, |raw| u64::from(raw) / 32);
                self.anchor = Some((u64::from(time) * TICKS + fraction, first));
            }
            let bpm = self.bpm(&message);
            self.keep(std::iter::once(first).chain(clocked), bpm);
            return;
        }
        let Some(field) = definition.field(hr::EVENT_TIME_12) else { return };
        let packed = field.bytes(message.bytes);
        let bpm = self.bpm(&message);
        let lows = packed.as_chunks::<3>().0.iter().flat_map(|&[low, middle, high]| {
            [u32::from(low) | u32::from(middle & 0x0f) << 8, u32::from(middle >> 4) | u32::from(high) << 4]
        });
        let mut last = self.last;
        let times: Vec<u32> = lows
            .map(|low| {
                last = last.wrapping_add(low.wrapping_sub(last) & TWELVE_BITS);
                last
            })
            .collect();
        self.keep(times.into_iter(), bpm);
    }

    fn bpm(&self, message: &Message<'_>) -> Vec<Option<u8>> {
        let field = message.definition.field(hr::BPM);
        let integer =
            |one: super::definition::Field| one.integer(message.bytes, message.definition.big_endian);
        let elements = field.into_iter().flat_map(|field| field.elements());
        elements.map(|one| u8::try_from(integer(one)?).ok().filter(|bpm| *bpm > 0)).collect()
    }

    /// Times by the sensor's clock, each with its heart rate; what is not there has no time either.
    fn keep(&mut self, times: impl Iterator<Item = u32>, bpm: Vec<Option<u8>>) {
        for (time, bpm) in times.zip(bpm) {
            let Some((at, zero)) = self.anchor else { return };
            let Some(bpm) = bpm else { continue };
            self.last = time;
            if self.beats.len() >= BEATS_MAX {
                self.overflown = true;
                return;
            }
            // The sensor's clock may run over, and beats may be older than the anchor.
            let since = time.wrapping_sub(zero).cast_signed();
            self.beats.push(Beat { at: at.saturating_add_signed(since.into()), bpm });
        }
    }

    pub(crate) fn take_from(&mut self, other: &mut Self) {
        let room = BEATS_MAX.saturating_sub(self.beats.len());
        self.overflown |= other.overflown || other.beats.len() > room;
        self.beats.extend(std::mem::take(&mut other.beats).into_iter().take(room));
    }

    pub(crate) fn sort(&mut self) {
        self.beats.sort_by_key(|beat| beat.at);
    }

    /// Gives each record, in order of time, the mean of the beats since the one before, or the last beat.
    pub(crate) fn merge_into(&self, rows: &mut [Row]) {
        let mut beats = self.beats.iter().peekable();
        let mut last: Option<Beat> = None;
        let mut since: Option<u32> = None;
        for row in rows {
            let (mut sum, mut count) = (0, 0_u32);
            let end = u64::from(row.time) * TICKS;
            let start = u64::from(since.unwrap_or(row.time.saturating_sub(1))) * TICKS;
            while let Some(beat) = beats.next_if(|beat| beat.at <= end) {
                last = Some(*beat);
                if beat.at > start {
                    (sum, count) = (sum + u32::from(beat.bpm), count + 1);
                }
            }
            let held = last.filter(|beat| end - beat.at <= HOLD_S * TICKS).map(|beat| beat.bpm);
            let mean = (sum + count / 2).checked_div(count).and_then(|mean| u8::try_from(mean).ok());
            if let Some(bpm) = mean.or(held) {
                row.set_heart_rate(bpm);
            }
            since = Some(row.time);
        }
    }
}
