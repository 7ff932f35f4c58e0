//! What is usual in a region, and that it tells of nobody.

use eventing::StreamId;
use kernel::{AccountId, Code};
use proto::{
    activity::{CompareRequest, CompareResponse, CreateActivityRequest, Visibility},
    auth::{AccountErased, AccountRegistered, ConsentGiven, ConsentWithdrawn, Profile, ProfileChanged},
};
use testkit::fleet::{self, Ground, eventually};

use crate::world::{self, Accounts, World, by, bytes_of, refused};

const REGION: &str = "KZ-75";

async fn told<M: prost::Message + prost::Name>(world: &World<'_>, account: AccountId, event: &M) {
    let stream = StreamId::of("account", account);
    fleet::tell(&world.auth, &stream, &account.to_string(), event).await;
}

fn at(region: &str) -> Option<Profile> {
    Some(Profile { region: Some(region.to_owned()), ..Profile::default() })
}

async fn agrees(world: &World<'_>, account: AccountId) {
    let given = ConsentGiven {
        account_id: bytes_of(account),
        purpose: "region_comparison".to_owned(),
        ..ConsentGiven::default()
    };
    told(world, account, &given).await;
}

/// Somebody of the region who agreed, and ran so far on one day of April.
async fn runner(world: &World<'_>, accounts: &Accounts, name: &str, distance_m: f64) -> AccountId {
    let account = accounts.athlete(name);
    accounts.change(account, |standing| {
        standing.region = Some(REGION.to_owned());
        standing.consents.push("region_comparison".to_owned());
    });
    let registered =
        AccountRegistered { account_id: bytes_of(account), profile: at(REGION), ..Default::default() };
    told(world, account, &registered).await;
    agrees(world, account).await;
    world.client().create_activity(by(account, run(distance_m))).await.unwrap();
    account
}

fn run(distance_m: f64) -> CreateActivityRequest {
    CreateActivityRequest {
        sport: "running".to_owned(),
        start_us: "2026-04-10T04:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond(),
        elapsed_time_s: 3_600.0,
        distance_m: Some(distance_m),
        ..CreateActivityRequest::default()
    }
}

async fn asked(world: &World<'_>, account: AccountId, interval: &str) -> CompareResponse {
    let request = CompareRequest {
        with: "region".to_owned(),
        interval: interval.to_owned(),
        from: "2026-04-10".to_owned(),
        ..CompareRequest::default()
    };
    world.client().compare(by(account, request)).await.unwrap().into_inner()
}

/// So many who agreed are known to live somewhere.
async fn heard(world: &World<'_>, agreed: i64) {
    counted(world, "region IS NOT NULL", agreed).await;
}

async fn living(world: &World<'_>, region: &str, agreed: i64) {
    counted(world, &format!("region = '{region}'"), agreed).await;
}

async fn counted(world: &World<'_>, which: &str, agreed: i64) {
    let sql = format!("SELECT COUNT(*) FROM comparer WHERE agrees = 1 AND {which}");
    let ask = || async { world.db.fetch_one(&sql, vec![]).await.unwrap().unwrap().get::<i64>(0).unwrap() };
    eventually("have all been heard", ask, |found| *found == agreed).await;
}

#[tokio::test]
async fn twenty_people_are_a_cell_and_it_is_said_once_for_ever() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let mut people = Vec::new();
    for n in 0..19 {
        people.push(runner(&world, &accounts, &format!("runner{n}"), 5_000.0 + f64::from(n) * 500.0).await);
    }
    heard(&world, 19).await;
    let aida = people[0];
    let found = asked(&world, aida, "month").await;
    assert_eq!((found.typical.as_ref(), found.region.as_str()), (None, REGION), "19 are too few");
    assert_eq!(found.current.unwrap().distance_m, Some(5_000.0));

    let last = runner(&world, &accounts, "runner19", 14_500.0).await;
    heard(&world, 20).await;
    let found = asked(&world, aida, "month").await.typical.unwrap();
    // The mean of 7 500 to 12 000 m.
    assert_eq!((found.people_at_least, found.distance_m, found.ascent_m), (20, Some(9_800.0), None));

    // One leaves, one is erased, some join, and figures change: what was said is said.
    let withdrawn = ConsentWithdrawn {
        account_id: bytes_of(last),
        purpose: "region_comparison".to_owned(),
        ..ConsentWithdrawn::default()
    };
    told(&world, last, &withdrawn).await;
    told(&world, people[1], &AccountErased { account_id: bytes_of(people[1]) }).await;
    for n in 20..23 {
        runner(&world, &accounts, &format!("runner{n}"), 20_000.0).await;
    }
    heard(&world, 21).await;
    world.client().create_activity(by(people[2], run(25_000.0))).await.unwrap();
    assert_eq!(asked(&world, aida, "month").await.typical.unwrap(), found);
    let asked_again = asked(&world, people[2], "month").await;
    assert_eq!(asked_again.typical.unwrap(), found);
    assert_eq!(asked_again.current.unwrap().count, 2, "one's own figures are those of now");
    world.stop().await;
}

#[tokio::test]
async fn who_moved_away_or_ran_for_themselves_alone_is_in_no_cell() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let mut people = Vec::new();
    for n in 0..20 {
        people.push(runner(&world, &accounts, &format!("runner{n}"), 5_000.0).await);
    }
    let moved = ProfileChanged {
        account_id: bytes_of(people[19]),
        profile: at("KZ-71"),
        ..ProfileChanged::default()
    };
    told(&world, people[19], &moved).await;
    living(&world, "KZ-71", 1).await;
    let hermit = runner(&world, &accounts, "hermit", 5_000.0).await;
    let hidden = world.mine(hermit).await.remove(0);
    let edit = proto::activity::ChangeActivityRequest {
        activity_id: hidden.id,
        expected_revision: hidden.revision,
        visibility: Some(Visibility::default()),
        ..Default::default()
    };
    world.client().change_activity(by(hermit, edit)).await.unwrap();
    living(&world, REGION, 20).await;
    assert_eq!(asked(&world, people[0], "month").await.typical, None);
    assert_eq!(asked(&world, hermit, "month").await.current.unwrap().count, 1, "for oneself it counts");
    world.stop().await;
}

#[tokio::test]
async fn who_compares_agrees_and_a_period_is_over_first() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let request = |from: &str, interval: &str| CompareRequest {
        with: "region".to_owned(),
        interval: interval.to_owned(),
        from: from.to_owned(),
        ..CompareRequest::default()
    };
    let refusal = refused(world.client().compare(by(aida, request("", ""))).await);
    assert_eq!(refusal.code, Code::NotEligible);
    assert_eq!(refusal.reasons, [r#"{"clause":{"consent":"region_comparison"},"met":false}"#]);
    accounts.change(aida, |standing| standing.consents.push("region_comparison".to_owned()));
    let found = world.client().compare(by(aida, request("", ""))).await.unwrap().into_inner();
    assert_eq!((found.region.as_str(), found.typical), ("", None));
    // These tests are on the 10th of May.
    assert_eq!((found.interval.as_str(), found.current.unwrap().to.as_str()), ("month", "2026-04-30"));
    for (from, interval, field) in
        [("2026-05-01", "month", "/from"), ("2026-05-10", "week", "/from"), ("", "day", "/interval")]
    {
        let refusal = refused(world.client().compare(by(aida, request(from, interval))).await);
        assert_eq!((refusal.code, refusal.fields[0].pointer.as_str()), (Code::InvalidField, field));
    }
    world.stop().await;
}
