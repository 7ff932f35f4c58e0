//! Activities as files for other programs, read again by our own readers.

use formats::{Activity, Device, Format, Lap, Length, Reading, Sample, Sport, Total, synth};
use jiff::SignedDuration;
use kernel::{AccountId, Code};
use proto::{
    activity::{
        ActivityView, ExportRequest, GetActivityRequest, PersonalRecord, RecordsRequest, original_chunk,
    },
    auth::PrivacyZone,
};
use testkit::fleet::{Ground, eventually};
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
    let made = formats::Activity {
        name: Some("Озеро & обратно".to_owned()), ..world::run("2026-05-01")
    };
    let run = world.uploaded(aida, formats::write(&made)).await.activity_ids.remove(0);
    for format in ["gpx", "tcx", "fit"] {
        let read = world.read_back(aida, &run, format).await.activities.remove(0);
        assert_eq!((read.sport, read.start), (made.sport, made.start), "{format}");
        assert_eq!(read.name, made.name, "{format}: as its file called it");
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
async fn a_swim_in_a_pool_shows_its_lengths_and_takes_them_along() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let start = "2026-05-01T01:00:00Z".parse().unwrap();
    let mut swim = Activity { pool_length_m: Some(25.0), ..Activity::new(Sport::Swimming, start) };
    swim.totals.elapsed_time_s = Some(Total::device(120.0));
    swim.lengths = (0..4_u16)
        .map(|number| {
            let active = number != 2;
            let stroke = active.then_some("breaststroke");
            let (start_s, elapsed_time_s) = (f64::from(number) * 30.0, Some(30.0));
            let strokes = active.then_some(18);
            Length { start_s, elapsed_time_s, active, stroke, strokes, ..Length::default() }
        })
        .collect();
    let file = formats::write(&swim);
    let told = formats::read(&file).unwrap().activities.remove(0);
    assert_eq!(told.lengths.len(), 4);

    let id = world.uploaded(aida, file).await.activity_ids.remove(0);
    let asked = GetActivityRequest { activity_id: id.clone() };
    let shown = world.client().get_activity(by(aida, asked)).await.unwrap().into_inner();
    let pool = shown.detail.unwrap().pool.unwrap();
    let lengths: Vec<_> =
        pool.lengths.iter().map(|one| (one.start_s, one.active, one.stroke.as_str())).collect();
    let swum = |start_s| (start_s, true, "breaststroke");
    assert_eq!(pool.length_m, Some(25.0));
    assert_eq!(lengths, [swum(0.0), swum(30.0), (60.0, false, ""), swum(90.0)]);
    assert_eq!(pool.lengths[0].strokes, Some(18));
    assert_eq!(shown.distance_m, Some(75.0));
    assert!(world.mine(aida).await[0].detail.is_none(), "a list has no detail");

    let read = world.read_back(aida, &id, "fit").await.activities.remove(0);
    assert_eq!((read.pool_length_m, read.lengths), (told.pool_length_m, told.lengths));
    world.stop().await;
}

/// 600 m swum, 12 km ridden with a power meter, 3 km run, each with laps.
fn triathlon() -> Activity {
    let start: jiff::Timestamp = "2026-05-01T01:00:00Z".parse().unwrap();
    let later = |after_s| start.checked_add(SignedDuration::from_secs(after_s)).unwrap();
    let swim = Activity { sport: Sport::Swimming, ..synth::run(11, start, 600.0, 1_200.0) };
    let mut ride = Activity { sport: Sport::Cycling, ..synth::run(12, later(900), 12_000.0, 120.0) };
    ride.streams.power_w = (0..ride.streams.len()).map(|row| Some(180.0 + (row % 60) as f64)).collect();
    ride.totals.power_avg_w = Some(Total::device(209.0));
    ride.totals.power_max_w = Some(Total::device(239.0));
    for lap in &mut ride.laps {
        (lap.power_avg_w, lap.power_max_w) = (Some(209.0), Some(239.0));
    }
    let run = synth::run(13, later(2_700), 3_000.0, 300.0);
    let mut whole = Activity { utc_offset_s: Some(18_000), ..Activity::new(Sport::Multisport, start) };
    whole.devices.clone_from(&run.devices);
    let sensor = Device { manufacturer_id: Some(263), serial: Some(77), ..Device::default() };
    whole.devices.push(Device { product_name: Some("Assioma".to_owned()), ..sensor });
    // Each lies at a height of its own.
    let mut legs = [swim, ride, run];
    for leg in &mut legs {
        leg.streams.altitude_m.fill(None);
    }
    let [swim, ride, run] = legs;
    for (leg, after_s) in [(&swim, 0.0), (&ride, 900.0), (&run, 2_700.0)] {
        for sample in leg.streams.samples() {
            whole.streams.push(Sample { time_s: sample.time_s + after_s, ..sample });
        }
        whole.laps.extend(leg.laps.iter().map(|lap| Lap { start_s: lap.start_s + after_s, ..*lap }));
    }
    whole.legs = vec![swim, ride, run];
    whole
}

