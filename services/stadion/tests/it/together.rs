//! Processes that start at the same moment on an empty folder and an empty server.

use std::{path::Path, process::Child, process::Stdio};

use serde_json::Value;

use crate::{
    embedded::binary,
    fleet::{Engines, Part, serve},
    on_servers,
};

fn printed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}{err}");
    out
}

#[test]
fn four_that_migrate_at_once_change_each_schema_once() {
    let Some(engines) = Engines::of("four that migrate at once") else { return };
    let keyspace = on_servers::keyspace("four that migrate at once");
    let folder = tempfile::tempdir().unwrap();
    let start = |_| {
        let mut migrate = binary("migrate", folder.path());
        engines.told(&mut migrate);
        if let Some(keyspace) = &keyspace {
            keyspace.told(&mut migrate);
        }
        migrate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..4).map(start).collect();
    let said: Vec<String> = children.into_iter().map(printed).collect();
    let lines = || said.iter().flat_map(|out| out.lines());
    for store in ["auth", "activity", "gamification", "promo", "social", "leaderboard", "gateway"] {
        let applied = lines().filter_map(|line| line.strip_prefix(store)?.strip_prefix(": applied "));
        let mut files: Vec<&str> = applied.flat_map(|names| names.split(", ")).collect();
        let all = files.len();
        files.sort_unstable();
        files.dedup();
        assert!(all > 0 && files.len() == all, "{store}: each file by one of them: {files:?}");
    }
    let made = lines().filter(|line| line.starts_with("keyspace ") && line.contains(": applied")).count();
    assert_eq!(made, usize::from(keyspace.is_some()));
}

fn secrets(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "key" || kind == "kek" || kind == "draft") {
                found.push((path.display().to_string(), std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn replicas_that_start_at_once_on_an_empty_folder_share_its_secrets_and_each_answers_tools() {
    let Some(engines) = Engines::of("replicas that start at once") else { return };
    let folder = tempfile::tempdir().unwrap();
    let all = ["auth", "activity", "gamification", "promo", "social", "leaderboard", "gateway"];
    let start = |_| {
        let mut command = serve(&all, folder.path());
        engines.told(&mut command);
        command.env("STADION_STORES__CONNECTIONS_MAX", "3");
        Part::of(command)
    };
    let mut replicas: Vec<Part> = (0..3).map(start).collect();
    for replica in &mut replicas {
        replica.ready();
    }
    let shared = secrets(folder.path());
    assert!(shared.len() >= 4, "the installation's, auth's, promo's, the gateway's: {shared:?}");
    assert!(shared.iter().all(|(path, _)| !path.ends_with(".draft")), "{shared:?}");

    let processes = || -> Vec<Value> {
        let mut doctor = binary("doctor --json", folder.path());
        engines.told(&mut doctor);
        let output = doctor.output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = said["checks"].as_array().unwrap().clone();
        checks.into_iter().filter(|one| one["area"] == "process").collect()
    };
    let told = processes();
    assert_eq!(told.len(), 3, "each has a socket of its own: {told:?}");
    assert!(told.iter().all(|one| one["verdict"] == "ok"), "{told:?}");
    let mut operator = binary("operator add op@example.org", folder.path());
    engines.told(&mut operator);
    assert!(operator.output().unwrap().status.success());
    let mut replay = binary("replay", folder.path());
    engines.told(&mut replay);
    assert_eq!(String::from_utf8(replay.output().unwrap().stdout).unwrap(), "nothing is parked\n");

    // A killed one leaves its socket behind, and nobody is misled by it.
    drop(replicas.pop());
    assert_eq!(processes().len(), 2);
    for replica in replicas {
        assert!(replica.stop().success());
    }
    assert_eq!(secrets(folder.path()), shared, "and they stay as they are");
}
