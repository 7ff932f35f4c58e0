//! Health exports: the archive that a phone makes, its document by itself and in gzip; cut, again, and taken back.

use std::io::Write as _;

use eventing::args;
use kernel::AccountId;
use proto::activity::{ActivityView, ImportView, StreamsRequest, StreamsView, UploadView};
use testkit::{
    fleet::{Ground, eventually},
    zip::stored as zip,
};

use super::{fates, gpx, named};
use crate::world::{self, Accounts, World, by, fit};

const RUN: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30" durationUnit="min" sourceName="Watch"
 startDate="2026-05-02 06:00:00 +0500" endDate="2026-05-02 06:30:00 +0500">
 <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="5" unit="km"/>
 <WorkoutRoute sourceName="Watch"><FileReference path="/workout-routes/route_1.gpx"/></WorkoutRoute></Workout>"#;
const WEIGHTS: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeTraditionalStrengthTraining" duration="45" durationUnit="min"
 sourceName="Watch" startDate="2026-05-03 18:00:00 +0500" endDate="2026-05-03 18:45:00 +0500"></Workout>"#;
const LOST: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeCycling" duration="60" durationUnit="min" sourceName="Watch"
 startDate="2026-05-04 18:00:00 +0500" endDate="2026-05-04 19:00:00 +0500">
 <WorkoutRoute><FileReference path="../../../etc/passwd"/></WorkoutRoute></Workout>"#;

fn record(kind: &str, unit: &str, source: &str, (start, end): (&str, &str), value: &str) -> String {
    format!(
        "<Record type=\"HKQuantityTypeIdentifier{kind}\" unit=\"{unit}\" sourceName=\"{source}\" \
         startDate=\"{start} +0500\" endDate=\"{end} +0500\" value=\"{value}\"/>\n"
    )
}

fn steps(source: &str, day: &str, value: u32) -> String {
    let times = (format!("{day} 09:00:00"), format!("{day} 09:10:00"));
    record("StepCount", "count", source, (&times.0, &times.1), &value.to_string())
}

pub(super) fn document() -> String {
    let at = ("2026-05-02 07:00:00", "2026-05-02 07:00:00");
    let beat =
        |source: &str, at: &str, value: &str| record("HeartRate", "count/min", source, (at, at), value);
    let records = [
        record("HeartRate", "count/min", "Watch", at, "61"),
        beat("Strap", "2026-05-03 18:00:10", "99"),
        beat("Strap", "2026-05-03 18:00:11", "101"),
        beat("Strap", "2026-05-03 18:00:12", "102"),
        beat("Watch", "2026-05-03 18:20:05", "131"),
        beat("Watch", "2026-05-03 18:00:05", "110"),
        beat("Watch", "2026-05-04 18:30:00", "140"),
        steps("iPhone", "2026-05-01", 900),
        steps("Watch", "2026-05-01", 1_000),
        steps("iPhone", "2025-12-31", 70),
        record("BodyMass", "kg", "Scale", at, "64.5"),
        record("DietaryWater", "mL", "App", at, "250"),
    ];
    let records = records.concat();
    format!(
        "<?xml version=\"1.0\"?>\n<HealthData locale=\"kk\">\n{records}{RUN}{WEIGHTS}{LOST}</HealthData>\n"
    )
}

/// As a phone makes it, in another language.
pub(super) fn archive(document: &str) -> Vec<u8> {
    zip(&[
        ("apple_health_export/导出.xml", document.into()),
        ("apple_health_export/export_cda.xml", b"<ClinicalDocument/>".to_vec()),
        ("apple_health_export/workout-routes/route_1.gpx", gpx("2026-05-02")),
        ("apple_health_export/workout-routes/alone.gpx", gpx("2026-05-09")),
        ("apple_health_export/electrocardiograms/ecg_2026-05-01.csv", b"Name,x".to_vec()),
        ("apple_health_export/inner.zip", zip(&[("a.fit", fit("2026-05-08"))])),
        ("../../outside.gpx", gpx("2026-05-07")),
    ])
}

