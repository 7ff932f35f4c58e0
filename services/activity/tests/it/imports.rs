//! Archives: looked through, run file by file, taken back.

mod cut;
mod health;

use activity::{Config, domain::ImportId};
use bytes::Bytes;
use kernel::{AccountId, Code};
use platform::context::Ambient;
use proto::activity::{
    ActivityView, CropRequest, DeleteActivityRequest, GetActivityRequest, GetImportRequest, ImportFile,
    ImportRequest, ImportView, OriginalRequest, StreamsRequest, UploadChunk, UploadHeader, original_chunk,
    upload_chunk,
};
use testkit::{
    fleet::{Ground, eventually},
    zip::stored as zip,
};
use tonic::Status;

use crate::{
    recompute::recompute,
    world::{self, Accounts, World, app, by, bytes_of, fit, refused_with, watch},
};

const TABLE: &str = "Activity ID,Activity Date,Activity Name,Activity Type,Elapsed Time,Distance,Filename,Elapsed Time,Distance\n\
    7,\"May 2, 2026, 1:00:00 AM\",Morning in the park,Run,1,5,activities/7.gpx,1800,5000\n\
    8,\"May 3, 2026, 6:30:00 PM\",Weights,Weight Training,1,0,,2700,0\n\
    9,gestern,Unreadable,Run,1,1,,60,100\n";

fn gpx(day: &str) -> Vec<u8> {
    let whole = formats::gpx::write(&called("Track 7", day));
    whole.replace("<type>running</type>", "").into_bytes()
}

fn tcx(day: &str) -> Vec<u8> {
    formats::tcx::write(&called("Round the lake", day)).into_bytes()
}

fn called(name: &str, day: &str) -> formats::Activity {
    formats::Activity { name: Some(name.to_owned()), ..world::run(day) }
}

/// A Strava export with a bad file, a picture, and a file twice.
fn export() -> Vec<u8> {
    zip(&[
        ("export/activities.csv", TABLE.into()),
        ("export/activities/1.fit", fit("2026-05-01")),
        ("export/activities/7.gpx", gpx("2026-05-02")),
        ("export/activities/4.tcx", tcx("2026-05-04")),
        ("export/activities/copy.fit", fit("2026-05-01")),
        ("export/activities/broken.fit", b"\x0e\x10.FIT nothing".to_vec()),
        ("export/media/cat.jpg", vec![1, 2, 3]),
        ("../outside.fit", fit("2026-05-05")),
    ])
}

impl World<'_> {
    async fn import(
        &self,
        account: AccountId,
        archive: Vec<u8>,
        dry_run: bool,
    ) -> Result<ImportView, Status> {
        let header = UploadHeader { filename: "export.zip".to_owned(), dry_run, ..UploadHeader::default() };
        let header = UploadChunk { part: Some(upload_chunk::Part::Header(header)) };
        let data = archive
            .chunks(64 * 1024)
            .map(|chunk| UploadChunk { part: Some(upload_chunk::Part::Data(Bytes::copy_from_slice(chunk))) });
        let chunks = tokio_stream::iter(std::iter::once(header).chain(data.collect::<Vec<_>>()));
        let request = platform::context::acting_for(app(account), chunks);
        self.client().open_import(request).await.map(tonic::Response::into_inner)
    }

    async fn shown(&self, account: AccountId, id: &Bytes) -> ImportView {
        let asked = GetImportRequest { import_id: id.clone(), ..GetImportRequest::default() };
        self.client().get_import(by(account, asked)).await.unwrap().into_inner()
    }

    /// The import once it is in that state.
    async fn reached(&self, account: AccountId, id: &Bytes, state: &str) -> ImportView {
        let what = format!("is the import {state}");
        eventually(&what, || self.shown(account, id), |view| view.state == state).await
    }

    async fn imported(&self, account: AccountId, archive: Vec<u8>) -> ImportView {
        let opened = self.import(account, archive, false).await.unwrap();
        self.reached(account, &opened.id, "finished").await
    }
}

fn named(import: &ImportView) -> ImportRequest {
    ImportRequest { import_id: import.id.clone() }
}

/// `(name, plan, outcome)` of the files.
fn fates(view: &ImportView) -> Vec<(&str, &str, &str)> {
    let fate = |file: &'_ ImportFile| {
        let name = file.name.rsplit('/').next().unwrap_or_default().to_owned();
        (name.leak() as &str, file.plan.clone().leak() as &str, file.outcome.clone().leak() as &str)
    };
    view.files.iter().map(fate).collect()
}

