use kernel::Code;
use proto::activity::{
    DeleteActivityRequest, GetActivityRequest, ListActivitiesRequest, Sample, SettledRequest,
    ShowActivitiesRequest, StreamsRequest, SyncRequest, Upsert, upsert::Record,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, by, fit, refused_with};

#[tokio::test]
async fn the_same_sql_serves_postgresql() {
    let Some(ground) = Ground::postgres("activity's store on PostgreSQL") else { return };
    let accounts = Accounts::default();
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut client = world.client();
    let days = ["2026-05-01", "2026-05-02", "2026-05-03"];
    let mut runs = Vec::new();
    for day in days {
        let view = world.uploaded(aida, fit(day)).await;
        assert_eq!(view.status, "ready");
        runs.push(view.activity_ids[0].clone());
    }
    assert_eq!(world.uploaded(aida, fit(days[0])).await.status, "duplicate");
    let mut asked =
        ListActivitiesRequest { limit: 2, sport: "running".to_owned(), ..ListActivitiesRequest::default() };
    let first = client.list_activities(by(aida, asked.clone())).await.unwrap().into_inner();
    asked.cursor = first.next_cursor;
    let second = client.list_activities(by(aida, asked)).await.unwrap().into_inner();
    let listed: Vec<_> = first.items.iter().chain(&second.items).map(|item| item.id.clone()).collect();
    assert_eq!(listed, [runs[2].clone(), runs[1].clone(), runs[0].clone()]);
    let asked = StreamsRequest { activity_id: runs[0].clone(), points_max: 10, ..StreamsRequest::default() };
    assert_eq!(client.streams(by(aida, asked)).await.unwrap().into_inner().time.len(), 10);
    let asked = DeleteActivityRequest { activity_id: runs[0].clone(), expected_revision: Some(1) };
    client.delete_activity(by(aida, asked)).await.unwrap();
    let asked = GetActivityRequest { activity_id: runs[0].clone() };
    refused_with(client.get_activity(by(aida, asked)).await, Code::NotFound);
    let asked = ShowActivitiesRequest { activity_ids: runs.clone() };
    assert_eq!(client.show_activities(by(aida, asked)).await.unwrap().into_inner().items.len(), 2);
    let asked = tonic::Request::new(SettledRequest { position: 0 });
    assert!(client.settled(asked).await.unwrap().into_inner().settled);
    let sample = Sample { r#type: "weight".to_owned(), at_us: 1_777_600_800_000_000, value: 71.5 };
    let upserts = vec![Upsert { key: "S1".to_owned(), version: 1, record: Some(Record::Sample(sample)) }];
    let asked = SyncRequest { upserts, cursor: "a".to_owned(), ..SyncRequest::default() };
    assert_eq!(client.sync(by(aida, asked)).await.unwrap().into_inner().acks[0].status, "stored");
    world.stop().await;
}
