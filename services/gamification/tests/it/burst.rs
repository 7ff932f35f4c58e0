//! How fast a burst of activities of many accounts becomes scores. A figure, not a check:
//! `cargo test -p stadion-gamification --test it burst -- --ignored --nocapture`.

use std::time::Instant;

use gamification::consumers::activities;
use kernel::AccountId;
use testkit::fleet::Ground;

use crate::{
    contest::{joins, opened, takes_part, terms},
    fleet::{run_on, start},
};

const ACCOUNTS: u32 = 200;
const EACH: usize = 5;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_burst_of_activities() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let challenge = opened(&game.app.journal, "burst", terms("distance_m")).await;
    let accounts: Vec<AccountId> = (0..ACCOUNTS).map(|_| AccountId::random()).collect();
    for (account, member) in accounts.iter().zip(1..) {
        takes_part(&game.app.journal, joins(challenge, *account, member)).await;
    }
    let begun = Instant::now();
    for nth in 0..EACH {
        let name = format!("run {nth}");
        let said =
            accounts.iter().map(|account| game.records(*account, &name, run_on("2026-05-08", 5_000.0)));
        futures::future::join_all(said).await;
    }
    let written = begun.elapsed();
    let head = game.activity.store().head().await.unwrap();
    while game.app.store.heard(activities::NAME, "activity").await.unwrap() < head {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let heard = begun.elapsed();
    let whole = i64::try_from(EACH).unwrap() * 5_000_000;
    loop {
        let rows = game.app.store.standing(challenge).await.unwrap();
        if rows.len() == accounts.len() && rows.iter().all(|row| row.score.unwrap().value == whole) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    println!("written {written:?}, heard {heard:?}, scored {:?}", begun.elapsed());
    game.stop().await;
}
