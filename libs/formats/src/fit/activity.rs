//! Messages into activities: one session is one activity, several are the legs of a multisport one.

use super::decode::{DAY_S, Sequence};
use super::heart::Beats;
use super::message::{Clocks, Session, TimerEvent};
use super::record::Row;
use super::{names, pool, units};
use crate::activity::{Activity, Device, Pause, Streams, Totals};
use crate::reading::{Damage, Reason};
use crate::totals;
use kernel::Sport;

/// Records may lie this far from the middle one where no session says how long the workout was.
const SPAN_MAX_S: u32 = 14 * DAY_S;
const QUARTER_HOUR_S: i64 = 900;
const OFFSET_MAX_S: i64 = 15 * 3600;
/// The two clocks of a device are read up to this far apart.
const CLOCK_JITTER_S: i64 = 120;

/// Makes the activity of one FIT file; none if nothing in it tells when it was.
pub(crate) fn assemble(
    mut sequence: Sequence,
    beats: &Beats,
    session_index: &mut u32,
    damage: &mut Damage,
) -> Option<Activity> {
    sequence.sessions.sort_by_key(|session| session.start);
    sequence.laps.sort_by_key(|lap| lap.start);
    sequence.timer_events.sort_by_key(|event| event.time);
    tidy(&mut sequence, damage);
    beats.merge_into(&mut sequence.rows);
    let parts = Parts {
        devices: devices(&sequence),
        utc_offset_s: utc_offset_s(sequence.clocks),
        created: sequence.file_id.as_ref().and_then(|file_id| file_id.time_created),
        sequence,
    };
    match parts.sequence.sessions.as_slice() {
        [] => parts.one(&Session::default(), session_index),
        [session] => parts.one(session, session_index),
        sessions => parts.multisport(sessions, session_index),
    }
}

/// Sorts the records, drops those from another age, puts halves of one moment together.
fn tidy(sequence: &mut Sequence, damage: &mut Damage) {
    let Sequence { rows, laps, sessions, gaps, .. } = sequence;
    if *gaps {
        rows.retain(Row::is_possible);
    }
    if !rows.is_sorted_by_key(|row| row.time) {
        rows.sort_by_key(|row| row.time);
    }
    if let Some(middle) = rows.get(rows.len() / 2).map(|row| row.time) {
        let (from, to) = plausible_times(middle, sessions);
        let before = rows.len();
        rows.retain(|row| (from..=to).contains(&row.time));
        if rows.len() < before {
            damage.note(Reason::AbsurdTime);
        }
        laps.retain(|lap| lap.start.is_none_or(|start| (from..=to).contains(&start)));
    }
    rows.dedup_by(|later, earlier| earlier.absorb(later));
}

/// A day around the sessions, if the records lie there; else around the middle record.
fn plausible_times(middle: u32, sessions: &[Session]) -> (u32, u32) {
    let from = sessions.iter().filter_map(|session| session.start).min();
    let to = sessions.iter().filter_map(Session::latest).max();
    if let (Some(from), Some(to)) = (from, to) {
        let (from, to) = (from.saturating_sub(DAY_S), to.saturating_add(DAY_S));
        if (from..=to).contains(&middle) {
            return (from, to);
        }
    }
    (middle.saturating_sub(SPAN_MAX_S), middle.saturating_add(SPAN_MAX_S))
}

impl Session {
    fn latest(&self) -> Option<u32> {
        let elapsed_s = self.sums.elapsed_time_s.unwrap_or(0.0) as u32;
        self.start.map(|start| start.saturating_add(elapsed_s)).max(self.end)
    }
}

/// A FIT file, sorted and tidied.
struct Parts {
    sequence: Sequence,
    devices: Vec<Device>,
    utc_offset_s: Option<i32>,
    created: Option<u32>,
}

impl Parts {
    /// The whole file as one activity.
    fn one(&self, session: &Session, session_index: &mut u32) -> Option<Activity> {
        let (sport, sub_sport) = match session.sport {
            Some(sport) => (Some(sport), session.sub_sport),
            None => self.sequence.sport,
        };
        let session = Session { sport, sub_sport, ..session.clone() };
        let mut activity = self.leg(&session, 0, u32::MAX, session_index)?;
        activity.name.clone_from(&self.sequence.name);
        totals::complete(&mut activity);
        Some(activity)
    }

    fn multisport(&self, sessions: &[Session], session_index: &mut u32) -> Option<Activity> {
        let whole =
            Session { start: sessions.iter().find_map(|session| session.start), ..Session::default() };
        let mut parent = self.leg(&whole, 0, u32::MAX, session_index)?;
        parent.sport = Sport::Multisport;
        parent.name.clone_from(&self.sequence.name);
        // What was recorded before the first start belongs to the first leg, what comes after the last to the last.
        let next_starts = sessions.iter().skip(1).map(|next| next.start.unwrap_or(0)).chain([u32::MAX]);
        let mut from = 0;
        for (session, until) in sessions.iter().zip(next_starts) {
            if let Some(mut leg) = self.leg(session, from, until, session_index) {
                totals::complete(&mut leg);
                parent.legs.push(leg);
            }
            from = until;
        }
        totals::complete_of_legs(&mut parent);
        Some(parent)
    }

