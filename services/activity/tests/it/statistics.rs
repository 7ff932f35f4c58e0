//! Sums, streaks, records and comparisons as their owner asks for them.

use kernel::{AccountId, Code};
use proto::activity::{
    ActivityView, ChangeActivityRequest, CompareRequest, CreateActivityRequest, DeleteActivityRequest,
    PersonalRecord, RecordsRequest, RestoreActivityRequest, StatisticsRequest, StatisticsResponse,
};
use testkit::fleet::{Ground, eventually};

use crate::world::{self, Accounts, World, by, fit, refused_with, watch};

/// On the morning of that day on the clock of this offset.
fn entry(date: &str, offset_s: i32, sport: &str, distance_m: f64) -> CreateActivityRequest {
    let start = format!("{date}T06:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond();
    CreateActivityRequest {
        sport: sport.to_owned(),
        start_us: start - i64::from(offset_s) * 1_000_000,
        utc_offset_s: Some(offset_s),
        elapsed_time_s: 1_800.0,
        distance_m: Some(distance_m),
        ..CreateActivityRequest::default()
    }
}

async fn did(world: &World<'_>, who: AccountId, date: &str, sport: &str, distance_m: f64) -> ActivityView {
    let entry = entry(date, 18_000, sport, distance_m);
    world.client().create_activity(by(who, entry)).await.unwrap().into_inner()
}

async fn asked(world: &World<'_>, who: AccountId, interval: &str, span: (&str, &str)) -> StatisticsResponse {
    let (from, to) = (span.0.to_owned(), span.1.to_owned());
    let request = StatisticsRequest { interval: interval.to_owned(), from, to, ..Default::default() };
    world.client().statistics(by(who, request)).await.unwrap().into_inner()
}

fn told(found: &StatisticsResponse) -> Vec<(&str, u32, Option<f64>)> {
    found.items.iter().map(|item| (item.from.as_str(), item.count, item.distance_m)).collect()
}

async fn records(world: &World<'_>, who: AccountId, sport: &str) -> Vec<PersonalRecord> {
    let request = RecordsRequest { sport: sport.to_owned() };
    world.client().records(by(who, request)).await.unwrap().into_inner().items
}

fn distances(records: &[PersonalRecord]) -> Vec<f64> {
    let one = records.iter().find(|record| record.kind == "longest_distance");
    one.map_or_else(Vec::new, |one| one.history.iter().map(|mark| mark.value).collect())
}

#[tokio::test]
async fn sums_follow_every_edit_deletion_and_restoration_at_once() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, baur) = (accounts.athlete("aida"), accounts.athlete("baur"));
    let mut client = world.client();
    let first = did(&world, aida, "2026-04-30", "walking", 2_000.0).await;
    let second = did(&world, aida, "2026-05-03", "cycling", 20_000.5).await;
    did(&world, baur, "2026-05-03", "cycling", 99_000.0).await;
    let week = ("2026-04-27", "2026-05-10");
    let found = asked(&world, aida, "week", week).await;
    assert_eq!(told(&found), [("2026-04-27", 2, Some(22_000.5)), ("2026-05-04", 0, None)]);
    assert_eq!((found.time_zone.as_str(), found.week_start.as_str()), ("Asia/Almaty", "monday"));
    let total = found.total.as_ref().unwrap();
    assert_eq!((total.count, total.active_days, total.elapsed_time_s), (2, 2, 3_600.0));

    let edit = ChangeActivityRequest {
        activity_id: first.id.clone(),
        expected_revision: 1,
        distance_m: Some(5_000.0),
        start_us: Some(entry("2026-05-05", 18_000, "walking", 0.0).start_us),
        utc_offset_s: Some(18_000),
        ..ChangeActivityRequest::default()
    };
    client.change_activity(by(aida, edit)).await.unwrap();
    let found = asked(&world, aida, "week", week).await;
    assert_eq!(told(&found), [("2026-04-27", 1, Some(20_000.5)), ("2026-05-04", 1, Some(5_000.0))]);

    let asked_for = DeleteActivityRequest { activity_id: second.id.clone(), expected_revision: None };
    client.delete_activity(by(aida, asked_for)).await.unwrap();
    assert_eq!(told(&asked(&world, aida, "week", week).await)[0], ("2026-04-27", 0, None));
    client.restore_activity(by(aida, RestoreActivityRequest { activity_id: second.id })).await.unwrap();
    let found = asked(&world, aida, "month", ("2026-05-15", "2026-05-15")).await;
    assert_eq!(told(&found), [("2026-05-01", 2, Some(25_000.5))]);
    world.stop().await;
}

