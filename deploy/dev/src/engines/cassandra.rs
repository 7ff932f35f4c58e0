//! Apache Cassandra, one node: the CQL store where ScyllaDB's image cannot run.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    Engine,
    java::{Jars, fill, with},
    place::Place,
};
use crate::stage;

pub(crate) struct Cassandra;

/// 5.0 does not run on anything newer.
const JARS: Jars = Jars { name: "cassandra", java: 17..=17 };
const SETTINGS: &str = include_str!("../../../engines/cassandra/cassandra.yaml");
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Engine for Cassandra {
    fn name(&self) -> &'static str {
        "cassandra"
    }

    fn variable(&self) -> &'static str {
        "STADION_TEST_CQL"
    }

    /// For clients, and for other nodes, of which there are none.
    fn ports(&self) -> &'static [u16] {
        &[19_042, 19_043]
    }

    fn address(&self, port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn install(&self) -> Result<()> {
        JARS.install()
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        fs::create_dir_all(place.data()).with_context(|| place.data().display().to_string())?;
        let storage_port = place.ports.get(1).copied().unwrap_or_default().to_string();
        let (port, data) = (place.port().to_string(), place.data().display().to_string());
        let values = [("port", port.as_str()), ("storage_port", &storage_port), ("data", &data)];
        fill(SETTINGS, &values, &place.folder.join("cassandra.yaml"))
    }

    fn server(&self, place: &Place) -> Result<Command> {
        let mut server = JARS.program(place, "512m")?;
        let engine = stage::root().join("deploy/engines/cassandra");
        server.arg(with("@", &engine.join("jvm.options")));
        // Measures what is in memory, for the limits of memtables.
        server.arg(with("-javaagent:", &JARS.folder().join("jamm-0.4.0.jar")));
        server.arg(with("-Dcassandra.config=file://", &place.folder.join("cassandra.yaml")));
        server.arg(with("-Dcassandra.storagedir=", &place.data()));
        server.arg(with("-Dcassandra.logdir=", &place.folder));
        server.arg(with("-Dlogback.configurationFile=", &engine.join("logback.xml")));
        server.arg("org.apache.cassandra.service.CassandraDaemon");
        Ok(server)
    }

    fn ready(&self, place: &Place) -> bool {
        answers(place.port()).unwrap_or(false)
    }
}

/// Asks what it supports, the one request that needs no session.
fn answers(port: u16) -> std::io::Result<bool> {
    let mut node = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    node.set_read_timeout(Some(ANSWER_WITHIN))?;
    node.write_all(&OPTIONS)?;
    let mut answer = [0; 9];
    node.read_exact(&mut answer)?;
    Ok(is_supported(&answer))
}

/// CQL version 4: a request, no flags, stream 0, `OPTIONS` (5), no body.
const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];

/// A response (the high bit) that is `SUPPORTED` (6).
fn is_supported(answer: &[u8; 9]) -> bool {
    matches!(answer, [0x84, _, 0, 0, 6, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_our_question_counts() {
        assert!(is_supported(&[0x84, 0, 0, 0, 6, 0, 0, 0, 0x66]));
        // An error.
        assert!(!is_supported(&[0x84, 0, 0, 0, 0, 0, 0, 0, 0x66]));
    }
}
