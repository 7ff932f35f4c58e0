//! The whole service with its activities in a wide-column store.

use activity::{Config, config::Store};
use eventing::{StreamId, args};
use kernel::Code;
use proto::{
    activity::{
        ChangeActivityRequest, CreateActivityRequest, DeleteActivityRequest, GetActivityRequest,
        RestoreActivityRequest, StreamsRequest,
    },
    auth::{AccountErased, ConsentWithdrawn},
};
use testkit::{
    fleet::{self, eventually},
    ground::Ground,
};

use crate::{
    store::on_cql,
    world::{self, Accounts, by, bytes_of, fit, refused_with},
};

fn a_walk() -> CreateActivityRequest {
    CreateActivityRequest {
        sport: "walking".to_owned(),
        start_us: 1_777_000_000_000_000,
        elapsed_time_s: 1_800.0,
        ..CreateActivityRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activities_live_in_a_keyspace_from_upload_to_erasure() {
    let Some(cql) = on_cql::migrated("the service on CQL").await else { return };
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let config = Config { sweep_every_ms: 100, store: Store::Cql, ..Config::default() };
    let world = world::start_on(&ground, &accounts, config, Some(cql)).await;
    // The keyspace outlives the test: nobody else is called so.
    let aida = accounts.athlete(&format!("aida {}", uuid::Uuid::new_v4()));
    let mut client = world.client();
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let walk = client.create_activity(by(aida, a_walk())).await.unwrap().into_inner().id;
    let listed = async || world.mine(aida).await.into_iter().map(|one| one.id).collect::<Vec<_>>();
    let lists = async |wanted: &[bytes::Bytes]| {
        eventually("is the list right", &listed, |listed| listed == wanted).await;
    };
    lists(&[run.clone(), walk.clone()]).await;
    let rows = world.db.fetch_one("SELECT COUNT(*) FROM activity", args![]).await.unwrap().unwrap();
    assert_eq!(rows.get::<i64>(0).unwrap(), 0, "none of it lies in the service's own database");

    // The walk was two months earlier.
    let edit = ChangeActivityRequest {
        activity_id: walk.clone(),
        expected_revision: 1,
        start_us: Some(1_772_000_000_000_000),
        ..ChangeActivityRequest::default()
    };
    client.change_activity(by(aida, edit)).await.unwrap();
    lists(&[run.clone(), walk.clone()]).await;
    let asked = DeleteActivityRequest { activity_id: run.clone(), expected_revision: None };
    client.delete_activity(by(aida, asked)).await.unwrap();
    lists(std::slice::from_ref(&walk)).await;
    let asked = GetActivityRequest { activity_id: run.clone() };
    refused_with(client.get_activity(by(aida, asked)).await, Code::NotFound);
    let asked = RestoreActivityRequest { activity_id: run.clone() };
    client.restore_activity(by(aida, asked)).await.unwrap();
    lists(&[run.clone(), walk]).await;
    // The list is written first, what is under the id completes it.
    let found = async || {
        let asked = GetActivityRequest { activity_id: run.clone() };
        world.client().get_activity(by(aida, asked)).await.is_ok()
    };
    eventually("is it found under its id", found, |found| *found).await;

    let streams = || async {
        let asked = StreamsRequest { activity_id: run.clone(), ..StreamsRequest::default() };
        let streams = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
        (streams.time.len(), streams.columns.iter().any(|column| column.r#type == "heart_rate"))
    };
    let before = streams().await;
    assert!(before.0 > 100 && before.1);
    let account = StreamId::of("account", aida);
    let withdrawn = ConsentWithdrawn {
        account_id: bytes_of(aida),
        purpose: "health_data".to_owned(),
        ..ConsentWithdrawn::default()
    };
    fleet::tell(&world.auth, &account, &aida.to_string(), &withdrawn).await;
    let after = eventually("is the heart rate gone", streams, |after| !after.1).await;
    assert_eq!(after.0, before.0);
    let mine = world.mine(aida).await;
    assert!(mine.iter().all(|one| one.heart_rate_avg_bpm.is_none()) && mine[0].distance_m.is_some());

    let erased = AccountErased { account_id: bytes_of(aida) };
    fleet::tell(&world.auth, &account, &aida.to_string(), &erased).await;
    eventually("are the rows gone", listed, Vec::is_empty).await;
    world.stop().await;
}
