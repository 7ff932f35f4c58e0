//! An activity as callers see it.

use proto::activity;
use serde::Serialize;
use utoipa::ToSchema;

use super::detail::{Effort, Length, Splits};
use crate::values::{AnId, Figure, Instant, LocalInstant, known};

/// An activity. What is not known, or not for the caller's eyes, is absent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct Activity {
    /// Absent in legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AnId>,
    #[schema(example = "running")]
    sport: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sport: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<LocalInstant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    utc_offset_s: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moving_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ascent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_kj: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_avg_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_max_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_avg_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_max_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_avg_rpm: Option<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    laps: Vec<Lap>,
    /// Of a swim in a pool; of one activity, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pool_length_m: Option<Figure>,
    /// Of a swim in a pool; of one activity, not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lengths: Vec<Length>,
    /// Of one activity, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    splits: Option<Splits>,
    /// Best stretches; of one activity, not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    efforts: Vec<Effort>,
    /// The parts of a multisport activity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, no_recursion)]
    legs: Vec<Activity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    devices: Vec<Device>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    sources: Vec<String>,
    /// The activity's own audience; absent: the account's settings hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["followers"]))]
    visibility: Option<Vec<String>>,
    /// `clear`, `flagged` or `appealed`; of my own only.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    /// Which columns `…/streams` has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    stream_types: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notices: Vec<String>,
    /// The same workout as this one, which is shown and counts in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<AnId>,
    /// Whose figures stand among its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    fused_from: Vec<AnId>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Lap {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer_time_s: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ascent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descent_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_kj: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_avg_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heart_rate_max_bpm: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_avg_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_max_w: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence_avg_rpm: Option<Figure>,
}

impl Lap {
    fn of(lap: activity::LapView) -> Self {
        Self {
            start_at: lap.start_us.map(Instant),
            elapsed_time_s: Figure::known(Some(lap.elapsed_time_s)),
            timer_time_s: Figure::known(lap.timer_time_s),
            distance_m: Figure::known(lap.distance_m),
            ascent_m: Figure::known(lap.ascent_m),
            descent_m: Figure::known(lap.descent_m),
            energy_kj: Figure::known(lap.energy_kj),
            power_avg_w: Figure::known(lap.power_avg_w),
            power_max_w: Figure::known(lap.power_max_w),
            cadence_avg_rpm: Figure::known(lap.cadence_avg_rpm),
            heart_rate_avg_bpm: Figure::known(lap.heart_rate_avg_bpm),
            heart_rate_max_bpm: Figure::known(lap.heart_rate_max_bpm),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Device {
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Device {
    pub(super) fn of(device: activity::Device) -> Self {
        Self {
            manufacturer: known(device.manufacturer),
            product: known(device.product),
            serial: known(device.serial),
            name: known(device.name),
        }
    }
}

impl Activity {
    pub(in crate::routes) fn of(view: activity::ActivityView) -> Self {
        let offset_s = view.utc_offset_s.unwrap_or_default();
        let detail = view.detail.unwrap_or_default();
        let pool = detail.pool.unwrap_or_default();
        Self {
            id: AnId::of(&view.id),
            account_id: AnId::of(&view.account_id),
            sport: view.sport,
            sub_sport: known(view.sub_sport),
            name: known(view.name),
            start_at: view.start_us.map(|us| LocalInstant { us, offset_s }),
            utc_offset_s: view.utc_offset_s,
            time_zone: known(view.time_zone),
            local_date: known(view.local_date),
            elapsed_time_s: Figure::known(view.elapsed_time_s),
            timer_time_s: Figure::known(view.timer_time_s),
            moving_time_s: Figure::known(view.moving_time_s),
            distance_m: Figure::known(view.distance_m),
            ascent_m: Figure::known(view.ascent_m),
            descent_m: Figure::known(view.descent_m),
            energy_kj: Figure::known(view.energy_kj),
            heart_rate_avg_bpm: Figure::known(view.heart_rate_avg_bpm),
            heart_rate_max_bpm: Figure::known(view.heart_rate_max_bpm),
            power_avg_w: Figure::known(view.power_avg_w),
            power_max_w: Figure::known(view.power_max_w),
            cadence_avg_rpm: Figure::known(view.cadence_avg_rpm),
            laps: view.laps.into_iter().map(Lap::of).collect(),
            pool_length_m: Figure::known(pool.length_m),
            lengths: pool.lengths.into_iter().map(Length::of).collect(),
            splits: Splits::of(detail.splits_km, detail.splits_mile),
            efforts: detail.efforts.into_iter().filter_map(Effort::of).collect(),
            legs: view.legs.into_iter().map(Self::of).collect(),
            devices: view.devices.into_iter().map(Device::of).collect(),
            sources: view.sources,
            visibility: view.visibility.map(|visibility| visibility.audiences),
            verdict: known(view.verdict),
            revision: (view.revision > 0).then_some(view.revision),
            stream_types: view.stream_types,
            notices: view.notices,
            duplicate_of: AnId::of(&view.duplicate_of),
            fused_from: view.fused_from.iter().filter_map(|id| AnId::of(id)).collect(),
        }
    }

    pub(super) fn location(&self) -> String {
        self.id.map_or_else(String::new, |id| format!("/v1/activities/{id}"))
    }
}
