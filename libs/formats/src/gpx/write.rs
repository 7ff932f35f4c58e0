//! An activity as GPX 1.1 with Garmin's track point extension, which everybody reads.

use std::fmt::Write as _;

use jiff::SignedDuration;

use crate::activity::{Activity, Sample};

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<gpx version=\"1.1\" creator=\"Stadion\" xmlns=\"http://www.topografix.com/GPX/1/1\" ",
    "xmlns:gpxtpx=\"http://www.garmin.com/xmlschemas/TrackPointExtension/v1\">\n",
);

/// Writes the samples that have a position; pauses part the segments. Totals, laps and legs have no place in GPX.
pub fn write(activity: &Activity) -> String {
    let mut out = String::from(HEAD);
    out.push_str(" <trk>\n");
    if let Some(name) = &activity.name {
        line(&mut out, format_args!("  <name>{}</name>\n", quick_xml::escape::escape(name.as_str())));
    }
    line(&mut out, format_args!("  <type>{}</type>\n  <trkseg>\n", activity.sport.as_str()));
    let mut pauses = activity.pauses.iter().peekable();
    let mut begun = false;
    for sample in activity.streams.samples() {
        let mut paused = false;
        while pauses.next_if(|pause| pause.end_s <= sample.time_s).is_some() {
            paused = begun;
        }
        if paused {
            out.push_str("  </trkseg>\n  <trkseg>\n");
        }
        begun |= point(&mut out, activity, &sample);
    }
    out.push_str("  </trkseg>\n </trk>\n</gpx>\n");
    out
}

fn point(out: &mut String, activity: &Activity, sample: &Sample) -> bool {
    let at_us = SignedDuration::from_micros((sample.time_s * 1e6).round() as i64);
    let (Some((lat, lng)), Ok(time)) = (sample.latlng, activity.start.checked_add(at_us)) else {
        return false;
    };
    line(out, format_args!("   <trkpt lat=\"{lat}\" lon=\"{lng}\">\n"));
    if let Some(altitude_m) = sample.altitude_m {
        line(out, format_args!("    <ele>{altitude_m}</ele>\n"));
    }
    line(out, format_args!("    <time>{time}</time>\n"));
    let inner = [
        ("atemp", sample.temperature_c),
        ("hr", sample.heart_rate_bpm),
        ("cad", sample.cadence_rpm),
        ("speed", sample.speed_mps),
    ];
    if sample.power_w.is_some() || inner.iter().any(|(_, value)| value.is_some()) {
        out.push_str("    <extensions>");
        if let Some(power_w) = sample.power_w {
            line(out, format_args!("<power>{power_w}</power>"));
        }
        out.push_str("<gpxtpx:TrackPointExtension>");
        for (name, value) in inner {
            if let Some(value) = value {
                line(out, format_args!("<gpxtpx:{name}>{value}</gpxtpx:{name}>"));
            }
        }
        out.push_str("</gpxtpx:TrackPointExtension></extensions>\n");
    }
    out.push_str("   </trkpt>\n");
    true
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}
