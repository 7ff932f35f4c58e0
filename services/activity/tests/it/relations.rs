//! What friends, followers, groups, strangers and blocked ones see, and that a hidden heart rate is nowhere.

use kernel::{AccountId, Code};
use proto::{
    activity::{
        ActivityView, ExplainVisibilityRequest, ExplanationRequest, GetActivityRequest, HistoryRequest,
        ListActivitiesRequest, ListActivitiesResponse, OriginalRequest, ShowActivitiesRequest,
        StreamsRequest, StreamsView, SyncRequest, Upsert, Workout, upsert::Record,
    },
    social::Relation,
};
use testkit::fleet::Ground;
use tonic::Status;

use crate::world::{self, Accounts, World, by, bytes_of, fit, refused_with};

const GROUP: &str = "6f2c1e64-0b1f-4a43-9d0e-9d5f3c8a0b11";

fn friend() -> Relation {
    Relation { friend: true, follower: true, ..Relation::default() }
}

fn follower() -> Relation {
    Relation { follower: true, ..Relation::default() }
}

fn fellow() -> Relation {
    let group = GROUP.parse::<uuid::Uuid>().unwrap();
    let shared_group_ids = vec![bytes::Bytes::copy_from_slice(group.as_bytes())];
    Relation { shared_group_ids, ..Relation::default() }
}

fn blocked() -> Relation {
    Relation { blocked: true, ..friend() }
}

struct Run<'a> {
    world: World<'a>,
    aida: AccountId,
    boris: AccountId,
    id: bytes::Bytes,
}

async fn a_run_of_aida<'a>(ground: &'a Ground, accounts: &Accounts) -> Run<'a> {
    let world = world::start(ground, accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let id = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    Run { world, aida, boris, id }
}

