//! Activities as files for other programs, read again by our own readers.

use formats::{Format, Reading};
use kernel::{AccountId, Code};
use proto::{
    activity::{ExportRequest, original_chunk},
    auth::PrivacyZone,
};
use testkit::fleet::Ground;
use tonic::Status;

use crate::world::{self, Accounts, World, by, fit, refused_with};

impl World<'_> {
    async fn exported(&self, viewer: AccountId, id: &bytes::Bytes, format: &str) -> Result<Vec<u8>, Status> {
        let asked = ExportRequest { activity_id: id.clone(), format: format.to_owned() };
        let mut chunks = self.client().export(by(viewer, asked)).await?.into_inner();
        let mut file = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            match chunk.part.unwrap() {
                original_chunk::Part::Header(header) => {
                    let format = [Format::Fit, Format::Gpx, Format::Tcx]
                        .into_iter()
                        .find(|known| known.as_str() == format)
                        .unwrap();
                    assert_eq!(header.content_type, format.media_type());
                    assert!(header.filename.ends_with(format.as_str()));
                }
                original_chunk::Part::Data(data) => file.extend_from_slice(&data),
            }
        }
        Ok(file)
    }

    async fn read_back(&self, viewer: AccountId, id: &bytes::Bytes, format: &str) -> Reading {
        let reading = formats::read(&self.exported(viewer, id, format).await.unwrap()).unwrap();
        assert_eq!((reading.format.as_str(), &reading.salvage), (format, &None));
        reading
    }
}

#[tokio::test]
async fn a_run_comes_back_from_each_format() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let made = world::run("2026-05-01");
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    for format in ["gpx", "tcx", "fit"] {
        let read = world.read_back(aida, &run, format).await.activities.remove(0);
        assert_eq!((read.sport, read.start), (made.sport, made.start), "{format}");
        assert_eq!(read.streams.len(), made.streams.len(), "{format}");
        assert_eq!(read.streams.heart_rate_bpm, made.streams.heart_rate_bpm, "{format}");
        let near = |one: &Option<(f64, f64)>, other: &Option<(f64, f64)>| {
            let (one, other) = (one.unwrap(), other.unwrap());
            (one.0 - other.0).abs() < 1e-6 && (one.1 - other.1).abs() < 1e-6
        };
        assert!(
            read.streams.latlng.iter().zip(&made.streams.latlng).all(|(one, other)| near(one, other)),
            "{format}"
        );
        if format != "gpx" {
            let distance_m = read.totals.distance_m.unwrap().value;
            assert!(
                (distance_m - made.totals.distance_m.unwrap().value).abs() < 0.1,
                "{format}: {distance_m}"
            );
            assert_eq!(read.laps.len(), made.laps.len(), "{format}");
        }
    }
    refused_with(world.exported(aida, &run, "kml").await, Code::InvalidField);
    world.stop().await;
}

#[tokio::test]
async fn others_get_what_they_may_see_and_nothing_from_a_zone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    refused_with(world.exported(boris, &run, "gpx").await, Code::NotFound);
    for class in ["summary", "map", "start_time"] {
        accounts.shows(aida, class, &["everyone"]);
    }
    let whole = world.read_back(boris, &run, "gpx").await.activities.remove(0);
    assert!(whole.streams.heart_rate_bpm.iter().all(Option::is_none), "heart rate is not shown");
    let (latitude, longitude) = whole.streams.latlng[0].unwrap();
    let home = PrivacyZone { name: "home".to_owned(), latitude, longitude, radius_m: 200.0 };
    accounts.change(aida, |standing| standing.privacy.as_mut().unwrap().zones.push(home));
    let own = world.read_back(aida, &run, "fit").await.activities.remove(0);
    for format in ["gpx", "tcx", "fit"] {
        let cut = world.read_back(boris, &run, format).await.activities.remove(0);
        assert!(cut.streams.len() < own.streams.len(), "{format}");
        assert!(cut.start > own.start, "{format}: it begins where the zone ends");
        let apart = |(lat, lng): (f64, f64)| (lat - latitude).abs() + (lng - longitude).abs();
        let (first, last) = (cut.streams.latlng[0], *cut.streams.latlng.last().unwrap());
        assert!(apart(first.unwrap()) > 1e-4 && apart(last.unwrap()) > 1e-4, "{format}");
        if let Some(distance) = cut.totals.distance_m {
            assert!(distance.value < own.totals.distance_m.unwrap().value - 50.0, "{format}: {distance:?}");
        }
        assert_eq!(cut.devices.iter().filter(|device| device.serial.is_some()).count(), 0, "{format}");
    }
    // Without the map there is nothing that GPX could hold; the rest has no place.
    accounts.shows(aida, "map", &[]);
    refused_with(world.exported(boris, &run, "gpx").await, Code::InvalidField);
    let mapless = world.read_back(boris, &run, "tcx").await.activities.remove(0);
    assert!(mapless.streams.latlng.iter().all(Option::is_none));
    // Without the start it is only said on which day it was.
    accounts.shows(aida, "start_time", &[]);
    let timeless = world.read_back(boris, &run, "tcx").await.activities.remove(0);
    assert_eq!(timeless.start.to_string(), "2026-05-01T00:00:00Z");
    world.stop().await;
}
