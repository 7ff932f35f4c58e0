use kernel::Code;
use platform::context::Ambient;
use proto::activity::{
    ChangeActivityRequest, CreateActivityRequest, DeleteActivityRequest, GetActivityRequest, HistoryRequest,
    ListActivitiesRequest, RestoreActivityRequest,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, by, fit, refused, refused_with};

fn walk(day: u32) -> CreateActivityRequest {
    let start: jiff::Timestamp = format!("2026-04-{day:02}T04:00:00Z").parse().unwrap();
    CreateActivityRequest {
        sport: "walking".to_owned(),
        name: "To the market".to_owned(),
        start_us: start.as_microsecond(),
        elapsed_time_s: 1_800.0,
        distance_m: Some(2_000.0),
        ..CreateActivityRequest::default()
    }
}

#[tokio::test]
async fn a_manual_entry_is_written_edited_deleted_and_restored_and_its_history_tells() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut client = world.client();
    let made = client.create_activity(by(aida, walk(3))).await.unwrap().into_inner();
    assert_eq!((made.revision, made.utc_offset_s, made.time_zone.as_str()), (1, Some(18_000), "Asia/Almaty"));
    assert_eq!((made.moving_time_s, made.ascent_m, made.heart_rate_avg_bpm), (None, None, None));
    let id = made.id.clone();

    let edit = ChangeActivityRequest {
        activity_id: id.clone(),
        expected_revision: 1,
        name: Some("To the mountains".to_owned()),
        sport: Some("hiking".to_owned()),
        distance_m: Some(12_000.0),
        ..ChangeActivityRequest::default()
    };
    let edited = client.change_activity(by(aida, edit.clone())).await.unwrap().into_inner();
    assert_eq!((edited.revision, edited.sport.as_str(), edited.distance_m), (2, "hiking", Some(12_000.0)));
    refused_with(client.change_activity(by(aida, edit)).await, Code::VersionMismatch);

    let asked = DeleteActivityRequest { activity_id: id.clone(), expected_revision: None };
    assert_eq!(client.delete_activity(by(aida, asked.clone())).await.unwrap().into_inner().revision, 3);
    refused_with(client.delete_activity(by(aida, asked)).await, Code::NotFound);
    let asked = GetActivityRequest { activity_id: id.clone() };
    refused_with(client.get_activity(by(aida, asked.clone())).await, Code::NotFound);
    let restored = RestoreActivityRequest { activity_id: id.clone() };
    assert_eq!(client.restore_activity(by(aida, restored)).await.unwrap().into_inner().revision, 4);
    assert_eq!(client.get_activity(by(aida, asked)).await.unwrap().into_inner().name, "To the mountains");

    let asked = HistoryRequest { activity_id: id.clone(), limit: 3, ..HistoryRequest::default() };
    let newest = client.history(by(aida, asked.clone())).await.unwrap().into_inner();
    let kinds: Vec<_> = newest.items.iter().map(|item| (item.revision, item.kind.as_str())).collect();
    assert_eq!(kinds, [(4, "restored"), (3, "deleted"), (2, "edited")]);
    assert_eq!(newest.items[2].changed, ["name", "sport", "distance_m"]);
    let rest = HistoryRequest { cursor: newest.next_cursor, ..asked };
    let rest = client.history(by(aida, rest)).await.unwrap().into_inner();
    let [first] = &rest.items[..] else { panic!("one more") };
    assert_eq!(
        (first.kind.as_str(), first.actor.as_str(), rest.next_cursor.as_str()),
        ("recorded", "owner", "")
    );
    assert_eq!(first.activity.as_ref().unwrap().name, "To the market");
    world.stop().await;
}

