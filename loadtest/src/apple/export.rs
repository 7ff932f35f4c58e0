//! A health export of any size, made as it is sent: ten years of records of a phone and a watch, then workouts, as a phone
//! orders them. The same size is the same export.

use jiff::{SignedDuration, Timestamp};

const DAYS: u64 = 3_650;
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>\n]>\n<HealthData locale=\"en_US\">\n";
const TAIL: &str = "</HealthData>\n";
const FIRST_S: i64 = 1_420_070_400; // 2015-01-01T00:00:00Z
const DAY_S: i64 = 86_400;

/// Pieces of an export of exactly this many bytes.
pub(crate) struct Export {
    left: u64,
    a_day: u64,
    day: i64,
    /// The workouts and the end, sent last.
    end: Option<String>,
    begun: bool,
}

impl Export {
    pub(crate) fn of(bytes: u64, workouts: u32) -> Self {
        let mut end: String = (0..workouts).map(|number| workout(i64::from(number))).collect();
        end.push_str(TAIL);
        let records = bytes.saturating_sub((HEAD.len() + end.len()) as u64);
        Self { left: records, a_day: records / DAYS, day: 0, end: Some(end), begun: false }
    }
}

impl Iterator for Export {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if !self.begun {
            self.begun = true;
            return Some(HEAD.into());
        }
        if self.left == 0 {
            return self.end.take().map(String::into_bytes);
        }
        let wanted = self.a_day.max(1_000).min(self.left);
        let mut piece = day(self.day, wanted);
        // What is left of the day is room between elements.
        piece.resize(usize::try_from(wanted).unwrap_or(usize::MAX), b'\n');
        self.left -= wanted;
        self.day += 1;
        Some(piece)
    }
}

fn at(seconds: i64) -> String {
    let at = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds));
    at.unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S +0000").to_string()
}

/// Records of a day, as many as fit.
fn day(day: i64, bytes: u64) -> Vec<u8> {
    let midnight_s = FIRST_S + day * DAY_S;
    let mut out = Vec::new();
    let about = i64::try_from(bytes / 330).unwrap_or(1).max(1);
    for number in 0.. {
        let start_s = midnight_s + number * DAY_S / (about + 1);
        let record = record(number, start_s);
        if out.len() + record.len() > usize::try_from(bytes).unwrap_or(usize::MAX) {
            return out;
        }
        out.extend_from_slice(record.as_bytes());
    }
    out
}

/// Of ten: six of the pulse, three of steps and energy, one that is rare.
fn record(number: i64, start_s: i64) -> String {
    let (kind, unit, value, length_s) = match number % 10 {
        0..6 => ("QuantityTypeIdentifierHeartRate", "count/min", 60 + number % 80, 0),
        6 | 7 => ("QuantityTypeIdentifierStepCount", "count", 20 + number % 90, 60),
        8 => ("QuantityTypeIdentifierActiveEnergyBurned", "kcal", 1 + number % 9, 60),
        _ if number == 9 => ("QuantityTypeIdentifierBodyMass", "kg", 60 + number % 5, 0),
        _ => ("QuantityTypeIdentifierBasalEnergyBurned", "kcal", 1 + number % 9, 60),
    };
    let source = if number % 2 == 0 { "Watch" } else { "iPhone" };
    let (start, end) = (at(start_s), at(start_s + length_s));
    format!(
        " <Record type=\"HK{kind}\" sourceName=\"{source}\" sourceVersion=\"11.1\" device=\"&lt;&lt;HKDevice: 0x280&gt;, \
         name:Apple Watch, manufacturer:Apple Inc., model:Watch&gt;\" unit=\"{unit}\" creationDate=\"{end}\" \
         startDate=\"{start}\" endDate=\"{end}\" value=\"{value}\"/>\n"
    )
}

/// Half an hour each, ten hours apart from each other.
fn workout(number: i64) -> String {
    let start_s = FIRST_S + number * 36_000;
    let (start, end) = (at(start_s), at(start_s + 1_800));
    format!(
        " <Workout workoutActivityType=\"HKWorkoutActivityTypeRunning\" duration=\"30\" durationUnit=\"min\" sourceName=\"Watch\" \
         startDate=\"{start}\" endDate=\"{end}\">\n  <WorkoutStatistics type=\"HKQuantityTypeIdentifierDistanceWalkingRunning\" \
         sum=\"5.{:02}\" unit=\"km\"/>\n  <WorkoutStatistics type=\"HKQuantityTypeIdentifierHeartRate\" average=\"140\" \
         maximum=\"165\" unit=\"count/min\"/>\n </Workout>\n",
        number % 100
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use formats::apple::Reader;

    use super::*;

    struct Pieces(Export, Vec<u8>);

    impl Read for Pieces {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.1.is_empty() {
                self.1 = self.0.next().unwrap_or_default();
            }
            let count = self.1.as_slice().read(out)?;
            self.1.drain(..count);
            Ok(count)
        }
    }

    #[test]
    fn an_export_has_the_size_that_was_asked_for_and_is_read_whole() {
        let size: usize = Export::of(6_000_000, 20).map(|piece| piece.len()).sum();
        assert_eq!(size, 6_000_000);
        let mut reader = Reader::new(Pieces(Export::of(6_000_000, 20), Vec::new())).unwrap();
        assert!(reader.by_ref().all(|item| item.is_ok()));
        let counts = reader.counts();
        assert_eq!((counts.workouts, counts.bad, counts.truncated), (20, 0, false));
        assert!(counts.records > 10_000, "{counts:?}");
    }
}
