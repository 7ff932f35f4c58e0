//! Sync as phones and watches need it: devices apart, units of both worlds, clocks that are wrong, marks that are old, a month
//! at once.

use eventing::args;
use kernel::{AccountId, Clock, Code};
use platform::{actor::Actor, context::acting_for};
use proto::activity::{
    Ack, DailyValue, Delete, ExplanationRequest, Sample, Span, SyncRequest, SyncResponse, Upsert, Workout,
    upsert::Record,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, World, app, by, refused_with, watch};

const DAY_S: i64 = 86_400;

fn us(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn run(start: &str, distance_m: f64) -> Record {
    Record::Workout(Workout {
        sport: "running".to_owned(),
        start_us: us(start),
        elapsed_time_s: 1_800.0,
        distance_m: Some(distance_m),
        ..Workout::default()
    })
}

fn sample(kind: &str, unit: &str, value: f64) -> Record {
    let at_us = us("2026-05-01T01:00:00Z");
    Record::Sample(Sample { r#type: kind.to_owned(), at_us, value, unit: unit.to_owned() })
}

fn upsert(key: impl Into<String>, version: i64, record: Record) -> Upsert {
    Upsert { key: key.into(), version, record: Some(record) }
}

fn gone(key: impl Into<String>, version: i64) -> Delete {
    Delete { key: key.into(), version, ..Delete::default() }
}

fn words(acks: &[Ack]) -> Vec<&str> {
    acks.iter().map(|ack| ack.status.as_str()).collect()
}

async fn say(world: &World<'_>, actor: Actor, asked: SyncRequest) -> SyncResponse {
    world.client().sync(acting_for(actor, asked)).await.unwrap().into_inner()
}

fn upserts(upserts: Vec<Upsert>) -> SyncRequest {
    SyncRequest { upserts, ..SyncRequest::default() }
}

async fn values(world: &World<'_>, account: AccountId, sql: &str) -> Vec<f64> {
    world.db.fetch(sql, args![account]).await.unwrap().iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn two_watches_with_equal_keys_do_not_meet() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let (left, right) = (watch(aida, "left"), watch(aida, "right"));
    let morning = || upserts(vec![upsert("1", 1, run("2026-05-01T01:00:00Z", 5_000.0))]);
    let evening = || upserts(vec![upsert("1", 1, run("2026-05-01T13:00:00Z", 3_000.0))]);
    assert_eq!(words(&say(&world, left.clone(), morning()).await.acks), ["stored"]);
    assert_eq!(words(&say(&world, right.clone(), evening()).await.acks), ["stored"]);
    assert_eq!(words(&say(&world, left, morning()).await.acks), ["duplicate"]);
    assert_eq!(world.mine(aida).await.len(), 2);
    let deleted = SyncRequest { deletes: vec![gone("1", 2)], ..SyncRequest::default() };
    assert_eq!(words(&say(&world, right, deleted).await.acks), ["stored"]);
    let [left] = &world.mine(aida).await[..] else { panic!("the other watch's run stays") };
    assert_eq!(left.distance_m, Some(5_000.0));
    world.stop().await;
}

#[tokio::test]
async fn what_was_kept_when_devices_shared_a_source_stays_within_reach_of_one() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let old = SyncRequest {
        source: "device".to_owned(),
        ..upserts(vec![upsert("1", 1, run("2026-05-01T01:00:00Z", 5_000.0))])
    };
    say(&world, app(aida), old).await;
    let newer = || upserts(vec![upsert("1", 2, run("2026-05-01T01:00:00Z", 5_100.0))]);
    say(&world, watch(aida, "left"), newer()).await;
    let [run_of_then] = &world.mine(aida).await[..] else { panic!("the same run") };
    assert_eq!((run_of_then.distance_m, run_of_then.revision), (Some(5_100.0), 2));
    let evening = || upserts(vec![upsert("1", 9, run("2026-05-02T13:00:00Z", 3_000.0))]);
    say(&world, watch(aida, "right"), evening()).await;
    assert_eq!(world.mine(aida).await.len(), 2, "the second device does not inherit");
    assert_eq!(words(&say(&world, watch(aida, "left"), newer()).await.acks), ["duplicate"]);
    world.stop().await;
}

#[tokio::test]
async fn units_of_both_phones_are_kept_as_one() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let energy = Record::Daily(DailyValue {
        r#type: "active_energy".to_owned(),
        date: "2026-05-01".to_owned(),
        value: 500.0,
        spans: vec![Span { start_us: 1, end_us: 2, value: 500.0 }],
        unit: "kcal".to_owned(),
        ..DailyValue::default()
    });
    let asked = upserts(vec![
        upsert("a", 1, sample("spo2", "", 0.97)),
        upsert("b", 1, sample("spo2", "%", 97.0)),
        upsert("c", 1, sample("glucose", "mg/dL", 90.078)),
        upsert("d", 1, sample("weight", "furlong", 70.0)),
        upsert("e", 1, energy),
    ]);
    let acks = say(&world, app(aida), asked).await.acks;
    assert_eq!(words(&acks), ["stored", "stored", "stored", "refused", "stored"]);
    assert_eq!(acks[0].notices, ["unit_assumed"]);
    let problem = acks[3].problem.as_ref().unwrap();
    assert_eq!(problem.fields[0].pointer, "/upserts/3/sample/unit");
    let kept = values(&world, aida, "SELECT value FROM metric WHERE account_id = $1 ORDER BY key").await;
    let wanted = [97.0, 97.0, 5.0];
    assert!(kept.iter().zip(wanted).all(|(kept, wanted)| (kept - wanted).abs() < 1e-6), "{kept:?}");
    assert_eq!(values(&world, aida, "SELECT value FROM daily WHERE account_id = $1").await, [2_092.0]);
    world.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_hours_is_put_right_and_says_so() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let now = world.clock().now();
    let ahead = now + jiff::SignedDuration::from_hours(3);
    let began = (ahead - jiff::SignedDuration::from_hours(1)).to_string();
    let records = |version| {
        vec![upsert("A1", version, run(&began, 5_000.0)), upsert("S1", version, sample("spo2", "", 98.0))]
    };
    let unsaid = say(&world, watch(aida, "watch"), upserts(records(1))).await;
    assert_eq!(unsaid.acks[0].problem.as_ref().unwrap().code, "start_in_future");
    let asked = SyncRequest { sent_us: Some(ahead.as_microsecond()), ..upserts(records(2)) };
    let acks = say(&world, watch(aida, "watch"), asked).await.acks;
    assert_eq!(
        (acks[0].status.as_str(), &acks[0].notices[..]),
        ("stored", &["clock_corrected".to_owned()][..])
    );
    let [run] = &world.mine(aida).await[..] else { panic!("one run") };
    let right = now - jiff::SignedDuration::from_hours(1);
    assert_eq!(run.start_us, Some(right.as_microsecond()));
    let asked = ExplanationRequest { activity_id: acks[0].activity_id.clone() };
    let items = world.client().explanation(by(aida, asked)).await.unwrap().into_inner().items;
    let start = items.iter().find(|item| item.field == "start_at").unwrap();
    assert_eq!((start.source.as_str(), start.algorithm.as_str()), ("computed", "clock-skew-10800s"));
    let skews =
        values(&world, aida, "SELECT CAST(skew_s AS DOUBLE PRECISION) FROM metric WHERE account_id = $1");
    assert_eq!(skews.await, [-10_800.0]);

    let lost = SyncRequest { sent_us: Some(0), ..upserts(records(3)) };
    refused_with(world.client().sync(acting_for(watch(aida, "watch"), lost)).await, Code::InvalidField);
    world.stop().await;
}

#[tokio::test]
async fn a_mark_of_a_month_ago_is_answered_with_what_to_read_anew() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let ask = async |cursor: &str| {
        let asked = SyncRequest { cursor: cursor.to_owned(), ..SyncRequest::default() };
        say(&world, watch(aida, "watch"), asked).await
    };
    let first = ask("").await;
    assert!(first.repair.is_none(), "nobody was heard of before");
    assert_eq!(ask("anchor-17").await.cursor, "anchor-17");
    let heard_us = world.clock().now().as_microsecond();
    world.clock().advance_s(29 * DAY_S);
    let good = ask("").await;
    assert_eq!((good.cursor.as_str(), good.repair), ("anchor-17", None));
    world.clock().advance_s(2 * DAY_S);
    let old = ask("").await;
    let repair = old.repair.expect("the mark is old");
    assert_eq!(repair.reason, "cursor_expired");
    assert!((repair.read_from_us - (heard_us - DAY_S * 1_000_000)).abs() < 60_000_000);
    assert!(ask(&first.cursor).await.repair.is_some(), "so is one that was given here and never used");
    assert!(ask(&old.cursor).await.repair.is_none(), "repaired");
    assert_eq!(ask("").await.cursor, old.cursor);
    world.stop().await;
}

