//! `stadion doctor`, as it is typed: on what is new, on what runs, and on what is wrong.

use std::{path::Path, process::Command, time::Duration};

use axum::{Json, Router, routing::get};
use backends::{KafkaBus, kafka::strange, postgres};
use eventing::args;
use serde_json::{Value, json};
use testkit::engines;
use tokio::time::Instant;

use crate::{
    embedded::{Process, binary},
    fleet::{Engines, Part, serve},
    on_servers,
};

/// Everything that the doctor finds, and whether it is content.
fn found(mut doctor: Command) -> (bool, Vec<Value>) {
    let output = doctor.arg("--json").output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let checks = said["checks"].as_array().unwrap().clone();
    let wrong = checks.iter().any(|one| one["verdict"] == "wrong");
    assert_eq!(wrong, said["verdict"] == "wrong");
    assert_eq!(wrong, output.status.code() == Some(1), "{:?}", output.status);
    (!wrong, checks)
}

/// Nothing is wrong. Only a server that was started for tests may be told of: it flushes nothing.
#[track_caller]
fn is_well(checks: &[Value]) {
    let ails = |one: &&Value| one["verdict"] == "wrong" && !one["means"].to_string().contains("fsync is off");
    let ill: Vec<&Value> = checks.iter().filter(ails).collect();
    assert!(ill.is_empty(), "{ill:#?}");
}

/// What is said of a thing, by the beginning of its name.
#[track_caller]
fn of<'c>(checks: &'c [Value], what: &str) -> (&'c str, &'c str) {
    let one = checks.iter().find(|one| one["what"].as_str().unwrap().starts_with(what));
    let one = one.unwrap_or_else(|| panic!("nothing is said of {what}: {checks:#?}"));
    if one["verdict"] != "ok" {
        assert!(one["do"].as_str().is_some_and(|mend| !mend.is_empty()), "what is there to do? {one}");
    }
    (one["verdict"].as_str().unwrap(), one["means"].as_str().unwrap())
}

#[track_caller]
fn says(checks: &[Value], what: &str, verdict: &str, words: &str) {
    let (found, means) = of(checks, what);
    assert!(found == verdict && means.contains(words), "{what}: {found}: {means}");
}

fn doctor(data: &Path) -> Command {
    let mut doctor = binary("doctor", data);
    doctor.env("STADION_HTTP__ADDR", "127.0.0.1:0").env("STADION_ADMIN__ADDR", "127.0.0.1:0");
    doctor.env("STADION_GRPC__ADDR", "127.0.0.1:0");
    doctor
}

#[test]
fn on_a_new_folder_nothing_is_wrong_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let output = doctor(&data).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.lines().all(|line| line.starts_with("ok ") || line.starts_with("warning ")), "{said}");
    assert!(said.contains("limit    fsync: ") && said.contains("limit    disk: "), "{said}");
    assert!(!data.exists());
}

#[test]
fn beside_a_running_process_it_says_what_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let (content, checks) = found(doctor(folder.path()));
    assert!(content, "{checks:#?}");
    says(&checks, "process ", "ok", "serves auth, activity");
    drop(process);
    let (_, checks) = found(doctor(folder.path()));
    says(&checks, "processes", "ok", "none runs");
}

#[test]
fn settings_that_are_not_valid_are_findings_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = doctor(folder.path());
    wrong.env("STADION_STORES__ENGINE", "postgres").env("STADION_BUS__ENGINE", "kafka");
    let (content, checks) = found(wrong);
    assert!(!content);
    says(&checks, "stores.url", "wrong", "is needed");
    says(&checks, "bus.brokers", "wrong", "is needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_that_are_new_are_warned_of_and_engines_in_use_are_well() {
    let Some(engines) = Engines::of("the doctor on new engines") else { return };
    let Some(keyspace) = on_servers::keyspace("the doctor on new engines") else { return };
    let folder = tempfile::tempdir().unwrap();
    let told = |mut command: Command| {
        engines.told(&mut command);
        keyspace.told(&mut command);
        command
    };
    for _ in 0..2 {
        let (_, checks) = found(told(doctor(folder.path())));
        is_well(&checks);
        says(&checks, "store auth", "warning", "not there yet");
        says(&checks, "CQL ", "warning", "is not there yet");
        says(&checks, "topics «", "ok", "nobody's yet");
        says(&checks, "installation.key_file", "warning", "the first start makes it");
    }
    let mut process = Part::of(told(serve(
        &["auth", "activity", "gamification", "promo", "social", "leaderboard", "gateway"],
        folder.path(),
    )));
    process.ready();
    let (_, checks) = found(told(doctor(folder.path())));
    is_well(&checks);
    says(&checks, "store auth", "ok", "up to date, 1 processes");
    says(&checks, "relay of auth", "ok", "0 events wait");
    says(&checks, "connections of PostgreSQL", "ok", "our pools may open 42");
    says(&checks, "clock of PostgreSQL", "ok", "ms from ours");
    says(&checks, "topics «", "ok", "belong to the installation");
    says(&checks, "CQL ", "ok", "up to date");
    says(&checks, "process ", "ok", "serves auth");

    let db = postgres::connect(&engines.store_of("promo"), postgres::Options::default()).await.unwrap();
    let note =
        "INSERT INTO schema_migration (service, name, checksum) VALUES ('promo', '9999_from_tomorrow', 'x')";
    db.execute(note, args![]).await.unwrap();
    db.close().await;
    let stranger = tempfile::tempdir().unwrap();
    let key = stranger.path().join("keys/actor.key");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "07".repeat(32)).unwrap();
    let (_, checks) = found(told(doctor(stranger.path())));
    says(&checks, "store promo", "wrong", "newer than this program: it has 9999_from_tomorrow");
    says(&checks, "store auth", "wrong", "belongs to the installation");
    says(&checks, "topics «", "wrong", "belong to the installation");
    let mut narrow = told(doctor(folder.path()));
    narrow.env("STADION_STORES__CONNECTIONS_MAX", "60");
    let (_, checks) = found(narrow);
    says(&checks, "connections of PostgreSQL", "wrong", "one process may open 420");
    assert!(process.stop().success());
}