#[tokio::test]
async fn a_day_is_that_of_where_it_was_and_a_change_of_zone_moves_no_past_day() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    // 23:30 in New York, when it is the first of May already in Almaty.
    let late = CreateActivityRequest {
        start_us: "2026-05-01T03:30:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond(),
        ..entry("2026-04-30", -14_400, "running", 5_000.0)
    };
    world.client().create_activity(by(aida, late)).await.unwrap();
    // Clocks go forward in Berlin between these two, 23 hours apart.
    for (date, offset_s) in [("2026-03-28", 3_600), ("2026-03-29", 7_200)] {
        let entry = entry(date, offset_s, "running", 1_000.0);
        world.client().create_activity(by(aida, entry)).await.unwrap();
    }
    for zone in ["Asia/Almaty", "America/New_York", "Pacific/Apia"] {
        accounts.change(aida, |standing| standing.time_zone = zone.to_owned());
        let found = asked(&world, aida, "day", ("2026-04-30", "2026-05-01")).await;
        assert_eq!(told(&found), [("2026-04-30", 1, Some(5_000.0)), ("2026-05-01", 0, None)], "{zone}");
        assert_eq!(found.time_zone, zone);
        let found = asked(&world, aida, "day", ("2026-03-28", "2026-03-29")).await;
        assert_eq!(found.items.iter().map(|day| day.count).collect::<Vec<_>>(), [1, 1], "{zone}");
        assert_eq!(found.days.unwrap().longest, 2);
    }
    world.stop().await;
}

#[tokio::test]
async fn weeks_begin_where_the_athletes_do_unless_asked_otherwise() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    // A Sunday, of the last week of a year.
    did(&world, aida, "2025-12-28", "running", 5_000.0).await;
    let day = ("2025-12-28", "2025-12-28");
    assert_eq!(asked(&world, aida, "week", day).await.items[0].from, "2025-12-22");
    accounts.change(aida, |standing| standing.locale = "en-US".to_owned());
    let found = asked(&world, aida, "week", day).await;
    assert_eq!((found.items[0].from.as_str(), found.items[0].to.as_str()), ("2025-12-28", "2026-01-03"));
    let request = StatisticsRequest {
        from: day.0.to_owned(),
        to: day.1.to_owned(),
        week_start: "saturday".to_owned(),
        ..Default::default()
    };
    let found = world.client().statistics(by(aida, request)).await.unwrap().into_inner();
    assert_eq!((found.interval.as_str(), found.items[0].from.as_str()), ("week", "2025-12-27"));
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_devices_ask_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let whole = StatisticsRequest { interval: "day".to_owned(), ..Default::default() };
    let wrong = [
        StatisticsRequest { interval: "fortnight".to_owned(), ..whole.clone() },
        StatisticsRequest { sport: "quidditch".to_owned(), ..whole.clone() },
        StatisticsRequest { week_start: "someday".to_owned(), ..whole.clone() },
        StatisticsRequest { from: "2026-02-30".to_owned(), ..whole.clone() },
        StatisticsRequest { from: "2026-05-02".to_owned(), to: "2026-05-01".to_owned(), ..whole.clone() },
        StatisticsRequest { from: "0001-01-01".to_owned(), ..whole.clone() },
    ];
    for request in wrong {
        let told = format!("{request:?}");
        let answer = world.client().statistics(by(aida, request)).await;
        assert_eq!(world::refused(answer).code, Code::InvalidField, "{told}");
    }
    let asked = platform::context::acting_for(watch(aida, "watch"), whole);
    refused_with(world.client().statistics(asked).await, Code::InsufficientScope);
    world.stop().await;
}

