//! Archives: what is in them, and what they may not do.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};
use proptest::prelude::*;
use stadion_formats::archive::{self, Fault, Kind, open, unpack};
use stadion_formats::{fit, gpx, read, synth, tcx};

use crate::samples::sample;

/// What is written behind a file, of its checksum, packed size and size.
pub(crate) type Descriptor = fn(u32, u32, u32) -> Vec<u8>;

/// A file to pack.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) name: String,
    pub(crate) data: Vec<u8>,
    pub(crate) deflated: bool,
    pub(crate) flags: u16,
    /// In place of the true one.
    pub(crate) claimed: Option<u32>,
    /// What stands behind it; its own header lacks it then.
    pub(crate) descriptor: Option<Descriptor>,
}

pub(crate) fn file(name: &str, data: impl Into<Vec<u8>>) -> Packed {
    Packed {
        name: name.to_owned(),
        data: data.into(),
        deflated: true,
        flags: 0,
        claimed: None,
        descriptor: None,
    }
}

/// Sizes of 32 bits, as most who write into a stream.
pub(crate) fn marked(crc: u32, packed: u32, size: u32) -> Vec<u8> {
    [b"PK\x07\x08", &[crc, packed, size].map(u32::to_le_bytes).concat()[..]].concat()
}

pub(crate) fn unmarked(crc: u32, packed: u32, size: u32) -> Vec<u8> {
    marked(crc, packed, size).split_off(4)
}

pub(crate) fn wide(crc: u32, packed: u32, size: u32) -> Vec<u8> {
    let sizes = [packed, size].map(|size| u64::from(size).to_le_bytes()).concat();
    [b"PK\x07\x08", &crc.to_le_bytes(), &sizes[..]].concat()
}

/// An archive with these files.
pub(crate) fn zip(files: &[Packed]) -> Vec<u8> {
    zip_with_ends(files).0
}

/// Where each file ends, too.
pub(crate) fn zip_with_ends(files: &[Packed]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut directory, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let mut crc = Crc::new();
        crc.update(&file.data);
        let packed = if file.deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&file.data).expect("in memory");
            encoder.finish().expect("in memory")
        } else {
            file.data.clone()
        };
        let at = out.len() as u32;
        let mut shared = Vec::new();
        shared.extend_from_slice(&20_u16.to_le_bytes());
        let described = u16::from(file.descriptor.is_some()) << 3;
        shared.extend_from_slice(&(file.flags | described).to_le_bytes());
        shared.extend_from_slice(&(if file.deflated { 8_u16 } else { 0 }).to_le_bytes());
        shared.extend_from_slice(&[0; 4]);
        shared.extend_from_slice(&crc.sum().to_le_bytes());
        shared.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        shared.extend_from_slice(&file.claimed.unwrap_or(file.data.len() as u32).to_le_bytes());
        shared.extend_from_slice(&(file.name.len() as u16).to_le_bytes());
        shared.extend_from_slice(&[0; 2]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        if file.descriptor.is_some() {
            let sizes = out.len() - 16..out.len() - 4;
            out[sizes].fill(0);
        }
        out.extend_from_slice(file.name.as_bytes());
        out.extend_from_slice(&packed);
        if let Some(descriptor) = file.descriptor {
            out.extend_from_slice(&descriptor(crc.sum(), packed.len() as u32, file.data.len() as u32));
        }
        ends.push(out.len());
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&shared);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(file.name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&(files.len() as u16).to_le_bytes());
    out.extend_from_slice(&(files.len() as u16).to_le_bytes());
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    (out, ends)
}

fn faults(bytes: &[u8]) -> Vec<Option<Fault>> {
    open(bytes).expect("an archive").members().iter().map(|member| member.fault).collect()
}

#[test]
fn files_come_out_as_they_went_in() {
    let run = synth::run(1, "2026-03-01T07:30:00Z".parse().unwrap(), 500.0, 300.0);
    let files = [
        file("a.fit", fit::write(&run)),
        Packed { deflated: false, ..file("folder/b.gpx", gpx::write(&run)) },
        file("folder/c.tcx", tcx::write(&run)),
    ];
    let bytes = zip(&files);
    let archive = open(&bytes).unwrap();
    assert_eq!(archive.kind(), Kind::Plain);
    assert_eq!(archive.members().len(), 3);
    for (member, file) in archive.members().iter().zip(&files) {
        assert_eq!((&member.name, member.fault), (&file.name, None));
        assert_eq!(unpack(&bytes, member).unwrap(), file.data);
    }
}

#[test]
fn names_that_lead_elsewhere_are_not_read() {
    for name in
        ["../a.fit", "/a.fit", "a/../../b.fit", "C:\\a.fit", "C:a.fit", "a\\b.fit", "a//b.fit", "", "a\0.fit"]
    {
        assert_eq!(faults(&zip(&[file(name, "x")])), [Some(Fault::UnsafeName)], "{name}");
    }
}

#[test]
fn what_cannot_be_read_does_not_hinder_the_rest() {
    let files = [
        Packed { flags: 1, ..file("secret.fit", "x") },
        file("bomb.gpx", vec![b' '; 8 << 20]),
        file("inner.zip", "PK"),
        file("photo.jpg", "x"),
        file("__MACOSX/._a.fit", "x"),
        file("a.fit", "x"),
        file("A.FIT", "y"),
    ];
    let expected = [
        Some(Fault::Encrypted),
        Some(Fault::TooLarge),
        Some(Fault::Nested),
        Some(Fault::NoDeviceFile),
        Some(Fault::NoDeviceFile),
        None,
        Some(Fault::DuplicateName),
    ];
    assert_eq!(faults(&zip(&files)), expected);
}

