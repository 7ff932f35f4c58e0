//! Files of every kind through the public door: several at once, an archive, an import that is killed and taken back,
//! and activities out again.

use std::path::Path;

use formats::synth;
use futures::StreamExt;
use serde_json::{Value, json};
use stadion::demo::door::{Answer, Door, until};

use crate::{embedded::Process, hostile::somebody};

/// A test may knock as often as it likes.
const PATIENT: &[(&str, &str)] = &[
    ("STADION_LIMITS__SIGN_UPS_PER_HOUR", "0"),
    ("STADION_LIMITS__WRITES_PER_S", "0"),
    ("STADION_LIMITS__READS_PER_S", "0"),
];
const FILES: u64 = 60;

fn run(number: u64) -> formats::Activity {
    // No two begin at the same minute: whole hours apart, one loop would be one workout told by two clocks.
    let (day, hour) = (1 + number / 20, number % 20);
    let start = format!("2026-04-{day:02}T{hour:02}:{number:02}:00Z").parse().unwrap();
    synth::run(number, start, 1_500.0, 300.0)
}

async fn arrived(data: &Path) -> (Process, Door, String) {
    let process = Process::set(data, PATIENT);
    let door = Door::new(&process.base).unwrap();
    let token = somebody(&door, data, "aru@example.org").await;
    (process, door, token)
}

/// The whole body of an answer that is no JSON.
async fn file(door: &Door, token: &str, path: &str) -> Vec<u8> {
    let pieces = door.get(path).with(token).stream().await.unwrap();
    pieces
        .fold(Vec::new(), async |mut file, piece| {
            file.extend(piece.unwrap());
            file
        })
        .await
}

fn words(answer: &Answer, pointer: &str) -> Vec<String> {
    let items = answer.json.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tcx_file_comes_in_and_goes_out_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let (_process, door, token) = arrived(folder.path()).await;
    let tcx = formats::tcx::write(&run(1)).into_bytes();
    let upload = door.post("/v1/uploads?wait_s=20&filename=run.tcx").with(&token);
    let upload = upload.body("application/octet-stream", tcx.clone()).expect(200).await.unwrap();
    assert_eq!(upload.text("/status").unwrap(), "ready");
    let id = upload.text("/activity_ids/0").unwrap();
    let original = door.get(&format!("/v1/activities/{id}/original")).with(&token).expect(200).await.unwrap();
    assert_eq!(original.headers["content-type"], "application/vnd.garmin.tcx+xml");
    assert_eq!(file(&door, &token, &format!("/v1/activities/{id}/original")).await, tcx);
    for format in ["gpx", "tcx", "fit"] {
        let exported = file(&door, &token, &format!("/v1/activities/{id}/export?format={format}")).await;
        let reading = formats::read(&exported).unwrap();
        assert_eq!(reading.format.as_str(), format);
        assert_eq!(reading.activities[0].start, run(1).start, "{format}");
    }
    let unknown = door.get(&format!("/v1/activities/{id}/export?format=kml")).with(&token).expect(422).await;
    assert_eq!(unknown.unwrap().text("/errors/0/pointer").unwrap(), "/format");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_files_of_a_form_each_have_their_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let (_process, door, token) = arrived(folder.path()).await;
    let mut form = Vec::new();
    let files = [
        ("a.fit", formats::write(&run(1))),
        ("b.gpx", formats::gpx::write(&run(2)).into_bytes()),
        ("empty.fit", Vec::new()),
        ("diary.txt", b"dear diary".to_vec()),
        ("again.fit", formats::write(&run(1))),
    ];
    for (name, bytes) in files {
        let head =
            format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(&bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--b--\r\n");
    let send = || {
        let ask = door.post("/v1/uploads?wait_s=25").with(&token).header("Idempotency-Key", "form-1");
        ask.body("multipart/form-data; boundary=b", form.clone()).expect(200)
    };
    let answer = send().await.unwrap();
    let statuses: Vec<_> = answer.items().iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ready", "ready", "failed", "failed", "duplicate"]);
    let codes = [&answer.items()[2], &answer.items()[3]].map(|item| item["problem"]["code"].clone());
    assert_eq!(codes, [json!("file_unreadable"), json!("file_not_activity")]);
    let again = send().await.unwrap();
    let ids = |answer: &Answer| answer.items().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&answer), "the same key, the same uploads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_goes_on_and_is_taken_back_with_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let (process, door, token) = arrived(folder.path()).await;
    let single = door.post("/v1/uploads?wait_s=20").with(&token);
    let single = single.body("application/octet-stream", formats::write(&run(0))).expect(200).await.unwrap();
    let names: Vec<String> = (0..FILES).map(|number| format!("activities/{number}.fit")).collect();
    let mut files: Vec<_> =
        names.iter().zip(0..).map(|(name, number)| (name.as_str(), formats::write(&run(number)))).collect();
    files.push(("broken.fit", b"\x0e\x10 no FIT".to_vec()));
    let archive = testkit::zip::stored(&files);
    let opened = door.post("/v1/imports?dry_run=true&filename=export.zip").with(&token);
    let opened = opened.body("application/zip", archive).expect(202).await.unwrap();
    let import = format!("/v1/imports/{}", opened.text("/id").unwrap());
    let planned =
        until(|| door.get(&import).with(&token), |answer| answer.json["state"] == "planned").await.unwrap();
    assert_eq!(planned.json["planned"], json!({ "new": FILES - 1, "duplicate": 1, "refused": 1 }));
    let before = door.get("/v1/activities?limit=200").with(&token).expect(200).await.unwrap();
    assert_eq!(before.items().len(), 1, "a dry run changes nothing");

    door.post(&format!("{import}/run")).with(&token).expect(202).await.unwrap();
    let some = |answer: &Answer| answer.json["progress"]["done"].as_u64().is_some_and(|done| done > 0);
    let running = until(|| door.get(&import).with(&token), some).await.unwrap();
    process.kill();
    println!("killed after {} of {}", running.json["progress"]["done"], running.json["progress"]["total"]);
    let process = Process::set(folder.path(), PATIENT);
    let door = Door::new(&process.base).unwrap();
    door.post(&format!("{import}/resume")).with(&token).expect(202).await.unwrap();
    let finished = |answer: &Answer| answer.json["state"] == "finished";
    let finished = until(|| door.get(&import).with(&token), finished).await.unwrap();
    assert_eq!(finished.json["outcomes"], json!({ "recorded": FILES - 1, "duplicate": 1 }));
    assert_eq!(finished.json["progress"], json!({ "done": FILES, "total": FILES }));
    let all = door.get("/v1/activities?limit=200").with(&token).expect(200).await.unwrap();
    assert_eq!(all.items().len() as u64, FILES);

    door.delete(&import).with(&token).expect(204).await.unwrap();
    let left = door.get("/v1/activities?limit=200").with(&token).expect(200).await.unwrap();
    let left: Vec<_> = left.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(left, words(&single, "/activity_ids"), "what it did not make stays");
    let gone = door.get(&import).with(&token).expect(200).await.unwrap();
    assert_eq!(gone.text("/state").unwrap(), "rolled_back");
    let again = door.post(&format!("{import}/run")).with(&token).expect(409).await.unwrap();
    assert_eq!(again.text("/code").unwrap(), "conflict");
}
