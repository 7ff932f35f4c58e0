//! Every process is restarted, one after the other, and nobody notices.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use stadion::demo::door::Door;

use crate::{
    crowd::Crowd,
    fleet::{Engines, Fleet, PARTS, Part, serve, terminate},
    replicas::{REPLICAS, start_all},
    serve::ALL,
};

/// Stops a replica as an orchestrator does, and starts it anew.
async fn restart(fleet: &Fleet, replicas: &mut Vec<Part>, part: usize, replica: usize) {
    let old = replicas.remove(0);
    let ended = tokio::task::spawn_blocking(move || old.stop()).await.unwrap();
    assert!(ended.success(), "{:?}: {ended}", PARTS[part]);
    let mut new = fleet.start(part, replica);
    let became_ready = tokio::task::spawn_blocking(move || {
        new.ready();
        new
    });
    replicas.push(became_ready.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_restarted_replica_by_replica_and_no_request_fails() {
    let Some(engines) = Engines::of("a rolling restart") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let mut parts = start_all(&fleet);
    let crowd = Crowd::gather(&fleet).await;
    let restarts = async {
        for part in (0..PARTS.len()).filter(|part| *part != fleet.part_of("gateway")) {
            for replica in 0..REPLICAS {
                restart(&fleet, &mut parts[part], part, replica).await;
            }
        }
    };
    crowd.during(restarts).await;
    crowd.is_content().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_gateways_are_restarted_one_after_the_other_and_no_request_fails() {
    let Some(engines) = Engines::of("a rolling restart of the gateways") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let mut parts = start_all(&fleet);
    let crowd = Crowd::gather(&fleet).await;
    let gateway = fleet.part_of("gateway");
    let restarts = async {
        for replica in 0..REPLICAS {
            restart(&fleet, &mut parts[gateway], gateway, replica).await;
        }
    };
    crowd.during(restarts).await;
    crowd.is_content().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_says_so_first_and_answers_on_until_it_has_been_heard() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = serve(&ALL, folder.path())
        .env("STADION_HTTP__NOTICE_S", "600")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let door = Door::new(line.trim().strip_prefix("ready ").unwrap()).unwrap();
    let answer = door.get("/v1/openapi.json").expect(200).await.unwrap();
    assert!(!answer.headers.contains_key("connection"));
    terminate(process.id());
    while door.get("/readyz").expect(503).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = door.get("/v1/openapi.json").expect(200).await.unwrap();
    assert_eq!(answer.headers["connection"], "close", "the next request shall have a connection elsewhere");
    terminate(process.id());
    assert!(process.wait().unwrap().success(), "a second word ends the wait");
}
