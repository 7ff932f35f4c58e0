//! The neutral shape every format is read into: totals with their source, laps, pauses and columns.

use jiff::Timestamp;
use kernel::Sport;

/// Most characters of a name; what is longer is cut.
pub const NAME_CHARS_MAX: usize = 200;

/// A text of somebody's as a name: its first line that says anything, without control characters.
pub(crate) fn name(text: &str) -> Option<String> {
    let plain = |line: &str| {
        let shown = line.chars().map(|letter| if letter == '\t' { ' ' } else { letter });
        let shown: String = shown.filter(|letter| !letter.is_control()).collect();
        shown.trim().chars().take(NAME_CHARS_MAX).collect::<String>().trim_end().to_owned()
    };
    text.split(['\n', '\r']).map(plain).find(|line| !line.is_empty())
}

/// One workout. A multisport parent has its legs beside its own whole streams.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub sport: Sport,
    /// FIT's name of it (`trail`, `lap_swimming`, `indoor_cycling`), or the device's narrower sport (`soccer`).
    pub sub_sport: Option<String>,
    /// What its owner calls it, if the file says so: one line without control characters, at most
    /// [`NAME_CHARS_MAX`] characters. Legs have none.
    pub name: Option<String>,
    /// The zero of every offset in here.
    pub start: Timestamp,
    /// Local time minus UTC as the device had it.
    pub utc_offset_s: Option<i32>,
    pub totals: Totals,
    pub laps: Vec<Lap>,
    /// Lengths of a pool, in order; empty elsewhere.
    pub lengths: Vec<Length>,
    pub pool_length_m: Option<f64>,
    /// The recording device first, then its sensors.
    pub devices: Vec<Device>,
    /// When the timer stood still, in order, apart, within the activity.
    pub pauses: Vec<Pause>,
    pub streams: Streams,
    /// What apps on the device recorded besides, one value a row of `streams`.
    pub extra: Vec<ExtraColumn>,
    /// The number of this activity in its file, unique there: 0 for the first, a parent before its legs.
    pub session_index: u32,
    /// Legs of a multisport parent, in order of start; empty otherwise.
    pub legs: Vec<Activity>,
}

impl Activity {
    /// An activity without totals, laps or samples.
    pub fn new(sport: Sport, start: Timestamp) -> Self {
        Self {
            sport,
            sub_sport: None,
            name: None,
            start,
            utc_offset_s: None,
            totals: Totals::default(),
            laps: Vec::new(),
            lengths: Vec::new(),
            pool_length_m: None,
            devices: Vec::new(),
            pauses: Vec::new(),
            streams: Streams::default(),
            extra: Vec::new(),
            session_index: 0,
            legs: Vec::new(),
        }
    }
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The file states it.
    Device,
    /// Worked out here from the streams.
    Computed,
}

/// A figure that can be explained: value, source, algorithm and its version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    pub value: f64,
    pub source: Source,
    /// `device`, or a name of [`crate::totals`].
    pub algorithm: &'static str,
    /// Raised when the algorithm gives other figures for the same streams; 0 for `device`.
    pub version: u16,
}

impl Total {
    /// A figure the file states.
    pub const fn device(value: f64) -> Self {
        Self { value, source: Source::Device, algorithm: "device", version: 0 }
    }

    /// A figure worked out from the streams.
    pub const fn computed(value: f64, algorithm: &'static str, version: u16) -> Self {
        Self { value, source: Source::Computed, algorithm, version }
    }
}

/// The figures of an activity; `None` is unknown, zero is a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// First to last, pauses included.
    pub elapsed_time_s: Option<Total>,
    /// While the timer ran. Some devices give more than the elapsed time.
    pub timer_time_s: Option<Total>,
    /// See [`crate::totals::moving_time_s`].
    pub moving_time_s: Option<Total>,
    pub distance_m: Option<Total>,
    pub ascent_m: Option<Total>,
    pub descent_m: Option<Total>,
    /// What the body spent (dietary), not the work done on the pedals.
    pub energy_kj: Option<Total>,
    pub heart_rate_avg_bpm: Option<Total>,
    pub heart_rate_max_bpm: Option<Total>,
    pub power_avg_w: Option<Total>,
    pub power_max_w: Option<Total>,
    /// Revolutions, strides (two steps) or strokes a minute.
    pub cadence_avg_rpm: Option<Total>,
}

