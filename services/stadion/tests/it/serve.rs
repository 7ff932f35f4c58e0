//! `stadion serve`: the same stories through several processes, and what is said when a setting is half.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use stadion::demo::{cast::Cast, contest::Contest, door::Door, journey::Journey, story::Story};

use crate::{
    embedded::binary,
    fleet::{Engines, Fleet, PARTS, serve},
};

/// Last to come is who everybody needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stories_hold_in_a_fleet_that_was_started_in_the_wrong_order() {
    let Some(engines) = Engines::of("both stories in a fleet") else { return };
    let fleet = Fleet::on(engines, 1);
    let gateway = fleet.part_of("gateway");
    let mut parts = vec![fleet.start(gateway, 0)];
    let waiting = waits_for(&fleet.admin("gateway"), "peer auth").await;
    assert!(waiting.contains("cannot be connected to"), "{waiting}");
    parts.extend((0..PARTS.len()).rev().filter(|part| *part != gateway).map(|part| fleet.start(part, 0)));
    for part in &mut parts {
        part.ready();
    }
    play::<Journey>(&fleet).await;
    play::<Contest>(&fleet).await;
    an_operator_is_added_from_anywhere(&fleet);
    for part in parts {
        assert!(part.stop().success(), "each ends well when it is told to");
    }
}

/// With the settings alone, on a machine where nothing of the fleet runs.
fn an_operator_is_added_from_anywhere(fleet: &Fleet) {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut add = binary("operator add op@example.org", elsewhere.path());
    let output = add.arg("--config").arg(fleet.config(fleet.part_of("gateway"))).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.lines().count() == 1, "{said}");
}

pub(crate) async fn play<S: Story>(fleet: &Fleet) {
    let mut story = S::begin(Cast::new(&fleet.base(), fleet.data()).unwrap());
    for step in S::STEPS {
        let said = story.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", S::name(*step)));
    }
    story.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Why a process is not ready, once `reason` is among it.
async fn waits_for(admin: &str, reason: &str) -> String {
    let door = Door::new(admin).unwrap();
    for _ in 0..3_000 {
        if let Ok(answer) = door.get("/readyz").expect(503).await
            && let Ok(why) = answer.text(&format!("/reasons/{reason}"))
            && !why.contains("not been looked for")
        {
            return why;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never said that it waits for {reason}")
}

fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) const ALL: [&str; 7] =
    ["auth", "activity", "gamification", "promo", "social", "leaderboard", "gateway"];

#[test]
fn half_a_setting_is_told_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("never");
    let mut no_url = serve(&ALL, &data);
    no_url.env("STADION_STORES__ENGINE", "postgres");
    assert!(refused(no_url).contains("stores.url: is needed"));
    let mut no_brokers = serve(&ALL, &data);
    no_brokers.env("STADION_BUS__ENGINE", "kafka");
    assert!(refused(no_brokers).contains("bus.brokers: is needed"));
    assert!(refused(serve(&["activity"], &data)).contains("peers.auth: activity needs it"));
    let mut strange = serve(&ALL, &data);
    strange.env("STADION_PEERS__ATUH", "http://a:1");
    assert!(refused(strange).contains("peers.atuh: there is no such service"));
    assert!(!data.exists());
}

#[test]
fn an_engine_that_does_not_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut nobody = serve(&ALL, folder.path());
    nobody.env("STADION_STORES__ENGINE", "postgres");
    nobody.env("STADION_STORES__URL", "postgres://stadion@127.0.0.1:1/{service}");
    let said = refused(nobody);
    assert!(said.contains("stores.url") && said.contains("127.0.0.1"), "{said}");
    let mut nobody = serve(&ALL, folder.path());
    nobody.env("STADION_BUS__ENGINE", "kafka").env("STADION_BUS__BROKERS", "127.0.0.1:1");
    let said = refused(nobody);
    assert!(said.contains("bus.brokers") && said.contains("127.0.0.1:1"), "{said}");
}

#[test]
fn on_sqlite_one_process_serves_a_folder_and_the_second_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = serve(&ALL, folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready http://"), "{line}");
    assert!(refused(serve(&ALL, folder.path())).contains("is in use by another stadion"));
    first.kill().unwrap();
    first.wait().unwrap();
}
