//! `kill -9` in the middle of reservations: what was acknowledged is there, and no budget is oversold.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{World, draft};

const FOLDER: &str = "STADION_PROMO_KILL_FOLDER";
/// Room for these many reservations of 1 000 each; the killed process asks for more.
const ROOM: i64 = 40;

/// The process that is killed: it reserves one offer after the other and says each answer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test below, in a process of its own"]
async fn reserves_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let ground = Ground::at(Path::new(&folder));
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(ROOM * 1_000)).await;
    println!("promo {}", hex::encode(&promo.id));
    for index in 0.. {
        let athlete = world.athlete();
        let offer = world.granted(athlete).await;
        match world.reserve(athlete, &offer, &format!("A-{index}"), 10_000).await {
            Ok(answer) => println!("acked {}", hex::encode(answer.into_inner().id)),
            Err(_) => println!("refused"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_forgets_nothing_acknowledged_and_oversells_nothing() {
    for kill_after in [1, 7, 23] {
        let ground = Ground::fresh();
        let (promo, acked) = killed_after(kill_after, ground.folder());
        let world = World::on(&ground).await;
        world.shop().await;
        let promo = promo.into();
        let agree = |live: &p::Live| {
            let reserved = live.budget_reserved.as_ref().unwrap().amount_minor;
            reserved == i64::try_from(live.reserved).unwrap() * 1_000
        };
        let live = eventually("do budget and redemptions agree", || world.live(&promo), agree).await;
        let reserved = live.budget_reserved.unwrap().amount_minor;
        assert!(live.reserved >= acked.len() as u64, "{} of {} acknowledged", live.reserved, acked.len());
        let ledger = live.ledger.unwrap();
        assert!(ledger.balanced && reserved <= ROOM * 1_000);
        assert_eq!(ledger.accounts[0].debits_pending_minor, reserved);
        for index in 0..acked.len() {
            let order = world.order(&format!("A-{index}"), "paid", 10_000).await.unwrap().into_inner();
            assert_eq!(order.redemption.unwrap().status, "confirmed");
        }
        world.fleet.stop().await;
    }
}

/// The campaign and the reservations that were acknowledged before the kill.
fn killed_after(acknowledged: usize, folder: &Path) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::reserves_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut promo, mut acked) = (Vec::new(), Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, id)) = line.split_once("promo ") {
            promo = hex::decode(id.trim()).unwrap();
        } else if let Some(id) = line.strip_prefix("acked ") {
            acked.push(hex::decode(id.trim()).unwrap());
        }
        if acked.len() == acknowledged {
            break;
        }
    }
    // SIGKILL: no destructor, no flush.
    child.kill().unwrap();
    child.wait().unwrap();
    (promo, acked)
}
