//! When a campaign runs, and in whose time: the region's, the user's, or one instant for all.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use kernel::{FieldError, place::Region};

/// `KZ-75 Asia/Almaty` or `KZ Asia/Almaty`: a region's own zone where its country has several, else the country's first,
/// after the IANA time zone database's `zone.tab`.
const ZONES: &str = include_str!("zones.tsv");

/// Local days begin first at UTC+14 and end last at UTC−12.
const EARLIEST_H: i8 = 14;
const LATEST_H: i8 = -12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Region,
    Home,
    Instant,
}

impl Clock {
    pub const ALL: [Self; 3] = [Self::Region, Self::Home, Self::Instant];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Home => "home",
            Self::Instant => "instant",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clock| clock.as_str() == text)
    }
}

/// As it was written: resolved anew whenever zones matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub start: String,
    pub end: String,
    pub clock: Clock,
    /// In place of the regions' own zones, for `Clock::Region`.
    pub time_zone: Option<String>,
}

/// One region's window in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    pub region: String,
    /// IANA; empty where everybody's own zone counts.
    pub time_zone: String,
    pub starts: Timestamp,
    pub ends: Timestamp,
}

impl Wave {
    pub fn contains(&self, now: Timestamp) -> bool {
        self.starts <= now && now < self.ends
    }
}

/// The zone of a region, if the tables know one.
pub fn zone_of(region: &Region) -> Option<&'static str> {
    static TABLE: LazyLock<HashMap<&'static str, &'static str>> =
        LazyLock::new(|| ZONES.lines().filter_map(|line| line.split_once(' ')).collect());
    TABLE.get(region.as_str()).or_else(|| TABLE.get(region.country())).copied()
}

impl Schedule {
    /// The windows of these regions, in their order.
    pub fn waves(&self, regions: &[Region]) -> Result<Vec<Wave>, FieldError> {
        let mut waves = Vec::with_capacity(regions.len());
        for region in regions {
            let (zone, starts, ends) = self.window(region)?;
            if ends <= starts {
                return Err(fault(
                    "/schedule/end",
                    "end_before_start",
                    "the end does not lie after the start",
                ));
            }
            waves.push(Wave { region: region.as_str().to_owned(), time_zone: zone, starts, ends });
        }
        Ok(waves)
    }

    fn window(&self, region: &Region) -> Result<(String, Timestamp, Timestamp), FieldError> {
        match self.clock {
            Clock::Instant => {
                Ok(("UTC".to_owned(), instant(&self.start, "start")?, instant(&self.end, "end")?))
            }
            Clock::Home => {
                let (start, end) = (local(&self.start, "start")?, local(&self.end, "end")?);
                let first =
                    resolve(start, &TimeZone::fixed(Offset::constant(EARLIEST_H)), Edge::Start, "start")?;
                let last = resolve(end, &TimeZone::fixed(Offset::constant(LATEST_H)), Edge::End, "end")?;
                // Fixed offsets hide an end before the start: compare what was written.
                if end <= start {
                    return Err(fault(
                        "/schedule/end",
                        "end_before_start",
                        "the end does not lie after the start",
                    ));
                }
                Ok((String::new(), first, last))
            }
            Clock::Region => {
                let name = self.zone_name(region)?;
                let zone = zone(&name)?;
                let starts = resolve(local(&self.start, "start")?, &zone, Edge::Start, "start")?;
                let ends = resolve(local(&self.end, "end")?, &zone, Edge::End, "end")?;
                Ok((name, starts, ends))
            }
        }
    }

    fn zone_name(&self, region: &Region) -> Result<String, FieldError> {
        if let Some(name) = &self.time_zone {
            return Ok(name.clone());
        }
        zone_of(region).map(str::to_owned).ok_or_else(|| {
            fault(
                "/schedule/time_zone",
                "unknown_zone",
                "the zone of this region is not known: say time_zone",
            )
        })
    }

    /// Whether somebody of this home zone is inside the window now. Only `Clock::Home` looks at the zone.
    pub fn is_open_at_home(&self, home_zone: &str, now: Timestamp) -> bool {
        if self.clock != Clock::Home {
            return true;
        }
        let window = || {
            let zone = zone(home_zone).or_else(|_| zone("UTC"))?;
            let starts = resolve(local(&self.start, "start")?, &zone, Edge::Start, "start")?;
            Ok::<_, FieldError>((starts, resolve(local(&self.end, "end")?, &zone, Edge::End, "end")?))
        };
        window().is_ok_and(|(starts, ends)| starts <= now && now < ends)
    }
}

/// The calendar day in a wave's zone: what `per_day` counts by.
pub fn day_in(zone_name: &str, now: Timestamp) -> String {
    let zone = zone(zone_name).unwrap_or(TimeZone::UTC);
    now.to_zoned(zone).date().to_string()
}

fn fault(pointer: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}

fn zone(name: &str) -> Result<TimeZone, FieldError> {
    let unknown = || fault("/schedule/time_zone", "unknown_zone", "this zone is not in the IANA database");
    if name.is_empty() || name.len() > 64 {
        return Err(unknown());
    }
    TimeZone::get(name).map_err(|_| unknown())
}

