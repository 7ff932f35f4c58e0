//! How many connections pools may open, against how many a server lets in. A pool opens them as work comes, so a fleet
//! that is too wide for its server shows itself under load only.

use std::collections::BTreeMap;

use backends::postgres::Server;
use platform::transport::Address;

use crate::{settings::Settings, stores::SERVICES};

/// What is opened on one server at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// By one process that serves all of `services`.
    pub(crate) of_process: i64,
    /// By all processes that the settings name.
    pub(crate) of_fleet: i64,
    pub(crate) services: Vec<&'static str>,
    each: i64,
}

/// By server, as the address of a service's store names it. `here`: the services of the process that is meant.
pub(crate) fn wanted(settings: &Settings, here: &[&'static str]) -> BTreeMap<String, Want> {
    let stores = &settings.platform.stores;
    let each = i64::from(stores.connections_max);
    let mut servers: BTreeMap<String, Want> = BTreeMap::new();
    for (service, _) in SERVICES {
        let server = server_of(&stores.url_of(service)).to_owned();
        let want = servers.entry(server).or_insert_with(|| Want {
            of_process: 0,
            of_fleet: 0,
            services: Vec::new(),
            each,
        });
        let elsewhere = settings.platform.peers.get(service).and_then(|places| Address::list(places).ok());
        let elsewhere = elsewhere.map_or(0, |places| i64::try_from(places.len()).unwrap_or(i64::MAX));
        if here.contains(&service) {
            want.of_process += each;
        }
        want.of_fleet += each * elsewhere.max(1);
        want.services.push(service);
    }
    servers
}

/// `host:port`, or all that stands before the database's name.
fn server_of(url: &str) -> &str {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    let server = bare.split(['/', '?']).next().unwrap_or_default();
    server.rsplit_once('@').map_or(server, |(_, server)| server)
}

impl Want {
    /// As much as so many pools may open, where more of them run than the settings name.
    #[must_use]
    pub(crate) fn at_least(mut self, pools: u64) -> Self {
        let running = self.each.saturating_mul(i64::try_from(pools).unwrap_or(i64::MAX));
        self.of_fleet = self.of_fleet.max(running);
        self
    }

    /// How many of its connections the server lets in.
    pub(crate) fn room(server: &Server) -> i64 {
        server.connections_max_of_user.map_or(server.connections_max, |own| own.min(server.connections_max))
    }

    /// What does not fit, and what to change; `None` where all of it fits.
    pub(crate) fn judged(&self, at: &str, server: &Server) -> Option<Tight> {
        let room = Self::room(server);
        let (whose, wanted) = if self.of_process > room {
            ("one process", self.of_process)
        } else if self.of_fleet > room {
            ("the fleet", self.of_fleet)
        } else {
            return None;
        };
        // At least a writer and a reader a pool.
        let fitting = (room * self.each / wanted.max(1)).max(2);
        Some(Tight {
            of_process: self.of_process > room,
            means: format!(
                "the pools of {whose} may open {wanted} connections to PostgreSQL at {at} ({} each), and it lets {room} in",
                self.each
            ),
            mend: format!(
                "set stores.connections_max to {fitting}, or raise max_connections by {} (or the limit of the role or the \
                 database, where that is lower)",
                wanted - room
            ),
        })
    }
}

/// Pools that are wider than their server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tight {
    /// Of one process alone already.
    pub(crate) of_process: bool,
    pub(crate) means: String,
    pub(crate) mend: String,
}

#[cfg(test)]
mod tests {
    use platform::config::Sources;

    use super::*;
    use crate::settings;

    fn settings(flags: &[(&str, &str)]) -> Settings {
        let all = [
            &[
                ("stores.engine", "postgres"),
                ("stores.url", "postgres://stadion:p@db:5433/{service}?sslmode=disable"),
            ],
            flags,
        ]
        .concat();
        let sources = all.iter().fold(Sources::default(), |sources, (setting, value)| {
            sources.flag("--test", setting, Some((*value).to_owned()))
        });
        settings::load(&sources).unwrap()
    }

    fn server(connections_max: i64, of_user: Option<i64>) -> Server {
        Server {
            version: "15".to_owned(),
            fsync: true,
            connections_max,
            connections_max_of_user: of_user,
            connections: 3,
            now_us: 0,
        }
    }

    fn all() -> Vec<&'static str> {
        SERVICES.map(|(service, _)| service).to_vec()
    }

    #[test]
    fn an_untouched_server_has_room_for_two_replicas_of_everything() {
        let peers: Vec<(String, &str)> =
            all().iter().map(|service| (format!("peers.{service}"), "http://a:1,http://b:1")).collect();
        let peers: Vec<(&str, &str)> = peers.iter().map(|(name, places)| (name.as_str(), *places)).collect();
        let wanted = wanted(&settings(&peers), &["auth"]);
        let want = &wanted["db:5433"];
        assert_eq!((want.of_process, want.of_fleet), (6, 84));
        assert_eq!(want.judged("db:5433", &server(97, None)), None);
        let tight = want.judged("db:5433", &server(97, Some(50))).unwrap();
        assert!(
            !tight.of_process && tight.means.contains("84") && tight.means.contains("lets 50 in"),
            "{tight:?}"
        );
        assert!(tight.mend.contains("connections_max to 3") && tight.mend.contains("by 34"), "{tight:?}");
    }

    #[test]
    fn a_process_that_is_too_wide_by_itself_is_told_first() {
        let settings = settings(&[("stores.connections_max", "16")]);
        let tight = wanted(&settings, &all())["db:5433"].judged("db:5433", &server(97, None)).unwrap();
        assert!(tight.of_process && tight.means.contains("112") && tight.mend.contains("to 13"), "{tight:?}");
    }

    #[test]
    fn services_on_servers_of_their_own_are_counted_apart() {
        let settings = settings(&[("stores.url", "postgresql://u@{service}.db/{service}")]);
        let servers = wanted(&settings, &all());
        assert_eq!(servers.len(), SERVICES.len());
        assert!(servers.values().all(|want| want.of_process == 6 && want.services.len() == 1));
    }
}
