//! The heart rates of a workout's time, which an export has apart from it.

use super::Workout;
use crate::{
    RECORDS_MAX,
    activity::{Sample, Streams},
    totals,
};

/// A value holds until the next, and no longer than this; a row further from any value has none.
const HOLD_S: f64 = 10.0;

impl Workout {
    /// Takes in heart rates, in seconds from its start and beats a minute, in order of time; each row of the track has the
    /// last before it. A value that no row of the track is near to becomes a row of its own, as long as there may be more
    /// rows. What the device says of the whole stays.
    pub fn beat(&mut self, beats: &[(f64, f64)]) {
        if beats.is_empty() || self.activity.streams.heart_rate_bpm.iter().any(Option::is_some) {
            return;
        }
        let rows = std::mem::take(&mut self.activity.streams);
        let mut streams = Streams::with_room(rows.len());
        let mut coming = beats.iter().copied().peekable();
        let mut last: Option<(f64, f64)> = None;
        let (mut room, mut track_s) = (RECORDS_MAX.saturating_sub(rows.len()), None);
        for row in rows.samples() {
            while let Some(beat) = coming.next_if(|(time_s, _)| *time_s <= row.time_s) {
                let alone = track_s.is_none_or(|track_s: f64| beat.0 - track_s > HOLD_S);
                if alone && row.time_s - beat.0 > HOLD_S && room > 0 {
                    room -= 1;
                    streams.push(alone_at(beat));
                }
                last = Some(beat);
            }
            let held = last.filter(|(time_s, _)| row.time_s - time_s <= HOLD_S).map(|(_, bpm)| bpm);
            track_s = Some(row.time_s);
            streams.push(Sample { heart_rate_bpm: held, ..row }.plausible());
        }
        let end_s = rows.time_s.last().copied();
        let behind = coming.filter(|(time_s, _)| end_s.is_none_or(|end_s| time_s - end_s > HOLD_S));
        for beat in behind.take(room) {
            streams.push(alone_at(beat));
        }
        self.activity.streams = streams;
        totals::complete(&mut self.activity);
    }
}

fn alone_at((time_s, bpm): (f64, f64)) -> Sample {
    Sample { time_s, heart_rate_bpm: Some(bpm), ..Sample::default() }.plausible()
}
