//! Days that several devices tell of: each minute counts once, whatever comes first, and whatever is put right later.

use std::collections::BTreeMap;

use activity::domain::{
    DailyId,
    daily::{Change, Daily, DailyValue as Told, Event},
};
use eventing::{Aggregate, Command, DomainEvent, Journal, StreamId};
use kernel::{AccountId, Code};
use platform::{actor::Actor, context::acting_for};
use proto::activity::{
    DailyValue, DayView, Delete, GetDayRequest, ListDaysRequest, Span, SyncRequest, SyncResponse, Upsert,
    upsert::Record,
};
use testkit::fleet::{Ground, eventually};

use crate::recompute::recompute;
use crate::world::{self, Accounts, World, app, by, refused_with, watch};

const DATE: &str = "2026-05-01";

fn at(time: &str) -> i64 {
    format!("{DATE}T{time}:00+05:00").parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn steps(device: &str, value: f64, spans: &[(&str, &str, f64)]) -> DailyValue {
    let span =
        |(from, to, value): &(&str, &str, f64)| Span { start_us: at(from), end_us: at(to), value: *value };
    DailyValue {
        r#type: "steps".to_owned(),
        date: DATE.to_owned(),
        value,
        spans: spans.iter().map(span).collect(),
        device: device.to_owned(),
        ..DailyValue::default()
    }
}

/// 1 000 steps in the morning that only it saw, and the walk.
fn phone() -> DailyValue {
    steps("phone", 2_000.0, &[("08:00", "08:10", 1_000.0), ("10:00", "10:10", 1_000.0)])
}

/// The walk, and 3 000 in the evening.
fn wrist() -> DailyValue {
    steps("watch", 3_900.0, &[("10:00", "10:10", 900.0), ("20:00", "20:30", 3_000.0)])
}

fn upsert(key: &str, version: i64, daily: DailyValue) -> Upsert {
    Upsert { key: key.to_owned(), version, record: Some(Record::Daily(daily)) }
}

async fn say(world: &World<'_>, actor: Actor, upserts: Vec<Upsert>) -> SyncResponse {
    let asked = SyncRequest { upserts, ..SyncRequest::default() };
    world.client().sync(acting_for(actor, asked)).await.unwrap().into_inner()
}

async fn days(world: &World<'_>, account: AccountId, kind: &str) -> Vec<DayView> {
    let asked = ListDaysRequest {
        from: "2026-04-01".to_owned(),
        to: "2026-05-31".to_owned(),
        r#type: kind.to_owned(),
        ..ListDaysRequest::default()
    };
    world.client().list_days(by(account, asked)).await.unwrap().into_inner().items
}

async fn day(world: &World<'_>, account: AccountId) -> DayView {
    let asked = GetDayRequest { date: DATE.to_owned(), r#type: "steps".to_owned() };
    world.client().get_day(by(account, asked)).await.unwrap().into_inner()
}

/// What everybody else hears: what counts of each value, by the newest event of its stream.
async fn counted(journal: &Journal) -> BTreeMap<DailyId, f64> {
    let page = journal.store().read_all(0, 10_000).await.unwrap();
    let mut counted = BTreeMap::new();
    for (event, plain) in page.iter().zip(journal.sealer().open(&page).await.unwrap()) {
        if event.stream.kind() != Daily::KIND {
            continue;
        }
        let event = Event::decode(&plain).unwrap();
        let counts = match event.change {
            Change::Recorded { daily, share, .. } => share.or(daily.map(|daily| daily.value)).unwrap_or(0.0),
            Change::Shared(share) => share.map_or(0.0, |share| share.value),
            Change::Deleted { .. } => 0.0,
        };
        counted.insert(event.daily_id, counts);
    }
    counted
}

async fn sum(world: &World<'_>) -> f64 {
    counted(&world.journal).await.into_values().sum()
}

#[tokio::test]
async fn steps_of_phone_and_watch_are_united_and_every_minute_names_its_source() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    say(&world, app(aida), vec![upsert("d", 1, phone())]).await;
    say(&world, watch(aida, "wrist"), vec![upsert("d", 1, wrist())]).await;
    let [listed] = &days(&world, aida, "steps").await[..] else { panic!("one day") };
    assert_eq!((listed.value, listed.unit.as_str(), listed.runs.len()), (4_900.0, "count", 0));
    let sources = listed.sources.iter().map(|one| (one.device.as_str(), one.value_raw, one.share));
    let mut sources: Vec<_> = sources.collect();
    sources.sort_by_key(|one| one.0);
    // Both spans of the walk are ten minutes: the watch is worn, and the phone has nowhere to put its hundred more.
    assert_eq!(sources, [("phone", 2_000.0, 1_000.0), ("watch", 3_900.0, 3_900.0)]);
    let shown = day(&world, aida).await;
    assert_eq!((shown.id.clone(), shown.value), (listed.id.clone(), listed.value));
    let runs: Vec<_> =
        shown.runs.iter().map(|run| (run.from_us, run.to_us, run.device.as_str(), run.value)).collect();
    assert_eq!(
        runs,
        [
            (at("08:00"), at("08:10"), "phone", 1_000.0),
            (at("10:00"), at("10:10"), "watch", 900.0),
            (at("20:00"), at("20:30"), "watch", 3_000.0),
        ]
    );
    assert_eq!(sum(&world).await, 4_900.0, "what is counted elsewhere");
    world.stop().await;
}

#[tokio::test]
async fn corrections_deletions_and_late_data_share_the_day_anew() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    say(&world, watch(aida, "wrist"), vec![upsert("d", 1, wrist())]).await;
    say(&world, app(aida), vec![upsert("d", 1, phone())]).await;
    assert_eq!((day(&world, aida).await.value, sum(&world).await), (4_900.0, 4_900.0));
    // The watch's evening was somebody else's.
    let less = steps("watch", 900.0, &[("10:00", "10:10", 900.0)]);
    say(&world, watch(aida, "wrist"), vec![upsert("d", 2, less)]).await;
    assert_eq!((day(&world, aida).await.value, sum(&world).await), (1_900.0, 1_900.0));
    // An old version changes nothing.
    say(&world, watch(aida, "wrist"), vec![upsert("d", 1, wrist())]).await;
    assert_eq!(sum(&world).await, 1_900.0);
    let deletes = vec![Delete { key: "d".to_owned(), version: 3, ..Delete::default() }];
    let asked = SyncRequest { deletes, ..SyncRequest::default() };
    world.client().sync(acting_for(watch(aida, "wrist"), asked)).await.unwrap();
    assert_eq!(
        (day(&world, aida).await.value, sum(&world).await),
        (2_000.0, 2_000.0),
        "the phone has it all"
    );
    say(&world, watch(aida, "wrist"), vec![upsert("d", 4, wrist())]).await;
    assert_eq!((day(&world, aida).await.value, sum(&world).await), (4_900.0, 4_900.0));
    // The phone's key is of another day from now on.
    let moved = DailyValue { date: "2026-05-02".to_owned(), ..steps("phone", 77.0, &[]) };
    say(&world, app(aida), vec![upsert("d", 2, moved)]).await;
    let found = days(&world, aida, "").await;
    let values: Vec<_> = found.iter().map(|day| (day.date.as_str(), day.value)).collect();
    assert_eq!((values, sum(&world).await), (vec![("2026-05-02", 77.0), (DATE, 3_900.0)], 3_977.0));
    world.make_anew().await;
    assert_eq!(days(&world, aida, "").await, found);
    world.stop().await;
}

