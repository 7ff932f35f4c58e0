//! An activity as a file that other programs read: its columns and figures, laps, legs and devices, as far as the viewer may see
//! them. What is hidden is not written: rows in a zone, positions without the map, heart rate, devices. Where the start is hidden, the
//! file begins at midnight of the day.

use bytes::Bytes;
use formats::{Activity, Device, Format, Lap, Streams, Total, Totals};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kernel::{AccountId, ActivityId, Code, Refusal, Sport, time};
use privacy::DataClass;
use proto::activity::{Facts, Health, Leg};

use super::{App, Seen, original::Original};
use crate::{streams::show, wire};

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
    activity.name = Some(whole.name.clone()).filter(|name| !name.is_empty());
    activity.sub_sport = Some(facts.sub_sport.clone()).filter(|name| !name.is_empty());
    activity.utc_offset_s = seen.mask.shows(DataClass::StartTime).then_some(facts.utc_offset_s);
    let totals = &mut activity.totals;
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
    let pool = facts.pool.clone().map(wire::pool::of).unwrap_or_default();
    (activity.pool_length_m, activity.lengths) = (pool.length_m, pool.lengths);
    activity.devices = devices(seen);
    activity.streams = filled(streams);
    activity.legs = legs(facts, health, &activity);
    Some(activity)
}

/// Those that may be shown, the first one as the one that recorded.
fn devices(seen: &Seen) -> Vec<Device> {
    let known = seen.row.whole.devices.iter().filter(|_| seen.mask.shows(DataClass::Device));
    let known = known.flat_map(|devices| &devices.devices).enumerate();
    known.map(|(index, known)| Device { creator: index == 0, ..device(known) }).collect()
}

/// By FIT's numbers where it has one; words that it has none for stand in the name.
fn device(known: &proto::activity::Device) -> Device {
    let maker = known.manufacturer.parse().ok().or_else(|| number_of(&known.manufacturer));
    let product_id = known.product.parse().ok();
    let words = [(maker, &known.manufacturer), (product_id, &known.product), (None, &known.name)];
    let words: Vec<&str> = words
        .into_iter()
        .filter(|(number, word)| number.is_none() && !word.is_empty())
        .map(|(_, word)| word.as_str())
        .collect();
    Device {
        manufacturer_id: maker,
        product_id,
        serial: known.serial.parse().ok(),
        product_name: (!words.is_empty()).then(|| words.join(" ")),
        ..Device::default()
    }
}

fn number_of(maker: &str) -> Option<u16> {
    let named = |number| Device { manufacturer_id: Some(number), ..Device::default() };
    (0..=u16::MAX).find(|number| named(*number).manufacturer() == Some(maker))
}

/// The legs of a multisport activity, each with its rows and laps.
fn legs(facts: &Facts, health: Option<&Health>, whole: &Activity) -> Vec<Activity> {
    let after_s = |leg: &Leg| leg.start_us.saturating_sub(facts.start_us).max(0) as f64 / 1e6;
    let starts_s: Vec<f64> = facts.legs.iter().map(after_s).collect();
    let ends_s = starts_s.iter().skip(1).copied().chain([f64::INFINITY]);
    let columns = show::parts(&whole.streams, &starts_s);
    let of = facts.legs.iter().zip(columns).zip(starts_s.iter().copied().zip(ends_s)).enumerate();
    of.map(|(index, ((leg, streams), (start_s, end_s)))| {
        let heart = health.and_then(|health| health.legs.get(index)).copied().unwrap_or_default();
        let start = whole.start.checked_add(SignedDuration::from_secs_f64(start_s)).unwrap_or(whole.start);
        let mut activity = Activity::new(Sport::parse(&leg.sport).unwrap_or(Sport::Other), start);
        activity.sub_sport = Some(leg.sub_sport.clone()).filter(|name| !name.is_empty());
        activity.utc_offset_s = whole.utc_offset_s;
        activity.totals = Totals {
            elapsed_time_s: stated(Some(leg.elapsed_time_s)),
            timer_time_s: stated(leg.timer_time_s),
            moving_time_s: None,
            distance_m: stated(leg.distance_m),
            ascent_m: stated(leg.ascent_m),
            descent_m: stated(leg.descent_m),
            energy_kj: stated(leg.energy_kj),
            heart_rate_avg_bpm: stated(heart.heart_rate_avg_bpm),
            heart_rate_max_bpm: stated(heart.heart_rate_max_bpm),
            power_avg_w: stated(leg.power_avg_w),
            power_max_w: stated(leg.power_max_w),
            cadence_avg_rpm: stated(leg.cadence_avg_rpm),
        };
        let laps = whole.laps.iter().filter(|lap| (start_s..end_s).contains(&lap.start_s));
        activity.laps = laps.map(|lap| Lap { start_s: lap.start_s - start_s, ..*lap }).collect();
        activity.devices.clone_from(&whole.devices);
        activity.streams = filled(streams);
        activity
    })
    .collect()
}

fn stated(value: Option<f64>) -> Option<Total> {
    value.map(Total::device)
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
            energy_kj: lap.energy_kj,
            heart_rate_avg_bpm: heart.heart_rate_avg_bpm,
            heart_rate_max_bpm: heart.heart_rate_max_bpm,
            power_avg_w: lap.power_avg_w,
            power_max_w: lap.power_max_w,
            cadence_avg_rpm: lap.cadence_avg_rpm,
            // Why it was cut, and for what, is not kept.
            trigger: None,
            intensity: None,
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
