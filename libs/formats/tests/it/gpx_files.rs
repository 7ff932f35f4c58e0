//! Odd but common GPX, made here.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use stadion_formats::{Activity, Reading, Sample, read};

fn reading(document: &str) -> Reading {
    read(document.as_bytes()).unwrap_or_else(|problem| panic!("{problem}: {document}"))
}

fn only(document: &str) -> Activity {
    let mut reading = reading(document);
    assert_eq!(reading.salvage, None);
    assert_eq!(reading.activities.len(), 1);
    reading.activities.remove(0)
}

/// A point so many minutes after nine, a thousandth of a degree north each.
fn point(minute: u32, inner: &str) -> String {
    let (hour, of_hour) = (9 + minute / 60, minute % 60);
    let lat = f64::from(minute) / 1000.0;
    format!("<trkpt lat='{lat}' lon='7'><time>2024-05-04T{hour:02}:{of_hour:02}:00Z</time>{inner}</trkpt>")
}

fn track(minutes: &[u32]) -> String {
    let points: String = minutes.iter().map(|minute| point(*minute, "")).collect();
    format!("<trk><trkseg>{points}</trkseg></trk>")
}

fn gpx(tracks: &str) -> String {
    format!("<?xml version='1.0'?><gpx version='1.1' creator='test'>{tracks}</gpx>")
}

fn first_sample(inner: &str) -> Sample {
    let activity = only(&gpx(&format!("<trk><trkseg>{}</trkseg></trk>", point(0, inner))));
    activity.streams.sample(0).expect("one point")
}

#[test]
fn extensions_are_read_with_any_prefix_and_without() {
    let garmin = "<extensions><power>210</power><gpxtpx:TrackPointExtension><gpxtpx:atemp>21.5</gpxtpx:atemp>\
                  <gpxtpx:hr>151</gpxtpx:hr><gpxtpx:cad>88</gpxtpx:cad></gpxtpx:TrackPointExtension></extensions>";
    let cluetrust = "<extensions><gpxdata:hr>151</gpxdata:hr><gpxdata:cadence>88</gpxdata:cadence>\
                     <gpxdata:temp>21.5</gpxdata:temp><gpxdata:power>210</gpxdata:power></extensions>";
    let bare = "<heartrate>151</heartrate><cadence>88</cadence><temp>21.5</temp><watts>210</watts>";
    for inner in [garmin, cluetrust, bare] {
        let sample = first_sample(inner);
        assert_eq!(sample.heart_rate_bpm, Some(151.0), "{inner}");
        assert_eq!(sample.cadence_rpm, Some(88.0), "{inner}");
        assert_eq!(sample.temperature_c, Some(21.5), "{inner}");
        assert_eq!(sample.power_w, Some(210.0), "{inner}");
    }
}

#[test]
fn an_activity_is_called_what_its_track_or_else_its_file_is_called() {
    let point = point(0, "<name>Kilometre 1</name>");
    let named = |head: &str, inner: &str| {
        only(&gpx(&format!("{head}<trk>{inner}<trkseg>{point}</trkseg></trk>"))).name
    };
    let file =
        "<metadata><author><name>Aida</name></author><name>May</name></metadata><wpt><name>Home</name></wpt>";
    let track = "<name>Lunch &amp; a run&#33; <![CDATA[<3]]></name><extensions><name>x</name></extensions>";
    assert_eq!(named(file, track).as_deref(), Some("Lunch & a run! <3"));
    assert_eq!(named(file, "<name> \n </name>").as_deref(), Some("May"));
    assert_eq!(named("<name>As in 1.0</name>", "").as_deref(), Some("As in 1.0"));
    assert_eq!(named("<rte><name>Plan</name></rte>", ""), None);
    let long = named("", &format!("<name>{}</name>", "й".repeat(600)));
    assert_eq!(long, Some("й".repeat(200)));
    // Two workouts are not what their file is called.
    let two = format!("{file}{}{}", track_of("<name>One</name>", 0), track_of("", 300));
    let names: Vec<_> = reading(&gpx(&two)).activities.into_iter().map(|activity| activity.name).collect();
    assert_eq!(names, [Some("One".to_owned()), None]);
}

fn track_of(head: &str, minute: u32) -> String {
    format!("<trk>{head}<trkseg>{}{}</trkseg></trk>", point(minute, ""), point(minute + 1, ""))
}

#[test]
fn speed_is_read_where_version_1_0_and_where_version_1_1_put_it() {
    assert_eq!(first_sample("<speed>3.25</speed>").speed_mps, Some(3.25));
    assert_eq!(first_sample("<extensions><speed>3.25</speed></extensions>").speed_mps, Some(3.25));
}

#[test]
fn values_that_cannot_be_are_missing() {
    let sample = first_sample("<ele>1e400</ele><hr>0</hr><power>NaN</power><speed>-1</speed><cad>many</cad>");
    let nothing = Sample { latlng: sample.latlng, distance_m: Some(0.0), ..Sample::default() };
    assert_eq!(sample, nothing);
}

