use eventing::{StreamId, args, sealing::Class};
use proto::{
    activity::{GetActivityRequest, StreamsRequest},
    auth::{AccountErased, ConsentWithdrawn},
};
use testkit::fleet::{self, Ground, eventually};

use crate::world::{self, Accounts, by, bytes_of, fit};

#[tokio::test]
async fn withdrawing_the_consent_takes_the_heart_out_of_what_is_shown() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let activity_id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    assert!(world.mine(aida).await[0].heart_rate_avg_bpm.is_some());
    let withdrawn = ConsentWithdrawn {
        account_id: bytes_of(aida),
        purpose: "health_data".to_owned(),
        ..ConsentWithdrawn::default()
    };
    let stream = StreamId::of("account", aida);
    fleet::tell(&world.auth, &stream, &aida.to_string(), &withdrawn).await;
    let ask = || async {
        let asked = GetActivityRequest { activity_id: activity_id.clone() };
        world.client().get_activity(by(aida, asked)).await.unwrap().into_inner()
    };
    let run = eventually("is the heart rate gone", ask, |run| run.heart_rate_avg_bpm.is_none()).await;
    assert!(run.distance_m.is_some() && !run.stream_types.iter().any(|kind| kind == "heart_rate"));
    ground.keys.destroy(aida.uuid(), Class::Health);
    world.make_anew().await;
    let run = ask().await;
    assert!(run.distance_m.is_some() && run.heart_rate_avg_bpm.is_none(), "nor is it there again");
    world.stop().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_row_and_no_file() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    world.uploaded(aida, fit("2026-05-01")).await;
    world.uploaded(boris, fit("2026-05-01")).await;
    let erased = AccountErased { account_id: bytes_of(aida) };
    fleet::tell(&world.auth, &StreamId::of("account", aida), &aida.to_string(), &erased).await;
    let ask = || async {
        let sql = "SELECT (SELECT COUNT(*) FROM activity WHERE account_id = $1)
             + (SELECT COUNT(*) FROM upload WHERE account_id = $1)";
        world.db.fetch_one(sql, args![aida]).await.unwrap().unwrap().get::<i64>(0).unwrap()
    };
    eventually("are the rows gone", ask, |rows| *rows == 0).await;
    let files = |account: kernel::AccountId| {
        let folder = ground.folder().join("activity/blobs/original").join(account.to_string());
        std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
    };
    assert_eq!((files(aida), files(boris)), (0, 1));
    assert_eq!(world.mine(boris).await.len(), 1);
    world.make_anew().await;
    assert_eq!(
        (ask().await, world.mine(boris).await.len()),
        (0, 1),
        "what is made anew does not bring it back"
    );
    world.stop().await;
}

#[tokio::test]
async fn rows_rebuilt_after_a_withdrawn_consent_hold_no_heartbeat() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let aida = accounts.athlete("aida");
    let world = world::start(&ground, &accounts).await;
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    assert!(world.mine(aida).await[0].stream_types.iter().any(|kind| kind == "heart_rate"));
    ground.keys.destroy(aida.uuid(), Class::Health);
    for sql in [
        "DELETE FROM activity",
        "DELETE FROM activity_stream",
        "DELETE FROM es_cursor WHERE consumer = 'activity.rows.1'",
    ] {
        world.db.execute(sql, args![]).await.unwrap();
    }
    world.stop().await;

    let world = world::start(&ground, &accounts).await;
    let rebuilt = eventually("the run is there again", || world.mine(aida), |mine| mine.len() == 1).await;
    assert!(rebuilt[0].distance_m.is_some() && rebuilt[0].heart_rate_avg_bpm.is_none());
    let asked = StreamsRequest { activity_id: run, ..StreamsRequest::default() };
    let streams = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    assert!(!streams.time.is_empty() && streams.columns.iter().all(|column| column.r#type != "heart_rate"));
    let sql = "SELECT COUNT(*) FROM activity_stream WHERE stream = 'heart_rate'";
    let kept: i64 = world.db.fetch_one(sql, args![]).await.unwrap().unwrap().get(0).unwrap();
    assert_eq!(kept, 0);
    world.stop().await;
}
