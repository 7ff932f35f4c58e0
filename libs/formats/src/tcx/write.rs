//! An activity as TCX with Garmin's activity extension, valid by their schemas.
//!
//! TCX knows three sports; ours stands beside as an extension. Heart rate, power, cadence and energy are whole numbers
//! there, a lap without a distance or an energy has zero, and temperatures have no place.

use std::fmt::Write as _;

use jiff::SignedDuration;
use kernel::Sport;

use crate::activity::{Activity, Device, Lap, Pause, Sample};

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<TrainingCenterDatabase xmlns=\"http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2\" ",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
    "xmlns:x=\"http://www.garmin.com/xmlschemas/ActivityExtension/v2\" ",
    "xmlns:stadion=\"urn:stadion:activity:1\">\n <Activities>\n",
);
const TAIL: &str = " </Activities>\n</TrainingCenterDatabase>\n";
const KJ_PER_KCAL: f64 = 4.184;
const SERIAL_UNKNOWN: u32 = 0;

/// Writes the activity; one with legs as a session of several sports.
pub fn write(activity: &Activity) -> String {
    let mut out = String::from(HEAD);
    let Some((first, rest)) = activity.legs.split_first() else {
        leg(&mut out, activity);
        out.push_str(TAIL);
        return out;
    };
    add(&mut out, format_args!("  <MultiSportSession>\n  <Id>{}</Id>\n  <FirstSport>\n", activity.start));
    leg(&mut out, first);
    out.push_str("  </FirstSport>\n");
    for next in rest {
        out.push_str("  <NextSport>\n");
        leg(&mut out, next);
        out.push_str("  </NextSport>\n");
    }
    notes(&mut out, activity);
    out.push_str("  </MultiSportSession>\n");
    out.push_str(TAIL);
    out
}

fn leg(out: &mut String, activity: &Activity) {
    let sport = match activity.sport {
        Sport::Running => "Running",
        Sport::Cycling => "Biking",
        _ => "Other",
    };
    add(out, format_args!("  <Activity Sport=\"{sport}\">\n   <Id>{}</Id>\n", activity.start));
    let mut samples = activity.streams.samples().peekable();
    for (index, written) in laps(activity).iter().enumerate() {
        let until_s = activity.laps.get(index + 1).map_or(f64::INFINITY, |next| next.start_s);
        lap(out, activity, written);
        track(out, activity, std::iter::from_fn(|| samples.next_if(|sample| sample.time_s < until_s)));
        lap_extension(out, activity.sport, written);
        out.push_str("   </Lap>\n");
    }
    notes(out, activity);
    if let Some(device) = activity.devices.iter().find(|device| device.creator) {
        creator(out, device);
    }
    add(out, format_args!("   <Extensions><stadion:Sport>{}</stadion:Sport>", activity.sport.as_str()));
    if let Some(sub_sport) = &activity.sub_sport {
        out.push_str("<stadion:SubSport>");
        text(out, sub_sport);
        out.push_str("</stadion:SubSport>");
    }
    out.push_str("</Extensions>\n  </Activity>\n");
}

/// The name, where others look for it.
fn notes(out: &mut String, activity: &Activity) {
    if let Some(name) = &activity.name {
        out.push_str("   <Notes>");
        text(out, name);
        out.push_str("</Notes>\n");
    }
}

