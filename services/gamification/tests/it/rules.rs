//! Other rules, previewed over what is known.

use gamification::{app::rules, domain::Rules};
use kernel::{AccountId, Code};
use testkit::fleet::{Ground, eventually};

use crate::fleet::{run_on, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_who_gains_and_who_loses_and_writes_nothing() {
    let ground = Ground::fresh();
    let fleet = start(&ground).await;
    let (short, long) = (AccountId::random(), AccountId::random());
    fleet.records(short, "short", run_on("2026-05-10", 5_100.0)).await;
    fleet.records(long, "long", run_on("2026-05-10", 9_600.0)).await;
    for account in [short, long] {
        let badges = async || fleet.app.store.badges(account).await.unwrap();
        eventually("three badges", badges, |held| held.len() == 3).await;
    }
    let head = fleet.app.journal.store().head().await.unwrap();

    let (version, in_force) = rules::in_force(&fleet.app).unwrap();
    assert_eq!(version, 3);
    let other = in_force
        .replace("\"at_least\":5000,", "\"at_least\":6000,")
        .replace("\"at_least\":5000}", "\"at_least\":6000}");
    let other = other.replace("\"at_least\":10000}", "\"at_least\":9500}");
    assert_ne!(Rules::parse(&other).unwrap(), Rules::parse(&in_force).unwrap());
    let preview = rules::preview(&fleet.app, &other).await.unwrap();
    assert_eq!((preview.accounts_looked_at, preview.complete), (2, true));
    assert_eq!((preview.badges["5k"].lost, &preview.badges["5k"].lost_by), (1, &vec![short]));
    assert_eq!((preview.badges["10k"].gained, &preview.badges["10k"].gained_by), (1, &vec![long]));
    assert_eq!((preview.xp_up, preview.xp_down), (0, 0));
    assert_eq!(fleet.app.journal.store().head().await.unwrap(), head);

    let same = rules::preview(&fleet.app, &in_force).await.unwrap();
    assert!(same.badges.is_empty());
    for broken in ["", "{}", "[]", "{\"version\":1e309}"] {
        let refused = rules::preview(&fleet.app, broken).await.unwrap_err();
        assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, "/rules"));
    }
    fleet.stop().await;
}
