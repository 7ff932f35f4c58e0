//! `stadion up` as one process, with everything that it keeps on servers.

use std::{path::Path, process::Command};

use backends::cql;
use eventing::args;
use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast},
    door::{Answer, until},
    journey::Journey,
    story::Story,
};
use testkit::engines;

use crate::{
    control_characters,
    embedded::binary,
    fleet::{Engines, Part},
};

/// `stadion up` on free ports.
pub(crate) fn up(data: &Path) -> Command {
    let mut up = binary("up", data);
    up.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    up
}

/// A keyspace of a test's own.
pub(crate) struct Keyspace {
    nodes: String,
    pub(crate) keyspace: String,
}

/// `None`, and a line that says so, where there is no CQL store.
pub(crate) fn keyspace(what: &str) -> Option<Keyspace> {
    let nodes = engines::cql(what)?;
    Some(Keyspace { nodes, keyspace: format!("test_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]) })
}

impl Keyspace {
    pub(crate) fn told(&self, command: &mut Command) {
        command
            .env("STADION_ACTIVITY__STORE", "cql")
            .env("STADION_ACTIVITY__CQL_NODES", &self.nodes)
            .env("STADION_ACTIVITY__CQL_KEYSPACE", &self.keyspace)
            .env("STADION_ACTIVITY__CQL_REPLICATION", "1");
    }

    pub(crate) fn options(&self) -> cql::Options {
        cql::Options {
            nodes: vec![self.nodes.clone()],
            keyspace: self.keyspace.clone(),
            replication: 1,
            datacenter: None,
            user: None,
        }
    }

    async fn rows(&self, table: &str) -> i64 {
        let cql = cql::connect_if_there(self.options()).await.unwrap().unwrap();
        cql.fetch_one(&format!("SELECT COUNT(*) FROM {table}"), args![])
            .await
            .unwrap()
            .unwrap()
            .get(0)
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_on_postgres_and_kafka_plays_the_whole_journey_and_again_after_a_restart() {
    let Some(engines) = Engines::of("one process on PostgreSQL and Kafka") else { return };
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut up = up(folder.path());
        engines.told(&mut up);
        let mut process = Part::of(up);
        let base = process.base();
        (process, base)
    };
    let (process, base) = start();
    let mut journey = Journey::begin(Cast::new(&base, folder.path().to_owned()).unwrap());
    for step in Journey::STEPS {
        let said = journey.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", Journey::name(*step)));
    }
    journey.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(process.stop().success());
    let (process, base) = start();
    journey.cast().moved_to(&base).unwrap();
    journey.holds().await.unwrap_or_else(|error| panic!("after a restart: {error:#}"));
    control_characters::are_refused(journey.cast()).await;
    assert!(process.stop().success());
}

struct Bucket {
    endpoint: String,
    url: String,
}

impl Bucket {
    fn told(&self, command: &mut Command) {
        command
            .env("STADION_FILES__URL", &self.url)
            .env("STADION_FILES__ENDPOINT", &self.endpoint)
            .env("STADION_FILES__REGION", "us-east-1")
            .env("STADION_FILES__ACCESS_KEY", "stadion")
            .env("STADION_FILES__SECRET", "stadion-secret");
    }
}

fn run(seed: u64) -> Vec<u8> {
    let start = "2026-05-01T06:00:00Z".parse().unwrap();
    formats::write(&formats::synth::run(seed, start, 5_000.0, 330.0))
}

/// The activity that an upload became.
async fn uploaded(cast: &Cast, token: &str, file: &[u8]) -> String {
    let ask = cast.door.post("/v1/uploads?filename=run.fit&wait_s=20").with(token);
    let upload = ask.body("application/octet-stream", file.to_vec()).send().await.unwrap();
    assert!(upload.status < 300, "{}", upload.json);
    let path = format!("/v1/uploads/{}", upload.text("/id").unwrap());
    let read = |answer: &Answer| answer.text("/activity_ids/0").is_ok();
    until(|| cast.door.get(&path).with(token), read).await.unwrap().text("/activity_ids/0").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_lives_in_a_keyspace_and_a_bucket_and_is_gone_when_it_is_deleted() {
    let Some(keyspace) = keyspace("a file in a keyspace and a bucket") else { return };
    let Some(endpoint) = engines::s3("a file in a keyspace and a bucket") else { return };
    let bucket = Bucket { endpoint, url: format!("s3://stadion/{}", keyspace.keyspace) };
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut up = up(folder.path());
        keyspace.told(&mut up);
        bucket.told(&mut up);
        let mut process = Part::of(up);
        let base = process.base();
        (process, base)
    };
    let (process, base) = start();
    let mut cast = Cast::new(&base, folder.path().to_owned()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let token = runner.token.clone();
    let file = run(7);
    let id = uploaded(&cast, &token, &file).await;
    let one = format!("/v1/activities/{id}");

    let listed = cast.door.get("/v1/activities").with(&token).expect(200).await.unwrap();
    assert_eq!(listed.text("/items/0/id").unwrap(), id);
    let streams = cast.door.get(&format!("{one}/streams")).with(&token).expect(200).await.unwrap();
    assert!(streams.json.to_string().len() > 10_000, "its columns come back");
    let original =
        reqwest::Client::new().get(format!("{base}{one}/original")).bearer_auth(&token).send().await;
    assert_eq!(original.unwrap().bytes().await.unwrap(), file, "byte for byte");
    let blobs = folder.path().join("files/activity/blobs");
    assert!(!blobs.exists(), "nothing of it lies in the data folder");
    assert_eq!((keyspace.rows("activity").await, keyspace.rows("activity_by_account").await), (1, 1));

    // Another process, with nothing but the two servers and the stores.
    assert!(process.stop().success());
    let (process, base) = start();
    cast.moved_to(&base).unwrap();
    let changed = json!({ "name": "Along the river" });
    let read = cast.door.get(&one).with(&token).expect(200).await.unwrap();
    let version = read.headers["etag"].to_str().unwrap();
    let change = cast.door.ask(reqwest::Method::PATCH, &one).with(&token).header("if-match", version);
    change.json(&changed).expect(200).await.unwrap();
    let named = |answer: &Answer| answer.text("/items/0/name").is_ok_and(|name| name == "Along the river");
    until(|| cast.door.get("/v1/activities").with(&token), named).await.unwrap();

    cast.door.delete(&one).with(&token).expect(204).await.unwrap();
    until(|| cast.door.get("/v1/activities").with(&token), |answer| answer.items().is_empty()).await.unwrap();
    for path in [one.clone(), format!("{one}/streams"), format!("{one}/original")] {
        cast.door.get(&path).with(&token).expect(404).await.unwrap();
    }
    assert_eq!(keyspace.rows("activity_by_account").await, 0, "it is not listed any more");
    cast.door.post(&format!("{one}/restore")).with(&token).expect(200).await.unwrap();
    until(|| cast.door.get("/v1/activities").with(&token), |answer| answer.items().len() == 1).await.unwrap();
    let back = reqwest::Client::new().get(format!("{base}{one}/original")).bearer_auth(&token).send().await;
    assert_eq!(back.unwrap().bytes().await.unwrap(), file, "what can be restored was kept");
    assert!(process.stop().success());
}
