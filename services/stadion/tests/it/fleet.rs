//! An installation as several processes, on PostgreSQL and Kafka: the built binary, each with its own folder.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
};

use kernel::SystemClock;
use platform::{
    Peers, Tasks,
    actor::ActorSigner,
    installation::InstallationKey,
    metrics::Metrics,
    transport::{Address, PeerMetrics, PeersBuilder, Remote},
};
use testkit::engines;
use tokio_util::sync::CancellationToken;

/// Which services run together. The first owns the folder where mail and tools are.
pub(crate) const PARTS: [&[&str]; 4] =
    [&["auth", "social"], &["activity"], &["gamification", "promo", "leaderboard"], &["gateway"]];
/// Connections of a process to one service's database: many processes share one server.
const CONNECTIONS_MAX: u32 = 6;

/// The engines that a fleet stands on; each fleet has databases and topics of its own there.
pub(crate) struct Engines {
    /// With `{service}` where the service's name belongs.
    stores: String,
    brokers: String,
    prefix: String,
}

impl Engines {
    /// `None`, and a line that says so, where one of them is missing.
    pub(crate) fn of(what: &str) -> Option<Self> {
        Some(Self::at(&engines::postgres(what)?, engines::kafka(what)?))
    }

    /// Any database of the server, and the broker.
    pub(crate) fn at(server: &str, brokers: String) -> Self {
        let tag = &uuid::Uuid::new_v4().simple().to_string()[..12];
        let (address, options) = server.split_once('?').unwrap_or((server, ""));
        let (server, _) = address.rsplit_once('/').expect("postgres://host/database");
        let options = if options.is_empty() { String::new() } else { format!("?{options}") };
        Self {
            stores: format!("{server}/fleet_{tag}_{{service}}{options}"),
            brokers,
            prefix: format!("fleet-{tag}."),
        }
    }

    /// Tells a process about them.
    pub(crate) fn told(&self, command: &mut Command) {
        command
            .env("STADION_STORES__ENGINE", "postgres")
            .env("STADION_STORES__URL", &self.stores)
            .env("STADION_BUS__ENGINE", "kafka")
            .env("STADION_BUS__BROKERS", &self.brokers)
            .env("STADION_BUS__PREFIX", &self.prefix);
    }

    /// The address of one service's database.
    pub(crate) fn store_of(&self, service: &str) -> String {
        self.stores.replace("{service}", service)
    }

    /// As the log is reached.
    pub(crate) fn kafka(&self) -> backends::kafka::Options {
        backends::kafka::Options {
            prefix: self.prefix.clone(),
            ..backends::kafka::Options::new(&self.brokers)
        }
    }

    /// Two others by mistake: one on the same databases, one on the same log.
    pub(crate) fn beside(&self) -> (Self, Self) {
        let other = || Self::of("a second fleet").expect("there is a first");
        (Self { stores: self.stores.clone(), ..other() }, Self { prefix: self.prefix.clone(), ..other() })
    }
}

/// The plan of a fleet: where each part is.
pub(crate) struct Fleet {
    folder: tempfile::TempDir,
    engines: Engines,
    /// Of siblings, of the public door, of operators: a port for each replica of each part.
    ports: Vec<Vec<[u16; 3]>>,
    /// Of every process, in its environment.
    settings: Vec<(&'static str, String)>,
}

impl Fleet {
    pub(crate) fn on(engines: Engines, replicas: usize) -> Self {
        // All at once, so that none is given twice; the replicas take them a moment later.
        let free: Vec<Vec<[TcpListener; 3]>> = PARTS
            .iter()
            .map(|_| (0..replicas).map(|_| std::array::from_fn(|_| listener())).collect())
            .collect();
        let port = |listener: TcpListener| listener.local_addr().unwrap().port();
        let three = |three: [TcpListener; 3]| three.map(port);
        let ports = free.into_iter().map(|part| part.into_iter().map(three).collect()).collect();
        Self { folder: tempfile::tempdir().unwrap(), engines, ports, settings: Vec::new() }
    }

    /// Another setting of every process.
    #[must_use]
    pub(crate) fn set(mut self, variable: &'static str, value: &str) -> Self {
        self.settings.push((variable, value.to_owned()));
        self
    }

    /// The public door.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[self.part_of("gateway")][0][1])
    }

    /// The public doors of all gateways.
    pub(crate) fn bases(&self) -> Vec<String> {
        let ports = &self.ports[self.part_of("gateway")];
        ports.iter().map(|ports| format!("http://127.0.0.1:{}", ports[1])).collect()
    }

