//! Apache Kafka in KRaft mode: one node that is broker and controller.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::Result;

use super::{
    Engine,
    java::{Jars, fill, with},
    place::Place,
};
use crate::stage;

pub(crate) struct Kafka;

const JARS: Jars = Jars { name: "kafka", java: 17..=25 };
const SETTINGS: &str = include_str!("../../../engines/kafka/server.properties");
/// Any 16 bytes in URL-safe base64: one cluster is all there is.
const CLUSTER: &str = "c3RhZGlvbi1lbmdpbmVzMQ";
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Engine for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn variable(&self) -> &'static str {
        "STADION_TEST_KAFKA"
    }

    /// For clients, and for the controller in the same process.
    fn ports(&self) -> &'static [u16] {
        &[19_092, 19_093]
    }

    fn address(&self, port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn install(&self) -> Result<()> {
        JARS.install()
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        let settings = place.folder.join("server.properties");
        let controller = place.ports.get(1).copied().unwrap_or_default();
        let values = [
            ("port", place.port().to_string()),
            ("controller_port", controller.to_string()),
            ("data", place.data().display().to_string()),
        ];
        fill(SETTINGS, &values.each_ref().map(|(name, value)| (*name, value.as_str())), &settings)?;
        if place.data().join("meta.properties").exists() {
            return Ok(());
        }
        let mut format = program(place, "kafka.tools.StorageTool")?;
        format.args(["format", "-t", CLUSTER, "-c"]).arg(&settings);
        stage::output(&mut format).map(drop)
    }

    fn server(&self, place: &Place) -> Result<Command> {
        let mut server = program(place, "kafka.Kafka")?;
        server.arg(place.folder.join("server.properties"));
        Ok(server)
    }

    fn ready(&self, place: &Place) -> bool {
        answers(place.port()).unwrap_or(false)
    }
}

/// Where its jars are: tests start brokers of their own, to kill them.
pub(crate) fn jars() -> PathBuf {
    JARS.folder()
}

fn program(place: &Place, class: &str) -> Result<Command> {
    let mut command = JARS.program(place, "512m")?;
    let logging = stage::root().join("deploy/engines/kafka/log4j2.properties");
    command.arg(with("-Dlog4j2.configurationFile=", &logging)).arg(class);
    Ok(command)
}

/// Asks for the versions of its protocol (`ApiVersions`, the one request that any broker answers to anybody).
fn answers(port: u16) -> std::io::Result<bool> {
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    broker.set_read_timeout(Some(ANSWER_WITHIN))?;
    broker.write_all(&ASKED)?;
    let mut answer = [0; 10];
    broker.read_exact(&mut answer)?;
    Ok(is_welcome(&answer))
}

/// Size 10, `ApiVersions` (18) version 0, correlation 7, a client without a name.
const ASKED: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF];

/// Size, our correlation, error 0.
fn is_welcome(answer: &[u8; 10]) -> bool {
    answer.ends_with(&[0, 0, 0, 7, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_our_question_without_an_error_counts() {
        assert!(is_welcome(&[0, 0, 1, 44, 0, 0, 0, 7, 0, 0]));
        assert!(!is_welcome(&[0, 0, 1, 44, 0, 0, 0, 8, 0, 0]));
        assert!(!is_welcome(&[0, 0, 1, 44, 0, 0, 0, 7, 0, 35]));
    }
}
