//! Where the engines are that only this service knows.

use testkit::engines::skipped;

/// `host:port` of a node of ScyllaDB or Cassandra on which keyspaces may be made.
#[track_caller]
pub(crate) fn cql(what: &str) -> Option<String> {
    address(what, "STADION_TEST_CQL", "CQL store")
}

/// The `http://host:port` of an S3 server with the bucket `stadion`, opened by the key `stadion` with `stadion-secret`.
#[track_caller]
pub(crate) fn s3(what: &str) -> Option<String> {
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
