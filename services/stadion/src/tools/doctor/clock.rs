//! Clocks: ours, and how far others are from it. They order nothing here, but tokens, deadlines and days are told by them.

use kernel::{Clock, SystemClock, time::micros};

use super::finding::{Area, Finding};

/// Further apart, tokens of the one are not yet, or no longer, believed by the other.
const WRONG_US: i64 = 30_000_000;
const WARNING_US: i64 = 1_000_000;
/// The clock is surely wrong before this day.
const BUILT_AFTER: &str = "2026-01-01T00:00:00Z";

const MEND: &str = "have all machines take their time from one source (chrony, ntpd), and see that it does";

pub(super) fn now_us() -> i64 {
    micros(SystemClock.now())
}

pub(super) fn own() -> Finding {
    let now = SystemClock.now();
    if BUILT_AFTER.parse().is_ok_and(|built: jiff::Timestamp| now < built) {
        return Finding::wrong(Area::Clock, "clock", format!("it says {now}, which is past"), MEND);
    }
    Finding::ok(Area::Clock, "clock", now)
}

/// How far a clock is off that said `said_us` at some moment between two of ours.
pub(super) fn apart(of: &str, said_us: i64, (before_us, after_us): (i64, i64)) -> Finding {
    let off_us = (said_us - after_us).max(before_us - said_us).max(0);
    let what = format!("clock of {of}");
    let way = if said_us > after_us { "ahead of" } else { "behind" };
    let means = format!("{:.1} s {way} ours", off_us as f64 / 1e6);
    match off_us {
        WRONG_US.. => Finding::wrong(Area::Clock, what, means, MEND),
        WARNING_US.. => Finding::warning(Area::Clock, what, means, MEND),
        _ => Finding::ok(Area::Clock, what, format!("{} ms from ours at most", off_us / 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::finding::Verdict;

    #[test]
    fn a_second_is_a_warning_and_half_a_minute_is_wrong() {
        let off = |s: i64| apart("auth", 1_000_000_000 + s * 1_000_000, (1_000_000_000, 1_000_000_400));
        assert_eq!(off(0).verdict, Verdict::Ok);
        assert_eq!((off(2).verdict, off(-2).verdict), (Verdict::Warning, Verdict::Warning));
        assert!(
            off(-40).verdict == Verdict::Wrong && off(-40).means == "40.0 s behind ours",
            "{:?}",
            off(-40)
        );
        assert!(off(40).means.contains("40.0 s ahead of ours"));
    }

    #[test]
    fn who_answers_slowly_is_not_called_wrong() {
        assert_eq!(apart("auth", 50_000_000, (10_000_000, 60_000_000)).verdict, Verdict::Ok);
    }
}