#[tokio::test]
async fn a_triathlon_comes_back_with_its_legs_laps_and_devices() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let file = formats::write(&triathlon());
    let made = formats::read(&file).unwrap().activities.remove(0);
    let id = world.uploaded(aida, file).await.activity_ids.remove(0);
    let read = world.read_back(aida, &id, "fit").await.activities.remove(0);
    assert_eq!((read.sport, read.start, read.devices.len()), (Sport::Multisport, made.start, 2));
    let named = |of: &Activity| {
        let known = of.devices.iter();
        known.map(|one| (one.manufacturer_id, one.serial, one.product_name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(named(&read), named(&made));
    assert_eq!(
        read.laps,
        made.laps.iter().map(|lap| Lap { trigger: None, intensity: None, ..*lap }).collect::<Vec<_>>()
    );
    assert_eq!(read.legs.len(), 3);
    let said = |of: &Activity| {
        let values = of.totals.named().map(|(name, total)| (name, total.map(|total| total.value.round())));
        (of.sport, of.start, of.streams.len(), values)
    };
    for (read, made) in read.legs.iter().zip(&made.legs) {
        assert_eq!(said(read), said(made));
    }
    let read = world.read_back(aida, &id, "tcx").await.activities.remove(0);
    let legs: Vec<_> = read.legs.iter().map(|leg| (leg.sport, leg.laps.len())).collect();
    let laps = |leg: usize| triathlon().legs[leg].laps.len();
    let three = [(Sport::Swimming, laps(0)), (Sport::Cycling, laps(1)), (Sport::Running, laps(2))];
    assert_eq!(legs, three);
    assert_eq!(read.streams.len(), made.streams.len());
    world.stop().await;
}

#[tokio::test]
async fn a_triathlons_legs_have_their_figures_and_their_best_stretches_are_records_of_their_sports() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, formats::write(&triathlon())).await.activity_ids.remove(0);
    let asked = GetActivityRequest { activity_id: id.clone() };
    let seen = world.client().get_activity(by(aida, asked)).await.unwrap().into_inner();
    let [swim, ride, run] = &seen.legs[..] else { panic!("three legs") };
    assert_eq!((ride.power_avg_w, ride.power_max_w, swim.power_avg_w), (Some(209.0), Some(239.0), None));
    assert!(run.cadence_avg_rpm.is_some());
    let laps = |leg: &ActivityView| leg.laps.len();
    assert_eq!([laps(swim), laps(ride), laps(run)], [0, 1, 2].map(|leg| triathlon().legs[leg].laps.len()));
    assert_eq!(ride.laps[0].power_avg_w, Some(209.0));
    let best = |leg: &ActivityView, name: &str| {
        leg.detail.iter().flat_map(|detail| &detail.efforts).any(|effort| effort.name == name)
    };
    assert!(best(swim, "400m") && best(ride, "10km") && best(ride, "power_20min") && best(run, "1km"));
    assert!(!best(swim, "1km") && seen.detail.unwrap().efforts.is_empty());

    for (sport, kinds) in [
        ("running", &["fastest_1km", "fastest_400m"][..]),
        ("cycling", &["fastest_10km", "power_20min"]),
        ("swimming", &["fastest_400m"]),
    ] {
        let found = || async {
            let asked = RecordsRequest { sport: sport.to_owned() };
            world.client().records(by(aida, asked)).await.unwrap().into_inner().items
        };
        let held = |found: &Vec<PersonalRecord>| {
            let own = found.iter().filter(|one| one.best.as_ref().is_some_and(|best| best.activity_id == id));
            let own: Vec<_> = own.map(|record| record.kind.as_str()).collect();
            kinds.iter().all(|kind| own.contains(kind))
        };
        eventually(sport, found, held).await;
    }
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