fn ids(activities: &[ActivityView]) -> Vec<Bytes> {
    activities.iter().map(|activity| activity.id.clone()).collect()
}

#[tokio::test]
async fn a_dry_run_says_what_would_become_of_each_file_and_changes_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let known = world.uploaded(aida, tcx("2026-05-04")).await.activity_ids;
    let other = world.uploaded(aida, tcx("2026-05-02")).await.activity_ids;
    let before = world.mine(aida).await;
    let opened = world.import(aida, export(), true).await.unwrap();
    let planned = world.reached(aida, &opened.id, "planned").await;
    assert_eq!(
        (planned.kind.as_str(), planned.dry_run, planned.files_total, planned.files_done),
        ("strava_export", true, 5, 0)
    );
    assert_eq!(
        fates(&planned),
        [
            ("activities.csv", "ignored", ""),
            ("1.fit", "new", ""),
            ("7.gpx", "changed", ""),
            ("4.tcx", "duplicate", ""),
            ("copy.fit", "duplicate", ""),
            ("broken.fit", "refused", ""),
            ("cat.jpg", "ignored", ""),
            ("outside.fit", "refused", ""),
            ("activities.csv#8", "new", ""),
            ("activities.csv#9", "refused", ""),
        ]
    );
    assert_eq!(planned.files[3].activity_ids, known);
    assert_eq!(planned.files[2].activity_ids, other, "another file of the same moment");
    assert!(planned.files[7].problem.as_ref().unwrap().detail.contains("leads out"));
    assert_eq!(world.mine(aida).await, before);
    let count = planned.planned.iter().find(|count| count.word == "refused").unwrap().count;
    assert_eq!(count, 3);

    world.client().run_import(by(aida, named(&planned))).await.unwrap();
    let finished = world.reached(aida, &planned.id, "finished").await;
    let outcomes: Vec<_> = fates(&finished).into_iter().map(|(_, _, outcome)| outcome).collect();
    assert_eq!(outcomes, ["", "recorded", "recorded", "duplicate", "duplicate", "", "", "", "recorded", ""]);
    assert_eq!((finished.files_done, finished.files_total), (5, 5));
    // The other file of the same moment is the same workout, and is shown as that.
    assert_eq!(world.mine(aida).await.len(), before.len() + 2);
    world.stop().await;
}

#[tokio::test]
async fn names_and_sports_come_from_the_table_and_inner_files_are_what_they_would_be_alone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    world.imported(aida, export()).await;
    let mine = world.mine(aida).await;
    let titled: Vec<_> =
        mine.iter().map(|run| (run.name.as_str(), run.sport.as_str(), run.local_date.as_str())).collect();
    assert_eq!(
        titled,
        [
            ("Round the lake", "running", "2026-05-04"),
            // 18:30 in UTC is half past eleven at night in Almaty.
            ("Weights", "strength", "2026-05-03"),
            ("Morning in the park", "running", "2026-05-02"),
            ("", "running", "2026-05-01"),
        ]
    );
    let again = world.uploaded(aida, gpx("2026-05-02")).await;
    assert_eq!((again.status.as_str(), &again.activity_ids[0]), ("duplicate", &mine[2].id));
    assert_eq!(again.filename, "run.fit", "the upload's own name");
    // The whole archive again: nothing new.
    let twice = world.imported(aida, export()).await;
    assert!(twice.outcomes.iter().all(|count| count.word == "duplicate"), "{:?}", twice.outcomes);
    assert_eq!(world.mine(aida).await, mine);
    let (_, otherwise) = recompute(&world, "one", 100).await;
    assert_eq!(
        (otherwise, world.mine(aida).await),
        (0, mine),
        "worked out anew it keeps what the table said"
    );
    world.stop().await;
}