/// The laps as they are written: TCX has one at least, the first begins with the activity, each has its time and way.
fn laps(activity: &Activity) -> Vec<Lap> {
    let totals = &activity.totals;
    let value = |total: Option<crate::Total>| total.map(|total| total.value);
    if activity.laps.is_empty() {
        return vec![Lap {
            start_s: 0.0,
            elapsed_time_s: value(totals.elapsed_time_s),
            timer_time_s: value(totals.timer_time_s),
            distance_m: value(totals.distance_m),
            energy_kj: value(totals.energy_kj),
            heart_rate_avg_bpm: value(totals.heart_rate_avg_bpm),
            heart_rate_max_bpm: value(totals.heart_rate_max_bpm),
            power_avg_w: value(totals.power_avg_w),
            power_max_w: value(totals.power_max_w),
            cadence_avg_rpm: value(totals.cadence_avg_rpm),
            ..Lap::default()
        }];
    }
    let end_s = activity.streams.time_s.last().copied().or(value(totals.elapsed_time_s)).unwrap_or(0.0);
    let ends_s = activity.laps.iter().skip(1).map(|next| next.start_s).chain([end_s]);
    let completed = activity.laps.iter().zip(ends_s).enumerate().map(|(index, (lap, end_s))| {
        let start_s = if index == 0 { 0.0 } else { lap.start_s };
        let timer_time_s = lap.timer_time_s.unwrap_or_else(|| running_s(&activity.pauses, start_s, end_s));
        let distance_m = lap.distance_m.or_else(|| way_m(activity, start_s, end_s));
        Lap { start_s, timer_time_s: Some(timer_time_s), distance_m, ..*lap }
    });
    completed.collect()
}

/// The time between two moments with the pauses taken out.
fn running_s(pauses: &[Pause], start_s: f64, end_s: f64) -> f64 {
    let paused = |pause: &Pause| (pause.end_s.min(end_s) - pause.start_s.max(start_s)).max(0.0);
    (end_s - start_s - pauses.iter().map(paused).sum::<f64>()).max(0.0)
}

fn way_m(activity: &Activity, start_s: f64, end_s: f64) -> Option<f64> {
    let streams = &activity.streams;
    let within = |(time_s, way_m): (&f64, &Option<f64>)| way_m.filter(|_| (start_s..=end_s).contains(time_s));
    let mut ways = streams.time_s.iter().zip(&streams.distance_m).filter_map(within);
    let first_m = ways.next()?;
    Some((ways.next_back().unwrap_or(first_m) - first_m).max(0.0))
}

fn lap(out: &mut String, activity: &Activity, lap: &Lap) {
    let Some(start) = moment(activity, lap.start_s) else { return out.push_str("   <Lap>\n") };
    let timer_s = lap.timer_time_s.or(lap.elapsed_time_s).unwrap_or(0.0);
    let kcal = lap.energy_kj.map_or(0.0, |energy_kj| (energy_kj / KJ_PER_KCAL).round().clamp(0.0, 65_535.0));
    add(
        out,
        format_args!("   <Lap StartTime=\"{start}\">\n    <TotalTimeSeconds>{timer_s}</TotalTimeSeconds>\n"),
    );
    add(out, format_args!("    <DistanceMeters>{}</DistanceMeters>\n", lap.distance_m.unwrap_or(0.0)));
    add(out, format_args!("    <Calories>{kcal}</Calories>\n"));
    let beats = |value: Option<f64>| value.map(f64::round).filter(|beats| (1.0..=255.0).contains(beats));
    for (name, value) in
        [("AverageHeartRateBpm", lap.heart_rate_avg_bpm), ("MaximumHeartRateBpm", lap.heart_rate_max_bpm)]
    {
        if let Some(beats) = beats(value) {
            add(out, format_args!("    <{name}><Value>{beats}</Value></{name}>\n"));
        }
    }
    out.push_str("    <Intensity>Active</Intensity>\n");
    if activity.sport != Sport::Running {
        leaf(out, "Cadence", whole(lap.cadence_avg_rpm, 254.0));
    }
    out.push_str("    <TriggerMethod>Manual</TriggerMethod>\n");
}

/// The points of a lap; a pause parts them into tracks.
fn track(out: &mut String, activity: &Activity, samples: impl Iterator<Item = Sample>) {
    let mut last_s = None;
    for sample in samples {
        let paused = |last_s: f64| {
            let between = |pause: &Pause| pause.start_s >= last_s && pause.end_s <= sample.time_s;
            let first = activity.pauses.partition_point(|pause| pause.end_s <= last_s);
            activity.pauses.get(first).is_some_and(between)
        };
        match last_s {
            None => out.push_str("    <Track>\n"),
            Some(last_s) if paused(last_s) => out.push_str("    </Track>\n    <Track>\n"),
            Some(_) => {}
        }
        last_s = Some(sample.time_s);
        point(out, activity, &sample);
    }
    if last_s.is_some() {
        out.push_str("    </Track>\n");
    }
}

