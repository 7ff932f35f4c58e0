//! What a process writes down: lines that machines read, as many as are wished for, and nobody's name in them.

use std::{fs::File, path::Path};

use serde_json::{Value, json};
use stadion::demo::door::Door;
use testkit::mail::{MailServer, Manners};

use crate::embedded::{Process, binary};

const EMAIL: &str = "aigerim@example.org";
const PERSONAL: [&str; 3] = [EMAIL, "Aigerim", "seven hills"];

/// Signs somebody up and refuses their wrong password; the id of the first request.
async fn knock(base: &str, server: &MailServer) -> String {
    let door = Door::new(base).unwrap();
    let account = json!({
        "email": EMAIL, "password": "seven hills of Almaty", "display_name": "Aigerim", "birth_year": 1990,
        "sex": "f", "country": "KZ", "region": "KZ-75", "time_zone": "Asia/Almaty", "locale": "en",
        "consents": [{ "purpose": "terms", "text_version": "1" }],
    });
    let registered = door.post("/v1/accounts").json(&account).expect(202).await.unwrap();
    server.mail_to(EMAIL).await;
    let login = json!({ "email": EMAIL, "password": "seven hills of Rome", "device_name": "test" });
    door.post("/v1/sessions").json(&login).expect(401).await.unwrap();
    registered.headers["x-request-id"].to_str().unwrap().to_owned()
}

/// What a process wrote that somebody knocked at, and the request that it should know.
async fn written(data: &Path, filter: &str) -> (String, String) {
    let server = MailServer::start(Manners::default());
    let log = data.join("log");
    let smtp = server.address.to_string();
    let settings = [
        ("STADION_LOG__FORMAT", "json"),
        ("STADION_LOG__FILTER", filter),
        ("STADION_MAIL__SMTP", &smtp),
        ("STADION_MAIL__TLS", "none"),
    ];
    let process = Process::telling(data, &settings, File::create(&log).unwrap());
    let request = knock(&process.base, &server).await;
    process.kill();
    (std::fs::read_to_string(log).unwrap(), request)
}

fn is_trace(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_an_object_a_request_is_known_by_its_ids_and_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (log, request) = written(folder.path(), "debug").await;
    let mut known = false;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line.get(field).is_some(), "no {field}: {line}");
        }
        let spans = line.get("spans").and_then(Value::as_array).cloned().unwrap_or_default();
        known |= line["message"] == "answered"
            && line["status"] == 202
            && spans.iter().any(|span| span["id"] == request.as_str() && is_trace(&span["trace"]));
    }
    assert!(known, "no line tells of request {request} and its trace");
    for name in PERSONAL {
        let line = log.lines().find(|line| line.contains(name));
        assert!(line.is_none(), "{name} is written down: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_says_no_more_than_is_wished() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = written(folder.path(), "warn").await;
    let chatter = ["INFO", "DEBUG", "TRACE"].map(|level| format!("\"level\":\"{level}\""));
    assert!(!log.lines().any(|line| chatter.iter().any(|level| line.contains(level))), "{log}");
    let output = binary("up", folder.path()).env("STADION_LOG__FORMAT", "xml").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("log.format"), "{output:?}");
}