#[tokio::test]
async fn rolled_back_an_import_leaves_what_it_did_not_make() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let kept = world.uploaded(aida, tcx("2026-05-04")).await.activity_ids.remove(0);
    let deleted = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let asked = DeleteActivityRequest { activity_id: deleted.clone(), ..DeleteActivityRequest::default() };
    world.client().delete_activity(by(aida, asked)).await.unwrap();
    let import = world.imported(aida, export()).await;
    let mine = ids(&world.mine(aida).await);
    assert!(mine.contains(&kept) && mine.contains(&deleted), "the import brought it back");
    assert_eq!(mine.len(), 4);
    refused_with(world.client().roll_back_import(by(boris, named(&import))).await, Code::NotFound);
    for _ in 0..2 {
        let rolled_back =
            world.client().roll_back_import(by(aida, named(&import))).await.unwrap().into_inner();
        assert_eq!(rolled_back.state, "rolled_back");
        assert_eq!(ids(&world.mine(aida).await), std::slice::from_ref(&kept));
    }
    refused_with(world.client().run_import(by(aida, named(&import))).await, Code::Conflict);
    let anew = world.imported(aida, export()).await;
    assert_eq!(ids(&world.mine(aida).await), mine, "under the same ids");
    assert_ne!(anew.id, import.id);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_off_between_two_files_an_import_is_gone_on_with() {
    const FILES: usize = 40;
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let world = world::start(&ground, &accounts).await;
    let names: Vec<String> = (0..FILES).map(|number| format!("{number}.fit")).collect();
    let files: Vec<_> = names
        .iter()
        .zip(0_u64..)
        .map(|(name, seed)| {
            // No two of them whole hours apart, as the same one by a wrong clock would be.
            let start = format!("2026-04-01T{:02}:{:02}:{:02}Z", seed / 4, seed % 4 * 15, seed * 7 % 60)
                .parse()
                .unwrap();
            (name.as_str(), formats::write(&formats::synth::run(seed, start, 1_000.0, 300.0)))
        })
        .collect();
    let opened = world.import(aida, zip(&files), true).await.unwrap();
    world.reached(aida, &opened.id, "planned").await;
    world.client().run_import(by(aida, named(&opened))).await.unwrap();
    let begun = || async { world.shown(aida, &opened.id).await.files_done };
    let done = eventually("are files done", begun, |done| *done > 0).await;
    // As at the end of a process: whatever was going on is dropped.
    world.stop().await;
    println!("broken off after {done} of {FILES} files");

    let world = world::start(&ground, &accounts).await;
    world.client().resume_import(by(aida, named(&opened))).await.unwrap();
    let finished = world.reached(aida, &opened.id, "finished").await;
    assert_eq!((finished.files_done, finished.files_total), (FILES as u32, FILES as u32));
    assert_eq!(finished.outcomes.len(), 1, "{:?}", finished.outcomes);
    assert_eq!(world.mine(aida).await.len(), FILES);
    world.make_anew().await;
    assert_eq!(world.shown(aida, &opened.id).await, finished);
    world.stop().await;
}

#[tokio::test]
async fn while_auth_is_silent_an_import_waits_and_then_goes_on_by_itself() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let opened = world.import(aida, export(), true).await.unwrap();
    world.reached(aida, &opened.id, "planned").await;
    accounts.fall_silent(true);
    world.client().run_import(by(aida, named(&opened))).await.unwrap();
    assert_eq!(world.shown(aida, &opened.id).await.files_done, 0);
    accounts.fall_silent(false);
    world.reached(aida, &opened.id, "finished").await;
    world.stop().await;
}

#[tokio::test]
async fn an_uploaded_archive_has_an_outcome_a_file_and_can_be_taken_back() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let view = world.upload(watch(aida, "watch"), export(), 30).await.unwrap();
    assert_eq!((view.status.as_str(), view.activity_ids.len()), ("partial", 4), "{view:?}");
    let archive = view.archive.clone().unwrap();
    assert_eq!((archive.files_done, archive.files_total, archive.files.len()), (5, 5, 10));
    assert_eq!(world.mine(aida).await.len(), 4);
    let again = world.upload(app(aida), export(), 30).await.unwrap();
    assert_eq!((again.status.as_str(), again.activity_ids.len()), ("duplicate", 4));
    world.client().roll_back_import(by(aida, ImportRequest { import_id: view.id.clone() })).await.unwrap();
    assert!(world.mine(aida).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn archives_without_a_workout_and_hostile_ones_fail_and_say_why() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let nothing = zip(&[("notes.txt", b"dear diary".to_vec()), ("course.gpx", b"<gpx/>".to_vec())]);
    let many: Vec<(String, Vec<u8>)> = (0..10_001).map(|number| (number.to_string(), Vec::new())).collect();
    let many: Vec<_> = many.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
    for (archive, code) in [
        (nothing.clone(), "file_not_activity"),
        (b"PK\x03\x04 and then nothing".to_vec(), "file_unreadable"),
        (zip(&many), "file_unreadable"),
    ] {
        for _ in 0..2 {
            let view = world.uploaded(aida, archive.clone()).await;
            assert_eq!((view.status.as_str(), view.problem.unwrap().code.as_str()), ("failed", code));
        }
    }
    let failed = world.import(aida, b"PK\x03\x04 and then nothing".to_vec(), false).await.unwrap();
    let failed = world.reached(aida, &failed.id, "failed").await;
    assert_eq!(failed.problem.as_ref().unwrap().code, "file_unreadable");
    refused_with(world.client().run_import(by(aida, named(&failed))).await, Code::Conflict);
    let empty = world.imported(aida, nothing).await;
    assert_eq!((empty.files_total, empty.files.len()), (0, 2));
    refused_with(world.import(aida, fit("2026-05-01"), false).await, Code::FileUnreadable);
    world.stop().await;
}

