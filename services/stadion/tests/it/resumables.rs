//! Files in parts through the public door: by hand, by a client that others wrote, and with the process killed in the middle.

use std::{path::Path, process::Command};

use formats::synth;
use reqwest::Method;
use serde_json::json;
use stadion::demo::door::{Answer, Ask, Door, until};

use crate::{embedded::Process, hostile::somebody};

const SETTINGS: &[(&str, &str)] =
    &[("STADION_LIMITS__WRITES_PER_S", "0"), ("STADION_ACTIVITY__RESUMABLE_PART_BYTES", "65536")];

fn archive(files: u64) -> Vec<u8> {
    let run = |number: u64| {
        let start = format!("2026-04-{:02}T06:00:00Z", number + 1).parse().unwrap();
        formats::write(&synth::run(number, start, 3_000.0, 300.0))
    };
    let names: Vec<String> = (0..files).map(|number| format!("activities/{number}.fit")).collect();
    let files: Vec<_> = names.iter().zip(0..).map(|(name, number)| (name.as_str(), run(number))).collect();
    testkit::zip::stored(&files)
}

fn create(door: &Door, token: &str, length: usize) -> Ask {
    let said = "filename ZXhwb3J0LnppcA==,purpose aW1wb3J0,dry_run dHJ1ZQ==";
    let ask = door.post("/v1/uploads/resumable").with(token).header("Tus-Resumable", "1.0.0");
    ask.header("Upload-Length", &length.to_string()).header("Upload-Metadata", said)
}

