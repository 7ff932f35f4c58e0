//! On what the stores and the log stand. Half of a setting is a fault, never a guess.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Stands in `stores.url` for the service's name: one database a service.
const SERVICE: &str = "{service}";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// A file a service in the data folder, which one process owns.
    #[default]
    Sqlite,
    /// A database a service on one server.
    Postgres,
}

/// Where journals and read models are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Stores {
    pub engine: StoreEngine,
    /// `postgres://user:password@host:port/{service}`; `{service}` is replaced by the service's name. Empty on SQLite.
    pub url: String,
    /// Connections of this process to one service's database. Seven services in two replicas with six each are 84 of the
    /// 97 that a PostgreSQL server lets in unless told otherwise; the rest is for a replica that takes over and for tools.
    pub connections_max: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusEngine {
    /// A file in the data folder: for services of one process.
    #[default]
    Sqlite,
    Kafka,
}

/// Where the log between services is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct BusEngines {
    pub engine: BusEngine,
    /// `host:port,host:port`; empty on SQLite.
    pub brokers: String,
    /// Stands before every topic's name: two fleets on one cluster differ in it.
    pub prefix: String,
    /// Copies of each partition, of topics that are made.
    pub replication: u16,
}

impl Default for Stores {
    fn default() -> Self {
        Self { engine: StoreEngine::default(), url: String::new(), connections_max: 6 }
    }
}

impl Default for BusEngines {
    fn default() -> Self {
        Self { engine: BusEngine::default(), brokers: String::new(), prefix: String::new(), replication: 1 }
    }
}

/// The address holds a password.
impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Stores {
    /// The address of one service's database.
    pub fn url_of(&self, service: &str) -> String {
        self.url.replace(SERVICE, service)
    }

    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let url = match self.engine {
            StoreEngine::Sqlite if self.url.is_empty() => None,
            StoreEngine::Sqlite => Some("is only for stores.engine = \"postgres\""),
            StoreEngine::Postgres if self.url.is_empty() => Some(
                "is needed with stores.engine = \"postgres\": postgres://user:password@host:port/{service}",
            ),
            StoreEngine::Postgres
                if !["postgres://", "postgresql://"].iter().any(|s| self.url.starts_with(s)) =>
            {
                Some("must begin with postgres://")
            }
            StoreEngine::Postgres if !self.url.contains(SERVICE) => {
                Some("must name a database a service: write {service} where the service's name belongs")
            }
            StoreEngine::Postgres => None,
        };
        let url = url.map(|what| ("stores.url".to_owned(), what.to_owned()));
        // A store's writer and one reader need a connection each.
        let few = (self.connections_max < 2)
            .then(|| ("stores.connections_max".to_owned(), "must be at least 2".to_owned()));
        url.into_iter().chain(few).collect()
    }
}

impl BusEngines {
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let brokers = match self.engine {
            BusEngine::Sqlite if self.brokers.is_empty() => None,
            BusEngine::Sqlite => Some("is only for bus.engine = \"kafka\""),
            BusEngine::Kafka if self.brokers.is_empty() => {
                Some("is needed with bus.engine = \"kafka\": host:port,host:port")
            }
            BusEngine::Kafka if !self.brokers.split(',').all(is_broker) => {
                Some("must be host:port, several parted by commas")
            }
            BusEngine::Kafka => None,
        };
        let brokers = brokers.map(|what| ("bus.brokers".to_owned(), what.to_owned()));
        let none =
            (self.replication == 0).then(|| ("bus.replication".to_owned(), "must be at least 1".to_owned()));
        brokers.into_iter().chain(none).collect()
    }
}

fn is_broker(broker: &str) -> bool {
    let parts = broker.trim().rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> Vec<(String, String)> {
        Stores { engine: StoreEngine::Postgres, url: url.to_owned(), ..Stores::default() }.faults()
    }

    fn kafka(brokers: &str) -> Vec<(String, String)> {
        BusEngines { engine: BusEngine::Kafka, brokers: brokers.to_owned(), ..BusEngines::default() }.faults()
    }

    #[test]
    fn half_of_a_setting_is_a_fault_that_names_it() {
        assert_eq!(postgres("")[0].0, "stores.url");
        assert!(postgres("mysql://h/{service}")[0].1.contains("postgres://"));
        assert!(postgres("postgres://h/stadion")[0].1.contains("{service}"));
        assert_eq!(kafka("")[0].0, "bus.brokers");
        assert_eq!(kafka("host")[0].0, "bus.brokers");
        let idle = Stores { url: "postgres://h/{service}".to_owned(), ..Stores::default() };
        assert_eq!(idle.faults()[0].0, "stores.url", "an address that nobody uses is a mistake");
    }

    #[test]
    fn a_whole_setting_is_fine() {
        assert_eq!(postgres("postgres://u:p@h:5432/stadion_{service}"), []);
        assert_eq!(kafka("a:9092, b:9092"), []);
        assert_eq!((Stores::default().faults(), BusEngines::default().faults()), (vec![], vec![]));
    }

    #[test]
    fn each_service_has_its_own_database() {
        let stores =
            Stores { url: "postgres://h/stadion_{service}?sslmode=disable".to_owned(), ..Stores::default() };
        assert_eq!(stores.url_of("auth"), "postgres://h/stadion_auth?sslmode=disable");
    }
}