#[tokio::test]
async fn the_same_key_answers_the_first_import() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let key = || eventing::command::Key {
        key: "POST /v1/imports k".to_owned(),
        request_hash: Bytes::from_static(b"x"),
    };
    let keyed = |archive, dry_run| {
        let ambient = Ambient { idempotency: Some(key()), ..Ambient::default() };
        let importing = world.import(aida, archive, dry_run);
        async move { ambient.scope(importing).await }
    };
    let first = keyed(export(), true).await.unwrap();
    assert_eq!(keyed(export(), true).await.unwrap().id, first.id);
    refused_with(keyed(export(), false).await, Code::IdempotencyMismatch);
    world.stop().await;
}

#[tokio::test]
async fn an_erased_accounts_imports_are_gone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let import = world.imported(aida, export()).await;
    let erased = proto::auth::AccountErased { account_id: bytes_of(aida) };
    testkit::fleet::tell(&world.auth, &eventing::StreamId::of("account", aida), &aida.to_string(), &erased)
        .await;
    let ask = || async {
        let asked = GetImportRequest { import_id: import.id.clone(), ..GetImportRequest::default() };
        world.client().get_import(by(aida, asked)).await.is_err()
    };
    eventually("is the import gone", ask, |gone| *gone).await;
    world.stop().await;
}

#[tokio::test]
async fn an_import_is_run_and_rolled_back_on_postgresql() {
    let Some(ground) = Ground::postgres("an import on PostgreSQL") else { return };
    let accounts = Accounts::default();
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let kept = world.uploaded(aida, tcx("2026-05-04")).await.activity_ids.remove(0);
    let opened = world.import(aida, export(), true).await.unwrap();
    world.reached(aida, &opened.id, "planned").await;
    world.client().run_import(by(aida, named(&opened))).await.unwrap();
    world.reached(aida, &opened.id, "finished").await;
    assert_eq!(world.mine(aida).await.len(), 4);
    world.client().roll_back_import(by(aida, named(&opened))).await.unwrap();
    assert_eq!(ids(&world.mine(aida).await), [kept]);
    world.stop().await;
}

#[tokio::test]
async fn an_imported_file_is_there_as_it_came() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let import = world.imported(aida, export()).await;
    let ride = import.files.iter().find(|file| file.name.ends_with("4.tcx")).unwrap();
    let asked = OriginalRequest { activity_id: ride.activity_ids[0].clone() };
    let mut chunks = world.client().original(by(aida, asked)).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        match chunk.part.unwrap() {
            original_chunk::Part::Header(header) => {
                assert_eq!(
                    (header.filename.as_str(), header.content_type.as_str()),
                    ("4.tcx", "application/vnd.garmin.tcx+xml")
                );
            }
            original_chunk::Part::Data(data) => file.extend_from_slice(&data),
        }
    }
    assert_eq!(file, tcx("2026-05-04"));
    let asked = GetActivityRequest { activity_id: ride.activity_ids[0].clone() };
    assert_eq!(world.client().get_activity(by(aida, asked)).await.unwrap().into_inner().sources, ["upload"]);
    world.stop().await;
}