    /// One replica of a service, as a sibling that holds this key reaches it.
    pub(crate) fn replica(&self, service: &'static str, replica: usize, key: &InstallationKey) -> Direct {
        let place = format!("http://127.0.0.1:{}", self.ports[self.part_of(service)][replica][0]);
        let addresses = Address::list(&place).unwrap();
        let remote = Remote::new(service, addresses, PeerMetrics::register(&Metrics::new()));
        let tasks = Tasks::new(CancellationToken::new());
        tasks.spawn(remote.watch(tasks.shutdown().clone()));
        let signer = ActorSigner::new("gateway", key, Arc::new(SystemClock));
        Direct { peers: PeersBuilder::new().remote(remote).seen_by(signer), tasks }
    }

    /// The secret that all processes share.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("fleet.key")
    }

    /// Where operators look at a service.
    pub(crate) fn admin(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[self.part_of(service)][0][2])
    }

    /// The address of a service's database.
    pub(crate) fn store(&self, service: &str) -> String {
        self.engines.store_of(service)
    }

    /// The folder of mail and tools.
    pub(crate) fn data(&self) -> PathBuf {
        self.data_of(0)
    }

    pub(crate) fn part_of(&self, service: &str) -> usize {
        PARTS.iter().position(|services| services.contains(&service)).unwrap()
    }

    fn data_of(&self, part: usize) -> PathBuf {
        self.folder.path().join(format!("part-{part}"))
    }

    /// Starts a replica of a part; it is not ready yet.
    pub(crate) fn start(&self, part: usize, replica: usize) -> Part {
        let [grpc, http, admin] = self.ports[part][replica].map(|port| format!("127.0.0.1:{port}"));
        let config = self.config(part);
        let mut command = Command::new(env!("CARGO_BIN_EXE_stadion"));
        command
            .env("STADION_LOG__FILTER", "warn")
            .envs(self.settings.iter().map(|(variable, value)| (variable, value)))
            .arg("serve")
            .args(PARTS[part])
            .args(["--grpc", &grpc, "--http", &http, "--admin", &admin])
            .arg("--config")
            .arg(config);
        Part::of(command)
    }

    /// The settings of a part.
    pub(crate) fn config(&self, part: usize) -> PathBuf {
        let elsewhere = |service: &&str| !PARTS[part].contains(service);
        let peers: Vec<String> = PARTS
            .iter()
            .flat_map(|services| services.iter().copied())
            .filter(elsewhere)
            .map(|service| {
                let places = self.ports[self.part_of(service)].iter().map(|ports| ports[0]);
                // A name beside an address: the first replica is the same endpoint twice.
                let places: Vec<String> = places
                    .map(|port| format!("http://127.0.0.1:{port}"))
                    .chain([format!("http://localhost:{}", self.ports[self.part_of(service)][0][0])])
                    .collect();
                format!("{service} = {:?}", places.join(","))
            })
            .collect();
        let Engines { stores, brokers, prefix } = &self.engines;
        let (data, key) = (self.data_of(part), self.key_file());
        let text = format!(
            "data = {data:?}\nname = \"part-{part}\"\n\
             [installation]\nkey_file = {key:?}\n\
             [stores]\nengine = \"postgres\"\nurl = {stores:?}\nconnections_max = {CONNECTIONS_MAX}\n\
             [bus]\nengine = \"kafka\"\nbrokers = {brokers:?}\nprefix = {prefix:?}\n\
             [peers]\n{}\n",
            peers.join("\n")
        );
        let path = self.folder.path().join(format!("part-{part}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Calls to one process.
pub(crate) struct Direct {
    pub(crate) peers: Peers,
    tasks: Tasks,
}

impl Drop for Direct {
    fn drop(&mut self) {
        self.tasks.shutdown().cancel();
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A process of the fleet; killed when dropped.
pub(crate) struct Part {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Part {
    /// A process that says `ready …` on its standard output.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Waits until it says that it is ready; its line.
    pub(crate) fn ready(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "it ended before it was ready: {line:?}");
        line
    }

    /// As [`Part::ready`], for one with a public door: where that is.
    pub(crate) fn base(&mut self) -> String {
        self.ready().trim().strip_prefix("ready ").unwrap().to_owned()
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM, then how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        terminate(self.child.id());
        self.child.wait().unwrap()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn terminate(process: u32) {
    assert!(Command::new("kill").args(["-TERM", &process.to_string()]).status().unwrap().success());
}

/// `stadion serve … --data DATA` with everything else by settings in the environment.
pub(crate) fn serve(services: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stadion"));
    command.env("STADION_LOG__FILTER", "warn").arg("serve").args(services).arg("--data").arg(data);
    command.args(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command
}
