//! What is wrong before the start is told at the start: by name, with what to do, and without anything lost.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use backends::{KafkaBus, cql, kafka::strange, postgres};
use eventing::args;
use stadion::demo::{cast::Cast, journey::Journey, story::Story};
use testkit::engines;

use crate::{
    embedded::binary,
    fleet::{Engines, Part, serve},
    on_servers,
};

const ALL: [&str; 7] = ["auth", "activity", "gamification", "promo", "social", "leaderboard", "gateway"];

/// It ends, and says why.
fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "it started");
    String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn says(command: Command, words: &[&str]) {
    let said = refused(command);
    for word in words {
        assert!(said.contains(word), "no «{word}» in: {said}");
    }
}

fn all(data: &Path) -> Command {
    serve(&ALL, data)
}

fn with(mut command: Command, settings: &[(&str, &str)]) -> Command {
    command.envs(settings.iter().copied());
    command
}

#[test]
fn each_half_of_a_setting_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("never");
    let half: [(&[(&str, &str)], &str); 8] = [
        (&[("STADION_STORES__ENGINE", "postgres")], "stores.url: is needed"),
        (&[("STADION_STORES__URL", "postgres://h/{service}")], "stores.url: is only for"),
        (&[("STADION_STORES__CONNECTIONS_MAX", "1")], "stores.connections_max: must be at least 2"),
        (&[("STADION_BUS__ENGINE", "kafka")], "bus.brokers: is needed"),
        (&[("STADION_ACTIVITY__STORE", "cql")], "activity.cql_nodes: names no node"),
        (&[("STADION_FILES__ACCESS_KEY", "k")], "files.secret: goes with access_key"),
        (&[("STADION_FILES__URL", "ftp://h")], "files.url: must be file:///folder or s3://"),
        (&[("STADION_TELEMETRY__OTLP", "collector")], "telemetry.otlp: must be http://host:port"),
    ];
    for (settings, words) in half {
        says(with(all(&data), settings), &[words]);
    }
    let kafka = [("STADION_BUS__ENGINE", "kafka"), ("STADION_BUS__BROKERS", "h:1")];
    says(with(serve(&["auth"], &data), &kafka), &["installation.key_file:", "name its file"]);
    says(with(serve(&["activity"], &data), &kafka), &["peers.auth: activity needs it"]);
    assert!(!data.exists(), "nothing was opened");
}

#[test]
fn an_engine_that_is_absent_is_named_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "127.0.0.1:1";
    let postgres = format!("postgres://stadion@{nobody}/{{service}}");
    says(
        with(
            all(folder.path()),
            &[("STADION_STORES__ENGINE", "postgres"), ("STADION_STORES__URL", &postgres)],
        ),
        &["stores.url", nobody, "is it running"],
    );
    says(
        with(all(folder.path()), &[("STADION_BUS__ENGINE", "kafka"), ("STADION_BUS__BROKERS", nobody)]),
        &["bus.brokers", nobody, "Is it running"],
    );
    says(
        with(
            all(folder.path()),
            &[("STADION_ACTIVITY__STORE", "cql"), ("STADION_ACTIVITY__CQL_NODES", nobody)],
        ),
        &["activity.cql_nodes", nobody],
    );
}

#[test]
fn wrong_credentials_are_called_so() {
    let Some(engines) = Engines::of("wrong credentials") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_, place) =
        engines.store_of("{service}").rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let url = format!("postgres://nobody_of_us:guessed@{place}");
    says(
        with(all(folder.path()), &[("STADION_STORES__ENGINE", "postgres"), ("STADION_STORES__URL", &url)]),
        &["stores.url", "does not let «nobody_of_us» in", "check user and password"],
    );
    let Some(s3) = engines::s3("wrong credentials") else { return };
    let bucket = [
        ("STADION_FILES__URL", "s3://stadion/wrong"),
        ("STADION_FILES__ENDPOINT", s3.as_str()),
        ("STADION_FILES__REGION", "us-east-1"),
        ("STADION_FILES__ACCESS_KEY", "stadion"),
        ("STADION_FILES__SECRET", "guessed"),
    ];
    says(with(all(folder.path()), &bucket), &["403"]);
}

/// Speaks as much of PostgreSQL's protocol (version 3) as it takes to be asked how old one is.
fn old_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(greet(stream))));
    format!("postgres://stadion@{address}/{{service}}?sslmode=disable")
}

fn greet(mut stream: TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4])?;
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    };
    stream.write_all(&message(b'R', &[0; 4]))?;
    stream.write_all(&message(b'Z', b"I"))?;
    let mut kind = [0];
    while stream.read_exact(&mut kind).is_ok() && kind[0] == b'Q' {
        stream.read_exact(&mut length)?;
        stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4])?;
        // Types: int8, text, bool.
        let columns: [(u32, &str); 9] = [
            (20, "120017"),
            (25, "12.17"),
            (25, "UTF8"),
            (16, "f"),
            (25, "on"),
            (25, "on"),
            (16, "t"),
            (16, "t"),
            (25, "auth"),
        ];
        let count = 9_u16.to_be_bytes().to_vec();
        let (mut shape, mut row) = (count.clone(), count);
        for (oid, value) in columns {
            shape.extend(b"c\0");
            shape.extend([0; 6]);
            shape.extend(oid.to_be_bytes());
            shape.extend([0xff, 0xff]);
            shape.extend([0xff; 4]);
            shape.extend([0, 0]);
            row.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            row.extend(value.as_bytes());
        }
        stream.write_all(&message(b'T', &shape))?;
        stream.write_all(&message(b'D', &row))?;
        stream.write_all(&message(b'C', b"SELECT 1\0"))?;
        stream.write_all(&message(b'Z', b"I"))?;
    }
    Ok(())
}

