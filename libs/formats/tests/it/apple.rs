//! Apple Health exports: what is taken from them, in either form, and how much memory it takes.

use std::io::Read;

use stadion_formats::apple::{Counts, Item, Reader, Record, Workout};
use stadion_formats::{Sample, Source};

use crate::samples::sample;

fn items(xml: &str) -> (Vec<Item>, Counts) {
    let mut reader = Reader::new(xml.as_bytes()).expect("an export");
    let items = reader.by_ref().collect::<Result<Vec<_>, _>>().expect("well-formed");
    (items, reader.counts())
}

fn export(content: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<HealthData locale=\"en_US\">{content}</HealthData>")
}

fn only_workout(xml: &str) -> Workout {
    match items(xml).0.remove(0) {
        Item::Workout(workout) => *workout,
        Item::Record(record) => panic!("{record:?}"),
    }
}

const HEART: &str = r#"<Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Tom &amp; Co" unit="count/min"
    startDate="2024-01-01 01:01:36 +0200" endDate="2024-01-01 01:01:36 +0200" value="74"/>"#;

#[test]
fn the_older_form_has_totals_as_attributes_and_places_inline() {
    let Some(bytes) = sample("other/apple-export-mini.xml") else { return };
    let (items, counts) = items(str::from_utf8(&bytes).expect("text"));
    assert_eq!(
        (counts.records, counts.workouts, counts.skipped, counts.bad),
        (1, 1, 1, 0),
        "no body mass index"
    );
    let Item::Workout(run) = &items[1] else { panic!("the run comes last") };
    let totals = run.activity.totals;
    assert_eq!((run.activity.sport.as_str(), run.source.as_str()), ("running", "Apple\u{a0}Watch"));
    assert_eq!(run.activity.start.to_string(), "2016-11-14T14:25:41Z");
    assert_eq!(run.activity.utc_offset_s, Some(-25_200));
    assert!((totals.distance_m.expect("miles").value - 800.1).abs() < 0.1);
    assert!((totals.energy_kj.expect("kcal").value - 203.9).abs() < 0.1);
    assert_eq!(run.activity.streams.latlng.iter().flatten().count(), 2);
}

