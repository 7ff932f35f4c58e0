use activity::Config;
use kernel::{AccountId, Code};
use platform::context::{Ambient, acting_for};
use proto::activity::{
    ActivityView, DeleteActivityRequest, ExplanationRequest, GetActivityRequest, GetUploadRequest,
    ListUploadsRequest, OriginalRequest, StreamsRequest, original_chunk,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, World, app, by, fit, refused, refused_with, watch};

#[tokio::test]
async fn a_run_from_a_watch_appears_once_with_its_totals_and_streams() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let first = world.upload(watch(aida, "watch"), fit("2026-05-01"), 30).await.unwrap();
    assert_eq!(
        (first.status.as_str(), first.activity_ids.len(), first.filename.as_str()),
        ("ready", 1, "run.fit")
    );
    let second = world.upload(watch(aida, "watch"), fit("2026-05-01"), 30).await.unwrap();
    assert_eq!(second.status, "duplicate");
    assert_ne!(second.id, first.id);
    assert_eq!(second.activity_ids, first.activity_ids);

    let [run] = &world.mine(aida).await[..] else { panic!("one run") };
    let made = world::run("2026-05-01");
    assert_eq!((run.sport.as_str(), run.local_date.as_str()), ("running", "2026-05-01"));
    assert_eq!((run.time_zone.as_str(), run.utc_offset_s), ("Asia/Almaty", Some(5 * 3600)));
    assert_eq!(run.start_us, Some(made.start.as_microsecond()));
    assert!((run.distance_m.unwrap() - 5_000.0).abs() < 25.0, "{:?}", run.distance_m);
    assert!(run.heart_rate_avg_bpm.is_some_and(|bpm| (80.0..200.0).contains(&bpm)));
    assert_eq!(
        (run.sources.clone(), run.verdict.as_str(), run.revision),
        (vec!["upload".to_owned()], "clear", 1)
    );
    streams_come_thinned_out(&world, aida, run).await;
    explanations_and_the_file_are_there(&world, aida, run).await;
    world.stop().await;
}

