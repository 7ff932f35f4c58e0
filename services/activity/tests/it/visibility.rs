use kernel::{AccountId, Code};
use proto::{
    activity::{
        ActivityView, ChangeActivityRequest, ExplanationRequest, GetActivityRequest, HistoryRequest,
        ListActivitiesRequest, OriginalRequest, StreamsRequest, StreamsView, Visibility,
    },
    auth::PrivacyZone,
};
use testkit::fleet::Ground;
use tonic::Status;

use crate::world::{self, Accounts, World, by, bytes_of, fit, refused_with};

struct Sight<'a> {
    world: World<'a>,
    aida: AccountId,
    boris: AccountId,
    run: bytes::Bytes,
}

async fn a_run_of_aida<'a>(ground: &'a Ground, accounts: &Accounts) -> Sight<'a> {
    let world = world::start(ground, accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let run = world.uploaded(aida, fit("2026-05-01")).await.activity_ids.remove(0);
    Sight { world, aida, boris, run }
}

impl Sight<'_> {
    async fn seen_by(&self, viewer: AccountId) -> Result<ActivityView, Status> {
        let asked = GetActivityRequest { activity_id: self.run.clone() };
        self.world.client().get_activity(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    async fn streams_for(&self, viewer: AccountId) -> Result<StreamsView, Status> {
        let asked = StreamsRequest { activity_id: self.run.clone(), ..StreamsRequest::default() };
        self.world.client().streams(by(viewer, asked)).await.map(tonic::Response::into_inner)
    }

    async fn listed_for(&self, viewer: AccountId) -> Vec<ActivityView> {
        let asked =
            ListActivitiesRequest { account_id: bytes_of(self.aida), ..ListActivitiesRequest::default() };
        self.world.client().list_activities(by(viewer, asked)).await.unwrap().into_inner().items
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_of_what_followers_only_see() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let sight = a_run_of_aida(&ground, &accounts).await;
    refused_with(sight.seen_by(sight.boris).await, Code::NotFound);
    refused_with(sight.streams_for(sight.boris).await, Code::NotFound);
    assert!(sight.listed_for(sight.boris).await.is_empty());
    let client = sight.world.client();
    let asked = ExplanationRequest { activity_id: sight.run.clone() };
    refused_with(client.clone().explanation(by(sight.boris, asked)).await, Code::NotFound);
    let asked = HistoryRequest { activity_id: sight.run.clone(), ..HistoryRequest::default() };
    refused_with(client.clone().history(by(sight.boris, asked)).await, Code::NotFound);
    let asked = OriginalRequest { activity_id: sight.run.clone() };
    refused_with(client.clone().original(by(sight.boris, asked)).await, Code::NotFound);
    let asked =
        ChangeActivityRequest { activity_id: sight.run.clone(), expected_revision: 1, ..Default::default() };
    refused_with(client.clone().change_activity(by(sight.boris, asked)).await, Code::NotFound);
    sight.world.stop().await;
}

#[tokio::test]
async fn hidden_classes_are_absent_everywhere_and_the_owner_sees_all() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let sight = a_run_of_aida(&ground, &accounts).await;
    accounts.shows(sight.aida, "summary", &["everyone"]);
    let seen = sight.seen_by(sight.boris).await.unwrap();
    assert_eq!((seen.sport.as_str(), seen.local_date.as_str()), ("running", "2026-05-01"));
    assert!(seen.distance_m.is_some());
    assert_eq!((seen.start_us, seen.heart_rate_avg_bpm, seen.devices.len()), (None, None, 0));
    assert!(seen.laps.iter().all(|lap| lap.start_us.is_none() && lap.heart_rate_max_bpm.is_none()));
    assert_eq!(sight.listed_for(sight.boris).await, [ActivityView { detail: None, ..seen }]);
    let streams = sight.streams_for(sight.boris).await.unwrap();
    assert!(!streams.time.is_empty() && streams.latitude.is_empty());
    assert!(
        streams.columns.iter().all(|column| !["heart_rate", "altitude"].contains(&column.r#type.as_str()))
    );
    let asked = ExplanationRequest { activity_id: sight.run.clone() };
    let explained =
        sight.world.client().explanation(by(sight.boris, asked)).await.unwrap().into_inner().items;
    assert!(!explained.iter().any(|item| item.field.starts_with("heart_rate")));

    accounts.shows(sight.aida, "heart_rate", &["everyone"]);
    accounts.shows(sight.aida, "map", &["everyone"]);
    accounts.shows(sight.aida, "start_time", &["everyone"]);
    let seen = sight.seen_by(sight.boris).await.unwrap();
    assert!(seen.heart_rate_avg_bpm.is_some() && seen.start_us.is_some());
    assert!(!sight.streams_for(sight.boris).await.unwrap().latitude.is_empty());

    accounts.shows(sight.aida, "heart_rate", &[]);
    assert_eq!(sight.seen_by(sight.boris).await.unwrap().heart_rate_avg_bpm, None);
    assert!(sight.seen_by(sight.aida).await.unwrap().heart_rate_avg_bpm.is_some());
    sight.world.stop().await;
}

#[tokio::test]
async fn an_activitys_own_audience_stands_above_the_setting() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let sight = a_run_of_aida(&ground, &accounts).await;
    let set = |expected_revision, audiences: &[&str]| {
        let audiences = audiences.iter().map(|&word| word.to_owned()).collect();
        let visibility = Some(Visibility { audiences });
        let asked = ChangeActivityRequest {
            activity_id: sight.run.clone(),
            expected_revision,
            visibility,
            ..Default::default()
        };
        let mut client = sight.world.client();
        let asked = by(sight.aida, asked);
        async move { client.change_activity(asked).await.map(tonic::Response::into_inner) }
    };
    let changed = set(1, &["everyone"]).await.unwrap();
    assert_eq!((changed.revision, changed.visibility.unwrap().audiences), (2, vec!["everyone".to_owned()]));
    assert!(sight.seen_by(sight.boris).await.is_ok());
    accounts.shows(sight.aida, "summary", &["everyone"]);
    set(2, &[]).await.unwrap();
    refused_with(sight.seen_by(sight.boris).await, Code::NotFound);
    refused_with(set(3, &["friends", "neighbours"]).await, Code::InvalidField);
    sight.world.stop().await;
}

#[tokio::test]
async fn a_zone_cuts_the_track_for_others_only() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let sight = a_run_of_aida(&ground, &accounts).await;
    accounts.shows(sight.aida, "summary", &["everyone"]);
    accounts.shows(sight.aida, "map", &["everyone"]);
    let whole = sight.streams_for(sight.boris).await.unwrap();
    let home = PrivacyZone {
        name: "home".to_owned(),
        latitude: whole.latitude[0],
        longitude: whole.longitude[0],
        radius_m: 200.0,
    };
    accounts.change(sight.aida, |standing| standing.privacy.as_mut().unwrap().zones.push(home));
    let cut = sight.streams_for(sight.boris).await.unwrap();
    assert!(cut.time.len() < whole.time.len() && cut.latitude[0] != whole.latitude[0]);
    assert_eq!((cut.latitude.len(), cut.time[0]), (cut.time.len(), 0.0));
    assert!(cut.columns.iter().all(|column| column.values.len() == cut.time.len()));
    accounts.shows(sight.aida, "map", &[]);
    assert_eq!(
        sight.streams_for(sight.boris).await.unwrap().time.len(),
        cut.time.len(),
        "the cut stays without the map"
    );
    assert_eq!(sight.streams_for(sight.aida).await.unwrap().time.len(), whole.time.len());
    sight.world.stop().await;
}

#[tokio::test]
async fn filters_do_not_tell_a_hidden_time_of_day() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let sight = a_run_of_aida(&ground, &accounts).await;
    accounts.shows(sight.aida, "summary", &["everyone"]);
    let start_us = sight.seen_by(sight.aida).await.unwrap().start_us.unwrap();
    let found = |viewer, after_us: i64| {
        let asked = ListActivitiesRequest {
            account_id: bytes_of(sight.aida),
            after_us: Some(after_us),
            ..ListActivitiesRequest::default()
        };
        let mut client = sight.world.client();
        async move { client.list_activities(by(viewer, asked)).await.unwrap().into_inner().items.len() }
    };
    // The day began at 00:00 in Almaty; the run at 06:00.
    let midnight_us = start_us - 6 * 3_600_000_000;
    assert_eq!((found(sight.aida, start_us).await, found(sight.aida, start_us + 1).await), (1, 0));
    assert_eq!((found(sight.boris, midnight_us).await, found(sight.boris, midnight_us + 1).await), (1, 0));
    sight.world.stop().await;
}