    /// What was recorded in `from..until`, with the session's own figures.
    fn leg(&self, session: &Session, from: u32, until: u32, session_index: &mut u32) -> Option<Activity> {
        let rows = &self.sequence.rows;
        let first = rows.partition_point(|row| row.time < from);
        let end = rows.partition_point(|row| row.time < until);
        let rows = rows.get(first..end).unwrap_or_default();
        let start = self.start(session, rows)?;
        let (sport, sub_sport) = names::sport(session.sport, session.sub_sport);
        let mut activity = Activity::new(sport, units::timestamp(start)?);
        activity.sub_sport = sub_sport;
        activity.utc_offset_s = self.utc_offset_s;
        activity.totals = session.totals();
        activity.devices.clone_from(&self.devices);
        let within = |time: u32| (from..until).contains(&time);
        activity.laps = (self.sequence.laps.iter())
            .filter(|lap| lap.start.is_none_or(within))
            .map(|lap| lap.lap(start))
            .collect();
        activity.streams = streams(rows, start);
        activity.extra = self.sequence.developers.columns(rows);
        let lengths = self.sequence.lengths.iter().filter(|length| within(length.start));
        pool::add_lengths(&mut activity, lengths, start, session.pool_length_m);
        forget_empty_times(&mut activity);
        activity.pauses = pauses(&self.sequence.timer_events, start, within);
        activity.session_index = *session_index;
        *session_index += 1;
        Some(activity)
    }

    /// The session's start, unless it lies in another age than the records; never after the first of them.
    fn start(&self, session: &Session, rows: &[Row]) -> Option<u32> {
        let Some(first) = rows.first().map(|row| row.time) else {
            return session.start.or(session.end).or(self.created);
        };
        let start = session.start.filter(|start| start.abs_diff(first) <= DAY_S);
        Some(start.map_or(first, |start| start.min(first)))
    }
}

/// Some devices leave the times of a session at zero; then the records know better.
fn forget_empty_times(activity: &mut Activity) {
    let lasted = activity.streams.time_s.last().is_some_and(|last_s| *last_s > 1.0);
    let Totals { elapsed_time_s, timer_time_s, .. } = &mut activity.totals;
    if lasted && elapsed_time_s.is_some_and(|total| total.value == 0.0) {
        *elapsed_time_s = None;
        *timer_time_s = timer_time_s.filter(|total| total.value > 0.0);
    }
}

fn streams(rows: &[Row], start: u32) -> Streams {
    let mut streams = Streams::with_room(rows.len());
    for row in rows {
        streams.push(row.sample(start));
    }
    streams
}

/// From each stop of the timer to the next start; the last stop is the end, no pause.
fn pauses(events: &[TimerEvent], start: u32, within: impl Fn(u32) -> bool) -> Vec<Pause> {
    let mut pauses = Vec::new();
    let mut stopped = None;
    for event in events.iter().filter(|event| event.time >= start && within(event.time)) {
        if !event.running {
            stopped = stopped.or(Some(event.time));
        } else if let Some(since) = stopped.take()
            && since < event.time
        {
            let offset_s = |time: u32| f64::from(time - start);
            pauses.push(Pause { start_s: offset_s(since), end_s: offset_s(event.time) });
        }
    }
    pauses
}

/// The maker of the file first, completed by its own reports, then the sensors.
fn devices(sequence: &Sequence) -> Vec<Device> {
    let mut maker = sequence.file_id.as_ref().map(|file_id| file_id.device.clone()).unwrap_or_default();
    let (reports, sensors): (Vec<_>, Vec<_>) =
        sequence.devices.iter().cloned().partition(|device| device.creator);
    for report in reports {
        maker.manufacturer_id = maker.manufacturer_id.or(report.manufacturer_id);
        maker.product_id = maker.product_id.or(report.product_id);
        maker.serial = maker.serial.or(report.serial);
        maker.product_name = maker.product_name.or(report.product_name);
        maker.software_version = maker.software_version.or(report.software_version);
    }
    let known = Device { creator: maker.creator, ..Device::default() } != maker;
    known.then_some(Device { creator: true, ..maker }).into_iter().chain(sensors).collect()
}

/// Whole quarters of an hour; a local time of zero is a device that does not know.
fn utc_offset_s(clocks: Clocks) -> Option<i32> {
    let (utc, local) = (i64::from(clocks.utc?), i64::from(clocks.local?));
    let apart_s = local - utc;
    let rounded_s = (apart_s + QUARTER_HOUR_S / 2).div_euclid(QUARTER_HOUR_S) * QUARTER_HOUR_S;
    let known = rounded_s.abs() <= OFFSET_MAX_S && (apart_s - rounded_s).abs() <= CLOCK_JITTER_S;
    known.then(|| i32::try_from(rounded_s).ok()).flatten()
}
