//! Archives that have lost their list of files: what is still there comes out, and what is not is said.

use proptest::prelude::*;
use stadion_formats::apple::{Document, Item};
use stadion_formats::archive::{self, Fault, Kind, open, unpack};

use crate::archives::{Descriptor, Packed, file, marked, unmarked, wide, zip, zip_with_ends};

/// `(name, what is wrong with it)`.
fn members(bytes: &[u8]) -> Vec<(String, Option<Fault>)> {
    let archive = open(bytes).expect("an archive");
    archive.members().iter().map(|member| (member.name.clone(), member.fault)).collect()
}

fn contents(bytes: &[u8]) -> Vec<Vec<u8>> {
    let archive = open(bytes).expect("an archive");
    archive.members().iter().filter_map(|member| unpack(bytes, member).ok()).collect()
}

/// Text that packs well and badly, and looks like headers here and there.
fn text(seed: u8, length: usize) -> Vec<u8> {
    let noise = (0..length).map(|at| (at * at / 7) as u8 ^ seed);
    noise.chain(*b"PK\x03\x04PK\x07\x08PK\x01\x02PK\x05\x06").collect()
}

fn all_kinds() -> Vec<Packed> {
    let stored = |name: &str, data: Vec<u8>| Packed { deflated: false, ..file(name, data) };
    vec![
        file("a.fit", text(1, 700)),
        stored("b.gpx", text(2, 300)),
        Packed { descriptor: Some(marked), ..file("c.tcx", text(3, 900)) },
        Packed { descriptor: Some(unmarked), ..file("d.gpx", text(4, 500)) },
        Packed { descriptor: Some(wide), ..file("e.fit", text(5, 400)) },
        Packed { descriptor: Some(marked), ..stored("f.gpx", text(6, 300)) },
        Packed { descriptor: Some(marked), ..stored("g/", Vec::new()) },
        file("g/empty.fit", ""),
        file("g/photo.jpg", text(7, 300)),
        file("g/last.fit", text(8, 600)),
    ]
}

#[test]
fn cut_at_any_byte_an_archive_gives_every_file_before_the_cut() {
    let files = all_kinds();
    let (whole, ends) = zip_with_ends(&files);
    assert_eq!(open(&whole).unwrap().bytes_lost(), None);
    for length in ends[0]..whole.len() {
        let cut = &whole[..length];
        let before = ends.iter().filter(|end| **end <= length).count();
        let wanted: Vec<_> = files[..before]
            .iter()
            .filter(|file| !file.name.ends_with('/') && !file.name.ends_with("jpg"))
            .map(|file| file.data.clone())
            .collect();
        let found = contents(cut);
        assert!(found.starts_with(&wanted), "{length}: {} of {}", found.len(), wanted.len());
        // One more at most: it is whole, and what describes it is not.
        assert!(found.len() <= wanted.len() + 1, "{length}");
        let lost = open(cut).unwrap().bytes_lost().expect("it is said");
        assert!(lost < 1_500, "{length}: {lost}");
    }
}

#[test]
fn a_file_that_is_cut_is_named_and_what_is_lost_is_counted() {
    let (whole, ends) = zip_with_ends(&all_kinds());
    let cut = &whole[..ends[2] - 100];
    assert_eq!(
        members(cut),
        [("a.fit".to_owned(), None), ("b.gpx".to_owned(), None), ("c.tcx".to_owned(), Some(Fault::Damaged))]
    );
    let data_at = ends[1] + 30 + "c.tcx".len();
    assert_eq!(open(cut).unwrap().bytes_lost(), Some((cut.len() - data_at) as u64));
    let problem = unpack(cut, &open(cut).unwrap().members()[2]).unwrap_err();
    assert!(problem.detail().contains("cut off"), "{problem}");
}

#[test]
fn bytes_lost_in_the_middle_cost_the_file_around_them_only() {
    let files = all_kinds();
    let (whole, ends) = zip_with_ends(&files);
    for hit in [0, 2, 5, 8] {
        let mut bytes = whole.clone();
        bytes.drain(ends[hit] - 60..ends[hit] - 40);
        let left: Vec<_> = contents(&bytes);
        for (number, file) in files.iter().enumerate().filter(|(number, file)| {
            *number != hit && !file.name.ends_with('/') && !file.name.ends_with("jpg")
        }) {
            assert!(left.contains(&file.data), "{hit}: {number} is there");
        }
        assert!(open(&bytes).unwrap().bytes_lost().is_some(), "{hit}");
    }
}

#[test]
fn photos_that_were_written_as_streams_are_passed_over_whole() {
    let photo = |name: &str| Packed { descriptor: Some(marked), ..file(name, text(7, 300)) };
    let (whole, ends) = zip_with_ends(&[
        file("a.fit", text(1, 200)),
        photo("1.jpg"),
        Packed { deflated: false, ..photo("2.jpg") },
        file("b.fit", text(2, 200)),
    ]);
    let cut = &whole[..ends[3]];
    assert_eq!(contents(cut), [text(1, 200), text(2, 200)]);
    assert_eq!(open(cut).unwrap().bytes_lost(), Some(0));
}