impl Run<'_> {
    async fn seen_by(&self, viewer: AccountId) -> Result<ActivityView, Status> {
        let asked = GetActivityRequest { activity_id: self.id.clone() };
        self.world.client().get_activity(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    async fn streams_for(&self, viewer: AccountId, types: &[&str]) -> Result<StreamsView, Status> {
        let types = types.iter().map(|&kind| kind.to_owned()).collect();
        let asked = StreamsRequest { activity_id: self.id.clone(), types, ..StreamsRequest::default() };
        self.world.client().streams(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    async fn listed(&self, viewer: AccountId, as_account_id: Option<AccountId>) -> Vec<ActivityView> {
        let asked = ListActivitiesRequest {
            account_id: bytes_of(self.aida),
            as_account_id: as_account_id.map(bytes_of).unwrap_or_default(),
            ..ListActivitiesRequest::default()
        };
        self.world.client().list_activities(by(viewer, asked)).await.unwrap().into_inner().items
    }

    async fn shown(&self, viewer: AccountId, ids: &[bytes::Bytes]) -> Vec<ActivityView> {
        let asked = ShowActivitiesRequest { activity_ids: ids.to_vec() };
        self.world.client().show_activities(by(viewer, asked)).await.unwrap().into_inner().items
    }

    /// Whether the viewer sees it, on every surface alike.
    async fn is_seen_by(&self, viewer: AccountId) -> bool {
        let got = self.seen_by(viewer).await;
        let seen = got.is_ok();
        assert_eq!(self.streams_for(viewer, &[]).await.is_ok(), seen);
        // Splits and efforts are shown of one activity only.
        let listed = |seen: ActivityView| ActivityView { detail: None, ..seen };
        let expected: Vec<_> = got.ok().map(listed).into_iter().collect();
        assert_eq!(self.listed(viewer, None).await, expected);
        assert_eq!(self.listed(self.aida, Some(viewer)).await, expected, "as its owner is told it looks");
        assert_eq!(self.shown(viewer, std::slice::from_ref(&self.id)).await, expected);
        seen
    }
}

#[tokio::test]
async fn everybody_sees_what_the_audience_admits_them_to() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    let named = format!("group:{GROUP}");
    // Who of: stranger, follower, friend, fellow of a group, blocked friend.
    let expected: [(&[&str], [bool; 5]); 6] = [
        (&["everyone"], [true, true, true, true, false]),
        (&["followers"], [false, true, true, false, false]),
        (&["friends"], [false, false, true, false, false]),
        (&["groups"], [false, false, false, true, false]),
        (&[&named, "friends"], [false, false, true, true, false]),
        (&[], [false, false, false, false, false]),
    ];
    let viewers = [Relation::default(), follower(), friend(), fellow(), blocked()];
    for (audience, seen) in expected {
        accounts.shows(run.aida, "summary", audience);
        for (relation, seen) in viewers.iter().zip(seen) {
            accounts.relate(run.boris, run.aida, relation.clone());
            assert_eq!(run.is_seen_by(run.boris).await, seen, "{audience:?} {relation:?}");
        }
    }
    run.world.stop().await;
}

#[tokio::test]
async fn a_block_hides_from_one_answer_to_the_next() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.relate(run.boris, run.aida, friend());
    assert!(run.is_seen_by(run.boris).await);
    accounts.relate(run.boris, run.aida, blocked());
    assert!(!run.is_seen_by(run.boris).await);
    run.world.stop().await;
}

#[tokio::test]
async fn no_cursor_tells_of_what_is_hidden() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    let mut ids = vec![run.id.clone()];
    for day in ["2026-05-02", "2026-05-03", "2026-05-04"] {
        ids.push(run.world.uploaded(run.aida, fit(day)).await.activity_ids.remove(0));
    }
    let page = |viewer: AccountId, cursor: String| {
        let asked = ListActivitiesRequest {
            account_id: bytes_of(run.aida),
            cursor,
            limit: 1,
            ..ListActivitiesRequest::default()
        };
        let mut client = run.world.client();
        async move { client.list_activities(by(viewer, asked)).await.unwrap().into_inner() }
    };
    for relation in [Relation::default(), blocked()] {
        accounts.relate(run.boris, run.aida, relation);
        assert_eq!(page(run.boris, String::new()).await, ListActivitiesResponse::default());
    }
    accounts.shows(run.aida, "summary", &["everyone"]);
    assert_eq!(page(run.boris, String::new()).await, ListActivitiesResponse::default(), "a block");

    // Of four, the newest and the oldest are shown.
    accounts.relate(run.boris, run.aida, Relation::default());
    let show = |id: &bytes::Bytes, revision, words: &[&str]| {
        let audiences = words.iter().map(|word| (*word).to_owned()).collect();
        let asked = proto::activity::ChangeActivityRequest {
            activity_id: id.clone(),
            expected_revision: revision,
            visibility: Some(proto::activity::Visibility { audiences }),
            ..Default::default()
        };
        let (mut client, aida) = (run.world.client(), run.aida);
        async move { client.change_activity(by(aida, asked)).await.unwrap() }
    };
    show(&ids[1], 1, &[]).await;
    show(&ids[2], 1, &[]).await;
    let first = page(run.boris, String::new()).await;
    assert_eq!(first.items[0].id, ids[3]);
    let second = page(run.boris, first.next_cursor).await;
    assert_eq!((&second.items[0].id, second.next_cursor.as_str()), (&ids[0], ""));
    show(&ids[0], 1, &[]).await;
    let alone = page(run.boris, String::new()).await;
    assert_eq!((&alone.items[0].id, alone.next_cursor.as_str()), (&ids[3], ""), "what follows is hidden");
    run.world.stop().await;
}

#[tokio::test]
async fn while_relations_cannot_be_asked_others_are_hidden_and_ones_own_is_not() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.shows(run.aida, "summary", &["everyone"]);
    let other = run.world.uploaded(run.boris, fit("2026-05-02")).await.activity_ids.remove(0);
    accounts.part(true);
    refused_with(run.seen_by(run.boris).await, Code::NotFound);
    assert!(run.listed(run.boris, None).await.is_empty());
    let shown = run.shown(run.boris, &[run.id.clone(), other.clone()]).await;
    assert_eq!(shown.iter().map(|item| item.id.clone()).collect::<Vec<_>>(), [other]);
    assert!(run.seen_by(run.aida).await.is_ok());
    assert_eq!(run.listed(run.aida, None).await.len(), 1);
    // How it looks to another is not known, which is not the same as hidden.
    let asked = ExplainVisibilityRequest { activity_id: run.id.clone(), account_id: bytes_of(run.boris) };
    refused_with(run.world.client().explain_visibility(by(run.aida, asked)).await, Code::Unavailable);
    let asked =
        ListActivitiesRequest { as_account_id: bytes_of(run.boris), ..ListActivitiesRequest::default() };
    refused_with(run.world.client().list_activities(by(run.aida, asked)).await, Code::Unavailable);
    run.world.stop().await;
}

