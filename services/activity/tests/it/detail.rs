//! Splits and best efforts: as everybody can work them out from the columns they are shown.

use kernel::AccountId;
use proto::activity::{
    ActivityView, ExplanationRequest, GetActivityRequest, StreamsRequest, SyncRequest, Upsert, Workout,
    effort::Best, upsert::Record,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, World, by, fit, watch};

async fn whole(world: &World<'_>, account: AccountId, id: &bytes::Bytes) -> ActivityView {
    let asked = GetActivityRequest { activity_id: id.clone() };
    world.client().get_activity(by(account, asked)).await.unwrap().into_inner()
}

#[tokio::test]
async fn an_uploaded_run_shows_its_splits_and_best_efforts_and_says_how_they_were_found() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let run = whole(&world, aida, &id).await;
    let detail = run.detail.unwrap();
    assert_eq!((detail.splits_km.len(), detail.splits_mile.len()), (5, 4));
    let elapsed_s: f64 = detail.splits_km.iter().map(|split| split.elapsed_time_s).sum();
    assert!((elapsed_s - run.elapsed_time_s.unwrap()).abs() < 2.0, "splits add up: {elapsed_s}");
    assert!(detail.splits_km.iter().all(|split| split.heart_rate_avg_bpm.is_some()));

    let asked = StreamsRequest { activity_id: id.clone(), ..StreamsRequest::default() };
    let shown = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    let distance = &shown.columns.iter().find(|column| column.r#type == "distance").unwrap().values;
    let third = shown.time.iter().zip(distance).find(|(_, metres)| **metres >= 3_000.0).unwrap().0;
    let split = &detail.splits_km[3];
    assert!((third - split.start_s).abs() <= 1.0, "the fourth begins at 3 km: {third} {}", split.start_s);

    let kilometre = detail.efforts.iter().find(|effort| effort.name == "1km").unwrap();
    let Some(Best::TimeS(best_s)) = kilometre.best else { panic!("a time") };
    let fastest_s = detail.splits_km.iter().map(|split| split.elapsed_time_s).fold(f64::INFINITY, f64::min);
    assert!(best_s <= fastest_s && best_s > 0.9 * fastest_s, "{best_s} {fastest_s}");
    assert!(!detail.efforts.iter().any(|effort| effort.name == "10km"), "it was no 10 km");

    let asked = ExplanationRequest { activity_id: id };
    let items = world.client().explanation(by(aida, asked)).await.unwrap().into_inner().items;
    let item = |field: &str| items.iter().find(|item| item.field == field).unwrap();
    let (effort, splits, laps) = (item("efforts.1km"), item("splits.km"), item("laps"));
    assert_eq!((effort.value, effort.algorithm.as_str(), effort.version), (best_s, "quickest-window", 2));
    assert_eq!(
        (splits.value, splits.algorithm.as_str(), splits.source.as_str()),
        (5.0, "distance-marks", "computed")
    );
    assert_eq!((laps.value, laps.source.as_str()), (5.0, "device"));
    assert!(world.mine(aida).await[0].detail.is_none(), "not in lists");
    world.stop().await;
}

#[tokio::test]
async fn the_moving_time_of_a_synced_workout_is_worked_out_and_not_believed() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let workout = Workout {
        sport: "running".to_owned(),
        start_us: 1_777_597_200_000_000,
        elapsed_time_s: 1_800.0,
        timer_time_s: Some(1_790.0),
        moving_time_s: Some(5.0),
        ..Workout::default()
    };
    let upserts = vec![Upsert { key: "A1".to_owned(), version: 1, record: Some(Record::Workout(workout)) }];
    let asked = SyncRequest { source: "healthkit".to_owned(), upserts, ..SyncRequest::default() };
    let actor = platform::context::acting_for(watch(aida, "watch"), asked);
    let id = world.client().sync(actor).await.unwrap().into_inner().acks.remove(0).activity_id;
    let run = whole(&world, aida, &id).await;
    assert_eq!((run.moving_time_s, run.timer_time_s), (Some(1_790.0), Some(1_790.0)));
    let items = world.client().explanation(by(aida, ExplanationRequest { activity_id: id })).await.unwrap();
    let items = items.into_inner().items;
    let moving = items.iter().find(|item| item.field == "moving_time_s").unwrap();
    assert_eq!((moving.source.as_str(), moving.algorithm.as_str()), ("computed", "timer"));
    world.stop().await;
}