impl Totals {
    /// All of them, by the names that others know them by.
    pub const fn named(&self) -> [(&'static str, Option<Total>); 12] {
        [
            ("elapsed_time_s", self.elapsed_time_s),
            ("timer_time_s", self.timer_time_s),
            ("moving_time_s", self.moving_time_s),
            ("distance_m", self.distance_m),
            ("ascent_m", self.ascent_m),
            ("descent_m", self.descent_m),
            ("energy_kj", self.energy_kj),
            ("heart_rate_avg_bpm", self.heart_rate_avg_bpm),
            ("heart_rate_max_bpm", self.heart_rate_max_bpm),
            ("power_avg_w", self.power_avg_w),
            ("power_max_w", self.power_max_w),
            ("cadence_avg_rpm", self.cadence_avg_rpm),
        ]
    }
}

/// A lap as the device cut and summed it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lap {
    /// From the activity's start; negative never.
    pub start_s: f64,
    pub elapsed_time_s: Option<f64>,
    pub timer_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
    pub heart_rate_avg_bpm: Option<f64>,
    pub heart_rate_max_bpm: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
    /// Why it was cut, in FIT's words: `manual distance time session_end …`.
    pub trigger: Option<&'static str>,
    /// What it was meant for, in FIT's words: `active rest warmup cooldown …`.
    pub intensity: Option<&'static str>,
}

/// One length of a pool, swum or rested.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Length {
    /// From the activity's start; negative never.
    pub start_s: f64,
    pub elapsed_time_s: Option<f64>,
    pub timer_time_s: Option<f64>,
    /// It was swum; else a rest at the wall.
    pub active: bool,
    /// FIT's word: `freestyle backstroke breaststroke butterfly drill mixed im`.
    pub stroke: Option<&'static str>,
    pub strokes: Option<u16>,
    /// Strokes a minute.
    pub cadence_rpm: Option<f64>,
}

impl Length {
    /// FIT's word for a stroke, if it is one.
    pub fn stroke_of(word: &str) -> Option<&'static str> {
        (0..=u8::MAX).filter_map(crate::fit::stroke).find(|known| *known == word)
    }
}

/// A column that is none of ours, as its maker named it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtraColumn {
    pub name: String,
    /// The maker's word for it.
    pub units: Option<String>,
    pub values: Vec<Option<f64>>,
}

/// A device or sensor, by FIT's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// It made the file.
    pub creator: bool,
    /// FIT's manufacturer number; [`Device::manufacturer`] names the common ones.
    pub manufacturer_id: Option<u16>,
    pub product_id: Option<u16>,
    pub serial: Option<u32>,
    /// The device's own words, at most 64 bytes.
    pub product_name: Option<String>,
    /// As the device prints it: 5.10 is `5.1`.
    pub software_version: Option<f64>,
}

impl Device {
    /// The maker's name, where it is a common one.
    pub fn manufacturer(&self) -> Option<&'static str> {
        crate::fit::manufacturer(self.manufacturer_id?)
    }
}

/// The timer stood still from `start_s` until `end_s`, in seconds from the activity's start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause {
    pub start_s: f64,
    pub end_s: f64,
}

impl Pause {
    pub fn duration_s(&self) -> f64 {
        (self.end_s - self.start_s).max(0.0)
    }
}

/// One row of [`Streams`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    pub time_s: f64,
    pub latlng: Option<(f64, f64)>,
    pub altitude_m: Option<f64>,
    pub heart_rate_bpm: Option<f64>,
    pub power_w: Option<f64>,
    pub cadence_rpm: Option<f64>,
    pub speed_mps: Option<f64>,
    pub temperature_c: Option<f64>,
    pub distance_m: Option<f64>,
}

impl Sample {
    /// Without the values that no sensor on a body can have seen; a heart rate of zero is one of them.
    pub(crate) fn plausible(self) -> Self {
        let within =
            |value: Option<f64>, least: f64, most: f64| value.filter(|value| (least..=most).contains(value));
        Self {
            altitude_m: within(self.altitude_m, -1_000.0, 50_000.0),
            heart_rate_bpm: within(self.heart_rate_bpm, 1.0, 300.0),
            power_w: within(self.power_w, 0.0, 10_000.0),
            cadence_rpm: within(self.cadence_rpm, 0.0, 500.0),
            speed_mps: within(self.speed_mps, 0.0, 500.0),
            temperature_c: within(self.temperature_c, -100.0, 125.0),
            ..self
        }
    }
}

