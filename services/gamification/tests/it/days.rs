//! Days of steps as activity tells them: what of a value counts is what is counted.

use eventing::StreamId;
use gamification::domain::daily::{Daily, DailyId};
use kernel::AccountId;
use proto::activity as told;
use testkit::fleet::{self, Ground, eventually};

use crate::fleet::{Game, bytes_of, start};

const DATE: &str = "2026-05-10";

async fn counted(game: &Game<'_>, daily: DailyId) -> Option<i64> {
    let day = game.app.journal.load::<Daily>(&StreamId::of("daily", daily)).await.unwrap();
    day.state.known.map(|steps| steps.steps)
}

async fn counts(game: &Game<'_>, daily: DailyId, steps: i64) {
    eventually("is it counted so", || counted(game, daily), |found| *found == Some(steps)).await;
}

async fn tell(game: &Game<'_>, account: AccountId, daily: DailyId, event: &impl prost::Name) {
    fleet::tell(&game.activity, &StreamId::of("daily", daily), &account.to_string(), event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_device_tells_of_the_same_minutes_is_counted_once() {
    let ground = Ground::fresh();
    let game = start(&ground).await;
    let account = AccountId::random();
    let daily = DailyId::derived(&[account.as_bytes(), b"phone"]);
    let recorded = |client_version, value, share| told::DailyRecorded {
        daily_id: bytes_of(daily),
        account_id: bytes_of(account),
        source: "phone".to_owned(),
        client_version,
        daily: Some(told::Daily {
            r#type: "steps".to_owned(),
            date: DATE.to_owned(),
            value,
            share,
            ..told::Daily::default()
        }),
        ..told::DailyRecorded::default()
    };
    let shared = |kind: &str, value| told::DailyShared {
        daily_id: bytes_of(daily),
        account_id: bytes_of(account),
        share: Some(told::DailyShare { r#type: kind.to_owned(), date: DATE.to_owned(), value }),
    };
    tell(&game, account, daily, &recorded(1, 5_000.0, None)).await;
    counts(&game, daily, 5_000).await;
    tell(&game, account, daily, &shared("steps", 1_200.4)).await;
    counts(&game, daily, 1_200).await;
    tell(&game, account, daily, &recorded(2, 6_000.0, Some(2_200.0))).await;
    counts(&game, daily, 2_200).await;
    // Energy of that day is nothing to it, and its key is of another type from now on.
    tell(&game, account, daily, &shared("active_energy", 7.0)).await;
    tell(&game, account, daily, &shared("steps", 0.0)).await;
    counts(&game, daily, 0).await;
    game.stop().await;
}