#[test]
fn segments_of_a_track_are_parted_by_pauses() {
    let one = track(&[0, 1, 2]).replace("</trk>", "");
    let other = track(&[30, 31]).replace("<trk>", "");
    let activity = only(&gpx(&format!("{one}{other}")));
    assert_eq!((activity.pauses[0].start_s, activity.pauses[0].end_s), (120.0, 1800.0));
    assert_eq!(activity.totals.timer_time_s.expect("computed").value, 180.0);
    let step_m = 111.3;
    let distance_m = activity.totals.distance_m.expect("computed").value;
    assert!((distance_m - 3.0 * step_m).abs() < 1.0, "moved while paused: {distance_m}");
}

#[test]
fn tracks_within_half_an_hour_are_one_workout_and_others_are_not() {
    let near = format!("{}{}", track(&[0, 1]), track(&[31, 32]));
    assert_eq!(only(&gpx(&near)).pauses.len(), 1);
    let far = format!("{}{}", track(&[0, 1]), track(&[32, 33]));
    let reading = reading(&gpx(&far));
    let numbers: Vec<_> = reading.activities.iter().map(|activity| activity.session_index).collect();
    assert_eq!(numbers, [0, 1]);
    let backwards = format!("{}{}", track(&[31, 32]), track(&[0, 1]));
    assert_eq!(read(gpx(&backwards).as_bytes()).expect("two").activities.len(), 2);
    let ride = track(&[5, 6]).replace("<trk>", "<trk><type>cycling</type>");
    let run = track(&[0, 1]).replace("<trk>", "<trk><type>running</type>");
    assert_eq!(read(gpx(&format!("{run}{ride}")).as_bytes()).expect("two").activities.len(), 2);
}

#[test]
fn the_type_is_understood_in_words_and_in_numbers() {
    for (word, sport) in [
        ("running", "running"),
        ("Run", "running"),
        ("9", "running"),
        ("1", "cycling"),
        ("Biking", "cycling"),
        ("trail running", "running"),
        ("10", "walking"),
        ("strength", "strength"),
        ("underwater basket weaving", "other"),
    ] {
        let document = gpx(&track(&[0]).replace("<trk>", &format!("<trk><type>{word}</type>")));
        assert_eq!(only(&document).sport.as_str(), sport, "{word}");
    }
}

#[test]
fn a_point_without_a_time_between_others_gets_one() {
    let timeless = "<trkpt lat='0.0005' lon='7'><ele>1</ele></trkpt>";
    let document = gpx(&format!("<trk><trkseg>{}{timeless}{}</trkseg></trk>", point(0, ""), point(1, "")));
    assert_eq!(only(&document).streams.time_s, [0.0, 30.0, 60.0]);
}

#[test]
fn a_file_without_any_time_is_a_route() {
    let problem =
        read(gpx("<trk><trkseg><trkpt lat='1' lon='1'/></trkseg></trk>").as_bytes()).expect_err("a route");
    assert_eq!(problem.code(), "file_not_activity");
    assert!(problem.detail().contains("no time"), "{problem}");
}

#[test]
fn points_out_of_order_are_sorted() {
    let activity = only(&gpx(&track(&[2, 0, 1])));
    assert_eq!(activity.streams.time_s, [0.0, 60.0, 120.0]);
}

#[test]
fn a_document_that_breaks_off_gives_the_points_before() {
    let whole = gpx(&track(&[0, 1, 2]));
    for broken in [&whole[..whole.len() - 40], &whole.replace("</trkseg>", "</wrong>")] {
        let reading = reading(broken);
        assert!(reading.activities[0].streams.len() >= 2);
        assert!(reading.salvage.is_some(), "{broken}");
    }
}

#[test]
fn damage_in_the_middle_costs_the_points_around_it() {
    let minutes: Vec<u32> = (0..100).collect();
    let whole = gpx(&track(&minutes));
    let middle = whole[..whole.len() / 2].rfind("<trkpt").expect("a point") + 40;
    for damage in ["</nonsense>", "<", "<!-- "] {
        let reading = reading(&format!("{}{damage}{}", &whole[..middle], &whole[middle..]));
        assert!(reading.activities[0].streams.len() >= 98, "{damage}");
        assert!(
            reading.salvage.expect("a salvage").reasons.contains(&"malformed_xml".to_owned()),
            "{damage}"
        );
    }
}

#[test]
fn latin_1_and_a_byte_order_mark_are_no_obstacle() {
    let mut latin1 = gpx(&track(&[0]).replace("<trk>", "<trk><name>Z?rich</name>")).into_bytes();
    let umlaut = latin1.iter().rposition(|byte| *byte == b'?').expect("a place for it");
    latin1[umlaut] = 0xfc;
    assert!(read(&latin1).is_ok());
    let marked = [&[0xef, 0xbb, 0xbf], gpx(&track(&[0])).as_bytes()].concat();
    assert!(read(&marked).is_ok());
}

#[test]
fn other_xml_is_named() {
    let problem = read(b"<kml/>").expect_err("a KML file");
    assert_eq!(problem.code(), "file_not_activity");
    assert!(problem.detail().contains("kml"), "{problem}");
}

#[test]
fn gzip_is_taken_off_once() {
    let zipped = gzip(gpx(&track(&[0, 1])).as_bytes());
    let reading = read(&zipped).expect("an activity");
    assert!(reading.gzipped);
    assert_eq!(reading.format.as_str(), "gpx");
    let problem = read(&gzip(&zipped)).expect_err("gzip in gzip");
    assert_eq!(problem.code(), "file_not_activity");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}
