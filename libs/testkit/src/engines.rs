//! Where the real engines are. `cargo dev test` starts them and says so in the environment.

/// The address of a PostgreSQL server on which tests may make databases: a `postgres://` URL of any database there.
pub const POSTGRES: &str = "STADION_TEST_POSTGRES";

/// The address of a Kafka broker on which tests may make topics: `host:port`.
pub const KAFKA: &str = "STADION_TEST_KAFKA";

/// The server's address; without one a line says what was skipped and why, for the summary of `cargo dev test`.
///
/// # Panics
/// Where `CI` is set: there a missing engine is a failure, not a skip.
#[track_caller]
pub fn postgres(what: &str) -> Option<String> {
    address(what, POSTGRES, "PostgreSQL")
}

/// The broker's address, as [`postgres`].
///
/// # Panics
/// Where `CI` is set: there a missing engine is a failure, not a skip.
#[track_caller]
pub fn kafka(what: &str) -> Option<String> {
    address(what, KAFKA, "Kafka")
}

/// `host:port` of a node of ScyllaDB or Cassandra on which keyspaces may be made; says so when there is none.
///
/// # Panics
/// Where `CI` is set.
#[track_caller]
pub fn cql(what: &str) -> Option<String> {
    address(what, "STADION_TEST_CQL", "CQL store")
}

/// The `http://host:port` of an S3 server with the bucket `stadion`, opened by the key `stadion` with `stadion-secret`;
/// says so when there is none.
///
/// # Panics
/// Where `CI` is set.
#[track_caller]
pub fn s3(what: &str) -> Option<String> {
    address(what, "STADION_TEST_S3", "S3 server")
}

#[track_caller]
fn address(what: &str, variable: &str, engine: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{variable} is not set, and CI may skip no engine");
        skipped(what, &format!("no {engine} ({variable} is not set; `cargo dev test` starts one)"));
    }
    address
}

/// On which engine the stores of this run of the tests stand: `sqlite` (unless told otherwise) or `postgres`.
/// `cargo dev test` runs the services' suites once on each, in the same words.
pub const ENGINE: &str = "STADION_TEST_ENGINE";

/// The engine of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres { url: String },
}

/// What [`ENGINE`] says.
///
/// # Panics
/// When it names PostgreSQL and [`POSTGRES`] no server, or when it names neither engine.
pub fn chosen() -> Engine {
    match std::env::var(ENGINE).as_deref() {
        Err(_) | Ok("" | "sqlite") => Engine::Sqlite,
        Ok("postgres") => match std::env::var(POSTGRES) {
            Ok(url) if !url.is_empty() => Engine::Postgres { url },
            _ => {
                panic!("{ENGINE}=postgres needs {POSTGRES}=postgres://… (`cargo dev engines up` starts one)")
            }
        },
        Ok(other) => panic!("{ENGINE} is sqlite or postgres, not {other}"),
    }
}

/// Says that a part of the tests did not run, in the one form that `cargo dev test` collects.
pub fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}
