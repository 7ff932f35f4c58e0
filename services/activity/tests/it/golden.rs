//! What was written once is read for ever.

use activity::{
    consumers::Erased,
    domain::{
        activity::{Change, Event},
        daily, day,
        facts::*,
        import, live,
        marks::*,
        trace::*,
        upload,
    },
};
use eventing::{DecodeError, DomainEvent, Plain};
use formats::Length;
use kernel::{AccountId, ActivityId, Id, Sport};

/// Any event of this service.
#[derive(Clone, Debug, PartialEq)]
enum Any {
    Activity(Event),
    Upload(upload::Event),
    Import(import::Event),
    Daily(daily::Event),
    Day(day::Event),
    Live(live::Event),
    Erased(Erased),
}

impl DomainEvent for Any {
    fn encode(&self) -> Plain {
        match self {
            Self::Activity(event) => event.encode(),
            Self::Upload(event) => event.encode(),
            Self::Import(event) => event.encode(),
            Self::Daily(event) => event.encode(),
            Self::Day(event) => event.encode(),
            Self::Live(event) => event.encode(),
            Self::Erased(event) => event.encode(),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        match plain.kind.rsplit('.').next().unwrap_or_default() {
            kind if kind.starts_with("Activity") => Event::decode(plain).map(Self::Activity),
            kind if kind.starts_with("Upload") => upload::Event::decode(plain).map(Self::Upload),
            kind if kind.starts_with("Import") => import::Event::decode(plain).map(Self::Import),
            kind if kind.starts_with("Daily") => daily::Event::decode(plain).map(Self::Daily),
            kind if kind.starts_with("Day") => day::Event::decode(plain).map(Self::Day),
            kind if kind.starts_with("Live") => live::Event::decode(plain).map(Self::Live),
            _ => Erased::decode(plain).map(Self::Erased),
        }
    }
}

#[test]
fn golden_events_are_read_as_they_were_written() {
    let mut today = of_activities();
    today.extend(of_twins());
    today.extend(of_uploads());
    today.extend(of_imports());
    today.extend(of_days());
    today.extend(of_live_sessions());
    today.push(("account", Any::Erased(Erased { account: account(), activities: 12, uploads: 7 })));
    testkit::golden::check(
        "stadion.activity.v1",
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"),
        &today,
    );
}

fn account() -> AccountId {
    AccountId::derived(&[b"golden"])
}

fn record() -> Record {
    let start = Start {
        start_us: 1_777_600_800_000_000,
        utc_offset_s: 18_000,
        time_zone: Some("Asia/Almaty".to_owned()),
    };
    let lap = Lap {
        start_us: 1_777_600_800_000_000,
        elapsed_time_s: 300.0,
        distance_m: Some(1_000.0),
        ..Lap::default()
    };
    let leg = Leg {
        sub_sport: Some("open_water".to_owned()),
        timer_time_s: Some(600.0),
        moving_time_s: Some(590.0),
        distance_m: Some(750.0),
        descent_m: Some(0.0),
        energy_kj: Some(300.0),
        ..Leg::new(Sport::Swimming, 1_777_600_800_000_000, 600.5)
    };
    Record {
        origin: Origin::Upload {
            upload_id: Id::derived(&[b"upload"]),
            session_number: 2,
            source: "upload".to_owned(),
            original_blob: "original/a/b".to_owned(),
        },
        streams_blob: Some("streams/a/b".to_owned()),
        visibility: Some(privacy::Audience::parse(&["followers", "friends"]).unwrap()),
        facts: Some(Facts {
            sub_sport: Some("trail".to_owned()),
            timer_time_s: Some(1_790.0),
            moving_time_s: Some(1_700.5),
            distance_m: Some(5_012.3),
            ascent_m: Some(31.0),
            descent_m: Some(0.0),
            energy_kj: Some(1_500.0),
            power_avg_w: Some(250.0),
            power_max_w: Some(400.0),
            cadence_avg_rpm: Some(85.0),
            laps: vec![lap],
            legs: vec![leg],
            stream_types: vec!["time".to_owned(), "latlng".to_owned()],
            ..Facts::new(Sport::Running, start, 1_800.0)
        }),
        health: Some(Health {
            heart_rate: HeartRate { avg_bpm: Some(151.0), max_bpm: Some(178.0) },
            laps: vec![HeartRate { avg_bpm: Some(150.0), max_bpm: None }],
            legs: vec![HeartRate { avg_bpm: None, max_bpm: Some(160.0) }],
            has_heart_rate_stream: true,
        }),
        name: Some("Таңғы жүгіру".to_owned()),
        devices: vec![watch()],
        explained: vec![Explained {
            field: "ascent_m".to_owned(),
            measured: Measured::Computed,
            algorithm: "hysteresis-3m".to_owned(),
            version: 1,
        }],
        marks: Marks::default(),
        judgement: None,
        trace: None,
    }
}

fn effort(name: &str, best: Best) -> Effort {
    Effort {
        name: name.to_owned(),
        best,
        start_s: 12.5,
        end_s: 1_514.0,
        algorithm: "quickest-window".to_owned(),
        version: 1,
    }
}

/// Of a multisport activity, with what was not told of legs at first.
fn record_with_full_legs() -> Record {
    let mut record = record();
    for leg in record.facts.iter_mut().flat_map(|facts| &mut facts.legs) {
        (leg.power_avg_w, leg.power_max_w, leg.cadence_avg_rpm) = (Some(210.0), Some(0.0), Some(81.5));
        leg.efforts = vec![effort("400m", Best::Time(431.0))];
    }
    record
}

fn record_in_a_pool() -> Record {
    let mut record = record();
    if let Some(facts) = &mut record.facts {
        let swum = Length {
            elapsed_time_s: Some(31.5),
            timer_time_s: Some(30.5),
            active: true,
            stroke: Some("butterfly"),
            strokes: Some(17),
            cadence_rpm: Some(33.5),
            ..Length::default()
        };
        let rested = Length { start_s: 31.5, ..Length::default() };
        facts.pool = Pool { length_m: Some(25.0), lengths: vec![swum, rested] };
    }
    record
}

/// With what later versions of this service write too.
fn record_with_efforts() -> Record {
    let mut record = record();
    if let Some(facts) = &mut record.facts {
        facts.efforts = vec![effort("5km", Best::Time(1_501.5)), effort("power_5min", Best::Power(290.0))];
        for lap in &mut facts.laps {
            lap.energy_kj = Some(300.0);
            lap.power_avg_w = Some(240.0);
            lap.power_max_w = Some(380.0);
            lap.cadence_avg_rpm = Some(84.5);
        }
    }
    record
}

fn event(change: Change) -> Any {
    let activity_id = ActivityId::derived(&[b"golden run"]);
    Any::Activity(Event { activity_id, account_id: account(), change })
}

/// Linked to another, split from it, put together with it.
fn of_twins() -> Vec<(&'static str, Any)> {
    vec![
        (
            "found",
            event(Change::Linked(marked(Marks {
                duplicate_of: one(b"first"),
                joined: one(b"first"),
                ..Marks::default()
            }))),
        ),
        (
            "split",
            event(Change::Unlinked(marked(Marks {
                apart: vec![other(b"second"), other(b"first")],
                ..Marks::default()
            }))),
        ),
        ("pulse", event(Change::Fused(marked(Marks { fused_from: vec![gift("", "")], ..Marks::default() })))),
        (
            "strap",
            event(Change::Fused(marked(Marks {
                fused_from: vec![gift("energy", "healthkit"), gift("heart_rate", "healthkit")],
                ..Marks::default()
            }))),
        ),
    ]
}

fn of_activities() -> Vec<(&'static str, Any)> {
    let full = || Box::new(record());
    let synced = Record {
        origin: Origin::Sync { source: "healthkit".to_owned(), client_version: 3 },
        visibility: None,
        health: None,
        ..record()
    };
    let erased = Record { facts: None, health: None, name: None, devices: Vec::new(), ..record() };
    vec![
        ("full", event(Change::Recorded(full()))),
        ("efforts", event(Change::Recorded(Box::new(record_with_efforts())))),
        ("legs", event(Change::Recorded(Box::new(record_with_full_legs())))),
        ("pool", event(Change::Recorded(Box::new(record_in_a_pool())))),
        ("synced", event(Change::Recorded(Box::new(synced)))),
        ("erased", event(Change::Recorded(Box::new(erased)))),
        ("manual", event(Change::Recorded(Box::new(Record { origin: Origin::Manual, ..record() })))),
        ("newer", event(Change::Replaced { record: full(), previous_start_us: 7, deleted: false })),
        ("deleted", event(Change::Replaced { record: full(), previous_start_us: 7, deleted: true })),
        (
            "name",
            event(Change::Edited { record: full(), previous_start_us: 7, changed: vec!["name".to_owned()] }),
        ),
        ("again", event(Change::Restored(full()))),
        (
            "ascent",
            event(Change::Recomputed {
                record: full(),
                previous_start_us: 7,
                changed: vec!["ascent_m".to_owned(), "explanation".to_owned()],
            }),
        ),
        ("owner", event(Change::Deleted { client_version: None })),
        ("car", event(Change::Flagged(judged(Verdict::Flagged)))),
        ("words", event(Change::Appealed(judged(Verdict::Appealed)))),
        ("reviewed", event(Change::Cleared(judged(Verdict::Clear)))),
        ("end", event(Change::Cropped { record: full(), previous_start_us: 7 })),
        ("flagged", event(Change::Recorded(judged(Verdict::Flagged)))),
        ("trace", event(Change::Recorded(Box::new(Record { trace: Some(trace()), ..record() })))),
        ("changeset", event(Change::Deleted { client_version: Some(4) })),
        ("unknown_key", event(Change::Tombstoned { client_version: 4 })),
        ("due", event(Change::PurgeStarted)),
        ("done", event(Change::Purged)),
    ]
}

fn watch() -> Device {
    Device { manufacturer: Some("garmin".to_owned()), serial: Some("42".to_owned()), ..Device::default() }
}

fn trace() -> Trace {
    let begin = Spot { at_s: 2.0, latitude: 43.25, longitude: 76.95 };
    let end = Spot { at_s: 1_800.0, latitude: 43.26, longitude: 76.96 };
    Trace { sketch: vec![7, u64::MAX], way: Some(Way { begin, end, reach_m: 2_500.5 }), offset_stated: true }
}

fn other(name: &[u8]) -> ActivityId {
    ActivityId::derived(&[name])
}

fn one(name: &[u8]) -> Option<ActivityId> {
    Some(other(name))
}

fn gift(part: &str, source: &str) -> Gift {
    Gift { activity_id: other(b"second"), part: part.to_owned(), source: source.to_owned() }
}

fn marked(marks: Marks) -> Box<Record> {
    Box::new(Record { marks, ..record() })
}

fn judged(verdict: Verdict) -> Box<Record> {
    let reason = Reason {
        rule: "speed".to_owned(),
        detail: "22.1 m/s over 90 s; nobody is faster than 9.0 m/s in running".to_owned(),
        value: 22.1,
        limit: 9.0,
        unit: "m/s".to_owned(),
        part_s: Some((45.0, 135.0)),
    };
    let judgement = Judgement {
        rules_version: 1,
        reasons: vec![reason],
        appeal: (verdict != Verdict::Flagged)
            .then(|| Appeal { text: "it was downhill".to_owned(), at_us: 7 }),
        ruling: (verdict == Verdict::Clear).then(|| Ruling {
            upheld: false,
            reason: "the map agrees".to_owned(),
            at_us: 8,
        }),
        former: None,
    };
    Box::new(Record { marks: Marks { verdict, ..Marks::default() }, judgement: Some(judgement), ..record() })
}

fn of_uploads() -> Vec<(&'static str, Any)> {
    let event = |change| {
        Any::Upload(upload::Event { upload_id: Id::derived(&[b"upload"]), account_id: account(), change })
    };
    let file = upload::File {
        account_id: account(),
        session_id: Some(Id::derived(&[b"watch"])),
        hash: vec![1, 2, 3],
        blob: "original/a/b".to_owned(),
        size_bytes: 100_000,
        source: "upload".to_owned(),
        filename: Some("run.fit".to_owned()),
    };
    let salvage = upload::Salvage { records_kept: 8_012, bytes_lost: 120, reasons: vec!["crc".to_owned()] };
    let parsed = upload::Parsed {
        activity_ids: vec![ActivityId::derived(&[b"golden run"])],
        partial: true,
        salvage: Some(salvage),
        notices: vec!["health_consent_missing".to_owned()],
    };
    let duplicated = upload::Change::Duplicated {
        original: Id::derived(&[b"first"]),
        session_id: None,
        size_bytes: 100_000,
        source: "upload".to_owned(),
        filename: None,
    };
    let failed = upload::Change::Failed { code: "file_unreadable".to_owned(), detail: "broken".to_owned() };
    vec![
        ("watch", event(upload::Change::Received(file.clone()))),
        ("bare", event(upload::Change::Received(upload::File { session_id: None, filename: None, ..file }))),
        ("partial", event(upload::Change::Parsed(parsed))),
        ("unreadable", event(failed)),
        ("again", event(duplicated)),
    ]
}

fn of_imports() -> Vec<(&'static str, Any)> {
    let event = |change| {
        Any::Import(import::Event { import_id: Id::derived(&[b"import"]), account_id: account(), change })
    };
    let archive = import::Archive {
        account_id: account(),
        session_id: Some(Id::derived(&[b"phone"])),
        hash: vec![1, 2, 3],
        blob: "original/a/b".to_owned(),
        size_bytes: 100_000,
        filename: Some("export.zip".to_owned()),
        dry_run: true,
        source: "upload".to_owned(),
        of_upload: false,
    };
    let run = ActivityId::derived(&[b"golden run"]);
    let done = import::FileDone {
        number: 3,
        outcome: import::Outcome::Recorded,
        upload_id: Some(Id::derived(&[b"upload"])),
        activity_ids: vec![run],
        made: vec![run],
        code: String::new(),
        detail: String::new(),
    };
    let failed = import::FileDone {
        outcome: import::Outcome::Failed,
        upload_id: None,
        activity_ids: Vec::new(),
        made: Vec::new(),
        code: "file_unreadable".to_owned(),
        detail: "broken".to_owned(),
        ..done.clone()
    };
    let (code, detail) = ("file_unreadable".to_owned(), "the archive is cut off, or none".to_owned());
    let (plan_blob, kind) = ("original/a/c".to_owned(), "strava_export".to_owned());
    vec![
        ("dry", event(import::Change::Opened(archive.clone()))),
        (
            "of_upload",
            event(import::Change::Opened(import::Archive {
                session_id: None,
                filename: None,
                dry_run: false,
                of_upload: true,
                ..archive
            })),
        ),
        ("strava", event(import::Change::Planned { plan_blob, kind, files: 12 })),
        ("plain", event(import::Change::Started)),
        ("recorded", event(import::Change::FileDone(done))),
        ("failed", event(import::Change::FileDone(failed))),
        ("plain", event(import::Change::Finished)),
        ("cut_off", event(import::Change::Failed { code, detail })),
        ("plain", event(import::Change::RollbackStarted)),
        ("plain", event(import::Change::RolledBack { activities: 9 })),
        ("plain", event(import::Change::ArchivePurged)),
    ]
}

fn of_days() -> Vec<(&'static str, Any)> {
    let event =
        |change| Any::Daily(daily::Event { daily_id: Id::derived(&[b"day"]), account_id: account(), change });
    let day = |kind: &str| daily::DailyValue {
        kind: kind.to_owned(),
        date: "2026-05-01".to_owned(),
        value: 10_432.0,
        spans: vec![daily::Span { start_us: 1, end_us: 2, value: 812.0 }],
        device: None,
    };
    let told = |daily, share| daily::Change::Recorded {
        source: "healthkit".to_owned(),
        client_version: 7,
        daily,
        share,
    };
    let recorded = |daily| told(daily, None);
    let phone = daily::DailyValue { device: Some(daily::DeviceKind::Phone), ..day("steps") };
    let share = daily::Share { kind: "steps".to_owned(), date: "2026-05-01".to_owned(), value: 9_000.0 };
    let sources = ["day", "other"].map(|one| Id::derived(&[one.as_bytes()])).into();
    let united = day::Event { day_id: Id::derived(&[b"united"]), account_id: account(), sources };
    vec![
        ("steps", event(recorded(Some(day("steps"))))),
        ("weight", event(recorded(Some(day("weight"))))),
        ("shared", event(told(Some(phone), Some(4_321.0)))),
        ("less", event(daily::Change::Shared(Some(share)))),
        ("erased", event(daily::Change::Shared(None))),
        ("two", Any::Day(united)),
        ("erased", event(recorded(None))),
        ("gone", event(daily::Change::Deleted { client_version: 8 })),
    ]
}

fn of_live_sessions() -> Vec<(&'static str, Any)> {
    let event =
        |change| Any::Live(live::Event { live_id: Id::derived(&[b"live"]), account_id: account(), change });
    let course = live::Course {
        sport: Sport::Running,
        sub_sport: Some("trail".to_owned()),
        start_us: 1_777_600_800_000_000,
        stated_offset_s: Some(18_000),
        stated_zone: Some("Asia/Almaty".to_owned()),
    };
    let plan = live::Plan {
        course: Some(course),
        name: Some("Таңғы жүгіру".to_owned()),
        visibility: Some(privacy::Audience::parse(&["friends"]).unwrap()),
        session_id: Some(Id::derived(&[b"watch"])),
    };
    let erased = live::Plan { course: None, name: None, visibility: None, session_id: None };
    let ending = |by, activity_id, points| live::Change::Ended(live::Ending { by, activity_id, points });
    vec![
        ("trail", event(live::Change::Started(Box::new(plan)))),
        ("erased", event(live::Change::Started(Box::new(erased)))),
        ("owner", event(ending(live::EndedBy::Owner, Some(Id::derived(&[b"run"])), 812))),
        ("nothing", event(ending(live::EndedBy::Silence, None, 0))),
    ]
}