impl World<'_> {
    /// `(date, steps)`, and how many samples there are.
    async fn kept(&self, account: AccountId) -> (Vec<(String, f64)>, i64) {
        let days = "SELECT date, value FROM daily WHERE account_id = $1 AND live = 1 ORDER BY date";
        let days = self.db.fetch(days, args![account]).await.unwrap();
        let days = days.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
        let samples = "SELECT COUNT(*) FROM metric WHERE account_id = $1 AND live = 1";
        let samples = self.db.fetch_one(samples, args![account]).await.unwrap().unwrap();
        (days, samples.get(0).unwrap())
    }

    pub(super) async fn days_become(&self, account: AccountId, wanted: &[(&str, f64)]) {
        let wanted: Vec<_> = wanted.iter().map(|(date, value)| ((*date).to_owned(), *value)).collect();
        eventually("are the days as they should be", || self.kept(account), |kept| kept.0 == wanted).await;
    }

    async fn streams_of(&self, account: AccountId, activity: &ActivityView) -> StreamsView {
        let asked = StreamsRequest { activity_id: activity.id.clone(), ..StreamsRequest::default() };
        self.client().streams(by(account, asked)).await.unwrap().into_inner()
    }

    /// Seconds, and the columns that there are beside them.
    async fn columns_of(&self, account: AccountId, activity: &ActivityView) -> (Vec<f64>, Vec<String>) {
        let streams = self.streams_of(account, activity).await;
        (streams.time, streams.columns.into_iter().map(|column| column.r#type).collect())
    }

    /// The watch's own, though the strap has more: in order, however they stand in the export.
    async fn have_a_pulse(&self, account: AccountId, mine: &[ActivityView]) {
        let (weights, ride) = (&mine[2], &mine[1]);
        let columns = self.columns_of(account, weights).await;
        let rows = (vec![5.0, 1_205.0], vec!["heart_rate".to_owned()]);
        assert_eq!(columns, rows, "without a track, rows of its own");
        assert_eq!((weights.heart_rate_avg_bpm, weights.heart_rate_max_bpm), (Some(120.5), Some(131.0)));
        assert_eq!(ride.heart_rate_avg_bpm, Some(140.0), "a single one too");
    }
}

fn outcome<'a>(view: &'a ImportView, name: &str) -> &'a str {
    let file = view.files.iter().find(|file| file.name.contains(name));
    file.map_or("absent", |file| file.outcome.as_str())
}

fn sports(mine: &[ActivityView]) -> Vec<&str> {
    mine.iter().map(|activity| activity.sport.as_str()).collect()
}

pub(super) const DAYS: &[(&str, f64)] = &[("2025-12-31", 70.0), ("2026-05-01", 1_000.0)];