/// Thirty days: a run, six samples and three days' values each, in the order in which phones tell them.
fn month() -> Vec<Upsert> {
    let days = (1..=30).map(|day| format!("2026-04-{day:02}"));
    let of_day = |date: String| {
        let morning = format!("{date}T01:00:00Z");
        let at = |hour: i64| us(&morning) + hour * 3_600_000_000;
        let samples = (0..6).map({
            let date = date.clone();
            move |hour| {
                let (r#type, at_us) = ("heart_rate".to_owned(), at(hour));
                let sample = Sample { r#type, at_us, value: 60.0 + hour as f64, ..Sample::default() };
                upsert(format!("s-{date}-{hour}"), 1, Record::Sample(sample))
            }
        });
        let dailies = ["steps", "active_energy", "resting_heart_rate"].map(|kind| {
            let daily = DailyValue {
                r#type: kind.to_owned(),
                date: date.clone(),
                value: 60.0,
                ..DailyValue::default()
            };
            upsert(format!("d-{date}-{kind}"), 1, Record::Daily(daily))
        });
        let mut of_day = vec![upsert(format!("w-{date}"), 1, run(&morning, 5_000.0))];
        of_day.extend(samples);
        of_day.extend(dailies);
        of_day
    };
    days.flat_map(of_day).collect()
}

#[tokio::test]
async fn a_month_comes_in_at_once_again_and_goes_at_once() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let all = month();
    assert_eq!(all.len(), 300);
    let first = say(&world, watch(aida, "watch"), upserts(all.clone())).await;
    assert!(first.acks.iter().all(|ack| ack.status == "stored"), "{:?}", words(&first.acks));
    let keys: Vec<_> = all.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(first.acks.iter().map(|ack| ack.key.as_str()).collect::<Vec<_>>(), keys);
    let again = say(&world, watch(aida, "watch"), upserts(all.clone())).await;
    let duplicates = words(&again.acks).iter().filter(|word| **word == "duplicate").count();
    assert_eq!(duplicates, 30 * 4, "samples are always stored");
    let counts = async || {
        let live = |table: &str| {
            format!(
                "SELECT CAST(COUNT(*) AS DOUBLE PRECISION) FROM {table} WHERE account_id = $1 AND live = 1"
            )
        };
        (values(&world, aida, &live("metric")).await, values(&world, aida, &live("daily")).await)
    };
    assert_eq!(counts().await, (vec![180.0], vec![90.0]));
    assert_eq!(world.mine(aida).await.len(), 30);

    let deletes = all.iter().map(|one| gone(one.key.clone(), 2)).chain([gone("never known", 1)]).collect();
    let purged = SyncRequest { deletes, ..SyncRequest::default() };
    let purged = say(&world, watch(aida, "watch"), purged).await;
    assert!(purged.acks.iter().all(|ack| ack.status == "stored"), "{:?}", words(&purged.acks));
    assert_eq!(counts().await, (vec![0.0], vec![0.0]));
    assert!(world.mine(aida).await.is_empty());
    let late = say(&world, watch(aida, "watch"), upserts(all)).await;
    let stale = words(&late.acks).iter().filter(|word| **word == "stale").count();
    assert_eq!(stale, 30 * 4);
    assert_eq!(
        counts().await,
        (vec![0.0], vec![0.0]),
        "what was deleted does not come back with an old version"
    );
    world.stop().await;
}