/// Answers `/who` as another installation whose clock is 40 s ahead; it knows no gRPC.
async fn stranger() -> String {
    let who = || async {
        let now_us = now_us() + 40_000_000;
        Json(json!({
            "name": "theirs", "services": ["social"], "version": "0.0.1", "installation": ["feed"], "process": 7,
            "now_us": now_us,
        }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the stranger ends with its test")]
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/who", get(who))).await });
    address
}

fn now_us() -> i64 {
    kernel::time::micros(kernel::Clock::now(&kernel::SystemClock))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_wrong_is_told_at_once_and_soon() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("fleet.key");
    std::fs::write(&key, "08".repeat(32)).unwrap();
    let config = folder.path().join("wrong.toml");
    let s3 = engines::s3("the doctor on a bucket that is missing");
    let files = s3.as_ref().map_or_else(String::new, |s3| {
        format!(
            "[files]\nurl = \"s3://no-such-bucket/x\"\nendpoint = {s3:?}\nregion = \"us-east-1\"\n\
             access_key = \"stadion\"\nsecret = \"stadion-secret\"\n"
        )
    });
    let text = format!(
        "[installation]\nkey_file = {key:?}\n[stores]\nengine = \"postgres\"\nurl = \"postgres://s@127.0.0.1:1/{{service}}\"\n\
         [bus]\nengine = \"kafka\"\nbrokers = \"127.0.0.1:1\"\n\
         [activity]\nstore = \"cql\"\ncql_nodes = \"127.0.0.1:1\"\n{files}\
         [peers]\nauth = \"http://127.0.0.1:1,http://no-such-host.invalid:7\"\nsocial = {:?}\n",
        stranger().await
    );
    std::fs::write(&config, text).unwrap();
    let mut doctor = doctor(folder.path());
    doctor.arg("--config").arg(&config);
    let begun = Instant::now();
    let (content, checks) = tokio::task::spawn_blocking(move || found(doctor)).await.unwrap();
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(120), "each check has a time of its own");
    assert!(!content);
    says(&checks, "PostgreSQL 127.0.0.1:1", "wrong", "no PostgreSQL answers");
    says(&checks, "Kafka 127.0.0.1:1", "wrong", "no Kafka broker answers");
    says(&checks, "CQL 127.0.0.1:1", "wrong", "no CQL store");
    says(&checks, "auth http://127.0.0.1:1", "wrong", "cannot be connected to");
    says(&checks, "auth http://no-such-host.invalid:7", "wrong", "");
    says(&checks, "social http://", "wrong", "belongs to the installation feed");
    says(&checks, "clock of social", "wrong", "s ahead of ours");
    if s3.is_some() {
        says(&checks, "files s3://", "wrong", "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_in_another_form_and_too_many_copies_are_told() {
    let Some(engines) = Engines::of("the doctor on strange topics") else { return };
    let folder = tempfile::tempdir().unwrap();
    let bus = KafkaBus::open(engines.kafka()).await.unwrap();
    strange::topic(&bus, "stadion.promo.v1", 6).await.unwrap();
    let told = || {
        let mut command = doctor(folder.path());
        engines.told(&mut command);
        command
    };
    let (_, checks) = found(told());
    let topic = format!("topic {}stadion.promo.v1", engines.kafka().prefix);
    says(&checks, &topic, "wrong", "6 partitions and must have 24");
    let mut copies = told();
    copies.env("STADION_BUS__REPLICATION", "50");
    says(&found(copies).1, "Kafka ", "wrong", "50 copies of each partition are wanted");
}
