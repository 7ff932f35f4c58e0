//! What the legs of a multisport activity add up to.

use super::complete;
use crate::activity::{Activity, Total, Totals};

/// The totals of a parent, from its legs; what they do not give, from its own streams.
pub(crate) fn complete_of_legs(parent: &mut Activity) {
    parent.totals = sums(parent);
    complete(parent);
    parent.totals.moving_time_s = sum(&parent.legs, |totals| totals.moving_time_s);
}

/// What legs add up to; times in transition count, so the elapsed time is first to last.
fn sums(parent: &Activity) -> Totals {
    let legs = &parent.legs;
    let end_s = legs.iter().filter_map(|leg| {
        let after_s = leg.start.duration_since(parent.start).as_secs_f64();
        Some(after_s + leg.totals.elapsed_time_s?.value)
    });
    Totals {
        elapsed_time_s: end_s.reduce(f64::max).map(|end_s| Total::computed(end_s, "first-to-last", 1)),
        timer_time_s: sum(legs, |totals| totals.timer_time_s),
        distance_m: sum(legs, |totals| totals.distance_m),
        ascent_m: sum(legs, |totals| totals.ascent_m),
        descent_m: sum(legs, |totals| totals.descent_m),
        energy_kj: sum(legs, |totals| totals.energy_kj),
        ..Totals::default()
    }
}

fn sum(legs: &[Activity], figure: impl Fn(&Totals) -> Option<Total>) -> Option<Total> {
    let known = legs.iter().filter_map(|leg| figure(&leg.totals)).map(|total| total.value);
    known.reduce(|sum, value| sum + value).map(|value| Total::computed(value, "sum-of-legs", 1))
}
