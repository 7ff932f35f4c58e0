//! The files of a workout's route, and the workout that they belong to.

use super::Workout;
use crate::{
    RECORDS_MAX,
    activity::{Activity, Source, Streams, Total},
    archive::Member,
    totals,
};

/// The member that a workout's route names. Only the last part of the path is looked at, among the members there are: it
/// leads nowhere else.
pub fn named_in<'a>(members: &'a [Member], path: &str) -> Option<&'a Member> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let wanted = last(path);
    let is_it = |member: &&Member| member.fault.is_none() && last(&member.name) == wanted;
    if wanted.is_empty() { None } else { members.iter().find(is_it) }
}

impl Workout {
    /// Takes in the places of its route, read from the files that it names, where it has none itself. What was worked out
    /// without them is worked out anew; what the device says stays.
    pub fn follow(&mut self, mut routes: Vec<Activity>) {
        if !self.activity.streams.is_empty() {
            return;
        }
        routes.sort_by_key(|route| route.start);
        let mut streams = Streams::default();
        for route in &routes {
            let ahead_s = route.start.duration_since(self.activity.start).as_secs_f64();
            for mut sample in (0..route.streams.len()).filter_map(|row| route.streams.sample(row)) {
                sample.time_s += ahead_s;
                let after = streams.time_s.last().is_none_or(|last_s| *last_s < sample.time_s);
                if sample.time_s >= 0.0 && after && streams.len() < RECORDS_MAX {
                    // Each file begins to count by itself.
                    sample.distance_m = None;
                    streams.push(sample);
                }
            }
        }
        if streams.is_empty() {
            return;
        }
        self.activity.streams = streams;
        let known = &mut self.activity.totals;
        for total in [
            &mut known.timer_time_s,
            &mut known.distance_m,
            &mut known.ascent_m,
            &mut known.descent_m,
            &mut known.cadence_avg_rpm,
        ] {
            *total = total.filter(|total: &Total| total.source == Source::Device);
        }
        totals::complete(&mut self.activity);
    }
}
