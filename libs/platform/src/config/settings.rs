//! The settings that belong to no single service.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Section,
    engines::{BusEngines, Stores},
    mail::Mail,
};
use crate::transport::Address;

/// The root of the settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The folder that holds everything of an embedded installation.
    pub data: PathBuf,
    /// What this process is called among its like; empty: made of the machine's name and the process' number.
    pub name: String,
    pub installation: Installation,
    pub stores: Stores,
    pub bus: BusEngines,
    pub http: Http,
    pub admin: Admin,
    pub grpc: Grpc,
    pub limits: Limits,
    pub log: Log,
    pub telemetry: Telemetry,
    pub mail: Mail,
    /// Addresses of the services that run elsewhere, `auth = "http://a:7070,http://b:7070"`; a DNS name stands for
    /// all its addresses.
    pub peers: BTreeMap<String, String>,
}

/// The public door.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    pub addr: SocketAddr,
    pub connections_max: usize,
    /// Requests that run at the same time; above it 503.
    pub requests_max: usize,
    /// Streams at once on one HTTP/2 connection.
    pub streams_max: u32,
    pub header_timeout_s: u64,
    /// The longest silence inside a body.
    pub body_silence_s: u64,
    /// How long an answer waits for a client that takes nothing more.
    pub unread_max_s: u64,
    /// How long a process of a fleet serves on, at all its doors, after it has said that it is not ready: longer than
    /// whoever balances takes to notice.
    pub notice_s: u64,
    /// How long open requests may go on after that.
    pub drain_s: u64,
}

/// For operators only: health, readiness, metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Admin {
    pub addr: SocketAddr,
}

/// Between services of a fleet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Grpc {
    pub addr: SocketAddr,
    /// What siblings are told, `http://host:port`; empty: `http://` and the address that is listened on.
    pub advertise: String,
    /// Calls that run at the same time in one service; above it UNAVAILABLE.
    pub calls_max: usize,
}

/// What all processes of one installation have in common.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// The secret by which the services know each other; empty: `keys/actor.key` in the data folder, made when it is
    /// missing. Processes of one fleet share its content, and read it again every few seconds (`stadion keys`).
    pub key_file: PathBuf,
}

/// How much one caller may do; 0 = no limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// An address.
    pub sign_ups_per_hour: u32,
    /// An address.
    pub failed_logins_per_hour: u32,
    /// An account.
    pub writes_per_s: u32,
    /// An account.
    pub reads_per_s: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// Directives as of tracing's `EnvFilter`.
    pub filter: String,
    pub format: Format,
}

/// Where traces go.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// `http://collector:4318`: an OpenTelemetry collector (OTLP over HTTP, protobuf); empty: traces are not sent.
    pub otlp: String,
    /// Which part of the traces is kept, from 0 to 1; the same traces in every process.
    pub sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp: String::new(), sample: 1.0 }
    }
}

impl Telemetry {
    /// Where traces are posted to; `/v1/traces` is added where the address has no path.
    pub(crate) fn traces(&self) -> Option<http::Uri> {
        let address = self.otlp.trim_end_matches('/');
        let uri: http::Uri = address.parse().ok()?;
        if uri.path().trim_end_matches('/').is_empty() {
            return format!("{address}/v1/traces").parse().ok();
        }
        Some(uri)
    }

    /// The part that is kept, of 2^56.
    pub(crate) fn kept_below(&self) -> u64 {
        (self.sample * 2_f64.powi(56)) as u64
    }

    fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let is_readable = self.otlp.is_empty()
            || self.otlp.starts_with("http://") && self.traces().is_some_and(|uri| uri.host().is_some());
        if !is_readable {
            let what =
                "must be http://host:port: the collector beside this process, which has TLS to elsewhere";
            faults.push(("telemetry.otlp".to_owned(), what.to_owned()));
        }
        if !(0.0..=1.0).contains(&self.sample) {
            faults.push(("telemetry.sample".to_owned(), "must be from 0 to 1".to_owned()));
        }
        faults
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./stadion-data"),
            name: String::new(),
            installation: Installation::default(),
            stores: Stores::default(),
            bus: BusEngines::default(),
            http: Http::default(),
            admin: Admin::default(),
            grpc: Grpc::default(),
            limits: Limits::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
            mail: Mail::default(),
            peers: BTreeMap::new(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            connections_max: 8_192,
            requests_max: 2_048,
            streams_max: 250,
            header_timeout_s: 15,
            body_silence_s: 15,
            unread_max_s: 60,
            notice_s: 3,
            drain_s: 10,
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { addr: SocketAddr::from(([127, 0, 0, 1], 9090)) }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self { addr: SocketAddr::from(([127, 0, 0, 1], 7070)), advertise: String::new(), calls_max: 1_024 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { sign_ups_per_hour: 20, failed_logins_per_hour: 30, writes_per_s: 60, reads_per_s: 300 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info,hyper=warn,h2=warn,sqlx=warn".to_owned(), format: Format::Text }
    }
}

impl Http {
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_s)
    }

    pub fn body_silence(&self) -> Duration {
        Duration::from_secs(self.body_silence_s)
    }

    pub fn unread_max(&self) -> Duration {
        Duration::from_secs(self.unread_max_s)
    }

    pub fn notice(&self) -> Duration {
        Duration::from_secs(self.notice_s)
    }

    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }
}

impl Section for Settings {
    fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut at_least_one = |key: &str, value: u64| {
            if value == 0 {
                faults.push((key.to_owned(), "must be at least 1".to_owned()));
            }
        };
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        at_least_one("http.connections_max", number(self.http.connections_max));
        at_least_one("http.requests_max", number(self.http.requests_max));
        at_least_one("http.streams_max", self.http.streams_max.into());
        at_least_one("http.header_timeout_s", self.http.header_timeout_s);
        at_least_one("http.body_silence_s", self.http.body_silence_s);
        at_least_one("http.unread_max_s", self.http.unread_max_s);
        at_least_one("grpc.calls_max", number(self.grpc.calls_max));
        if self.http.addr.port() != 0 && self.http.addr == self.admin.addr {
            faults.push(("admin.addr".to_owned(), "must differ from http.addr".to_owned()));
        }
        if self.data.as_os_str().is_empty() {
            faults.push(("data".to_owned(), "must name a folder".to_owned()));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            faults.push(("log.filter".to_owned(), error.to_string()));
        }
        if !self.grpc.advertise.is_empty()
            && let Err(error) = Address::parse(&self.grpc.advertise)
        {
            faults.push(("grpc.advertise".to_owned(), error.to_string()));
        }
        for (service, addresses) in &self.peers {
            if let Err(error) = Address::list(addresses) {
                faults.push((format!("peers.{service}"), error.to_string()));
            }
        }
        faults.extend(self.telemetry.faults());
        faults.extend(self.mail.faults());
        faults.extend(self.stores.faults());
        faults.extend(self.bus.faults());
        faults
    }
}