#[tokio::test]
async fn devices_that_come_at_once_are_never_counted_together() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let names = ["one", "two", "three", "four", "five", "six"];
    let all = names.iter().enumerate().map(|(place, name)| {
        let more = f64::from(u32::try_from(place).unwrap());
        let minute = format!("12:{place:02}");
        let next = format!("12:{:02}", place + 1);
        let told = steps("", 150.0 + more, &[("10:00", "10:01", 100.0 + more), (&minute, &next, 50.0)]);
        say(&world, watch(aida, name), vec![upsert("d", 1, told)])
    });
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.acks[0].status == "stored"), "{answers:?}");
    let expected = 105.0 + 6.0 * 50.0;
    assert_eq!((day(&world, aida).await.value, sum(&world).await), (expected, expected));
    world.stop().await;
}

#[tokio::test]
async fn a_record_of_many_sources_in_one_changeset_is_decided_together() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let both = vec![upsert("phone", 1, phone()), upsert("watch", 1, wrist()), upsert("phone", 2, phone())];
    say(&world, app(aida), both).await;
    assert_eq!((day(&world, aida).await.value, sum(&world).await), (4_900.0, 4_900.0));
    let many = (0..20).map(|key| upsert(&format!("k{key}"), 1, steps("", 10.0, &[]))).collect();
    let acks = say(&world, app(aida), many).await.acks;
    let long = steps("", 1.0, &[("10:00", "10:01", 1.0)]);
    let long = DailyValue {
        spans: vec![Span { end_us: at("10:00") + 5 * 86_400_000_000, ..long.spans[0] }],
        ..long
    };
    assert_eq!(say(&world, app(aida), vec![upsert("long", 1, long)]).await.acks[0].status, "refused");
    let refused = acks.iter().filter(|ack| ack.status == "refused").count();
    assert_eq!((refused, acks[0].status.as_str()), (6, "stored"), "sixteen are more than anybody wears");
    assert_eq!(sum(&world).await, 4_900.0);
    world.stop().await;
}