#[test]
fn another_sample_gives_its_records_in_our_kinds() {
    let Some(bytes) = sample("other/apple-export-mini2.xml") else { return };
    let (items, counts) = items(str::from_utf8(&bytes).expect("text"));
    let kinds = items.iter().map(|item| match item {
        Item::Record(record) => record.kind,
        Item::Workout(_) => "workout",
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(counts.records + counts.skipped, 8);
    assert_eq!(kinds.iter().filter(|kind| **kind == "heart_rate").count(), 2);
    assert!(kinds.iter().any(|kind| kind.starts_with("sleep")), "{kinds:?}");
}

#[test]
fn the_newer_form_has_statistics_events_and_routes_by_name() {
    let workout = only_workout(&export(
        r#"<Workout workoutActivityType="HKWorkoutActivityTypeCycling" duration="50" durationUnit="min" sourceName="W"
            startDate="2024-05-01 1:00:00 pm +0500" endDate="2024-05-01 2:00:00 pm +0500">
          <MetadataEntry key="HKElevationAscended" value="12345 cm"/>
          <WorkoutEvent type="HKWorkoutEventTypePause" date="2024-05-01 1:10:00 pm +0500"/>
          <WorkoutEvent type="HKWorkoutEventTypeResume" date="2024-05-01 1:20:00 pm +0500"/>
          <WorkoutEvent type="HKWorkoutEventTypeLap" date="2024-05-01 1:30:00 pm +0500" duration="5" durationUnit="min"/>
          <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceCycling" sum="20.5" unit="km"/>
          <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="130" minimum="90" maximum="160" unit="count/min"/>
          <WorkoutRoute sourceName="W"><FileReference path="/workout-routes/route_1.gpx"/></WorkoutRoute>
        </Workout>"#,
    ));
    let (ride, totals) = (&workout.activity, workout.activity.totals);
    assert_eq!(workout.routes, ["/workout-routes/route_1.gpx"]);
    assert_eq!(totals.distance_m.expect("km").value, 20_500.0);
    assert_eq!(totals.heart_rate_max_bpm.expect("beats").value, 160.0);
    assert_eq!(
        (totals.timer_time_s.expect("min").value, totals.elapsed_time_s.expect("h").value),
        (3_000.0, 3_600.0)
    );
    assert_eq!(totals.ascent_m.expect("cm").value, 123.45);
    assert_eq!(
        (ride.pauses[0].start_s, ride.pauses[0].end_s, ride.laps[0].start_s),
        (600.0, 1_200.0, 1_800.0)
    );
}

#[test]
fn the_document_type_is_skipped_even_an_ill_formed_one_and_refused_later() {
    let dtd = "<!DOCTYPE HealthData [\n<!-- < > ]> --><!ELEMENT HealthData (Record*)><!ENTITY a \"b\">\n<!ATTLIST x ]>";
    let (items_found, _) = items(&format!("<?xml version=\"1.0\"?>{dtd}<HealthData>{HEART}</HealthData>"));
    let [Item::Record(Record { kind, source, value, .. })] = &items_found[..] else { panic!("one record") };
    assert_eq!((*kind, source.as_str(), *value), ("heart_rate", "Tom & Co", 74.0));
    let mut late = Reader::new(&b"<HealthData><!DOCTYPE x></HealthData>"[..]).expect("an export");
    assert_eq!(late.next().expect("an answer").expect_err("refused").code(), "file_unreadable");
    assert!(late.next().is_none());
}

#[test]
fn what_is_nested_in_a_correlation_is_not_taken_twice() {
    let (_, counts) = items(&export(&format!("<Correlation>{HEART}</Correlation>{HEART}")));
    assert_eq!(counts.records, 1);
}

#[test]
fn other_xml_and_elements_without_end_are_refused() {
    assert_eq!(Reader::new(&b"<gpx></gpx>"[..]).err().expect("no export").code(), "file_not_activity");
    let endless = format!("<HealthData><Record type=\"{}", "x".repeat(3 << 20));
    let mut reader = Reader::new(endless.as_bytes()).expect("an export");
    assert_eq!(reader.next().expect("an answer").expect_err("too long").code(), "file_unreadable");
    let deep = format!("<HealthData>{}", "<a>".repeat(1_000));
    assert!(Reader::new(deep.as_bytes()).expect("an export").next().expect("an answer").is_err());
}

#[test]
fn a_cut_export_gives_what_was_before_the_cut() {
    let whole = export(&HEART.repeat(3));
    let mut reader = Reader::new(&whole.as_bytes()[..whole.len() - 100]).expect("an export");
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
}

#[test]
fn reading_goes_on_where_it_stopped() {
    let whole = export(&HEART.repeat(10));
    let mut first = Reader::new(whole.as_bytes()).expect("an export");
    assert_eq!(first.by_ref().take(4).filter(Result::is_ok).count(), 4);
    let offset = first.offset();
    let mut rest = Reader::resumed(&whole.as_bytes()[offset as usize..], offset);
    assert_eq!(rest.by_ref().filter(Result::is_ok).count(), 6);
    assert_eq!((rest.offset(), rest.counts().truncated), (whole.len() as u64, false));
}

/// An export that is made while it is read.
struct Endless {
    left: usize,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.piece.len() {
            if self.left == 0 {
                return Ok(0);
            }
            (self.left, self.at) = (self.left - 1, 0);
        }
        let count = (&self.piece[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// `cargo test --release -p stadion-formats --test it -- --ignored --nocapture export_of_400_mb`
#[test]
#[ignore = "a measurement: 400 MB"]
fn an_export_of_400_mb_is_read_in_a_few() {
    let piece = HEART.repeat(1_000).into_bytes();
    let times = (400 << 20) / piece.len();
    let size = piece.len() * times;
    let head = std::io::Cursor::new(b"<HealthData>".to_vec());
    let mut reader =
        Reader::new(head.chain(Endless { left: times, at: piece.len(), piece })).expect("an export");
    let before_kb = resident_kb();
    let began = std::time::Instant::now();
    let records = reader.by_ref().filter(Result::is_ok).count();
    let took_s = began.elapsed().as_secs_f64();
    let more_kb = resident_kb() - before_kb;
    println!("{records} records, {:.0} MB/s, {more_kb} kB more", size as f64 / 1e6 / took_s);
    assert_eq!(records, times * 1_000);
    assert!(more_kb < 8 << 10, "{more_kb} kB");
}

#[test]
fn heart_rates_of_its_time_become_a_column_of_the_workout() {
    let workout = only_workout(&export(
        r#"<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="10" durationUnit="min" sourceName="W"
            startDate="2024-05-01 13:00:00 +0500" endDate="2024-05-01 13:10:00 +0500"></Workout>"#,
    ));
    // Without a track each value is a row.
    let mut indoors = workout.clone();
    indoors.beat(&[(0.0, 120.0), (5.0, 130.0)]);
    let streams = &indoors.activity.streams;
    assert_eq!((&streams.time_s[..], streams.heart_rate_bpm[1]), (&[0.0, 5.0][..], Some(130.0)));
    let average = indoors.activity.totals.heart_rate_avg_bpm.expect("worked out");
    assert_eq!((average.value, average.source), (125.0, Source::Computed));
    // Along a track it holds until the next, for ten seconds; what is far from the track is a row by itself.
    let mut outdoors = workout;
    for second in 20..60 {
        let latlng = Some((43.2, 76.9 + f64::from(second) * 1e-5));
        outdoors.activity.streams.push(Sample { time_s: f64::from(second), latlng, ..Sample::default() });
    }
    let rows = outdoors.activity.streams.clone();
    outdoors.beat(&[(2.0, 100.0), (19.5, 110.0), (24.2, 111.0), (59.5, 112.0), (80.0, 113.0)]);
    let streams = &outdoors.activity.streams;
    let at = |second: f64| {
        let row = streams.time_s.iter().position(|time_s| *time_s == second).expect("a row");
        streams.heart_rate_bpm[row]
    };
    assert_eq!(streams.len(), rows.len() + 2);
    assert_eq!([at(2.0), at(20.0), at(24.0), at(25.0)], [100.0, 110.0, 110.0, 111.0].map(Some));
    assert_eq!([at(34.0), at(35.0), at(80.0)], [Some(111.0), None, Some(113.0)]);
    assert!(streams.time_s.is_sorted());
    assert_eq!(streams.latlng.iter().flatten().count(), rows.len(), "the track is as it was");
    let before = outdoors.clone();
    outdoors.beat(&[(3.0, 90.0)]);
    assert_eq!(outdoors, before, "a column that is there stays");
}
