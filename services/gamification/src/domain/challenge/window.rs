//! When activities count: one window for all, or each participant's own days.

use jiff::{
    Span, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use kernel::{FieldError, time::micros};

/// Longer windows are seasons, and those are challenges of their own.
pub const DAYS_MAX: i64 = 366;

/// Local days begin first at UTC+14 and end last at UTC−12.
const EARLIEST: Offset = Offset::constant(14);
const LATEST: Offset = Offset::constant(-12);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Each participant's own zone: the window begins and ends with their days.
    Local,
    /// The same instants for all.
    Instant,
}

impl Clock {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Instant => "instant",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "local" => Some(Self::Local),
            "instant" => Some(Self::Instant),
            _ => None,
        }
    }
}

/// From `start` up to, and without, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Local date-times as they were written; in `time_zone` for [`Clock::Instant`].
    pub start: DateTime,
    pub end: DateTime,
    pub clock: Clock,
    /// IANA. For [`Clock::Local`] it stands in for participants whose own is not known.
    pub time_zone: String,
    /// Decided once, so that a newer zone database moves no window: the window itself, or for [`Clock::Local`] its
    /// earliest start and its latest end anywhere.
    pub start_us: i64,
    pub end_us: i64,
    /// It was stopped then: nothing that starts later counts, for whatever clock.
    pub cut_us: Option<i64>,
}

/// A window in microseconds since 1970: `start_us ≤ t < end_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub start_us: i64,
    pub end_us: i64,
}

impl Window {
    /// As its author wrote it. Empty `clock`: instant; empty `time_zone`: UTC. For [`Clock::Instant`] the times may say
    /// an offset of their own.
    pub fn parse(start: &str, end: &str, clock: &str, time_zone: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let clock_read = if clock.is_empty() { Some(Clock::Instant) } else { Clock::parse(clock) };
        if clock_read.is_none() {
            errors.push(fault("clock", "unknown_value", "a window's clock is local or instant"));
        }
        let zone_name = if time_zone.is_empty() { "UTC" } else { time_zone };
        let zone = zone(zone_name);
        if zone.is_none() {
            errors.push(fault("time_zone", "unknown_zone", "this zone is not in the IANA database"));
        }
        let (Some(clock), Some(zone)) = (clock_read, zone) else { return Err(errors) };
        let mut side = |text: &str, which: &str| {
            written(text, clock, &zone).map_err(|detail| errors.push(fault(which, "not_a_time", detail))).ok()
        };
        let (start, end) = (side(start, "start"), side(end, "end"));
        let (Some(start), Some(end)) = (start, end) else { return Err(errors) };
        Self::of(start, end, clock, zone_name, &zone).map_err(|error| vec![error])
    }

    fn of(
        from: Written,
        to: Written,
        clock: Clock,
        time_zone: &str,
        zone: &TimeZone,
    ) -> Result<Self, FieldError> {
        let (start, end) = (from.local, to.local);
        let latest = start.checked_add(Span::new().days(DAYS_MAX)).unwrap_or(DateTime::MAX);
        // In the hour that comes twice, the later of two instants may be the earlier on the clock.
        if end <= start && clock == Clock::Local {
            return Err(fault("end", "end_before_start", "the end does not lie after the start"));
        }
        if end > latest {
            return Err(fault("end", "too_long", "a window has at most 366 days"));
        }
        let out_of_range = || fault("start", "out_of_range", "the time is out of range");
        if start.year() < 1970 {
            return Err(out_of_range());
        }
        let bounds = match clock {
            Clock::Instant => bounds(start, end, zone, zone),
            Clock::Local => bounds(start, end, &TimeZone::fixed(EARLIEST), &TimeZone::fixed(LATEST)),
        };
        let Bounds { start_us, end_us } = bounds.ok_or_else(out_of_range)?;
        let (start_us, end_us) = (from.at.map_or(start_us, micros), to.at.map_or(end_us, micros));
        if end_us <= start_us {
            // Both lie in the same gap of a clock, or as instants the other way round.
            return Err(fault("end", "end_before_start", "in this zone there is no time between the two"));
        }
        let time_zone = time_zone.to_owned();
        Ok(Self { start, end, clock, time_zone, start_us, end_us, cut_us: None })
    }