#[tokio::test]
async fn the_same_key_makes_one_entry() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let key = eventing::command::Key { key: "one".to_owned(), request_hash: bytes::Bytes::from_static(b"h") };
    let keyed = || Ambient { idempotency: Some(key.clone()), ..Ambient::new() };
    let mut client = world.client();
    let first = keyed().scope(client.create_activity(by(aida, walk(3)))).await.unwrap();
    let again = keyed().scope(client.create_activity(by(aida, walk(3)))).await.unwrap();
    assert!(first.metadata().get("stadion-replayed").is_none());
    assert_eq!(again.metadata().get("stadion-replayed").unwrap(), "true");
    assert!(again.metadata().get("stadion-seen").is_some());
    assert_eq!(first.into_inner().id, again.into_inner().id);
    assert_eq!(world.mine(aida).await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn hostile_figures_and_dates_are_named_and_change_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let bad: Vec<(CreateActivityRequest, Code, &str)> = vec![
        (
            CreateActivityRequest { elapsed_time_s: f64::NAN, ..walk(3) },
            Code::InvalidField,
            "/elapsed_time_s",
        ),
        (CreateActivityRequest { elapsed_time_s: 0.0, ..walk(3) }, Code::InvalidField, "/elapsed_time_s"),
        (CreateActivityRequest { distance_m: Some(-1.0), ..walk(3) }, Code::InvalidField, "/distance_m"),
        (CreateActivityRequest { distance_m: Some(1e300), ..walk(3) }, Code::InvalidField, "/distance_m"),
        (CreateActivityRequest { sport: "quidditch".to_owned(), ..walk(3) }, Code::InvalidField, "/sport"),
        (
            CreateActivityRequest { start_us: us("0001-01-01T00:00:00Z"), ..walk(3) },
            Code::InvalidField,
            "/start_at",
        ),
        (
            CreateActivityRequest { start_us: us("9999-01-01T00:00:00Z"), ..walk(3) },
            Code::StartInFuture,
            "/start_at",
        ),
        (
            CreateActivityRequest { time_zone: "Mars/Olympus".to_owned(), ..walk(3) },
            Code::InvalidField,
            "/time_zone",
        ),
        (CreateActivityRequest { name: "x".repeat(201), ..walk(3) }, Code::InvalidField, "/name"),
    ];
    for (entry, code, pointer) in bad {
        let refusal = refused(world.client().create_activity(by(aida, entry)).await);
        assert_eq!((refusal.code, refusal.fields[0].pointer.as_str()), (code, pointer));
    }
    assert!(world.mine(aida).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn figures_of_a_file_are_not_edited_by_hand() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let activity_id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let edit = ChangeActivityRequest {
        activity_id,
        expected_revision: 1,
        distance_m: Some(42_195.0),
        ..Default::default()
    };
    let refusal = refused(world.client().change_activity(by(aida, edit)).await);
    assert_eq!((refusal.code, refusal.fields[0].code.as_str()), (Code::InvalidField, "not_editable"));
    world.stop().await;
}

#[tokio::test]
async fn lists_page_newest_first_and_filter() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut client = world.client();
    for day in 1..=7 {
        let sport = if day % 2 == 0 { "cycling" } else { "walking" };
        let entry = CreateActivityRequest { sport: sport.to_owned(), ..walk(day) };
        client.create_activity(by(aida, entry)).await.unwrap();
    }
    let mut days = Vec::new();
    let mut asked = ListActivitiesRequest { limit: 3, ..ListActivitiesRequest::default() };
    loop {
        let page = client.list_activities(by(aida, asked.clone())).await.unwrap().into_inner();
        days.extend(page.items.iter().map(|item| item.local_date[8..].parse::<u32>().unwrap()));
        if page.next_cursor.is_empty() {
            break;
        }
        asked.cursor = page.next_cursor;
    }
    assert_eq!(days, [7, 6, 5, 4, 3, 2, 1]);
    let asked = ListActivitiesRequest { sport: "cycling".to_owned(), ..ListActivitiesRequest::default() };
    assert_eq!(client.list_activities(by(aida, asked)).await.unwrap().into_inner().items.len(), 3);
    let asked = ListActivitiesRequest {
        after_us: Some(walk(3).start_us),
        before_us: Some(walk(5).start_us),
        ..ListActivitiesRequest::default()
    };
    assert_eq!(client.list_activities(by(aida, asked)).await.unwrap().into_inner().items.len(), 2);
    let asked = ListActivitiesRequest { sport: "quidditch".to_owned(), ..ListActivitiesRequest::default() };
    refused_with(client.list_activities(by(aida, asked)).await, Code::InvalidField);
    let asked = ListActivitiesRequest { cursor: "beyond".to_owned(), ..ListActivitiesRequest::default() };
    refused_with(client.list_activities(by(aida, asked)).await, Code::BadCursor);
    world.stop().await;
}