fn point(out: &mut String, activity: &Activity, sample: &Sample) {
    let Some(time) = moment(activity, sample.time_s) else { return };
    add(out, format_args!("     <Trackpoint><Time>{time}</Time>"));
    if let Some((lat, lng)) = sample.latlng {
        add(out, format_args!("<Position><LatitudeDegrees>{lat}</LatitudeDegrees>"));
        add(out, format_args!("<LongitudeDegrees>{lng}</LongitudeDegrees></Position>"));
    }
    leaf(out, "AltitudeMeters", sample.altitude_m);
    leaf(out, "DistanceMeters", sample.distance_m);
    if let Some(beats) = whole(sample.heart_rate_bpm, 255.0) {
        add(out, format_args!("<HeartRateBpm><Value>{beats}</Value></HeartRateBpm>"));
    }
    let running = activity.sport == Sport::Running;
    let cadence_rpm = whole(sample.cadence_rpm, 254.0);
    leaf(out, "Cadence", cadence_rpm.filter(|_| !running));
    let run_cadence_rpm = cadence_rpm.filter(|_| running);
    let power_w = whole(sample.power_w, 65_535.0);
    if sample.speed_mps.is_some() || run_cadence_rpm.is_some() || power_w.is_some() {
        out.push_str("<Extensions><x:TPX>");
        leaf(out, "x:Speed", sample.speed_mps);
        leaf(out, "x:RunCadence", run_cadence_rpm);
        leaf(out, "x:Watts", power_w);
        out.push_str("</x:TPX></Extensions>");
    }
    out.push_str("</Trackpoint>\n");
}

fn lap_extension(out: &mut String, sport: Sport, lap: &Lap) {
    let run_cadence_rpm = whole(lap.cadence_avg_rpm, 254.0).filter(|_| sport == Sport::Running);
    let (avg_w, max_w) = (whole(lap.power_avg_w, 65_535.0), whole(lap.power_max_w, 65_535.0));
    if run_cadence_rpm.is_none() && avg_w.is_none() && max_w.is_none() {
        return;
    }
    out.push_str("    <Extensions><x:LX>");
    leaf(out, "x:AvgRunCadence", run_cadence_rpm);
    leaf(out, "x:AvgWatts", avg_w);
    leaf(out, "x:MaxWatts", max_w);
    out.push_str("</x:LX></Extensions>\n");
}

fn creator(out: &mut String, device: &Device) {
    let Some(name) = &device.product_name else { return };
    out.push_str("   <Creator xsi:type=\"Device_t\"><Name>");
    text(out, name);
    let (unit, product) = (device.serial.unwrap_or(SERIAL_UNKNOWN), device.product_id.unwrap_or(0));
    add(out, format_args!("</Name><UnitId>{unit}</UnitId><ProductID>{product}</ProductID>"));
    let version = (device.software_version.unwrap_or(0.0).clamp(0.0, 655.0) * 100.0).round();
    let (major, minor) = ((version / 100.0).floor(), version % 100.0);
    add(
        out,
        format_args!("<Version><VersionMajor>{major}</VersionMajor><VersionMinor>{minor}</VersionMinor>"),
    );
    out.push_str("<BuildMajor>0</BuildMajor><BuildMinor>0</BuildMinor></Version></Creator>\n");
}

fn moment(activity: &Activity, after_s: f64) -> Option<jiff::Timestamp> {
    activity.start.checked_add(SignedDuration::from_micros((after_s * 1e6).round() as i64)).ok()
}

/// A whole number from zero up, as the schema has it.
fn whole(value: Option<f64>, most: f64) -> Option<f64> {
    value.map(f64::round).filter(|value| (0.0..=most).contains(value))
}

fn leaf(out: &mut String, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        add(out, format_args!("<{name}>{value}</{name}>"));
    }
}

fn text(out: &mut String, plain: &str) {
    out.push_str(&quick_xml::escape::escape(plain));
}

fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}