    /// The same window with a later end, written as [`Window::parse`] reads it.
    pub fn extended(&self, end: &str) -> Result<Self, FieldError> {
        let zone = zone(&self.time_zone).unwrap_or(TimeZone::UTC);
        let end = written(end, self.clock, &zone).map_err(|detail| FieldError {
            pointer: "/end".to_owned(),
            code: "not_a_time".to_owned(),
            detail: detail.to_owned(),
        })?;
        let at_end = |error: FieldError| FieldError { pointer: "/end".to_owned(), ..error };
        let start = Written { local: self.start, at: self.started_at() };
        let wider = Self::of(start, end, self.clock, &self.time_zone, &zone).map_err(at_end)?;
        if wider.end_us <= self.end_us {
            return Err(at_end(fault("end", "not_later", "an end only moves to a later time")));
        }
        // What was decided of the start stays, whatever the zone database says by now.
        Ok(Self { start_us: self.start_us, ..wider })
    }

    /// Both sides as they can be read again without moving: on the clock, or with an offset where that says two things.
    pub fn said(&self) -> (String, String) {
        let zone = zone(&self.time_zone).unwrap_or(TimeZone::UTC);
        let said = |local: DateTime, us: i64, edge: Edge| {
            let at = Timestamp::from_microsecond(us).ok().filter(|_| self.clock == Clock::Instant);
            let moved = at.filter(|_| resolve(local, &zone, edge) != Some(us));
            moved.map_or_else(
                || local.to_string(),
                |at| at.display_with_offset(zone.to_offset(at)).to_string(),
            )
        };
        (said(self.start, self.start_us, Edge::Start), said(self.end, self.end_us, Edge::End))
    }

    /// The instant that was decided on, where it is one for all.
    fn started_at(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.start_us).ok().filter(|_| self.clock == Clock::Instant)
    }

    /// The window of a participant who lives in this zone, stopped or not.
    pub fn bounds_in(&self, participant: &TimeZone) -> Bounds {
        let whole = Bounds { start_us: self.start_us, end_us: self.end_us };
        let own = match self.clock {
            Clock::Instant => whole,
            Clock::Local => bounds(self.start, self.end, participant, participant).unwrap_or(whole),
        };
        Bounds { end_us: self.cut_us.map_or(own.end_us, |cut| own.end_us.min(cut)), ..own }
    }

    /// Whether what a participant of this zone starts at that instant counts.
    pub fn contains(&self, start_us: i64, participant: &TimeZone) -> bool {
        let bounds = self.bounds_in(participant);
        bounds.start_us <= start_us && start_us < bounds.end_us
    }

    /// When it is over for a participant of this zone.
    pub fn over_at_us(&self, participant: &TimeZone) -> i64 {
        self.bounds_in(participant).end_us
    }

    /// When it is over for everybody.
    pub fn over_everywhere_us(&self) -> i64 {
        self.cut_us.map_or(self.end_us, |cut| self.end_us.min(cut))
    }

    /// The zone of a participant by its name; the challenge's own where that is not known.
    pub fn participant_zone(&self, name: &str) -> TimeZone {
        zone(name).or_else(|| zone(&self.time_zone)).unwrap_or(TimeZone::UTC)
    }
}

fn fault(which: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: format!("/window/{which}"), code: code.to_owned(), detail: detail.to_owned() }
}

fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() || name.len() > 64 { None } else { TimeZone::get(name).ok() }
}

/// One side of a window, as it was written.
#[derive(Clone, Copy)]
struct Written {
    /// On the clock of the window's zone.
    local: DateTime,
    /// The instant, where an offset said which.
    at: Option<Timestamp>,
}

/// `2026-05-01T00:00:00`; with an offset or `Z` only where the clock is one instant for all.
fn written(text: &str, clock: Clock, zone: &TimeZone) -> Result<Written, &'static str> {
    const LOCAL: &str = "a local time belongs here, 2026-05-01T00:00:00";
    let (_, time) = text.split_once(['T', 't', ' ']).ok_or(LOCAL)?;
    // jiff reads a civil time off `…+05:00` too; silently dropping the offset would start at another time.
    if !time.contains(['+', '-', 'Z', 'z', '[']) {
        return text.parse().map(|local| Written { local, at: None }).map_err(|_| LOCAL);
    }
    match clock {
        Clock::Instant => {
            let at: Timestamp = text.parse().map_err(|_| LOCAL)?;
            Ok(Written { local: zone.to_datetime(at), at: Some(at) })
        }
        Clock::Local => Err("a window of local days has no offset"),
    }
}