#[tokio::test]
async fn what_was_listed_elsewhere_is_shown_in_the_order_asked() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.relate(run.boris, run.aida, friend());
    let dana = accounts.athlete("dana");
    let mut ids = vec![run.id.clone()];
    for (owner, day) in [(run.boris, "2026-05-02"), (dana, "2026-05-03"), (run.aida, "2026-05-04")] {
        ids.push(run.world.uploaded(owner, fit(day)).await.activity_ids.remove(0));
    }
    let nobody = bytes_of(kernel::ActivityId::random());
    let asked = [ids[3].clone(), nobody, ids[2].clone(), ids[1].clone(), ids[0].clone()];
    let shown: Vec<_> = run.shown(run.boris, &asked).await.into_iter().map(|item| item.id).collect();
    assert_eq!(shown, [ids[3].clone(), ids[1].clone(), ids[0].clone()], "a stranger's run is left out");
    let asked = ShowActivitiesRequest { activity_ids: vec![ids[0].clone(); 101] };
    refused_with(run.world.client().show_activities(by(run.boris, asked)).await, Code::InvalidField);
    let asked = ShowActivitiesRequest::default();
    assert!(run.world.client().show_activities(by(dana, asked)).await.unwrap().into_inner().items.is_empty());
    run.world.stop().await;
}

#[tokio::test]
async fn a_friend_who_is_shown_every_class_is_not_the_owner() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.relate(run.boris, run.aida, friend());
    for class in privacy::DataClass::ALL {
        accounts.shows(run.aida, class.as_str(), &["friends"]);
    }
    let visibility = Some(proto::activity::Visibility { audiences: vec!["friends".to_owned()] });
    let asked = proto::activity::ChangeActivityRequest {
        activity_id: run.id.clone(),
        expected_revision: 1,
        visibility,
        ..Default::default()
    };
    run.world.client().change_activity(by(run.aida, asked)).await.unwrap();
    let seen = run.seen_by(run.boris).await.unwrap();
    assert!(seen.heart_rate_avg_bpm.is_some() && seen.start_us.is_some());
    assert_eq!(seen.visibility, None, "whom else she shows it to is her own affair");
    assert!(run.seen_by(run.aida).await.unwrap().visibility.is_some());
    run.world.stop().await;
}

#[tokio::test]
async fn an_owner_is_told_why_another_sees_or_does_not_see_each_class() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.shows(run.aida, "map", &["friends"]);
    accounts.relate(run.boris, run.aida, follower());
    let ask = |account: AccountId, activity_id: bytes::Bytes, other: AccountId| {
        let asked = ExplainVisibilityRequest { activity_id, account_id: bytes_of(other) };
        let mut client = run.world.client();
        async move { client.explain_visibility(by(account, asked)).await.map(tonic::Response::into_inner) }
    };
    let classes = ask(run.aida, run.id.clone(), run.boris).await.unwrap().classes;
    let told = |class: &str| {
        let found = classes.iter().find(|found| found.data_class == class).unwrap();
        (found.shown, found.rule.as_str(), found.audience.clone())
    };
    assert_eq!(told("summary"), (true, "default", vec!["followers".to_owned()]));
    assert_eq!(told("map"), (false, "class_setting", vec!["friends".to_owned()]));
    assert_eq!(told("heart_rate"), (false, "default", Vec::new()));
    assert_eq!(classes.len(), privacy::DataClass::ALL.len());

    refused_with(ask(run.boris, run.id.clone(), run.aida).await, Code::NotFound);
    refused_with(ask(run.aida, run.id.clone(), AccountId::random()).await, Code::NotFound);
    refused_with(ask(run.aida, bytes_of(AccountId::random()), run.boris).await, Code::NotFound);
    let asked = ListActivitiesRequest {
        account_id: bytes_of(run.aida),
        as_account_id: bytes_of(run.aida),
        ..ListActivitiesRequest::default()
    };
    let answer = run.world.client().list_activities(by(run.boris, asked)).await;
    refused_with(answer, Code::Forbidden);
    run.world.stop().await;
}

#[tokio::test]
async fn of_a_block_only_the_one_who_blocks_is_told() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    accounts.relate(run.boris, run.aida, blocked());
    let ask = || {
        let asked = ExplainVisibilityRequest { activity_id: run.id.clone(), account_id: bytes_of(run.boris) };
        let mut client = run.world.client();
        async move { client.explain_visibility(by(run.aida, asked)).await.map(tonic::Response::into_inner) }
    };
    let classes = ask().await.unwrap().classes;
    assert!(classes.iter().all(|class| !class.shown && class.rule == "blocked"));
    accounts.blocks(run.boris);
    refused_with(ask().await, Code::NotFound);
    let asked =
        ListActivitiesRequest { as_account_id: bytes_of(run.boris), ..ListActivitiesRequest::default() };
    refused_with(run.world.client().list_activities(by(run.aida, asked)).await, Code::NotFound);
    run.world.stop().await;
}