async fn streams_come_thinned_out(world: &World<'_>, account: AccountId, run: &ActivityView) {
    let asked = StreamsRequest { activity_id: run.id.clone(), ..StreamsRequest::default() };
    let all = world.client().streams(by(account, asked.clone())).await.unwrap().into_inner();
    assert!(all.time.len() > 1_000 && all.latitude.len() == all.time.len());
    assert!(all.columns.iter().all(|column| column.values.len() == all.time.len()));
    assert!(all.columns.iter().any(|column| column.r#type == "heart_rate"));
    let few = StreamsRequest { types: vec!["heart_rate".to_owned()], points_max: 100, ..asked };
    let few = world.client().streams(by(account, few)).await.unwrap().into_inner();
    assert_eq!((few.time.len(), few.columns.len(), few.latitude.len()), (100, 1, 0));
    assert_eq!((few.time[0], few.time[99]), (all.time[0], *all.time.last().unwrap()));
    let unknown =
        StreamsRequest { types: vec!["mood".to_owned()], activity_id: run.id.clone(), points_max: 0 };
    refused_with(world.client().streams(by(account, unknown)).await, Code::InvalidField);
}

async fn explanations_and_the_file_are_there(world: &World<'_>, account: AccountId, run: &ActivityView) {
    let asked = ExplanationRequest { activity_id: run.id.clone() };
    let items = world.client().explanation(by(account, asked)).await.unwrap().into_inner().items;
    let moving = items.iter().find(|item| item.field == "moving_time_s").unwrap();
    assert_eq!(
        (moving.source.as_str(), moving.algorithm.as_str(), moving.version),
        ("computed", "speed-3s", 1)
    );
    assert!(items.iter().any(|item| item.field == "distance_m" && item.source == "device"));
    let asked = OriginalRequest { activity_id: run.id.clone() };
    let mut chunks = world.client().original(by(account, asked)).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        match chunk.part.unwrap() {
            original_chunk::Part::Header(header) => {
                assert_eq!(header.content_type, "application/vnd.ant.fit")
            }
            original_chunk::Part::Data(data) => file.extend_from_slice(&data),
        }
    }
    assert_eq!(file, fit("2026-05-01"));
}

#[tokio::test]
async fn a_run_comes_in_as_tcx_too() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let file = formats::tcx::write(&world::run("2026-05-01")).into_bytes();
    assert_eq!(world.uploaded(aida, file).await.status, "ready");
    let [run] = &world.mine(aida).await[..] else { panic!("one run") };
    assert_eq!((run.sport.as_str(), run.local_date.as_str()), ("running", "2026-05-01"));
    assert!((run.distance_m.unwrap() - 5_000.0).abs() < 1.0, "{:?}", run.distance_m);
    assert_eq!(run.laps.len(), 5);
    streams_come_thinned_out(&world, aida, run).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_uploads_of_one_file_at_once_make_one_activity() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let uploads = (0..50).map(|_| world.upload(app(aida), fit("2026-05-01"), 30));
    let views: Vec<_> = futures::future::join_all(uploads).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(views.iter().filter(|view| view.status == "ready").count(), 1);
    assert_eq!(views.iter().filter(|view| view.status == "duplicate").count(), 49);
    // Who waits is told the first one's activity.
    assert!(
        views.iter().all(|view| view.activity_ids == views[0].activity_ids && view.activity_ids.len() == 1)
    );
    assert_eq!(world.mine(aida).await.len(), 1);
    let mut listed = 0;
    let mut cursor = String::new();
    loop {
        let asked = ListUploadsRequest { cursor, limit: 20 };
        let page = world.client().list_uploads(by(aida, asked)).await.unwrap().into_inner();
        listed += page.items.len();
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(listed, 50);
    world.stop().await;
}

#[tokio::test]
async fn two_accounts_with_one_file_each_have_their_own_run() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let hers = world.uploaded(aida, fit("2026-05-01")).await;
    let his = world.uploaded(boris, fit("2026-05-01")).await;
    assert_eq!((hers.status.as_str(), his.status.as_str()), ("ready", "ready"));
    assert_ne!(hers.activity_ids, his.activity_ids);
    let asked = GetUploadRequest { upload_id: hers.id };
    refused_with(world.client().get_upload(by(boris, asked)).await, Code::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_activity_fails_and_may_be_tried_again() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    for _ in 0..2 {
        let view = world.uploaded(aida, b"dear diary, today I ran".to_vec()).await;
        assert_eq!(
            (view.status.as_str(), view.problem.unwrap().code.as_str()),
            ("failed", "file_not_activity")
        );
    }
    assert_eq!(refused(world.upload(app(aida), Vec::new(), 0).await).code, Code::FileUnreadable);
    assert!(world.mine(aida).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_truncated_file_keeps_what_was_good() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut file = fit("2026-05-01");
    file.truncate(file.len() / 2);
    let view = world.uploaded(aida, file).await;
    assert_eq!((view.status.as_str(), view.activity_ids.len()), ("partial", 1));
    let salvage = view.salvage.unwrap();
    assert!(
        salvage.records_kept > 100 && salvage.bytes_lost > 0 && !salvage.reasons.is_empty(),
        "{salvage:?}"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_file_from_the_future_fails_and_says_so() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let view = world.uploaded(accounts.athlete("aida"), fit("2026-06-01")).await;
    assert_eq!((view.status.as_str(), view.problem.unwrap().code.as_str()), ("failed", "start_in_future"));
    world.stop().await;
}

#[tokio::test]
async fn a_file_above_the_bound_is_too_large() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let config = Config { upload_bytes_max: 1_000, ..Config::default() };
    let world = world::start_with(&ground, &accounts, config).await;
    let aida = accounts.athlete("aida");
    refused_with(world.upload(app(aida), fit("2026-05-01"), 0).await, Code::PayloadTooLarge);
    world.stop().await;
}

#[tokio::test]
async fn uploading_a_deleted_run_again_restores_it_under_the_same_id() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let first = world.uploaded(aida, fit("2026-05-01")).await;
    let asked = DeleteActivityRequest { activity_id: first.activity_ids[0].clone(), expected_revision: None };
    world.client().delete_activity(by(aida, asked)).await.unwrap();
    assert!(world.mine(aida).await.is_empty());
    let again = world.uploaded(aida, fit("2026-05-01")).await;
    assert_eq!((again.status.as_str(), &again.activity_ids), ("duplicate", &first.activity_ids));
    let [run] = &world.mine(aida).await[..] else { panic!("it is back") };
    assert_eq!((&run.id, run.revision), (&first.activity_ids[0], 3));
    world.stop().await;
}

#[tokio::test]
async fn without_the_consent_no_heart_rate_is_kept() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    accounts.change(aida, |standing| standing.consents = vec!["terms".to_owned()]);
    let view = world.uploaded(aida, fit("2026-05-01")).await;
    assert_eq!((view.status.as_str(), view.notices), ("ready", vec!["health_consent_missing".to_owned()]));
    let [run] = &world.mine(aida).await[..] else { panic!("one run") };
    assert_eq!((run.heart_rate_avg_bpm, run.heart_rate_max_bpm), (None, None));
    assert!(run.laps.iter().all(|lap| lap.heart_rate_avg_bpm.is_none()));
    assert!(!run.stream_types.iter().any(|kind| kind == "heart_rate"));
    let asked = StreamsRequest { activity_id: run.id.clone(), ..StreamsRequest::default() };
    let streams = world.client().streams(by(aida, asked)).await.unwrap().into_inner();
    assert!(streams.columns.iter().all(|column| column.r#type != "heart_rate"));
    world.stop().await;
}

#[tokio::test]
async fn a_watch_brings_things_and_reads_nothing_but_its_own_uploads() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let watches = (watch(aida, "left wrist"), watch(aida, "right wrist"));
    let view = world.upload(watches.0.clone(), fit("2026-05-01"), 30).await.unwrap();
    let asked = GetUploadRequest { upload_id: view.id.clone() };
    assert!(world.client().get_upload(acting_for(watches.0.clone(), asked.clone())).await.is_ok());
    refused_with(world.client().get_upload(acting_for(watches.1, asked.clone())).await, Code::NotFound);
    assert!(world.client().get_upload(by(aida, asked)).await.is_ok());
    let asked = GetActivityRequest { activity_id: view.activity_ids[0].clone() };
    refused_with(world.client().get_activity(acting_for(watches.0, asked)).await, Code::InsufficientScope);
    world.stop().await;
}

#[tokio::test]
async fn the_same_key_answers_the_first_upload_and_refuses_another_file() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let key = eventing::command::Key { key: "one".to_owned(), request_hash: bytes::Bytes::new() };
    let keyed = || Ambient { idempotency: Some(key.clone()), ..Ambient::new() };
    let first = keyed().scope(world.upload(app(aida), fit("2026-05-01"), 30)).await.unwrap();
    let again = keyed().scope(world.upload(app(aida), fit("2026-05-01"), 30)).await.unwrap();
    assert_eq!((again.id, again.status.as_str()), (first.id, "ready"));
    let other = keyed().scope(world.upload(app(aida), fit("2026-05-02"), 0)).await;
    refused_with(other, Code::IdempotencyMismatch);
    world.stop().await;
}