async fn the_whole_way(ground: &Ground) {
    let accounts = Accounts::default();
    let world = world::start(ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let opened = world.import(aida, archive(&document()), true).await.unwrap();
    let planned = world.reached(aida, &opened.id, "planned").await;
    assert_eq!((planned.kind.as_str(), planned.files_total), ("apple_health_export", 7));
    assert_eq!(
        fates(&planned),
        [
            ("导出.xml#workout-2026-05-02T01:00:00Z", "new", ""),
            ("导出.xml#workout-2026-05-03T13:00:00Z", "new", ""),
            ("导出.xml#workout-2026-05-04T13:00:00Z", "new", ""),
            ("导出.xml#samples-1", "new", ""),
            ("导出.xml#steps-2025", "new", ""),
            ("导出.xml#steps-2026", "new", ""),
            ("导出.xml#other-records", "ignored", ""),
            ("导出.xml#heart-rates", "ignored", ""),
            ("export_cda.xml", "ignored", ""),
            ("alone.gpx", "new", ""),
            ("ecg_2026-05-01.csv", "ignored", ""),
            ("inner.zip", "refused", ""),
            ("outside.gpx", "refused", ""),
        ]
    );
    assert_eq!((world.mine(aida).await.len(), world.kept(aida).await), (0, (Vec::new(), 0)));

    world.client().run_import(by(aida, named(&planned))).await.unwrap();
    let finished = world.reached(aida, &planned.id, "finished").await;
    assert_eq!(outcome(&finished, "workout-2026-05-02"), "recorded");
    assert_eq!(outcome(&finished, "workout-2026-05-04"), "partial", "its route is nowhere");
    let mine = world.mine(aida).await;
    assert_eq!(sports(&mine), ["other", "cycling", "strength", "running"]);
    let run = &mine[3];
    assert_eq!((run.distance_m, run.elapsed_time_s), (Some(5_000.0), Some(1_800.0)), "as the watch says");
    assert!(world.streams_of(aida, run).await.time.len() > 1_000, "with the track of its route");
    world.have_a_pulse(aida, &mine).await;
    world.days_become(aida, DAYS).await;
    assert_eq!(world.kept(aida).await.1, 1);

    // A later export of the same phone: what is known stays, what grew is replaced.
    world.later(60);
    let grown = document().replace("value=\"900\"", "value=\"1100\"");
    let again = world.imported(aida, archive(&grown)).await;
    assert_eq!(outcome(&again, "workout-2026-05-02"), "duplicate");
    assert_eq!((outcome(&again, "steps-2025"), outcome(&again, "steps-2026")), ("duplicate", "recorded"));
    assert_eq!(outcome(&again, "samples-1"), "duplicate");
    world.days_become(aida, &[("2025-12-31", 70.0), ("2026-05-01", 1_100.0)]).await;
    assert_eq!(world.mine(aida).await, mine);

    world.later(60);
    world.client().roll_back_import(by(aida, named(&again))).await.unwrap();
    world.days_become(aida, DAYS).await;
    assert_eq!(
        (world.mine(aida).await, world.kept(aida).await.1),
        (mine, 1),
        "nothing of the first is taken"
    );
    world.later(60);
    world.client().roll_back_import(by(aida, named(&finished))).await.unwrap();
    world.days_become(aida, &[]).await;
    assert_eq!((world.mine(aida).await.len(), world.kept(aida).await.1), (0, 0));
    world.later(60);
    world.imported(aida, archive(&document())).await;
    world.days_become(aida, DAYS).await;
    assert_eq!(world.kept(aida).await.1, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_health_export_is_looked_through_run_again_and_taken_back() {
    the_whole_way(&Ground::fresh()).await;
}

#[tokio::test]
async fn a_health_export_is_imported_on_postgresql() {
    let Some(ground) = Ground::postgres("a health export on PostgreSQL") else { return };
    the_whole_way(&ground).await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn the_document_by_itself_is_uploaded_plain_and_in_gzip() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    for (name, file) in [("aida", document().into_bytes()), ("boris", gzip(document().as_bytes()))] {
        let somebody = accounts.athlete(name);
        let upload: UploadView = world.uploaded(somebody, file).await;
        assert_eq!((upload.status.as_str(), upload.activity_ids.len()), ("ready", 3), "{upload:?}");
        assert_eq!(sports(&world.mine(somebody).await), ["cycling", "strength", "running"]);
        world.days_become(somebody, DAYS).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn of_a_cut_export_what_came_before_the_cut_is_kept() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let whole = document();
    let cut =
        &whole[..whole.find("<Workout workoutActivityType=\"HKWorkoutActivityTypeCycling").unwrap() + 30];
    for (name, file) in [
        ("aida", archive(cut)),
        ("boris", gzip(cut.as_bytes())),
        ("aru", archive(&cut.replace("<HealthData locale=\"kk\">", "<HealthData locale=\"kk\"><a b=<<>"))),
    ] {
        let somebody = accounts.athlete(name);
        let upload = world.uploaded(somebody, file).await;
        assert_eq!(upload.status, "partial", "{name}: {upload:?}");
    }
    let boris = accounts.athlete("boris");
    assert_eq!(sports(&world.mine(boris).await), ["strength", "running"]);
    world.days_become(boris, DAYS).await;
    world.stop().await;
}

#[tokio::test]
async fn without_the_consent_an_export_leaves_the_body_out() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    accounts.change(aida, |standing| standing.consents.retain(|purpose| purpose != "health_data"));
    let import = world.imported(aida, archive(&document())).await;
    assert_eq!((outcome(&import, "samples-1"), outcome(&import, "steps-2026")), ("failed", "recorded"));
    world.days_become(aida, DAYS).await;
    assert_eq!(world.kept(aida).await.1, 0);
    let weights = &world.mine(aida).await[2];
    assert_eq!((weights.sport.as_str(), weights.heart_rate_avg_bpm), ("strength", None));
    assert!(world.columns_of(aida, weights).await.0.is_empty(), "nor the seconds at which it was measured");
    world.stop().await;
}

#[tokio::test]
async fn broken_off_by_a_stop_an_export_is_gone_on_with() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    // Enough that the stop falls into it.
    let many: String = (10..28)
        .map(|day| RUN.replace("2026-05-02", &format!("2026-04-{day}")).replace("route_1", "none"))
        .collect();
    let document = document().replace("</HealthData>", &format!("{many}</HealthData>"));
    let opened = world.import(aida, archive(&document), false).await.unwrap();
    eventually("has it begun", || world.shown(aida, &opened.id), |view| view.files_done > 0).await;
    world.stop().await;
    let world = world::start(&ground, &accounts).await;
    let finished = world.reached(aida, &opened.id, "finished").await;
    assert_eq!(finished.files_done, finished.files_total);
    assert!(finished.outcomes.iter().all(|count| count.word != "failed"), "{:?}", finished.outcomes);
    assert_eq!(world.mine(aida).await.len(), 4 + 18);
    world.stop().await;
}