#[test]
fn a_size_that_lies_is_found_out() {
    for claimed in [10, 100_000] {
        let bytes = zip(&[Packed { claimed: Some(claimed), ..file("a.gpx", vec![b'x'; 5000]) }]);
        let archive = open(&bytes).unwrap();
        let problem = unpack(&bytes, &archive.members()[0]).unwrap_err();
        assert_eq!(problem.code(), "file_unreadable");
    }
}

#[test]
fn too_many_files_overlapping_ones_and_archives_cut_in_the_first_are_refused() {
    let many: Vec<_> = (0..=archive::MEMBERS_MAX).map(|number| file(&number.to_string(), "")).collect();
    let mut bytes = zip(&many);
    assert!(open(&bytes).unwrap_err().detail().contains("too many"));
    // Whatever the end says.
    let count = bytes.len() - 12;
    bytes[count..count + 2].copy_from_slice(&1_u16.to_le_bytes());
    assert!(open(&bytes).unwrap_err().detail().contains("too many"));

    let mut twice = zip(&[file("a.fit", "some bytes"), file("b.fit", "some bytes")]);
    let second = twice.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    twice[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    assert!(open(&twice).unwrap_err().detail().contains("overlap"));

    let (whole, ends) = zip_with_ends(&[file("a.fit", "some bytes")]);
    for length in 0..ends[0] {
        assert!(open(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn hostile_archives_are_refused_or_skipped() {
    let Some(bomb) = sample("other/hostile/zipbomb-100MiB.zip") else { return };
    assert_eq!(faults(&bomb), [Some(Fault::TooLarge)]);
    let slip = sample("other/hostile/zip-slip.zip").unwrap();
    assert_eq!(faults(&slip), [Some(Fault::UnsafeName); 2]);
    let crowd = sample("other/hostile/zip-20k-entries.zip").unwrap();
    assert!(open(&crowd).unwrap_err().detail().contains("too many"));
}

#[test]
fn a_strava_export_gives_its_files_and_its_table() {
    let Some(bytes) = sample("other/strava-export-mini.zip") else { return };
    let archive = open(&bytes).unwrap();
    assert_eq!(archive.kind(), Kind::StravaExport);
    let table = archive.strava_table().unwrap().unwrap();
    assert!(
        table.rows.len() > 20 && table.rows.iter().all(|row| row.activity.is_some()),
        "{}",
        table.rows.len()
    );
    let first = &table.rows[0];
    assert_eq!(
        (first.id.as_str(), first.title.as_deref(), first.file.as_deref()),
        ("4", Some("Afternoon Ride"), None)
    );
    let read_of = |ending: &str| {
        let member = archive.members().iter().find(|member| member.name.ends_with(ending)).unwrap();
        read(&unpack(&bytes, member).unwrap())
    };
    for ending in ["run.fit.gz", "example.gpx", "example.tcx"] {
        assert!(read_of(ending).is_ok(), "{ending}");
    }
}

#[test]
fn the_table_of_a_real_export_is_read_by_position() {
    let Some(csv) = sample("other/strava-activities-v1.csv") else { return };
    let bytes = zip(&[file("export_1/activities.csv", csv)]);
    let table = open(&bytes).unwrap().strava_table().unwrap().unwrap();
    assert_eq!(table.rows.len(), 8);
    let ride = table.rows.iter().find(|row| row.id == "9125662739").unwrap();
    assert_eq!(ride.title.as_deref(), Some("Evening Ride"));
    let activity = ride.activity.as_ref().unwrap();
    assert_eq!(
        (activity.sport.as_str(), activity.start.to_string().as_str()),
        ("cycling", "2023-05-23T12:40:57Z")
    );
    let metres = activity.totals.distance_m.unwrap().value;
    assert!((metres - 33_912.480_468_75).abs() < 1e-6, "{metres}");
    assert_eq!(activity.totals.elapsed_time_s.unwrap().value, 6124.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_archive_with_bytes_changed_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let table = "Activity ID,Activity Date,Activity Name,Activity Type\n1,x,y,Run\n";
        let mut bytes = zip(&[file("activities.csv", table), file("activities/1.gpx", vec![b'x'; 3000])]);
        for (place, byte, how) in changes {
            let at = place.index(bytes.len());
            match how {
                0 | 1 => bytes[at] = byte,
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        let Ok(archive) = open(&bytes) else { return Ok(()) };
        let _ = archive.strava_table();
        for member in archive.members() {
            if let Ok(unpacked) = unpack(&bytes, member) {
                prop_assert_eq!(unpacked.len() as u64, member.size);
            }
        }
    }

    #[test]
    fn what_is_packed_is_unpacked(
        files in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..500), any::<bool>()), 0..20),
    ) {
        let files: Vec<_> = files
            .into_iter()
            .enumerate()
            .map(|(number, (data, deflated))| Packed { deflated, ..file(&format!("d/{number}.fit"), data) })
            .collect();
        let bytes = zip(&files);
        let archive = open(&bytes).unwrap();
        prop_assert_eq!(archive.members().len(), files.len());
        for (member, file) in archive.members().iter().zip(&files) {
            prop_assert_eq!(&unpack(&bytes, member).unwrap(), &file.data);
        }
    }
}