#[test]
fn a_directory_that_is_short_of_entries_is_not_believed() {
    let mut bytes = zip(&all_kinds());
    let last = bytes.windows(4).rposition(|mark| mark == b"PK\x01\x02").unwrap();
    bytes[last] = b'X';
    assert_eq!(contents(&bytes), contents(&zip(&all_kinds())));
    assert_eq!(open(&bytes).unwrap().bytes_lost(), Some(0));
}

#[test]
fn bounds_hold_without_a_directory() {
    let many: Vec<_> = (0..=archive::MEMBERS_MAX).map(|number| file(&number.to_string(), "x")).collect();
    let (whole, ends) = zip_with_ends(&many);
    assert!(open(&whole[..*ends.last().unwrap()]).unwrap_err().detail().contains("too many"));
    // One that unpacks to more than it may, and does not say so beforehand, hides nothing behind it.
    let bomb = Packed { descriptor: Some(marked), ..file("bomb.gpx", vec![b' '; 8 << 20]) };
    let (whole, ends) = zip_with_ends(&[bomb, file("../up.fit", "x"), file("a.fit", "after")]);
    let cut = &whole[..ends[2]];
    assert_eq!(
        members(cut).into_iter().map(|(_, fault)| fault).collect::<Vec<_>>(),
        [Some(Fault::TooLarge), Some(Fault::UnsafeName), None]
    );
    assert_eq!(contents(cut), [b"after"]);
}

#[test]
fn a_strava_export_that_is_cut_keeps_its_table_if_that_is_there() {
    let table = "Activity ID,Activity Date,Activity Name,Activity Type\n1,x,Lunch,Run\n";
    let (whole, ends) = zip_with_ends(&[file("activities.csv", table), file("activities/1.gpx", "x")]);
    let cut = &whole[..ends[1] - 1];
    let archive = open(cut).unwrap();
    assert_eq!((archive.kind(), archive.members()[1].fault), (Kind::StravaExport, Some(Fault::Damaged)));
    assert_eq!(archive.strava_table().unwrap().unwrap().rows[0].title.as_deref(), Some("Lunch"));
    let (whole, ends) = zip_with_ends(&[file("activities/1.gpx", "x"), file("activities.csv", table)]);
    assert_eq!(open(&whole[..ends[1] - 1]).unwrap().strava_table(), Ok(None));
}

/// Heart rates enough that the document does not fit into one step.
fn export() -> String {
    let record = |number: u32| {
        let (hour, minute, value) = (number / 60 % 24, number % 60, 60 + number % 97);
        format!(
            "<Record type=\"HKQuantityTypeIdentifierHeartRate\" unit=\"count/min\" sourceName=\"W\" \
             startDate=\"2026-01-01 {hour:02}:{minute:02}:00 +0000\" endDate=\"2026-01-01 {hour:02}:{minute:02}:00 +0000\" \
             value=\"{value}\"/>"
        )
    };
    let records: String = (0..20_000).map(record).collect();
    format!("<?xml version=\"1.0\"?><HealthData>{records}</HealthData>")
}

#[test]
fn the_document_of_a_health_export_is_read_up_to_the_cut() {
    let descriptors: [Option<Descriptor>; 2] = [None, Some(marked)];
    for (descriptor, deflated) in descriptors.into_iter().flat_map(|one| [(one, true), (one, false)]) {
        let document = Packed { descriptor, deflated, ..file("apple_health_export/export.xml", export()) };
        let (whole, ends) = zip_with_ends(&[document, file("apple_health_export/later.gpx", "x")]);
        for (length, least) in [(ends[0] / 2, 5_000), (ends[1], 20_000)] {
            let cut = &whole[..length];
            let archive = open(cut).unwrap();
            assert_eq!(archive.kind(), Kind::AppleExport);
            let member = &archive.members()[archive.health_export().unwrap()];
            let mut reader = Document::member(cut, member).unwrap().read_from(0).unwrap();
            let items: Vec<_> = reader.by_ref().collect();
            let records = items.iter().filter(|item| matches!(item, Ok(Item::Record(_)))).count();
            assert!(records >= least, "{length}: {records}");
            let broken_off = reader.counts().truncated || items.iter().any(Result::is_err);
            assert_eq!(broken_off, least < 20_000);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_packed_by_others_is_there_up_to_the_cut(
        files in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..400), 0..6_u8), 1..12),
        place in any::<prop::sample::Index>(),
    ) {
        let files: Vec<_> = files
            .into_iter()
            .enumerate()
            .map(|(number, (data, how))| Packed {
                deflated: how % 2 == 0,
                descriptor: [None, Some(marked as fn(u32, u32, u32) -> Vec<u8>), Some(unmarked)][usize::from(how) / 2]
                    .filter(|_| how % 2 == 0 || how < 4),
                ..file(&format!("{number}.fit"), data)
            })
            .collect();
        let (whole, ends) = zip_with_ends(&files);
        let cut = &whole[..place.index(whole.len())];
        let before = ends.iter().filter(|end| **end <= cut.len()).count();
        let Ok(archive) = open(cut) else {
            prop_assert_eq!(before, 0);
            return Ok(());
        };
        for (member, file) in archive.members().iter().zip(&files).take(before) {
            prop_assert_eq!(&unpack(cut, member).unwrap(), &file.data);
        }
        prop_assert!(archive.members().len() >= before);
    }
}