fn instant(text: &str, which: &str) -> Result<Timestamp, FieldError> {
    text.parse().map_err(|_| {
        fault(
            &format!("/schedule/{which}"),
            "not_an_instant",
            "a time with an offset belongs here, 2026-05-01T09:00:00Z",
        )
    })
}

fn local(text: &str, which: &str) -> Result<DateTime, FieldError> {
    let wrong = || {
        fault(
            &format!("/schedule/{which}"),
            "not_a_local_time",
            "a time without offset belongs here, 2026-05-01T09:00:00",
        )
    };
    // jiff reads a civil time off "…+05:00" too; silently dropping the offset would start at another time.
    let time_part = text.split_once(['T', 't', ' ']).map(|(_, time)| time).ok_or_else(wrong)?;
    if time_part.contains(['+', '-', 'Z', 'z', '[']) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

enum Edge {
    Start,
    End,
}

/// A local time in UTC: in a gap the first valid instant; in a fold the earlier for a start, the later for an end.
fn resolve(at: DateTime, zone: &TimeZone, edge: Edge, which: &str) -> Result<Timestamp, FieldError> {
    let out_of_range = |_| fault(&format!("/schedule/{which}"), "out_of_range", "the time is out of range");
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match (ambiguous.offset(), edge) {
        (AmbiguousOffset::Gap { .. }, _) => {
            let before = ambiguous.earlier().map_err(out_of_range)?;
            let transition = zone.following(before).next().map(|transition| transition.timestamp());
            Ok(transition.unwrap_or(before))
        }
        (AmbiguousOffset::Fold { .. }, Edge::End) => ambiguous.later().map_err(out_of_range),
        _ => ambiguous.earlier().map_err(out_of_range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(start: &str, end: &str, clock: Clock) -> Schedule {
        Schedule { start: start.to_owned(), end: end.to_owned(), clock, time_zone: None }
    }

    fn region(text: &str) -> Region {
        Region::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_region_window_opens_at_its_own_local_time() {
        let schedule = schedule("2026-05-01T09:00:00", "2026-06-01T00:00:00", Clock::Region);
        let waves = schedule.waves(&[region("KZ-75"), region("RU-KGD")]).unwrap();
        assert_eq!(waves[0].starts, at("2026-05-01T04:00:00Z"));
        assert_eq!(waves[1].starts, at("2026-05-01T07:00:00Z"));
        assert_eq!(waves[1].time_zone, "Europe/Kaliningrad");
    }

    #[test]
    fn a_start_in_a_gap_is_the_first_valid_instant_and_folds_stretch_the_window() {
        let zoned = |start: &str, end: &str| Schedule {
            time_zone: Some("Europe/Berlin".to_owned()),
            ..schedule(start, end, Clock::Region)
        };
        let gap = zoned("2026-03-29T02:30:00", "2026-03-30T00:00:00").waves(&[region("DE-BE")]).unwrap();
        assert_eq!(gap[0].starts, at("2026-03-29T01:00:00Z"));
        let fold = zoned("2026-10-25T02:30:00", "2026-10-25T02:45:00").waves(&[region("DE-BE")]).unwrap();
        assert_eq!((fold[0].starts, fold[0].ends), (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:45:00Z")));
    }

    #[test]
    fn a_home_window_follows_everybody_around_the_globe() {
        let schedule = schedule("2026-05-01T00:00:00", "2026-05-02T00:00:00", Clock::Home);
        let wave = schedule.waves(&[region("KZ-75")]).unwrap().remove(0);
        assert_eq!((wave.starts, wave.ends), (at("2026-04-30T10:00:00Z"), at("2026-05-02T12:00:00Z")));
        let now = at("2026-04-30T20:00:00Z");
        assert!(schedule.is_open_at_home("Asia/Almaty", now), "01:00 on the first of May there");
        assert!(!schedule.is_open_at_home("America/New_York", now), "still April there");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_pointer() {
        let faults = |schedule: Schedule| schedule.waves(&[region("KZ-75")]).unwrap_err();
        let fault = faults(schedule("2026-05-02T00:00:00", "2026-05-01T00:00:00", Clock::Region));
        assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/schedule/end", "end_before_start"));
        assert_eq!(
            faults(schedule("2026-05-02T00:00:00", "2026-05-01T00:00:00", Clock::Home)).code,
            "end_before_start"
        );
        assert_eq!(
            faults(schedule("2026-05-01T00:00:00Z", "2026-05-02T00:00:00", Clock::Region)).code,
            "not_a_local_time"
        );
        assert_eq!(faults(schedule("2026-05-01T00:00:00", "x", Clock::Instant)).code, "not_an_instant");
        let nowhere = Schedule {
            time_zone: Some("Mars/Olympus".to_owned()),
            ..schedule("2026-05-01T00:00:00", "2026-05-02T00:00:00", Clock::Region)
        };
        assert_eq!(faults(nowhere).code, "unknown_zone");
        assert!(
            schedule("0001-01-01T00:00:00", "9999-12-30T00:00:00", Clock::Region)
                .waves(&[region("KZ-75")])
                .is_ok()
        );
    }

    #[test]
    fn every_zone_of_the_table_exists() {
        for line in ZONES.lines() {
            let (_, name) = line.split_once(' ').unwrap();
            assert!(zone(name).is_ok(), "{name}");
        }
    }
}