#[tokio::test]
async fn a_record_goes_back_to_who_had_it_before() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    // Written down in another order than they were done.
    let best = did(&world, aida, "2026-05-03", "running", 12_000.0).await;
    did(&world, aida, "2026-05-01", "running", 5_000.0).await;
    let last = did(&world, aida, "2026-05-04", "running", 8_000.0).await;
    did(&world, aida, "2026-05-02", "cycling", 20_000.0).await;
    let found = records(&world, aida, "running").await;
    assert_eq!(distances(&found), [12_000.0, 5_000.0]);
    let mark = found[0].best.as_ref().unwrap();
    assert_eq!((&mark.activity_id, mark.local_date.as_str()), (&best.id, "2026-05-03"));
    let sports: Vec<_> = records(&world, aida, "").await.into_iter().map(|one| one.sport).collect();
    assert!(sports.contains(&"cycling".to_owned()) && sports.contains(&"running".to_owned()));

    let mut client = world.client();
    let gone = DeleteActivityRequest { activity_id: best.id.clone(), expected_revision: None };
    client.delete_activity(by(aida, gone)).await.unwrap();
    let found = records(&world, aida, "running").await;
    assert_eq!(distances(&found), [8_000.0, 5_000.0]);
    assert_eq!(found[0].best.as_ref().unwrap().activity_id, last.id);
    let less = ChangeActivityRequest {
        activity_id: last.id,
        expected_revision: 1,
        distance_m: Some(4_000.0),
        ..ChangeActivityRequest::default()
    };
    client.change_activity(by(aida, less)).await.unwrap();
    assert_eq!(distances(&records(&world, aida, "running").await), [5_000.0]);
    client.restore_activity(by(aida, RestoreActivityRequest { activity_id: best.id })).await.unwrap();
    assert_eq!(distances(&records(&world, aida, "running").await), [12_000.0, 5_000.0]);
    world.stop().await;
}

#[tokio::test]
async fn a_span_is_set_beside_as_many_days_before() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    did(&world, aida, "2026-05-01", "running", 4_000.0).await;
    did(&world, aida, "2026-05-04", "running", 5_000.0).await;
    did(&world, aida, "2026-05-05", "cycling", 9_000.0).await;
    let own = |from: &str, to: &str, sport: &str| CompareRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        sport: sport.to_owned(),
        ..CompareRequest::default()
    };
    let asked = own("2026-05-04", "2026-05-06", "running");
    let found = world.client().compare(by(aida, asked)).await.unwrap().into_inner();
    let (current, previous) = (found.current.unwrap(), found.previous.unwrap());
    assert_eq!((current.distance_m, previous.distance_m), (Some(5_000.0), Some(4_000.0)));
    assert_eq!((previous.from.as_str(), previous.to.as_str()), ("2026-05-01", "2026-05-03"));
    let change = found.changes.iter().find(|change| change.field == "distance_m").unwrap();
    assert_eq!((change.difference, change.percent), (1_000.0, Some(25.0)));

    // The year so far, up to the day that it is in these tests: 2026-05-10.
    did(&world, aida, "2025-05-10", "hiking", 7_000.0).await;
    did(&world, aida, "2025-05-11", "hiking", 9_000.0).await;
    let asked =
        CompareRequest { interval: "year".to_owned(), sport: "hiking".to_owned(), ..Default::default() };
    let found = world.client().compare(by(aida, asked)).await.unwrap().into_inner();
    assert_eq!((found.with.as_str(), found.interval.as_str()), ("self", "year"));
    assert_eq!(found.current.unwrap().to, "2026-05-10");
    assert_eq!(found.previous.unwrap().distance_m, Some(7_000.0));
    for wrong in [own("2026-05-04", "", ""), own("2026-05-04", "2026-05-03", "")] {
        refused_with(world.client().compare(by(aida, wrong)).await, Code::InvalidField);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_file_sent_twice_counts_once_and_an_erased_account_for_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    world.uploaded(aida, fit("2026-05-01")).await;
    world.uploaded(aida, fit("2026-05-01")).await;
    let span = ("2026-05-01", "2026-05-01");
    let found = asked(&world, aida, "year", span).await;
    assert_eq!(found.total.as_ref().unwrap().count, 1);
    let kinds: Vec<_> = records(&world, aida, "running").await.into_iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&"fastest_1km".to_owned()), "{kinds:?}");
    let baur = accounts.athlete("baur");
    world.uploaded(baur, fit("2026-05-01")).await;
    let ask = || asked(&world, baur, "year", span);
    eventually("is it held as a copy", ask, |now| now.total.as_ref().unwrap().count == 0).await;

    world.erase(aida).await;
    assert_eq!(asked(&world, aida, "year", span).await.total.unwrap().count, 0);
    // Until then it was somebody else's recording.
    eventually("what the other's run counts", ask, |now| *now == found).await;
    world.make_statistics_anew().await;
    assert!(records(&world, aida, "").await.is_empty());
    assert_eq!(asked(&world, baur, "year", span).await, found, "made anew, they are the same");
    world.stop().await;
}
