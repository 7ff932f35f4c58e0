//! A Kafka broker of a test's own, that it may kill.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// The folder with Kafka's jars; says so when there is none.
pub(crate) fn jars() -> Option<PathBuf> {
    let jars = std::env::var("STADION_TEST_KAFKA_LIB").ok();
    if jars.is_none() {
        eprintln!(
            "skipped: STADION_TEST_KAFKA_LIB names no folder with Kafka's jars (cargo dev test has one)"
        );
    }
    jars.map(PathBuf::from)
}

pub(crate) struct Broker {
    jars: PathBuf,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Broker {
    /// A broker with an empty folder, listening.
    pub(crate) fn start(jars: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, controller) = (free_port(), free_port());
        let settings = format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             log.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\n\
             broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=250\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\n\
             log.cleaner.backoff.ms=100\nlog.index.size.max.bytes=262144\nauto.create.topics.enable=false\n",
            folder.path().join("data").display()
        );
        fs::write(folder.path().join("server.properties"), settings).expect("written");
        let mut broker = Self { jars, folder, port, process: None };
        let formatted = broker
            .java("kafka.tools.StorageTool")
            .args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", "server.properties"])
            .status()
            .expect("java runs");
        assert!(formatted.success(), "the broker's folder is made");
        broker.back();
        broker
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it on what it had, and waits until it listens.
    pub(crate) fn back(&mut self) {
        let process = self.java("kafka.Kafka").arg("server.properties").spawn().expect("java runs");
        self.process = Some(process);
        while TcpStream::connect(self.address()).is_err() {
            let ended = self.process.as_mut().map(|process| process.try_wait().expect("asked"));
            assert!(matches!(ended, Some(None)), "the broker did not start");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("gone");
        }
    }

    /// `STOP` or `CONT`: a broker that holds its connections and says nothing, and goes on.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.as_ref().map(Child::id).expect("running").to_string();
        let told = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(told.success());
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
        command.arg(self.jars.join("*")).arg(class).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("known").port()
}
