//! A sender whose clock is wrong: what it says of when is put right by what it says of now.

use jiff::Timestamp;
use kernel::{Refusal, time};
use proto::activity::{Upsert, upsert::Record};

use crate::domain::facts::{Explained, Measured};

/// Among the notices of a record whose times were put right.
pub(super) const CORRECTED: &str = "clock_corrected";
/// A request takes a while, and nobody's clock is exact.
const LEAST_S: i64 = 120;
/// Zones taken for one another, batteries that were changed. Beyond that it cannot be told since when it is wrong.
const MOST_S: i64 = 86_400;

/// How far the sender's clock is behind, in whole seconds; 0 where it is not said, or right.
///
/// # Errors
/// `invalid_field` for a clock that nothing can be worked out from.
pub(super) fn behind_s(sent_us: Option<i64>, now: Timestamp) -> Result<i64, Refusal> {
    let Some(sent_us) = sent_us else { return Ok(0) };
    let behind_us = time::micros(now).saturating_sub(sent_us);
    let behind_s = behind_us.saturating_add(500_000).div_euclid(1_000_000);
    match behind_s.saturating_abs() {
        0..LEAST_S => Ok(0),
        LEAST_S..=MOST_S => Ok(behind_s),
        _ => {
            let detail =
                "more than a day from now: set the device's clock, and write `sent_at` anew for each try";
            Err(Refusal::field("/sent_at", "out_of_range", detail))
        }
    }
}

/// Moves all instants of the records. A day's date stays: it is the owner's day, not an instant.
pub(super) fn correct(upserts: &mut [Upsert], behind_s: i64) {
    let by_us = behind_s.saturating_mul(1_000_000);
    for record in upserts.iter_mut().filter_map(|upsert| upsert.record.as_mut()) {
        match record {
            Record::Workout(workout) => workout.start_us = workout.start_us.saturating_add(by_us),
            Record::Sample(sample) => sample.at_us = sample.at_us.saturating_add(by_us),
            Record::Daily(daily) => {
                for span in &mut daily.spans {
                    span.start_us = span.start_us.saturating_add(by_us);
                    span.end_us = span.end_us.saturating_add(by_us);
                }
            }
            Record::Unreadable(_) => {}
        }
    }
}

/// Where a corrected start comes from.
pub(super) fn explained(behind_s: i64) -> Explained {
    Explained {
        field: "start_at".to_owned(),
        measured: Measured::Computed,
        algorithm: format!("clock-skew{behind_s:+}s"),
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_put_right_between_two_minutes_and_a_day() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let behind = |sent: &str| behind_s(Some(time::micros(sent.parse().unwrap())), now).ok();
        assert_eq!(behind_s(None, now).ok(), Some(0));
        assert_eq!(behind("2026-05-01T11:58:30Z"), Some(0), "a slow line is no wrong clock");
        assert_eq!(behind("2026-05-01T11:00:00Z"), Some(3_600));
        assert_eq!(behind("2026-05-01T15:00:00.2Z"), Some(-10_800));
        assert_eq!(behind("2026-04-30T12:00:00Z"), Some(86_400));
        assert_eq!(behind("2026-04-30T11:59:00Z"), None);
        assert_eq!(behind("2000-01-01T00:00:00Z"), None);
        assert!(behind_s(Some(i64::MIN), now).is_err() && behind_s(Some(i64::MAX), now).is_err());
    }
}
