//! The past, worked out anew by the algorithms of today.

use activity::{
    domain::{
        activity::{Activity, Change, Event},
        facts::Explained,
    },
    wire,
};
use bytes::Bytes;
use eventing::{Command, Decision, StreamId};
use kernel::{AccountId, ActivityId};
use proto::activity::{
    ActivityView, ChangeActivityRequest, DeleteActivityRequest, HistoryRequest, RecomputeRequest,
    RecomputeResponse, Revision,
};
use testkit::fleet::{Ground, eventually};
use tonic::Request;

use crate::world::{self, Accounts, World, by, fit, refused};

async fn page(world: &World<'_>, run: &str, events_max: u32, dry_after: Option<u64>) -> RecomputeResponse {
    let request = RecomputeRequest { run: run.to_owned(), events_max, dry_after };
    world.client().recompute(Request::new(request)).await.unwrap().into_inner()
}

/// To its end; how many came out otherwise.
pub(crate) async fn recompute(world: &World<'_>, run: &str, events_max: u32) -> (u32, u32) {
    let (mut read, mut changed) = (0, 0);
    loop {
        let done = page(world, run, events_max, None).await;
        (read, changed) = (read + done.read, changed + done.changed);
        if done.ended {
            return (read, changed);
        }
    }
}

/// As if an older algorithm had found another ascent, and had known nothing of one total.
async fn age(world: &World<'_>, account: AccountId, id: &Bytes) {
    let id: ActivityId = wire::id(id, "id").unwrap();
    let stream = StreamId::of("activity", id);
    let command = Command::by("test");
    let aged = |activity: &Activity, _| {
        let mut record = activity.record.clone().unwrap();
        let facts = record.facts.as_mut().unwrap();
        facts.ascent_m = Some(999.0);
        facts.descent_m = None;
        let older = |one: &mut Explained| one.version = 0;
        record.explained.iter_mut().filter(|one| one.field == "moving_time_s").for_each(older);
        let changed = vec!["ascent_m".to_owned()];
        let change = Change::Recomputed {
            record: Box::new(record),
            previous_start_us: facts_start(activity),
            changed,
        };
        Ok(Decision::of(vec![Event { activity_id: id, account_id: account, change }]))
    };
    world.journal.execute::<Activity, _>(&command, &stream, &account.to_string(), aged).await.unwrap();
}

fn facts_start(activity: &Activity) -> i64 {
    activity.record.as_ref().unwrap().facts.as_ref().unwrap().start_us
}

async fn newest(world: &World<'_>, account: AccountId, id: &Bytes) -> Revision {
    let asked = HistoryRequest { activity_id: id.clone(), limit: 1, ..HistoryRequest::default() };
    world.client().history(by(account, asked)).await.unwrap().into_inner().items.remove(0)
}

#[tokio::test]
async fn with_the_same_algorithms_nothing_changes() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, baur) = (accounts.athlete("aida"), accounts.athlete("baur"));
    accounts.change(baur, |standing| standing.consents.retain(|purpose| purpose != "health_data"));
    for account in [aida, baur] {
        world.uploaded(account, fit("2026-05-01")).await;
    }
    // Today's zone of the account is not that of then.
    accounts.change(aida, |standing| standing.time_zone = "America/New_York".to_owned());
    let before = world.mine(aida).await;
    assert_eq!(recompute(&world, "one", 3).await, (2, 0));
    assert_eq!(world.mine(aida).await, before);
    world.stop().await;
}

#[tokio::test]
async fn a_newer_algorithm_is_an_event_that_everybody_hears_and_the_owners_words_stay() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    let edit = ChangeActivityRequest {
        activity_id: id.clone(),
        expected_revision: 1,
        name: Some("Up the hill".to_owned()),
        sport: Some("hiking".to_owned()),
        ..ChangeActivityRequest::default()
    };
    let right = world.client().change_activity(by(aida, edit)).await.unwrap().into_inner();
    age(&world, aida, &id).await;
    let wrong = newest(&world, aida, &id).await;
    assert_eq!(wrong.activity.unwrap().ascent_m, Some(999.0));

    let dry = page(&world, "one", 500, Some(0)).await;
    assert_eq!((dry.read, dry.changed, dry.ended), (1, 1, true));
    assert_eq!(newest(&world, aida, &id).await.revision, wrong.revision, "nothing was written");

    assert_eq!(recompute(&world, "one", 1).await, (1, 1));
    let now = newest(&world, aida, &id).await;
    assert_eq!((now.kind.as_str(), now.actor.as_str(), now.revision), ("recomputed", "system", 4));
    assert_eq!(now.changed, ["ascent_m", "descent_m", "explanation"]);
    let shown = || async { ActivityView { revision: 2, ..world.mine(aida).await.remove(0) } };
    eventually("it is shown so", shown, |shown| *shown == right).await;

    assert_eq!(recompute(&world, "one", 100).await, (0, 0), "this run has ended");
    assert_eq!(recompute(&world, "two", 100).await, (1, 0), "and another finds it as it is");
    world.stop().await;
}

#[tokio::test]
async fn what_is_cut_off_goes_on_and_what_is_deleted_stays_as_it_was() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut ids = Vec::new();
    for day in ["2026-05-01", "2026-05-02", "2026-05-03"] {
        ids.extend(world.uploaded(aida, fit(day)).await.activity_ids);
    }
    for id in &ids {
        age(&world, aida, id).await;
    }
    let gone = DeleteActivityRequest { activity_id: ids[1].clone(), expected_revision: None };
    world.client().delete_activity(by(aida, gone)).await.unwrap();
    let first = page(&world, "one", 3, None).await;
    assert!(!first.ended && first.read == 1, "{first:?}");
    world.stop().await;

    let world = world::start(&ground, &accounts).await;
    assert_eq!(recompute(&world, "one", 3).await, (1, 1));
    assert_eq!(newest(&world, aida, &ids[1]).await.kind, "deleted");
    for id in [&ids[0], &ids[2]] {
        assert_eq!(newest(&world, aida, id).await.kind, "recomputed");
    }
    assert_eq!(recompute(&world, "two", 100).await, (2, 0));
    world.stop().await;
}

#[tokio::test]
async fn no_person_works_the_past_out_anew() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    refused(world.client().recompute(by(aida, RecomputeRequest::default())).await);
    world.stop().await;
}
