//! Where the real engines are. `cargo dev test` starts them and says so in the environment.

/// The address of a PostgreSQL server on which tests may make databases: a `postgres://` URL of any database there.
pub const POSTGRES: &str = "STADION_TEST_POSTGRES";

/// The server's address; without one a line says what was skipped and why, for the summary of `cargo dev test`.
///
/// # Panics
/// Where `CI` is set: there a missing engine is a failure, not a skip.
#[track_caller]
pub fn postgres(what: &str) -> Option<String> {
    let address = std::env::var(POSTGRES).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{POSTGRES} is not set, and CI may skip no engine");
        skipped(what, &format!("no PostgreSQL ({POSTGRES} is not set; `cargo dev test` starts one)"));
    }
    address
}

/// Says that a part of the tests did not run, in the one form that `cargo dev test` collects.
pub fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}
