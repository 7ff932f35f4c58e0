//! A fleet of real processes: `stadion serve` on PostgreSQL and Kafka, all with one file of settings.

use std::{net::TcpListener, path::PathBuf, process::Stdio};

use anyhow::Context;
use backends::postgres;
use eventing::Db;
use tempfile::TempDir;
use tokio::process::Child;
use uuid::Uuid;

use crate::{
    Options,
    process::{binary, command, cpu_seconds, ready},
    report::Report,
    steady::{Seeded, seeded},
};

/// Which services share a process.
pub(crate) type Parts = &'static [&'static [&'static str]];

/// Every service by itself.
pub(crate) const ALONE: Parts =
    &[&["auth"], &["social"], &["activity"], &["gamification"], &["promo"], &["leaderboard"], &["gateway"]];
/// So few processes that two of each fit on a small machine.
pub(crate) const GROUPED: Parts =
    &[&["auth", "social"], &["activity"], &["gamification", "promo", "leaderboard"], &["gateway"]];

/// The servers that a fleet stands on, and what is its own there.
pub(crate) struct Engines {
    /// With `{service}` where the service's name belongs.
    stores: String,
    brokers: String,
    prefix: String,
}

impl Engines {
    /// `None`, and a line in the report, where one of them is missing.
    pub(crate) fn of(options: &Options, report: &mut Report, what: &str) -> Option<Self> {
        let (Some(server), Some(brokers)) = (&options.postgres, &options.kafka) else {
            report.skip(what, "needs --postgres and --kafka (STADION_TEST_POSTGRES, STADION_TEST_KAFKA)");
            return None;
        };
        let tag = Uuid::new_v4().simple().to_string();
        let tag = tag.get(..12).unwrap_or(&tag);
        let (address, settings) = server.split_once('?').unwrap_or((server, ""));
        let server = match address.rsplit_once('/') {
            Some((server, _)) if !server.ends_with('/') => server,
            _ => address,
        };
        let settings = if settings.is_empty() { String::new() } else { format!("?{settings}") };
        Some(Self {
            stores: format!("{server}/load_{tag}_{{service}}{settings}"),
            brokers: brokers.clone(),
            prefix: format!("load-{tag}."),
        })
    }
}

/// The plan of a fleet, and its processes.
pub(crate) struct Fleet {
    binary: PathBuf,
    folder: TempDir,
    engines: Engines,
    pub(crate) parts: Parts,
    /// Of siblings, of the public door, of operators: a port for each replica of each part.
    ports: Vec<Vec<[u16; 3]>>,
    running: Vec<Vec<Option<Child>>>,
}

impl Fleet {
    pub(crate) async fn plan(
        options: &Options,
        engines: Engines,
        parts: Parts,
        replicas: usize,
    ) -> anyhow::Result<Self> {
        // All are held at once, so that none is given twice; the processes take them a moment later.
        let mut held = Vec::new();
        let mut ports = Vec::new();
        for _ in parts {
            let mut of_part = Vec::new();
            for _ in 0..replicas {
                let mut three = [0; 3];
                for port in &mut three {
                    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
                    *port = listener.local_addr().context("a listener without an address")?.port();
                    held.push(listener);
                }
                of_part.push(three);
            }
            ports.push(of_part);
        }
        let running = parts.iter().map(|_| (0..replicas).map(|_| None).collect()).collect();
        let (binary, folder) = (binary(options).await?, options.fresh_folder()?);
        let fleet = Self { binary, folder, engines, parts, ports, running };
        fleet.write_settings()?;
        Ok(fleet)
    }

    fn write_settings(&self) -> anyhow::Result<()> {
        let mut peers = String::new();
        for (part, services) in self.parts.iter().enumerate() {
            let places: Vec<String> =
                self.ports[part].iter().map(|[grpc, ..]| format!("http://127.0.0.1:{grpc}")).collect();
            for service in *services {
                peers.push_str(&format!("{service} = {:?}\n", places.join(",")));
            }
        }
        let Engines { stores, brokers, prefix } = &self.engines;
        let text = format!(
            "[installation]\nkey_file = {:?}\n[stores]\nengine = \"postgres\"\nurl = {stores:?}\n\
             [bus]\nengine = \"kafka\"\nbrokers = {brokers:?}\nprefix = {prefix:?}\n[peers]\n{peers}",
            self.folder.path().join("fleet.key"),
        );
        std::fs::write(self.settings(), text).context("the fleet's settings were not written")
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("fleet.toml")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The public door.
    pub(crate) fn door(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[self.part_of("gateway")][0][1])
    }

    pub(crate) fn part_of(&self, service: &str) -> usize {
        self.parts.iter().position(|services| services.contains(&service)).unwrap_or_default()
    }

    /// As leases know it, before a random end.
    pub(crate) fn name(&self, part: usize, replica: usize) -> String {
        format!("{}-{replica}", self.parts[part].join("-"))
    }

    /// Accounts, friendships and a challenge, before anything runs.
    pub(crate) async fn seed(&self, plan: (usize, f64, u64)) -> anyhow::Result<Seeded> {
        let mut seeding = command(&self.binary, &self.data(), &["seed", "--challenge", "--hours", "12"]);
        seeding.arg("--config").arg(self.settings());
        seeded(seeding, self.folder.path().join("sessions"), plan).await
    }

    /// Starts everything, and waits until all of it is ready.
    pub(crate) async fn start_all(&mut self) -> anyhow::Result<()> {
        let mut started = Vec::new();
        for part in 0..self.parts.len() {
            for replica in 0..self.ports[part].len() {
                started.push((part, replica, self.spawn(part, replica)?));
            }
        }
        for (part, replica, mut child) in started {
            ready(&mut child).await.with_context(|| self.name(part, replica))?;
            self.running[part][replica] = Some(child);
        }
        Ok(())
    }

    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(&mut self, part: usize, replica: usize) -> anyhow::Result<()> {
        let mut child = self.spawn(part, replica)?;
        ready(&mut child).await.with_context(|| self.name(part, replica))?;
        self.running[part][replica] = Some(child);
        Ok(())
    }

    fn spawn(&self, part: usize, replica: usize) -> anyhow::Result<Child> {
        let [grpc, http, admin] = self.ports[part][replica].map(|port| format!("127.0.0.1:{port}"));
        let mut serve = command(&self.binary, &self.data(), &["serve"]);
        serve.args(self.parts[part]).args(["--grpc", &grpc, "--http", &http, "--admin", &admin]);
        serve.arg("--config").arg(self.settings()).env("STADION_NAME", self.name(part, replica));
        if std::env::var_os("STADION_LOG__FILTER").is_none() {
            serve.env("STADION_LOG__FILTER", "error");
        }
        serve.stdout(Stdio::piped()).spawn().with_context(|| self.binary.display().to_string())
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self, part: usize, replica: usize) -> anyhow::Result<()> {
        let mut child = self.running[part][replica].take().context("it does not run")?;
        child.kill().await.with_context(|| self.name(part, replica))
    }

    /// Processor seconds that each part has used so far, all its replicas together.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<Vec<f64>> {
        let of_part = |replicas: &Vec<Option<Child>>| {
            replicas.iter().flatten().map(cpu_seconds).sum::<anyhow::Result<f64>>()
        };
        self.running.iter().map(of_part).collect()
    }

    /// A service's database, for looking on.
    pub(crate) async fn database(&self, service: &str) -> anyhow::Result<Db> {
        let options = postgres::Options {
            connections_max: 2,
            application: "stadion-loadtest".to_owned(),
            ..postgres::Options::default()
        };
        let url = self.engines.stores.replace("{service}", service);
        postgres::connect(&url, options).await.with_context(|| format!("the database of {service}"))
    }
}
