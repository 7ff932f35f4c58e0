//! Health exports as phones make them: the archive, its document, its routes; and what such an archive may not do.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use stadion_formats::{
    apple::{self, Document, Item, Wrapping},
    archive::{self, Fault, Kind, open},
    gpx, read, synth,
};

use crate::archives::{file, zip};

const WORKOUT: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="10" durationUnit="min" sourceName="W"
 startDate="2026-05-02 06:00:00 +0000" endDate="2026-05-02 06:10:00 +0000">
 <WorkoutRoute><FileReference path="/workout-routes/route_1.gpx"/></WorkoutRoute></Workout>"#;
const STEPS: &str = r#"<Record type="HKQuantityTypeIdentifierStepCount" unit="count" sourceName="P" value="7"
 startDate="2026-05-02 06:00:00 +0000" endDate="2026-05-02 06:10:00 +0000"/>"#;

fn document(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE HealthData [<!ELEMENT x y>]>\n<HealthData>{content}</HealthData>"
    )
}

fn items(archive: &[u8]) -> (Vec<Item>, bool) {
    let opened = open(archive).expect("an archive");
    let member = &opened.members()[opened.health_export().expect("an export")];
    let document = Document::member(archive, member).expect("it lies where it should");
    let mut reader = document.read_from(0).expect("a document");
    let items: Vec<_> = reader.by_ref().collect();
    let whole = items.iter().all(Result::is_ok) && !reader.counts().truncated;
    (items.into_iter().filter_map(Result::ok).collect(), whole)
}

#[test]
fn an_export_is_known_by_what_it_holds_whatever_it_is_called() {
    for name in ["apple_health_export/export.xml", "apple_health_export/导出.xml", "exportar.xml"] {
        let bytes = zip(&[
            file("apple_health_export/export_cda.xml", "<ClinicalDocument/>"),
            file("apple_health_export/other.xml", "<gpx/>"),
            file(name, document(STEPS)),
        ]);
        let archive = open(&bytes).unwrap();
        assert_eq!((archive.kind(), archive.health_export()), (Kind::AppleExport, Some(2)), "{name}");
        assert_eq!(archive.members()[0].fault, Some(Fault::NoDeviceFile));
        let (items, whole) = items(&bytes);
        assert!(whole && items.len() == 1);
    }
    let none = zip(&[file("apple_health_export/export.xml", "<gpx/>")]);
    assert_eq!(open(&none).unwrap().kind(), Kind::Plain);
}

#[test]
fn a_workout_takes_in_the_track_of_its_route() {
    let run = synth::run(1, "2026-05-02T06:00:05Z".parse().unwrap(), 1_500.0, 360.0);
    let bytes = zip(&[
        file("a/export.xml", document(WORKOUT)),
        file("a/workout-routes/ROUTE_1.gpx", gpx::write(&run)),
        file("a/../route_1.gpx", gpx::write(&run)),
    ]);
    let (mut items, _) = items(&bytes);
    let Some(Item::Workout(mut workout)) = items.pop() else { panic!("a workout") };
    let archive = open(&bytes).unwrap();
    let member = apple::named_in(archive.members(), &workout.routes[0]).unwrap();
    assert_eq!(member.name, "a/workout-routes/ROUTE_1.gpx");
    assert!(workout.activity.totals.distance_m.is_none());
    workout.follow(read(&archive::unpack(&bytes, member).unwrap()).unwrap().activities);
    let activity = &workout.activity;
    assert_eq!(activity.streams.time_s[0], 5.0, "counted from the workout's start");
    assert!(activity.streams.latlng[0].is_some());
    assert!((activity.totals.distance_m.unwrap().value - 1_500.0).abs() < 30.0);
    assert_eq!(activity.totals.elapsed_time_s.unwrap().value, 600.0, "as the device says");
    assert!(apple::named_in(archive.members(), "../../etc/passwd").is_none());
    assert!(apple::named_in(archive.members(), "").is_none());
}

#[test]
fn a_cut_or_damaged_document_gives_what_came_before() {
    let whole = document(&STEPS.repeat(5_000));
    let (items_found, is_whole) = items(&zip(&[file("a/export.xml", &whole[..whole.len() / 2])]));
    assert!(!is_whole && items_found.len() > 2_000, "{}", items_found.len());
    let mut damaged = zip(&[file("a/export.xml", whole)]);
    let half = damaged.len() / 2;
    damaged[half] ^= 0x55;
    let (items_found, is_whole) = items(&damaged);
    assert!(!is_whole && !items_found.is_empty());
}

#[test]
fn a_document_out_of_proportion_is_no_export() {
    let bomb = document(&" ".repeat(40 << 20));
    let bytes = zip(&[file("a/export.xml", bomb.clone())]);
    let archive = open(&bytes).unwrap();
    assert_eq!((archive.health_export(), archive.members()[0].fault), (None, Some(Fault::TooLarge)));
    // In gzip nothing says how much it will be: reading stops at the limit.
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bomb.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let mut reader = Document::open(packed, Wrapping::Gzip).read_from(0).unwrap();
    assert!(reader.any(|item| item.is_err()));
}

#[test]
fn reading_goes_on_in_any_wrapping() {
    let plain = document(&STEPS.repeat(100)).into_bytes();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(apple::detect(&plain), Some(Wrapping::Plain));
    assert_eq!(apple::detect(&packed), Some(Wrapping::Gzip));
    let run = synth::run(1, "2026-05-02T06:00:05Z".parse().unwrap(), 500.0, 360.0);
    assert_eq!(apple::detect(&gpx::write(&run).into_bytes()), None);
    for (bytes, wrapping) in [(plain, Wrapping::Plain), (packed, Wrapping::Gzip)] {
        let mut first = Document::open(bytes.as_slice(), wrapping).read_from(0).unwrap();
        assert_eq!(first.by_ref().take(40).filter(Result::is_ok).count(), 40);
        let rest = Document::open(bytes.as_slice(), wrapping).read_from(first.offset()).unwrap();
        assert_eq!(rest.filter(Result::is_ok).count(), 60);
    }
}
