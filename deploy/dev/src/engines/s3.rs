//! An S3 server on a folder: S3Proxy. What it was given outlives it, and signatures are checked.

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

pub(crate) struct S3;

const JARS: Jars = Jars { name: "s3", java: 17..=25 };
const SETTINGS: &str = include_str!("../../../engines/s3/s3proxy.conf");
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The bucket that is there from the beginning, the key that opens it, and its secret: no secret on loopback.
const BUCKET: &str = "stadion";
const IDENTITY: &str = "stadion";
const CREDENTIAL: &str = "stadion-secret";

impl Engine for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn variable(&self) -> &'static str {
        "STADION_TEST_S3"
    }

    fn ports(&self) -> &'static [u16] {
        &[19_000]
    }

    fn address(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}")
    }

    fn note(&self) -> Option<String> {
        Some(format!("bucket {BUCKET}, access key {IDENTITY}, secret key {CREDENTIAL}"))
    }

    fn install(&self) -> Result<()> {
        JARS.install()
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        // A bucket is a folder.
        let bucket = place.data().join(BUCKET);
        fs::create_dir_all(&bucket).with_context(|| bucket.display().to_string())?;
        let (port, data) = (place.port().to_string(), place.data().display().to_string());
        let values =
            [("port", port.as_str()), ("data", &data), ("identity", IDENTITY), ("credential", CREDENTIAL)];
        fill(SETTINGS, &values, &place.folder.join("s3proxy.conf"))
    }

    fn server(&self, place: &Place) -> Result<Command> {
        let mut server = JARS.program(place, "256m")?;
        let logging = stage::root().join("deploy/engines/s3/logback.xml");
        server.arg(with("-Dlogback.configurationFile=", &logging));
        server.args(["org.gaul.s3proxy.Main", "--properties"]).arg(place.folder.join("s3proxy.conf"));
        Ok(server)
    }

    fn ready(&self, place: &Place) -> bool {
        answers(place.port()).unwrap_or(false)
    }
}

/// Whatever it thinks of an unsigned request, it has to say it in HTTP.
fn answers(port: u16) -> std::io::Result<bool> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    server.set_read_timeout(Some(ANSWER_WITHIN))?;
    server.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 9];
    server.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 ")
}
