//! Files that mean harm are turned away fast, with a clear word.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use stadion_formats::{Problem, read};

use crate::samples::sample;

/// No measure of speed: what we guard against takes minutes to forever.
const SOON: Duration = Duration::from_secs(60);

fn refused_soon(bytes: &[u8]) -> Problem {
    let begun = Instant::now();
    let problem = read(bytes).expect_err("a hostile file");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    problem
}

#[test]
fn a_document_type_is_refused() {
    for file in ["billion-laughs.gpx", "xxe.gpx", "quadratic.tcx"] {
        let Some(bytes) = sample(&format!("other/hostile/{file}")) else { return };
        let problem = refused_soon(&bytes);
        assert_eq!(problem.code(), "file_unreadable", "{file}");
        assert!(problem.detail().contains("document type"), "{file}: {problem}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for root in ["gpx", "TrainingCenterDatabase"] {
        let nested = format!("<{root}>{}", "<Extensions>".repeat(200_000));
        assert!(refused_soon(nested.as_bytes()).detail().contains("nested"));
    }
    let Some(bytes) = sample("other/hostile/deep-nesting.gpx") else { return };
    assert!(refused_soon(&bytes).detail().contains("nested"));
}

#[test]
fn archives_are_left_to_those_who_open_archives() {
    for file in ["zipbomb-100MiB.zip", "zip-slip.zip", "zip-20k-entries.zip"] {
        let Some(bytes) = sample(&format!("other/hostile/{file}")) else { return };
        assert_eq!(refused_soon(&bytes).code(), "file_not_activity", "{file}");
    }
}

#[test]
fn nan_is_no_place_but_null_island_is_one() {
    let Some(bytes) = sample("other/hostile/nan-inf-coords.gpx") else { return };
    let reading = read(&bytes).expect("one good point");
    assert_eq!(reading.activities[0].streams.latlng, [Some((0.0, 0.0))]);
    assert_eq!(reading.salvage.expect("a salvage").reasons, ["bad_position"]);
}

#[test]
fn a_gzip_bomb_stops_at_its_ratio() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 64 << 20]).expect("in memory");
    let bomb = encoder.finish().expect("in memory");
    let problem = refused_soon(&bomb);
    assert!(problem.detail().contains("limit"), "{problem}");
}

#[test]
fn a_point_with_a_thousand_attributes_is_refused() {
    let attributes: String = (0..1000).map(|number| format!(" a{number}='1'")).collect();
    let document = format!("<gpx><trk><trkseg><trkpt{attributes}/></trkseg></trk></gpx>");
    assert!(refused_soon(document.as_bytes()).detail().contains("attributes"));
}

#[test]
fn a_document_that_is_broken_everywhere_ends_soon() {
    for (root, inner) in [
        ("gpx", "<trk><trkseg>"),
        ("TrainingCenterDatabase", "<Activities><Activity Sport='Running'><Lap><Track>"),
    ] {
        let point = if root == "gpx" { "<trkpt><!-- " } else { "<Trackpoint><!-- " };
        let document = format!("<{root}>{inner}{}", point.repeat(500_000));
        let begun = Instant::now();
        let _ = read(document.as_bytes());
        assert!(begun.elapsed() < SOON, "{root}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_long_run_of_undefined_messages_ends_soon() {
    let mut writer = stadion_formats::fit::Writer::new();
    writer.raw(&[0x0f; 200_000]);
    assert_eq!(refused_soon(&writer.finish()).code(), "file_unreadable");
}
