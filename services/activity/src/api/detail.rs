//! Splits, efforts and lengths, as callers see them.

use formats::totals::Split;
use proto::activity::{self as api, ActivityView, Facts, SplitView};

use crate::{app::get_activity::Detail, wire};

pub(super) fn view(detail: &Detail, facts: Option<&Facts>) -> api::Detail {
    api::Detail {
        splits_km: detail.splits_km.iter().map(split).collect(),
        splits_mile: detail.splits_mile.iter().map(split).collect(),
        efforts: detail.efforts.iter().map(wire::effort::to_proto).collect(),
        pool: facts.and_then(|facts| facts.pool.clone()),
    }
}

/// With each leg's best stretches, which are shown where the legs are.
pub(super) fn with_legs(mut view: ActivityView, facts: Option<&Facts>) -> ActivityView {
    let kept = facts.map_or(&[][..], |facts| &facts.legs[..]);
    for (leg, kept) in view.legs.iter_mut().zip(kept).filter(|(_, kept)| !kept.efforts.is_empty()) {
        leg.detail = Some(api::Detail { efforts: kept.efforts.clone(), ..api::Detail::default() });
    }
    view
}

fn split(split: &Split) -> SplitView {
    SplitView {
        start_s: split.start_s,
        distance_m: split.distance_m,
        elapsed_time_s: split.elapsed_time_s,
        moving_time_s: split.moving_time_s,
        elevation_change_m: split.elevation_change_m,
        heart_rate_avg_bpm: split.heart_rate_avg_bpm,
        power_avg_w: split.power_avg_w,
        cadence_avg_rpm: split.cadence_avg_rpm,
    }
}
