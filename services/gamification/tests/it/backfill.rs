//! Other rules come into force: every account is brought to them once, wherever the process stops.

use std::path::Path;

use eventing::{StreamId, args};
use gamification::{Config, app::backfill, domain::Rulebook};
use kernel::AccountId;
use proto::gamification as wire;
use testkit::fleet::{Ground, eventually};

use crate::fleet::{Game, by, run_on, start, start_with};

const ACCOUNTS: u32 = 300;

fn athlete(nth: u32) -> AccountId {
    AccountId::derived(&[b"athlete", &nth.to_be_bytes()])
}

/// A document under which five kilometres are six, and nothing is given for firsts.
fn stricter(folder: &Path) -> Config {
    let mut rules = Rulebook::house().unwrap().in_force().clone();
    rules.version += 1;
    rules.xp.retain(|rule| !rule.name().starts_with("first"));
    let document = serde_json::to_string(&rules).unwrap().replace("\"at_least\":5000}", "\"at_least\":6000}");
    std::fs::write(folder.join("stricter.json"), document).unwrap();
    Config { rules: Some(folder.to_owned()), ..Config::default() }
}

impl Game<'_> {
    async fn said(&self, kind: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM es_event WHERE type = $1";
        let kind = format!("stadion.gamification.v1.{kind}");
        self.db.fetch_one(sql, args![kind]).await.unwrap().unwrap().get(0).unwrap()
    }

    async fn finished(&self) -> backfill::State {
        eventually(
            "all are brought",
            || async { backfill::state(&self.app).await.unwrap() },
            |state| state.finished(),
        )
        .await
    }
}

#[test]
fn every_account_is_brought_to_other_rules_once_through_a_kill_in_the_middle() {
    let (ground, folder) = (Ground::fresh(), tempfile::tempdir().unwrap());
    let config = stricter(folder.path());
    let process =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    process().block_on(async {
        let fleet = start(&ground).await;
        for nth in 0..ACCOUNTS {
            fleet.records(athlete(nth), "run", run_on("2026-05-10", 5_100.0)).await;
        }
        let known = async || fleet.app.store.under_rules(3).await.unwrap();
        let all = i64::from(ACCOUNTS);
        eventually("everybody has something", known, |known| *known == (all, all)).await;
        assert_eq!(fleet.said("RulesAdopted").await, 0, "who begins under them adopts nothing");
        fleet.stop().await;
    });

    // Killed: the runtime goes with everything that was under way.
    let killed = process();
    let before = killed.block_on(async {
        let fleet = start_with(&ground, config.clone()).await;
        let some = async || fleet.said("RulesAdopted").await;
        let before = eventually("some are brought", some, |told| *told > 0).await;
        std::mem::forget(fleet);
        before
    });
    killed.shutdown_background();
    assert!(before < i64::from(ACCOUNTS), "it was all done at once: nothing was left to stop");

    process().block_on(async {
        let fleet = start_with(&ground, config.clone()).await;
        let state = fleet.finished().await;
        assert_eq!(
            (state.version, state.accounts_done, state.accounts),
            (4, i64::from(ACCOUNTS), i64::from(ACCOUNTS))
        );
        assert_eq!(fleet.said("RulesAdopted").await, i64::from(ACCOUNTS), "once each");
        assert_eq!(fleet.said("BadgeRevoked").await, i64::from(ACCOUNTS), "the 5 km are taken back, once");
        for nth in [0, ACCOUNTS - 1] {
            assert_eq!(fleet.app.store.badges(athlete(nth)).await.unwrap(), ["first_activity", "first_run"]);
            let now =
                fleet.client().get_progress(by(athlete(nth), wire::GetProgressRequest::default())).await;
            assert_eq!(now.unwrap().into_inner().xp, 66);
        }
        // Under the same rules again there is nothing to tell.
        let head = fleet.app.journal.store().head().await.unwrap();
        fleet.stop().await;
        let fleet = start_with(&ground, config).await;
        fleet.finished().await;
        assert_eq!(fleet.app.journal.store().head().await.unwrap(), head);
        fleet.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_erased_holds_nobody_up() {
    let (ground, folder) = (Ground::fresh(), tempfile::tempdir().unwrap());
    let fleet = start(&ground).await;
    for nth in 0..3 {
        fleet.records(athlete(nth), "run", run_on("2026-05-10", 5_100.0)).await;
    }
    eventually("three", || async { fleet.app.store.under_rules(3).await.unwrap() }, |known| *known == (3, 3))
        .await;
    fleet.stop().await;
    ground.keys.destroy(athlete(1).uuid(), eventing::Class::Activity);
    let fleet = start_with(&ground, stricter(folder.path())).await;
    fleet.finished().await;
    assert_eq!(fleet.said("RulesAdopted").await, 3);
    let stream = StreamId::of("progress", athlete(1));
    let told = fleet.app.journal.store().load(&stream, 0, 100).await.unwrap();
    assert!(told.last().unwrap().kind.ends_with(".RulesAdopted"), "nothing of it is judged anew");
    fleet.stop().await;
}