fn patch(door: &Door, token: &str, place: &str, offset: usize, bytes: &[u8]) -> Ask {
    let ask = door.ask(Method::PATCH, place).with(token).header("Tus-Resumable", "1.0.0");
    ask.header("Upload-Offset", &offset.to_string()).body("application/offset+octet-stream", bytes.to_vec())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_in_parts_survives_kill_9_and_becomes_the_import_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::set(folder.path(), SETTINGS);
    let door = Door::new(&process.base).unwrap();
    let token = somebody(&door, folder.path(), "aru@example.org").await;
    let file = archive(20);
    let options = door.ask(Method::OPTIONS, "/v1/uploads/resumable").send().await.unwrap();
    assert_eq!(header(&options, "tus-extension"), "creation,termination,expiration,checksum");
    assert_eq!(header(&options, "tus-max-size"), (5_u64 << 30).to_string());
    let created = create(&door, &token, file.len()).expect(201).await.unwrap();
    assert_eq!(header(&created, "tus-resumable"), "1.0.0");
    assert!(header(&created, "upload-expires").ends_with(" GMT"));
    let place = header(&created, "location").to_owned();
    let half = file.len() / 2;
    let first = patch(&door, &token, &place, 0, &file[..half]).expect(204).await.unwrap();
    assert_eq!(header(&first, "upload-offset"), half.to_string());
    process.kill();

    let process = Process::set(folder.path(), SETTINGS);
    let door = Door::new(&process.base).unwrap();
    let head = door.ask(Method::HEAD, &place).with(&token).expect(200).await.unwrap();
    assert_eq!(
        (header(&head, "upload-offset"), header(&head, "cache-control")),
        (half.to_string().as_str(), "no-store")
    );
    assert_eq!(header(&head, "upload-length"), file.len().to_string());
    patch(&door, &token, &place, 0, &file).expect(409).await.unwrap();
    patch(&door, &token, &place, half, &file[half..]).expect(204).await.unwrap();
    let import = place.replace("uploads/resumable", "imports");
    let planned = |answer: &Answer| answer.json["state"] == "planned";
    let planned = until(|| door.get(&import).with(&token), planned).await.unwrap();
    assert_eq!(planned.json["planned"], json!({ "new": 20 }));
    assert_eq!(planned.json["filename"], "export.zip");
    let told = door.get(&place).with(&token).expect(200).await.unwrap();
    assert_eq!((&told.json["state"], &told.json["purpose"]), (&json!("done"), &json!("import")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_speak_the_protocol_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::set(folder.path(), SETTINGS);
    let door = Door::new(&process.base).unwrap();
    let token = somebody(&door, folder.path(), "aru@example.org").await;
    let create = || door.post("/v1/uploads/resumable").with(&token);
    let answer = create().header("Upload-Length", "5").expect(412).await.unwrap();
    assert_eq!(
        (answer.json["code"].as_str(), header(&answer, "tus-resumable")),
        (Some("version_mismatch"), "1.0.0")
    );
    let create = || create().header("Tus-Resumable", "1.0.0");
    for length in ["", "-1", "many", "0"] {
        create().header("Upload-Length", length).expect(422).await.unwrap();
    }
    create().header("Upload-Length", "99999999999999").expect(413).await.unwrap();
    create().header("Upload-Length", "5").header("Upload-Metadata", "a ?").expect(422).await.unwrap();
    let made =
        create().header("Upload-Length", "5").header("Idempotency-Key", "k1").expect(201).await.unwrap();
    let again =
        create().header("Upload-Length", "5").header("Idempotency-Key", "k1").expect(201).await.unwrap();
    assert_eq!(made.json["id"], again.json["id"]);
    assert_eq!(made.json["purpose"], "upload");
    let place = header(&made, "location").to_owned();
    let part = || door.ask(Method::PATCH, &place).with(&token).header("Tus-Resumable", "1.0.0");
    let wrong = part().header("Upload-Offset", "0").body("application/octet-stream", vec![1]);
    wrong.expect(415).await.unwrap();
    part().body("application/offset+octet-stream", vec![1]).expect(422).await.unwrap();
    let of_abc = "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let checked = |checksum: &str, bytes: &[u8]| {
        patch(&door, &token, &place, 0, bytes).header("Upload-Checksum", checksum)
    };
    let unknown = checked("md5 kAFQmDzST7DWlj99KOF/cg==", b"abc").expect(400).await.unwrap();
    assert_eq!(unknown.json["code"], "bad_checksum");
    let other = checked(of_abc, b"abd").expect(460).await.unwrap();
    assert_eq!(other.json["code"], "checksum_mismatch");
    let kept = checked(of_abc, b"abc").expect(204).await.unwrap();
    assert_eq!((header(&kept, "upload-offset"), header(&kept, "tus-max-size")), ("3", "5368709120"));
    patch(&door, &token, &place, 3, b"too long").expect(413).await.unwrap();
    door.delete(&place).with(&token).header("Tus-Resumable", "1.0.0").expect(204).await.unwrap();
    door.get(&place).with(&token).expect(404).await.unwrap();
    door.get("/v1/uploads/resumable/none").with(&token).expect(404).await.unwrap();
}

/// A client that others wrote (tuspy, from PyPI): so far, or on from a place.
const CLIENT: &str = r#"
import sys
from tusclient.client import TusClient
base, token, path, stop_at, url = sys.argv[1:6]
client = TusClient(base + "/v1/uploads/resumable", headers={"Authorization": "Bearer " + token})
said = {"filename": "export.zip", "purpose": "import", "dry_run": "true"}
uploader = client.uploader(path, chunk_size=100000, url=url or None, metadata=said)
uploader.upload(stop_at=int(stop_at) or None)
print(uploader.url)
"#;

fn tuspy(base: &str, token: &str, path: &Path, stop_at: usize, url: &str) -> Option<String> {
    let python = std::env::var("STADION_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import tusclient"]).output();
    if !has.is_ok_and(|has| has.status.success()) {
        println!("skipped: {python} has not tuspy");
        return None;
    }
    let mut command = Command::new(&python);
    command.args(["-c", CLIENT, base, token]).arg(path).args([&stop_at.to_string(), url]);
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Some(String::from_utf8(said.stdout).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_others_wrote_goes_on_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = folder.path().join("export.zip");
    let file = archive(20);
    std::fs::write(&path, &file).unwrap();
    let process = Process::set(&data, SETTINGS);
    let door = Door::new(&process.base).unwrap();
    let token = somebody(&door, &data, "aru@example.org").await;
    let Some(url) = tuspy(&process.base, &token, &path, 200_000, "") else { return };
    let place = url.strip_prefix(&process.base).unwrap().to_owned();
    process.kill();
    let process = Process::set(&data, SETTINGS);
    let door = Door::new(&process.base).unwrap();
    let half = door.get(&place).with(&token).expect(200).await.unwrap().number("/received").unwrap();
    assert!(half >= 200_000.0 && half < file.len() as f64, "{half} of {}", file.len());
    tuspy(&process.base, &token, &path, 0, &format!("{}{place}", process.base)).unwrap();
    let import = place.replace("uploads/resumable", "imports");
    let planned = |answer: &Answer| answer.json["state"] == "planned";
    let planned = until(|| door.get(&import).with(&token), planned).await.unwrap();
    assert_eq!(planned.json["planned"], json!({ "new": 20 }));
}
