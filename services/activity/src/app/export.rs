//! An activity as a file that other programs read: its columns and figures, as far as the viewer may see them. What is
//! hidden is not written: rows in a zone, positions without the map, heart rate, devices. Where the start is hidden, the
//! file begins at midnight of the day.

use bytes::Bytes;
use formats::{Activity, Format, Lap, Streams, Total};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kernel::{AccountId, ActivityId, Code, Refusal, Sport, time};
use privacy::DataClass;
use proto::activity::{Facts, Health};

use super::{App, Seen, original::Original};

impl App {
    /// # Errors
    /// `invalid_field` for GPX of an activity that has no positions to show; `not_found`.
    pub async fn export(
        &self,
        viewer: AccountId,
        id: ActivityId,
        format: Format,
    ) -> Result<Original, Refusal> {
        let seen = self.look(id, viewer).await?;
        let streams = self.show_streams(viewer, id, &[], 0).await?;
        if format == Format::Gpx && streams.latlng.iter().all(Option::is_none) {
            return Err(Refusal::field(
                "/format",
                "no_positions",
                "GPX is made of positions, and there are none",
            ));
        }
        let activity = activity(&seen, streams).ok_or_else(Refusal::not_found)?;
        let writing = tokio::task::spawn_blocking(move || match format {
            Format::Fit => Bytes::from(formats::write(&activity)),
            Format::Gpx => Bytes::from(formats::gpx::write(&activity)),
            Format::Tcx => Bytes::from(formats::tcx::write(&activity)),
        });
        let bytes = writing.await.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?;
        Ok(Original {
            filename: format!("{id}.{}", format.as_str()),
            content_type: format.media_type(),
            bytes,
        })
    }
}

/// The neutral shape again; none of an erased one.
fn activity(seen: &Seen, streams: Streams) -> Option<Activity> {
    let whole = &seen.row.whole;
    let facts = whole.facts.as_ref()?;
    let health = whole.health.as_ref().filter(|_| seen.mask.shows(DataClass::HeartRate));
    let start = start(seen, facts)?;
    let mut activity = Activity::new(Sport::parse(&facts.sport).unwrap_or(Sport::Other), start);
    activity.sub_sport = Some(facts.sub_sport.clone()).filter(|name| !name.is_empty());
    activity.utc_offset_s = seen.mask.shows(DataClass::StartTime).then_some(facts.utc_offset_s);
    let totals = &mut activity.totals;
    let stated = |value: Option<f64>| value.map(Total::device);
    totals.elapsed_time_s = stated(Some(facts.elapsed_time_s));
    totals.timer_time_s = stated(facts.timer_time_s);
    totals.distance_m = stated(facts.distance_m);
    totals.ascent_m = stated(facts.ascent_m);
    totals.descent_m = stated(facts.descent_m);
    totals.energy_kj = stated(facts.energy_kj);
    totals.power_avg_w = stated(facts.power_avg_w);
    totals.power_max_w = stated(facts.power_max_w);
    totals.cadence_avg_rpm = stated(facts.cadence_avg_rpm);
    totals.heart_rate_avg_bpm = stated(health.and_then(|health| health.heart_rate_avg_bpm));
    totals.heart_rate_max_bpm = stated(health.and_then(|health| health.heart_rate_max_bpm));
    activity.laps = laps(facts, health);
    activity.streams = filled(streams);
    Some(activity)
}

fn start(seen: &Seen, facts: &Facts) -> Option<Timestamp> {
    if seen.mask.shows(DataClass::StartTime) {
        return Some(time::from_micros(facts.start_us));
    }
    let day: Date = facts.local_date.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

fn laps(facts: &Facts, health: Option<&Health>) -> Vec<Lap> {
    let lap = |(index, lap): (usize, &proto::activity::Lap)| {
        let heart = health.and_then(|health| health.laps.get(index)).copied().unwrap_or_default();
        Lap {
            start_s: (lap.start_us.saturating_sub(facts.start_us).max(0) as f64) / 1e6,
            elapsed_time_s: Some(lap.elapsed_time_s),
            timer_time_s: lap.timer_time_s,
            distance_m: lap.distance_m,
            ascent_m: lap.ascent_m,
            descent_m: lap.descent_m,
            heart_rate_avg_bpm: heart.heart_rate_avg_bpm,
            heart_rate_max_bpm: heart.heart_rate_max_bpm,
            ..Lap::default()
        }
    };
    facts.laps.iter().enumerate().map(lap).collect()
}

/// Every column as long as the time: those that are not shown hold nothing.
fn filled(mut streams: Streams) -> Streams {
    let rows = streams.time_s.len();
    streams.latlng.resize(rows, None);
    for column in [
        &mut streams.altitude_m,
        &mut streams.heart_rate_bpm,
        &mut streams.power_w,
        &mut streams.cadence_rpm,
        &mut streams.speed_mps,
        &mut streams.temperature_c,
        &mut streams.distance_m,
    ] {
        column.resize(rows, None);
    }
    streams
}
