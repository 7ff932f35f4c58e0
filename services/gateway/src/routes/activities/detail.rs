//! Splits, best efforts and lengths of one activity.

use proto::activity::{self, effort::Best};
use serde::Serialize;
use utoipa::ToSchema;

use crate::values::{Figure, known};

/// The activity cut at every mark of its distance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Splits {
    km: Vec<Split>,
    mile: Vec<Split>,
}

impl Splits {
    pub(super) fn of(km: Vec<activity::SplitView>, mile: Vec<activity::SplitView>) -> Option<Self> {
        let views = |splits: Vec<activity::SplitView>| splits.into_iter().map(Split::of).collect();
        (!km.is_empty()).then(|| Self { km: views(km), mile: views(mile) })
    }
}

/// From one mark to the next; the last one is shorter.
#[derive(Debug, Serialize, ToSchema)]
struct Split {
    /// Seconds since the activity's start.
    start_s: Figure,
    distance_m: Figure,
    elapsed_time_s: Figure,
    moving_time_s: Figure,
    #[serde(skip_serializing_if = "Option::is_none")]
    elevation_change_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_avg_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_avg_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_avg_rpm: Option<Figure>,
}

impl Split {
    fn of(split: activity::SplitView) -> Self {
        Self {
            start_s: Figure(split.start_s),
            distance_m: Figure(split.distance_m),
            elapsed_time_s: Figure(split.elapsed_time_s),
            moving_time_s: Figure(split.moving_time_s),
            elevation_change_m: Figure::known(split.elevation_change_m),
            heart_rate_avg_bpm: Figure::known(split.heart_rate_avg_bpm),
            power_avg_w: Figure::known(split.power_avg_w),
            cadence_avg_rpm: Figure::known(split.cadence_avg_rpm),
        }
    }
}

/// The best stretch over a distance (`time_s`) or of power over a time (`power_w`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Effort {
    /// `400m 1km 1mi 5km 10km half_marathon marathon`, `power_5s` to `power_60min`.
    #[schema(example = "5km")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_w: Option<Figure>,
    /// Seconds since the activity's start.
    start_s: Figure,
    end_s: Figure,
    #[schema(example = "computed")]
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "quickest-window")]
    algorithm: Option<String>,
    version: u32,
}

impl Effort {
    pub(super) fn of(effort: activity::Effort) -> Option<Self> {
        let (time_s, power_w) = match effort.best? {
            Best::TimeS(seconds) => (Some(Figure(seconds)), None),
            Best::PowerW(watts) => (None, Some(Figure(watts))),
        };
        Some(Self {
            name: effort.name,
            time_s,
            power_w,
            start_s: Figure(effort.start_s),
            end_s: Figure(effort.end_s),
            source: "computed",
            algorithm: known(effort.algorithm),
            version: effort.version,
        })
    }
}

/// One length of a pool, as the device counted it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PoolLength)]
pub(super) struct Length {
    /// Seconds since the activity's start.
    start_s: Figure,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer_time_s: Option<Figure>,
    /// It was swum; else a rest at the wall.
    active: bool,
    /// `freestyle backstroke breaststroke butterfly drill mixed im`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "freestyle")]
    stroke: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strokes: Option<u32>,
    /// Strokes a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_rpm: Option<Figure>,
}

impl Length {
    pub(super) fn of(length: activity::PoolLength) -> Self {
        Self {
            start_s: Figure(length.start_s),
            elapsed_time_s: Figure::known(length.elapsed_time_s),
            timer_time_s: Figure::known(length.timer_time_s),
            active: length.active,
            stroke: known(length.stroke),
            strokes: length.strokes,
            cadence_rpm: Figure::known(length.cadence_rpm),
        }
    }
}