/// Values as they were written before days were put together.
async fn told_long_ago(world: &World<'_>, account: AccountId, key: &str, value: f64) {
    let id = DailyId::derived(&[key.as_bytes()]);
    let stream = StreamId::of(Daily::KIND, id);
    let loaded = world.journal.load::<Daily>(&stream).await.unwrap();
    let daily =
        Told { kind: "steps".to_owned(), date: DATE.to_owned(), value, spans: Vec::new(), device: None };
    let change =
        Change::Recorded { source: key.to_owned(), client_version: 1, daily: Some(daily), share: None };
    let mut batch = world.journal.batch(&Command::by("service:test"));
    batch.write(&loaded, &account.to_string(), vec![Event { daily_id: id, account_id: account, change }]);
    batch.commit().await.unwrap();
}

#[tokio::test]
async fn days_told_before_they_were_put_together_are_put_together() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    told_long_ago(&world, aida, "phone", 5_000.0).await;
    told_long_ago(&world, aida, "watch", 6_000.0).await;
    let shown = || async { days(&world, aida, "steps").await.first().map(|day| day.sources.len()) };
    eventually("are both in the rows", shown, |sources| *sources == Some(2)).await;
    assert_eq!(days(&world, aida, "steps").await[0].value, 6_000.0);
    assert_eq!(sum(&world).await, 11_000.0, "as it was counted");
    // One that comes anew meets them.
    say(&world, app(aida), vec![upsert("d", 1, steps("ring", 6_500.0, &[]))]).await;
    assert_eq!(sum(&world).await, 6_500.0);
    world.stop().await;
}

#[tokio::test]
async fn recomputing_the_past_puts_its_days_together_once() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    told_long_ago(&world, aida, "phone", 5_000.0).await;
    told_long_ago(&world, aida, "watch", 6_000.0).await;
    let shown = || async { days(&world, aida, "steps").await.first().map(|day| day.sources.len()) };
    eventually("are both in the rows", shown, |sources| *sources == Some(2)).await;
    assert_eq!(recompute(&world, "first", 0).await, (2, 1));
    assert_eq!((sum(&world).await, day(&world, aida).await.value), (6_000.0, 6_000.0));
    assert_eq!(recompute(&world, "second", 0).await, (2, 0));
    world.stop().await;
}

#[tokio::test]
async fn days_are_walked_in_pages_and_asked_for_properly() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    let told = (1..=9).flat_map(|day| {
        ["steps", "weight", "distance"].map(|kind| {
            let date = format!("2026-04-0{day}");
            let daily = DailyValue { r#type: kind.to_owned(), date, value: 70.0, ..DailyValue::default() };
            upsert(&format!("{kind}-{day}"), 1, daily)
        })
    });
    say(&world, app(aida), told.collect()).await;
    let page = |cursor: String| ListDaysRequest {
        from: "2026-04-02".to_owned(),
        to: "2026-04-08".to_owned(),
        cursor,
        limit: 5,
        ..ListDaysRequest::default()
    };
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let asked = by(aida, page(cursor));
        let answer = world.client().list_days(asked).await.unwrap().into_inner();
        found.extend(answer.items.into_iter().map(|day| (day.date, day.r#type, day.sources.len())));
        cursor = answer.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = (2..=8)
        .rev()
        .flat_map(|day| {
            ["distance", "steps", "weight"].map(|kind| (format!("2026-04-0{day}"), kind.to_owned(), 1))
        })
        .collect();
    assert_eq!(found, expected);
    assert!(days(&world, boris, "").await.is_empty(), "they are nobody else's");
    let refused = async |request: ListDaysRequest, code| {
        refused_with(world.client().list_days(by(aida, request)).await, code);
    };
    let empty = String::new;
    refused(ListDaysRequest { r#type: "mood".to_owned(), ..page(empty()) }, Code::InvalidField).await;
    refused(ListDaysRequest { from: "2026-05-01".to_owned(), ..page(empty()) }, Code::InvalidField).await;
    refused(ListDaysRequest { to: "soon".to_owned(), ..page(empty()) }, Code::InvalidField).await;
    refused(page("nonsense".to_owned()), Code::BadCursor).await;
    for (date, kind) in [("soon", "steps"), ("2026-04-05", "mood"), ("2026-04-05", "sleep"), ("", "")] {
        let asked = GetDayRequest { date: date.to_owned(), r#type: kind.to_owned() };
        refused_with(world.client().get_day(by(aida, asked)).await, Code::NotFound);
    }
    let watching = acting_for(watch(aida, "wrist"), page(empty()));
    refused_with(world.client().list_days(watching).await, Code::InsufficientScope);
    world.erase(aida).await;
    assert!(days(&world, aida, "").await.is_empty());
    world.stop().await;
}