#[test]
fn a_server_that_is_too_old_is_told_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let url = old_server();
    says(
        with(all(folder.path()), &[("STADION_STORES__ENGINE", "postgres"), ("STADION_STORES__URL", &url)]),
        &["stores.url", "PostgreSQL 12.17 is too old", "14 or newer"],
    );
}

fn on(engines: &Engines, data: &Path) -> Command {
    let mut command = all(data);
    engines.told(&mut command);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_from_the_future_and_another_fleets_stores_are_refused() {
    let Some(engines) = Engines::of("a schema from the future") else { return };
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut migrate = binary("migrate", ours.path());
    engines.told(&mut migrate);
    assert!(migrate.status().unwrap().success());

    let (same_stores, same_log) = engines.beside();
    says(
        on(&same_stores, theirs.path()),
        &["the store of", "belongs to the installation", "give each installation its own databases"],
    );
    says(
        on(&same_log, theirs.path()),
        &["bus.prefix", "belong to the installation", "a `prefix` of its own"],
    );

    let db = postgres::connect(&engines.store_of("social"), postgres::Options::default()).await.unwrap();
    let note =
        "INSERT INTO schema_migration (service, name, checksum) VALUES ('social', '9999_from_tomorrow', 'x')";
    db.execute(note, args![]).await.unwrap();
    db.close().await;
    says(
        on(&engines, ours.path()),
        &["the store of social", "newer than this program", "9999_from_tomorrow", "start the newer program"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_from_the_future_is_refused() {
    let Some(cassandra) = on_servers::keyspace("a keyspace from the future") else { return };
    let folder = tempfile::tempdir().unwrap();
    let with_keyspace = |command| {
        let mut command: Command = command;
        cassandra.told(&mut command);
        command
    };
    let migrate = with_keyspace(binary("migrate", folder.path())).output().unwrap();
    let said = String::from_utf8(migrate.stdout).unwrap();
    assert!(said.contains(&format!("keyspace {}: applied", cassandra.keyspace)), "{said}");
    let again = with_keyspace(binary("migrate", folder.path())).output().unwrap();
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(said.contains(&format!("keyspace {}: up to date", cassandra.keyspace)), "{said}");
    let opened = cql::connect_if_there(cassandra.options()).await.unwrap().unwrap();
    let note = "INSERT INTO schema_migration (service, name, checksum) VALUES ('activity', '9999_from_tomorrow', 'x') \
                USING TIMESTAMP 1";
    opened.write(note, vec![]).await.unwrap();
    let said = refused(with_keyspace(all(folder.path())));
    assert!(said.contains("activity.cql_keyspace") && said.contains("9999_from_tomorrow"), "{said}");
}

/// What the first one keeps there would be nobody's to the second, and be swept.
#[test]
fn a_place_of_files_of_another_installation_is_refused() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = tempfile::tempdir().unwrap();
    let url = format!("file://{}", place.path().display());
    let place = [("STADION_FILES__URL", url.as_str())];
    let start = |data: &Path| Part::of(with(on_servers::up(data), &place));
    let mut first = start(ours.path());
    first.base();
    assert!(first.stop().success());
    says(
        with(all(theirs.path()), &place),
        &["files.url", "belong to the installation", "a folder or bucket of its own"],
    );
    let mut again = start(ours.path());
    again.base();
    assert!(again.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_of_another_installation_is_refused() {
    let Some(cassandra) = on_servers::keyspace("another installation's keyspace") else { return };
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let with_keyspace = |mut command: Command| {
        cassandra.told(&mut command);
        command
    };
    for _ in 0..2 {
        assert!(with_keyspace(binary("migrate", ours.path())).output().unwrap().status.success());
    }
    says(
        with_keyspace(all(theirs.path())),
        &["activity.cql_keyspace", "belongs to the installation", "a keyspace of its own"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_with_too_few_partitions_is_refused_at_the_start() {
    let Some(engines) = Engines::of("a topic with too few partitions") else { return };
    let folder = tempfile::tempdir().unwrap();
    let bus = KafkaBus::open(engines.kafka()).await.unwrap();
    strange::topic(&bus, "stadion.promo.v1", 6).await.unwrap();
    says(
        on(&engines, folder.path()),
        &["bus.prefix", "stadion.promo.v1 has 6 partitions and must have 24", "delete it"],
    );
}

/// It stops nobody, and can be looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_none_of_ours_is_parked_and_the_journey_goes_on() {
    let Some(engines) = Engines::of("a stranger's record") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut up = on_servers::up(folder.path());
    engines.told(&mut up);
    let mut process = Part::of(up);
    let base = process.base();
    for topic in ["stadion.activity.v1", "stadion.auth.v1"] {
        for part in [0, 7, 23] {
            strange::record(&engines.kafka(), topic, part, b"{\"hello\":\"from elsewhere\"}".to_vec())
                .await
                .unwrap();
        }
    }
    let mut journey = Journey::begin(Cast::new(&base, folder.path().to_owned()).unwrap());
    for step in Journey::STEPS {
        let said = journey.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", Journey::name(*step)));
    }
    journey.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
    let listed = binary("replay", folder.path()).output().unwrap();
    let said = String::from_utf8(listed.stdout).unwrap();
    assert!(said.contains("topic:activity") && said.contains("topic:auth"), "{said}");
    assert!(process.stop().success());
}