fn bounds(start: DateTime, end: DateTime, first: &TimeZone, last: &TimeZone) -> Option<Bounds> {
    Some(Bounds { start_us: resolve(start, first, Edge::Start)?, end_us: resolve(end, last, Edge::End)? })
}

enum Edge {
    Start,
    End,
}

/// A local time as an instant: in a gap the first valid one; in a fold the earlier for a start, the later for an end.
fn resolve(at: DateTime, zone: &TimeZone, edge: Edge) -> Option<i64> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    let instant = match (ambiguous.offset(), edge) {
        (AmbiguousOffset::Gap { .. }, _) => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map_or(before, |transition| transition.timestamp())
        }
        (AmbiguousOffset::Fold { .. }, Edge::End) => ambiguous.later().ok()?,
        _ => ambiguous.earlier().ok()?,
    };
    Some(micros(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        micros(text.parse().unwrap())
    }

    fn instant(start: &str, end: &str, zone: &str) -> Window {
        Window::parse(start, end, "instant", zone).unwrap()
    }

    fn named(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn an_instant_window_is_the_same_for_everybody() {
        let window = instant("2026-05-01T00:00:00", "2026-06-01T00:00:00", "Asia/Almaty");
        assert_eq!(
            (window.start_us, window.end_us),
            (at("2026-04-30T19:00:00Z"), at("2026-05-31T19:00:00Z"))
        );
        for zone in ["Asia/Almaty", "America/New_York", "Pacific/Kiritimati"] {
            let zone = named(zone);
            assert!(window.contains(at("2026-04-30T19:00:00Z"), &zone));
            assert!(!window.contains(at("2026-05-31T19:00:00Z"), &zone), "the end itself is outside");
        }
    }

    #[test]
    fn an_offset_names_the_instant_also_in_the_hour_that_comes_twice() {
        // Berlin: 2026-10-25 03:00 → 02:00.
        for (start, end) in [
            ("2026-10-25T01:30:00Z", "2026-10-26T00:00:00Z"),
            ("2026-10-25T02:30:00+01:00", "2026-10-26T00:00:00Z"),
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:15:00+01:00"),
            ("2026-10-24T00:00:00Z", "2026-10-25T00:30:00Z"),
        ] {
            let window = instant(start, end, "Europe/Berlin");
            assert_eq!((window.start_us, window.end_us), (at(start), at(end)), "{start} {end}");
            let (start, end) = window.said();
            assert_eq!(instant(&start, &end, "Europe/Berlin"), window, "{start} {end}");
            let wider = window.extended("2026-10-30T00:00:00").unwrap();
            assert_eq!(wider.start_us, window.start_us);
        }
        let window = instant("2026-05-01T00:00:00Z", "2026-05-02T00:00:00", "Asia/Almaty");
        assert_eq!(window.said(), ("2026-05-01T05:00:00".to_owned(), "2026-05-02T00:00:00".to_owned()));
        let swapped = Window::parse(
            "2026-10-25T02:15:00+01:00",
            "2026-10-25T02:30:00+02:00",
            "instant",
            "Europe/Berlin",
        );
        assert_eq!(swapped.unwrap_err()[0].code, "end_before_start");
        let early = Window::parse("0001-01-01T00:00:00", "0001-02-01T00:00:00", "local", "");
        assert_eq!(early.unwrap_err()[0].code, "out_of_range");
    }

    #[test]
    fn a_local_window_follows_each_participants_own_days() {
        let window = Window::parse("2026-05-01T00:00:00", "2026-05-02T00:00:00", "local", "").unwrap();
        assert_eq!(
            (window.start_us, window.end_us),
            (at("2026-04-30T10:00:00Z"), at("2026-05-02T12:00:00Z"))
        );
        let (almaty, new_york) = (named("Asia/Almaty"), named("America/New_York"));
        let morning_in_almaty = at("2026-04-30T20:00:00Z");
        assert!(
            window.contains(morning_in_almaty, &almaty) && !window.contains(morning_in_almaty, &new_york)
        );
        assert_eq!(window.over_at_us(&almaty), at("2026-05-01T19:00:00Z"));
        assert_eq!(window.over_at_us(&new_york), at("2026-05-02T04:00:00Z"));
    }

    #[test]
    fn a_start_in_the_hour_that_is_skipped_is_the_first_valid_instant() {
        // Berlin: 2026-03-29 02:00 → 03:00.
        let window = instant("2026-03-29T02:30:00", "2026-03-30T00:00:00", "Europe/Berlin");
        assert_eq!(window.start_us, at("2026-03-29T01:00:00Z"));
        let end = instant("2026-03-28T00:00:00", "2026-03-29T02:30:00", "Europe/Berlin");
        assert_eq!(end.end_us, at("2026-03-29T01:00:00Z"));
        let nothing = Window::parse("2026-03-29T02:10:00", "2026-03-29T02:50:00", "instant", "Europe/Berlin");
        assert_eq!(nothing.unwrap_err()[0].code, "end_before_start");
    }

    #[test]
    fn the_hour_that_comes_twice_is_counted_whole() {
        // Berlin: 2026-10-25 03:00 → 02:00.
        let window = instant("2026-10-25T02:30:00", "2026-10-25T02:45:00", "Europe/Berlin");
        assert_eq!(
            (window.start_us, window.end_us),
            (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:45:00Z"))
        );
    }

    #[test]
    fn a_local_window_over_a_clock_change_is_a_day_longer_or_shorter_by_the_hour_there_only() {
        let window = Window::parse("2026-03-29T00:00:00", "2026-03-30T00:00:00", "local", "UTC").unwrap();
        let hours = |zone: &str| {
            let bounds = window.bounds_in(&named(zone));
            (bounds.end_us - bounds.start_us) / 3_600_000_000
        };
        assert_eq!((hours("Europe/Berlin"), hours("Asia/Almaty")), (23, 24));
        let autumn = Window::parse("2026-10-25T00:00:00", "2026-10-26T00:00:00", "local", "UTC").unwrap();
        let bounds = autumn.bounds_in(&named("Europe/Berlin"));
        assert_eq!((bounds.end_us - bounds.start_us) / 3_600_000_000, 25);
        for zone in ["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"] {
            let own = autumn.bounds_in(&named(zone));
            assert!(autumn.start_us <= own.start_us && own.end_us <= autumn.end_us, "{zone}");
        }
    }

    #[test]
    fn what_is_written_wrongly_is_named() {
        let code = |start, end, clock, zone| {
            let error = Window::parse(start, end, clock, zone).unwrap_err().remove(0);
            (error.pointer, error.code)
        };
        let (start, end) = ("2026-05-01T00:00:00", "2026-06-01T00:00:00");
        let wrong = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        assert_eq!(code(start, start, "instant", ""), wrong("/window/end", "end_before_start"));
        assert_eq!(code(end, start, "local", ""), wrong("/window/end", "end_before_start"));
        assert_eq!(code(start, "2027-05-03T00:00:00", "local", ""), wrong("/window/end", "too_long"));
        assert_eq!(code(start, end, "home", ""), wrong("/window/clock", "unknown_value"));
        assert_eq!(code(start, end, "local", "Mars/Olympus"), wrong("/window/time_zone", "unknown_zone"));
        assert_eq!(code("tomorrow", end, "local", ""), wrong("/window/start", "not_a_time"));
        assert_eq!(code("2026-05-01T00:00:00+05:00", end, "local", ""), wrong("/window/start", "not_a_time"));
    }

    #[test]
    fn an_offset_says_an_instant_where_one_is_wanted() {
        let window = instant("2026-05-01T00:00:00Z", "2026-05-02T00:00:00+05:00", "Asia/Almaty");
        assert_eq!(
            (window.start_us, window.end_us),
            (at("2026-05-01T00:00:00Z"), at("2026-05-01T19:00:00Z"))
        );
    }

    #[test]
    fn it_only_grows_and_a_stop_cuts_it_for_everybody() {
        let window = instant("2026-05-01T00:00:00", "2026-05-10T00:00:00", "UTC");
        assert_eq!(window.extended("2026-05-09T00:00:00").unwrap_err().code, "not_later");
        assert_eq!(window.extended("2026-05-10T00:00:00").unwrap_err().code, "not_later");
        assert_eq!(window.extended("2028-05-10T00:00:00").unwrap_err().code, "too_long");
        assert_eq!(window.extended("2026-05-12T00:00:00").unwrap().end_us, at("2026-05-12T00:00:00Z"));
        let cut = Window { cut_us: Some(at("2026-05-03T00:00:00Z")), ..window };
        assert!(cut.contains(at("2026-05-02T00:00:00Z"), &TimeZone::UTC));
        assert!(!cut.contains(at("2026-05-03T00:00:00Z"), &TimeZone::UTC));
        assert_eq!(cut.over_everywhere_us(), at("2026-05-03T00:00:00Z"));
    }
}
