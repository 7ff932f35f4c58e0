//! Dependencies point one way: `{proto, kernel} ← {formats, privacy, eligibility} ← eventing ← {backends, platform} ← services`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Package};

use crate::tree;

const SERVICES: &str = "services/";

/// Drivers of engines: only the room of the engines names them.
const DRIVERS: [&str; 7] =
    ["sqlx", "rusqlite", "libsqlite3-sys", "tokio-postgres", "rdkafka", "scylla", "cdrs-tokio"];

/// The level of a room; a room depends on lower levels only. `None`: tools, which may name what they like.
fn level(room: &str) -> Option<u8> {
    Some(match room {
        "proto" | "libs/kernel" => 0,
        "libs/formats" | "libs/privacy" | "libs/eligibility" => 1,
        "libs/eventing" => 2,
        "libs/backends" | "libs/platform" => 3,
        "libs/testkit" => 4,
        "services/stadion" => 6,
        service if service.starts_with(SERVICES) => 5,
        _ => return None,
    })
}

fn rooms() -> BTreeMap<&'static str, (String, &'static Package)> {
    let packages = tree::metadata().packages.iter();
    packages
        .map(|package| {
            let folder = package.manifest_path.parent().unwrap().as_std_path();
            let room = folder.strip_prefix(tree::root()).unwrap().to_str().unwrap().to_owned();
            (package.name.as_str(), (room, package))
        })
        .collect()
}

/// `(room, room it depends on, how)` within the workspace.
fn edges() -> BTreeSet<(String, String, &'static str)> {
    let rooms = rooms();
    let mut edges = BTreeSet::new();
    for (room, package) in rooms.values() {
        for dependency in &package.dependencies {
            let Some((other, _)) = rooms.get(dependency.name.as_str()) else { continue };
            let kind = if dependency.kind == DependencyKind::Development { "dev" } else { "normal" };
            edges.insert((room.clone(), other.clone(), kind));
        }
    }
    edges
}

#[test]
fn the_rooms_are_known() {
    let known = rooms().into_values().map(|(room, _)| room).collect::<BTreeSet<_>>();
    for room in ["proto", "libs/kernel", "libs/eventing", "services/gateway", "services/stadion"] {
        assert!(known.contains(room), "{room} is gone, and the rules below would pass for nothing");
    }
    let unknown: Vec<String> =
        known.into_iter().filter(|room| level(room).is_none() && room.starts_with("libs/")).collect();
    tree::assert_none("give every library its level", &unknown);
}

#[test]
fn a_room_depends_on_lower_rooms_only() {
    let mut breaches = Vec::new();
    for (from, to, kind) in edges() {
        let (Some(above), Some(below)) = (level(&from), level(&to)) else { continue };
        // Tests may stand on the room of the tests and on the engines beside them.
        let allowed = above > below || (kind == "dev" && (to == "libs/testkit" || to == "libs/backends"));
        if !allowed {
            breaches.push(format!("{from} → {to} ({kind})"));
        }
    }
    tree::assert_none("dependencies point one way", &breaches);
}

#[test]
fn services_never_depend_on_each_other_and_only_the_binary_depends_on_them() {
    let breaches: Vec<String> = edges()
        .into_iter()
        .filter(|(from, to, _)| to.starts_with(SERVICES) && from != "services/stadion")
        .map(|(from, to, kind)| format!("{from} → {to} ({kind})"))
        .collect();
    tree::assert_none("talk to a service through its proto client", &breaches);
}

#[test]
fn the_room_of_the_tests_is_for_tests() {
    let breaches: Vec<String> = edges()
        .into_iter()
        .filter(|(_, to, kind)| to == "libs/testkit" && *kind != "dev")
        .map(|(from, _, _)| from)
        .collect();
    tree::assert_none("testkit is a dev-dependency", &breaches);
}

#[test]
fn services_reach_engines_through_the_platform() {
    let breaches: Vec<String> = edges()
        .into_iter()
        .filter(|(from, to, kind)| {
            to == "libs/backends"
                && *kind != "dev"
                && from.starts_with(SERVICES)
                && from != "services/stadion"
        })
        .map(|(from, _, _)| from)
        .collect();
    tree::assert_none("only the binary chooses engines", &breaches);
}

#[test]
fn engine_drivers_are_named_by_the_backends_only() {
    let mut breaches = Vec::new();
    for (room, package) in rooms().values() {
        for dependency in &package.dependencies {
            if DRIVERS.contains(&dependency.name.as_str()) && room != "libs/backends" {
                breaches.push(format!("{room} names {}", dependency.name));
            }
        }
    }
    tree::assert_none("engine drivers live in libs/backends", &breaches);
}

#[test]
fn the_lowest_rooms_do_no_io() {
    let mut breaches = Vec::new();
    for (room, package) in rooms().values() {
        let pure = matches!(room.as_str(), "libs/kernel" | "libs/formats" | "libs/privacy");
        for dependency in package.dependencies.iter().filter(|found| found.kind == DependencyKind::Normal) {
            let heavy = ["tokio", "tonic", "axum", "hyper", "reqwest", "object_store"];
            if pure && heavy.contains(&dependency.name.as_str()) {
                breaches.push(format!("{room} names {}", dependency.name));
            }
        }
    }
    tree::assert_none("pure rooms stay pure", &breaches);
}
