//! What can be set. Every setting has a default.

use platform::config::Section;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The largest file.
    pub upload_bytes_max: usize,
    /// Bytes of files that are on their way in at the same time; more is answered `overloaded`.
    pub uploads_bytes_max: usize,
    /// The largest file that comes in parts.
    pub resumable_bytes_max: u64,
    /// Of all files of an account that come in parts and are not whole yet.
    pub resumable_unfinished_bytes_max: u64,
    /// A file of which no part came for so long is forgotten.
    pub resumable_kept_s: u32,
    /// What is held of a part before it is kept; a connection that breaks off loses no more.
    pub resumable_part_bytes: usize,
    /// Files read at the same time.
    pub readers: usize,
    /// Files that wait for a reader in memory; those beyond it wait in the store.
    pub readers_queue_max: usize,
    /// How often the store is searched for files that wait.
    pub sweep_every_ms: u64,
    /// Records of one changeset.
    pub sync_records_max: usize,
    /// Live sessions of an account that are open at the same time.
    pub live_open_max: u32,
    /// Beacons of one call.
    pub live_beacons_max: usize,
    /// Points of one live session: more than a day at one a second.
    pub live_points_max: usize,
    /// A live session of which nothing new is heard for so long ends by itself.
    pub live_silence_s: u32,
    /// What was told live is deleted so long after the session's end.
    pub live_kept_s: u32,
    /// A deleted activity can be restored for so long; then what is kept of it is destroyed.
    pub restore_days: u32,
    /// Files that nobody refers to are looked for this often, and deleted when they are that old. 0: never.
    pub blobs_swept_every_s: u32,
    /// Where activities are kept to be read.
    pub store: Store,
    /// `host:port,…` of some nodes of ScyllaDB or Cassandra.
    pub cql_nodes: String,
    /// Made when it is missing.
    pub cql_keyspace: String,
    /// Copies of each row in a data centre, for a keyspace that is made.
    pub cql_replication: u32,
    /// The data centre that is asked first; empty: any.
    pub cql_datacenter: String,
    /// Empty: none is asked for.
    pub cql_user: String,
    pub cql_password: String,
    /// Files as they came: under `[files]`.
    #[serde(skip)]
    pub files: Files,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// The service's own database.
    #[default]
    Sql,
    /// A keyspace of ScyllaDB or Cassandra.
    Cql,
}

/// Where files are kept as they came. All processes of the service share the place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Files {
    /// `file:///folder` or `s3://bucket/prefix`; empty: a folder in the data folder.
    pub url: String,
    /// Of an S3-compatible server, `http://host:port`; empty: Amazon's own, or `AWS_ENDPOINT`.
    pub endpoint: String,
    /// Empty: `AWS_REGION`.
    pub region: String,
    /// Empty: `AWS_ACCESS_KEY_ID` and its like, or what the machine itself is allowed.
    pub access_key: String,
    pub secret: String,
    /// The files were moved, or are lost: from now on they are kept in this place.
    pub moved: bool,
    /// A received file that is not found is looked for so long before its upload fails.
    pub missing_wait_s: u32,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            url: String::new(),
            endpoint: String::new(),
            region: String::new(),
            access_key: String::new(),
            secret: String::new(),
            moved: false,
            missing_wait_s: 3_600,
        }
    }
}

impl Section for Files {
    fn faults(&self) -> Vec<(String, String)> {
        let known =
            self.url.is_empty() || ["file:///", "s3://"].iter().any(|kind| self.url.starts_with(kind));
        let mut faults = Vec::new();
        if !known {
            faults.push(("url".to_owned(), "must be file:///folder or s3://bucket/prefix".to_owned()));
        }
        if self.access_key.is_empty() != self.secret.is_empty() {
            faults.push(("secret".to_owned(), "goes with access_key: say both or neither".to_owned()));
        }
        faults
    }
}

impl Config {
    /// What types cannot say: `(key, what is wrong)`.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let cql = self.store == Store::Cql;
        let mut faults = Vec::new();
        if cql && self.cql_nodes().next().is_none() {
            faults.push(("cql_nodes", "names no node: `host:port,…` is needed with store = \"cql\""));
        }
        if cql && self.cql_replication == 0 {
            faults.push(("cql_replication", "must be at least 1"));
        }
        if self.live_silence_s == 0 {
            faults.push(("live_silence_s", "must be at least 1"));
        }
        faults
    }

    pub fn cql_nodes(&self) -> impl Iterator<Item = &str> {
        self.cql_nodes.split(',').map(str::trim).filter(|node| !node.is_empty())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upload_bytes_max: 64 * 1024 * 1024,
            uploads_bytes_max: 256 * 1024 * 1024,
            resumable_bytes_max: 5 << 30,
            resumable_unfinished_bytes_max: 10 << 30,
            resumable_kept_s: 86_400,
            resumable_part_bytes: 4 << 20,
            readers: 2,
            readers_queue_max: 256,
            sweep_every_ms: 2_000,
            sync_records_max: 1_000,
            live_open_max: 4,
            live_beacons_max: 1_000,
            live_points_max: 100_000,
            live_silence_s: 3_600,
            live_kept_s: 3_600,
            restore_days: 30,
            blobs_swept_every_s: 86_400,
            store: Store::default(),
            cql_nodes: String::new(),
            cql_keyspace: "stadion_activity".to_owned(),
            cql_replication: 3,
            cql_datacenter: String::new(),
            cql_user: String::new(),
            cql_password: String::new(),
            files: Files::default(),
        }
    }
}