/// Columns of equal length. A heart rate of zero is missing; any other zero is a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// From the activity's start, never negative, never falling; equal times happen.
    pub time_s: Vec<f64>,
    /// Degrees, WGS 84.
    pub latlng: Vec<Option<(f64, f64)>>,
    pub altitude_m: Vec<Option<f64>>,
    pub heart_rate_bpm: Vec<Option<f64>>,
    pub power_w: Vec<Option<f64>>,
    /// Revolutions, strides (two steps) or strokes a minute.
    pub cadence_rpm: Vec<Option<f64>>,
    pub speed_mps: Vec<Option<f64>>,
    pub temperature_c: Vec<Option<f64>>,
    /// Since the start, as the device counts; worked out from the positions where it gives none.
    pub distance_m: Vec<Option<f64>>,
}

impl Streams {
    pub fn len(&self) -> usize {
        self.time_s.len()
    }

    pub fn is_empty(&self) -> bool {
        self.time_s.is_empty()
    }

    /// Columns with room for `samples` rows that are at hand already.
    pub(crate) fn with_room(samples: usize) -> Self {
        Self {
            time_s: Vec::with_capacity(samples),
            latlng: Vec::with_capacity(samples),
            altitude_m: Vec::with_capacity(samples),
            heart_rate_bpm: Vec::with_capacity(samples),
            power_w: Vec::with_capacity(samples),
            cadence_rpm: Vec::with_capacity(samples),
            speed_mps: Vec::with_capacity(samples),
            temperature_c: Vec::with_capacity(samples),
            distance_m: Vec::with_capacity(samples),
        }
    }

    /// Adds a row to every column.
    pub fn push(&mut self, sample: Sample) {
        self.time_s.push(sample.time_s);
        self.latlng.push(sample.latlng);
        self.altitude_m.push(sample.altitude_m);
        self.heart_rate_bpm.push(sample.heart_rate_bpm);
        self.power_w.push(sample.power_w);
        self.cadence_rpm.push(sample.cadence_rpm);
        self.speed_mps.push(sample.speed_mps);
        self.temperature_c.push(sample.temperature_c);
        self.distance_m.push(sample.distance_m);
    }

    /// Gives the last row the values that it lacks.
    pub(crate) fn absorb_into_last(&mut self, sample: Sample) {
        fn fill<T>(column: &mut [Option<T>], value: Option<T>) {
            if let Some(last) = column.last_mut()
                && last.is_none()
            {
                *last = value;
            }
        }
        fill(&mut self.latlng, sample.latlng);
        fill(&mut self.altitude_m, sample.altitude_m);
        fill(&mut self.heart_rate_bpm, sample.heart_rate_bpm);
        fill(&mut self.power_w, sample.power_w);
        fill(&mut self.cadence_rpm, sample.cadence_rpm);
        fill(&mut self.speed_mps, sample.speed_mps);
        fill(&mut self.temperature_c, sample.temperature_c);
        fill(&mut self.distance_m, sample.distance_m);
    }

    /// The row at `index`.
    pub fn sample(&self, index: usize) -> Option<Sample> {
        Some(Sample {
            time_s: *self.time_s.get(index)?,
            latlng: *self.latlng.get(index)?,
            altitude_m: *self.altitude_m.get(index)?,
            heart_rate_bpm: *self.heart_rate_bpm.get(index)?,
            power_w: *self.power_w.get(index)?,
            cadence_rpm: *self.cadence_rpm.get(index)?,
            speed_mps: *self.speed_mps.get(index)?,
            temperature_c: *self.temperature_c.get(index)?,
            distance_m: *self.distance_m.get(index)?,
        })
    }

    /// The rows in order.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        (0..self.len()).map_while(|index| self.sample(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_what_is_shown() {
        assert_eq!(name("\n  Round the\tlake\u{7} \r\nand back").as_deref(), Some("Round the lake"));
        assert_eq!(name(&"ж".repeat(300)).map(|name| name.chars().count()), Some(NAME_CHARS_MAX));
        assert_eq!(name(" \u{1}\n\t"), None);
    }
}