fn blobs(ground: &Ground, room: &str, account: AccountId) -> Vec<std::path::PathBuf> {
    let folder = ground.folder().join("activity/blobs").join(room).join(account.to_string());
    let files = std::fs::read_dir(folder).map(|files| files.flatten().map(|file| file.path()).collect());
    files.unwrap_or_default()
}

#[tokio::test]
async fn an_archive_goes_with_the_window_in_which_what_it_made_can_be_restored() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let ended = world.imported(aida, export()).await;
    let waiting = world.import(aida, export(), true).await.unwrap();
    world.reached(aida, &waiting.id, "planned").await;
    assert_eq!(blobs(&ground, "archive", aida).len(), 2);
    let originals = blobs(&ground, "original", aida).len();
    world.later(29 * 86_400);
    world.uploaded(aida, fit("2026-04-20")).await;
    assert_eq!(blobs(&ground, "archive", aida).len(), 2);
    world.later(2 * 86_400);
    let ask = || async { blobs(&ground, "archive", aida).len() };
    eventually("how many archives are kept", ask, |kept| *kept == 0).await;
    // What came of it stays, and can be taken back.
    assert_eq!(blobs(&ground, "original", aida).len(), originals + 1);
    refused_with(world.client().run_import(by(aida, named(&waiting))).await, Code::Conflict);
    let made = world.mine(aida).await.len();
    world.client().roll_back_import(by(aida, named(&ended))).await.unwrap();
    let ask = || async { world.mine(aida).await.len() };
    eventually("what is left", ask, |left| *left < made).await;
    // Sent again, it is read again.
    world.imported(aida, export()).await;
    assert_eq!(blobs(&ground, "archive", aida).len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn archives_of_before_go_when_the_past_is_worked_out_anew_also_those_that_were_never_run() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let waiting = world.import(aida, export(), true).await.unwrap();
    world.reached(aida, &waiting.id, "planned").await;
    // As it was when archives had no timers.
    world.db.execute("DELETE FROM es_timer WHERE command_id = 'archive'", Vec::new()).await.unwrap();
    world.later(31 * 86_400);
    assert_eq!(blobs(&ground, "archive", aida).len(), 1);
    recompute(&world, "archives", 0).await;
    let ask = || async { blobs(&ground, "archive", aida).len() };
    eventually("how many archives are kept", ask, |kept| *kept == 0).await;
    world.stop().await;
}

#[tokio::test]
async fn an_uploaded_archive_goes_too_and_is_known_still() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let upload = world.uploaded(aida, export()).await;
    assert!(upload.is_archive, "{upload:?}");
    let before = blobs(&ground, "original", aida).len();
    world.later(31 * 86_400);
    let ask = || async { blobs(&ground, "original", aida).len() };
    eventually("how many files are kept", ask, |kept| *kept == before - 1).await;
    let again = world.uploaded(aida, export()).await;
    assert_eq!(again.status, "duplicate");
    assert_eq!(blobs(&ground, "original", aida).len(), before - 1);
    world.stop().await;
}

#[tokio::test]
async fn columns_that_were_replaced_and_files_that_nobody_spoke_of_are_swept() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let asked = CropRequest { activity_id: id.clone(), from_s: Some(60.0), to_s: None };
    world.client().crop(by(aida, asked)).await.unwrap();
    assert_eq!(blobs(&ground, "streams", aida).len(), 2);
    world.import(aida, export(), true).await.unwrap();
    let lost = blobs(&ground, "archive", aida).remove(0).with_file_name(ImportId::random().to_string());
    std::fs::write(&lost, b"a process died here").unwrap();
    std::fs::write(blobs(&ground, "streams", aida).remove(0).with_file_name("a stranger"), b"1").unwrap();
    world.stop().await;
    // What lies there for a day is old; the clock of the installation is ahead of the files.
    let config = Config { blobs_swept_every_s: 1, sweep_every_ms: 100, ..Config::default() };
    let world = world::start_with(&ground, &accounts, config).await;
    world.later(10 * 365 * 86_400);
    let ask = || async { (blobs(&ground, "streams", aida).len(), lost.exists()) };
    eventually("what is kept", ask, |kept| *kept == (2, false)).await;
    let swept = || async { world.metric("blobs_swept_total") };
    eventually("how many were swept", swept, |swept| *swept == 2.0).await;
    let asked = StreamsRequest { activity_id: id, ..StreamsRequest::default() };
    let streams = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    assert!(!streams.time.is_empty());
    world.stop().await;
}