/// Values that stand in nothing else.
const BEATS: [&str; 3] = ["187.25", "193.75", "[211.0, 217.0]"];

async fn a_canary_of_aida(run: &Run<'_>) -> bytes::Bytes {
    let streams = StreamsView {
        time: vec![0.0, 60.0],
        columns: vec![proto::activity::Column {
            r#type: "heart_rate".to_owned(),
            values: vec![211.0, 217.0],
        }],
        ..StreamsView::default()
    };
    let workout = Workout {
        sport: "running".to_owned(),
        start_us: 1_777_600_800_000_000,
        elapsed_time_s: 1_800.0,
        heart_rate_avg_bpm: Some(187.25),
        heart_rate_max_bpm: Some(193.75),
        streams: Some(streams),
        ..Workout::default()
    };
    let upserts = vec![Upsert { key: "W".to_owned(), version: 1, record: Some(Record::Workout(workout)) }];
    let asked = SyncRequest { upserts, ..SyncRequest::default() };
    let acks = run.world.client().sync(by(run.aida, asked)).await.unwrap().into_inner().acks;
    assert_eq!(acks[0].status, "stored");
    acks[0].activity_id.clone()
}

/// Everything that this service says to the viewer of aida's things.
async fn all_that_is_said(run: &Run<'_>, viewer: AccountId) -> String {
    let mut said = String::new();
    for id in [run.id.clone(), run.canary().await] {
        let mut client = run.world.client();
        let activity_id = id.clone();
        let get = client.get_activity(by(viewer, GetActivityRequest { activity_id: id.clone() })).await;
        said += &format!("{:?}", get.map(tonic::Response::into_inner));
        for types in [vec![], vec!["heart_rate".to_owned()]] {
            let asked = StreamsRequest { activity_id: id.clone(), types, ..StreamsRequest::default() };
            said +=
                &format!("{:?}", client.streams(by(viewer, asked)).await.map(tonic::Response::into_inner));
        }
        let asked = ExplanationRequest { activity_id: id.clone() };
        said +=
            &format!("{:?}", client.explanation(by(viewer, asked)).await.map(tonic::Response::into_inner));
        let asked = HistoryRequest { activity_id: id.clone(), ..HistoryRequest::default() };
        said += &format!("{:?}", client.history(by(viewer, asked)).await.map(tonic::Response::into_inner));
        let asked = OriginalRequest { activity_id };
        if viewer != run.aida {
            refused_with(client.original(by(viewer, asked)).await.map(|_| ()), Code::NotFound);
        }
        said += &format!("{:?}", run.shown(viewer, &[id]).await);
    }
    said += &format!("{:?}", run.listed(viewer, None).await);
    said
}

impl Run<'_> {
    async fn canary(&self) -> bytes::Bytes {
        self.listed(self.aida, None).await.into_iter().map(|item| item.id).find(|id| *id != self.id).unwrap()
    }
}

#[tokio::test]
async fn a_hidden_heart_rate_is_on_no_surface() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let run = a_run_of_aida(&ground, &accounts).await;
    a_canary_of_aida(&run).await;
    for class in ["summary", "map", "start_time", "device", "photos", "body"] {
        accounts.shows(run.aida, class, &["everyone"]);
    }
    accounts.shows(run.aida, "heart_rate", &["friends"]);
    accounts.relate(run.boris, run.aida, friend());
    let beats = |said: &str| BEATS.iter().filter(|beat| said.contains(**beat)).count();
    assert_eq!(beats(&all_that_is_said(&run, run.aida).await), BEATS.len(), "the walk finds what there is");
    assert_eq!(beats(&all_that_is_said(&run, run.boris).await), BEATS.len());

    for hidden in [Relation::default(), follower(), fellow(), blocked()] {
        accounts.relate(run.boris, run.aida, hidden.clone());
        let said = all_that_is_said(&run, run.boris).await;
        assert_eq!(beats(&said), 0, "{hidden:?}");
        assert!(!said.contains("heart_rate\""), "nor that there is one: {hidden:?}");
    }
    accounts.relate(run.boris, run.aida, friend());
    accounts.shows(run.aida, "heart_rate", &[]);
    assert_eq!(beats(&all_that_is_said(&run, run.boris).await), 0);
    let as_boris = run.listed(run.aida, Some(run.boris)).await;
    assert_eq!(beats(&format!("{as_boris:?}")), 0, "nor in the view as another");
    run.world.stop().await;
}
