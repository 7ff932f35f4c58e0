//! The event store's promises.

use std::{collections::HashMap, future::Future, sync::Arc};

use bytes::Bytes;
use futures::future::join_all;

use super::{Fresh, append, command, write};
use crate::{
    args,
    event::{Position, StreamId},
    sql::{Statement, Value},
    store::{Claim, DueTimer, EventStore, Expected, Fence, Outcome, Snapshot, Timer},
};

/// Every promise, each on a store of its own.
pub async fn suite<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Fresh>,
{
    a_following_reader_sees_every_event_once_and_in_order(fresh().await.store).await;
    a_wrong_expectation_changes_nothing(fresh().await.store).await;
    an_append_over_several_streams_is_all_or_nothing(fresh().await.store).await;
    a_key_brings_the_first_answer_back(fresh().await.store).await;
    fifty_of_one_key_make_one(fresh().await.store).await;
    a_claim_has_one_holder(fresh().await.store).await;
    a_stale_owner_is_fenced(fresh().await).await;
    timers_come_in_due_order(fresh().await.store).await;
    snapshots_only_grow(fresh().await.store).await;
    inline_rows_stand_in_the_same_transaction(fresh().await).await;
    old_keys_are_swept(fresh().await.store).await;
    a_storm_of_broken_appends_harms_no_other(fresh().await).await;
    work_that_goes_on_after_a_failed_statement_is_undone(fresh().await).await;
}

/// What a reader saw: it follows while others write.
pub async fn follow(store: Arc<dyn EventStore>, until: Position) -> Vec<Position> {
    let mut news = store.watch();
    let mut seen = Vec::new();
    let mut after = 0;
    while after < until {
        news.mark_unchanged();
        let page = store.read_all(after, 500).await.expect("the journal is readable");
        if page.is_empty() {
            // Another process may be writing: look again soon, whatever this one knows.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(5), news.changed()).await;
        }
        for event in page {
            after = event.position;
            seen.push(event.position);
        }
    }
    seen
}

async fn a_following_reader_sees_every_event_once_and_in_order(store: Arc<dyn EventStore>) {
    const WRITERS: i64 = 32;
    const EACH: i64 = 20;
    let total = WRITERS * EACH * 2;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        async move {
            for _ in 0..EACH {
                let stream = format!("stream-{writer}");
                let outcome =
                    store.append(append(vec![write(&stream, Expected::Any, 2)])).await.expect("appended");
                assert!(matches!(outcome, Outcome::Appended { .. }), "{outcome:?}");
            }
        }
    });
    let (seen, _) = tokio::join!(follow(store.clone(), total), join_all(writers));
    assert_eq!(seen, (1..=total).collect::<Vec<_>>(), "no position is skipped, none comes twice");
    let mut versions: HashMap<StreamId, i64> = HashMap::new();
    for event in store.read_all(0, usize::MAX).await.expect("the journal is readable") {
        let version = versions.entry(event.stream).or_default();
        *version += 1;
        assert_eq!(event.version, *version, "a stream's versions ascend with the positions");
    }
}

async fn a_wrong_expectation_changes_nothing(store: Arc<dyn EventStore>) {
    store.append(append(vec![write("stream-1", Expected::Exactly(0), 2)])).await.unwrap();
    let outcome = store.append(append(vec![write("stream-1", Expected::Exactly(1), 1)])).await.unwrap();
    assert_eq!(outcome, Outcome::Conflict { stream: StreamId::named("stream-1"), actual: 2 });
    assert_eq!(store.head().await.unwrap(), 2);
    let outcome = store.append(append(vec![write("stream-1", Expected::Exactly(2), 1)])).await.unwrap();
    let versions = vec![(StreamId::named("stream-1"), 3)];
    assert_eq!(outcome, Outcome::Appended { position: 3, versions });
}

async fn an_append_over_several_streams_is_all_or_nothing(store: Arc<dyn EventStore>) {
    let good = write("stream-1", Expected::Exactly(0), 1);
    let bad = write("stream-2", Expected::Exactly(7), 1);
    let outcome = store.append(append(vec![good, bad])).await.unwrap();
    assert!(matches!(outcome, Outcome::Conflict { .. }));
    assert_eq!(store.head().await.unwrap(), 0, "the good half was not written");
    let twice = vec![write("stream-1", Expected::Exactly(0), 1), write("stream-1", Expected::Exactly(1), 1)];
    assert!(matches!(store.append(append(twice)).await.unwrap(), Outcome::Appended { position: 2, .. }));
}

async fn a_key_brings_the_first_answer_back(store: Arc<dyn EventStore>) {
    let mut first = append(vec![write("stream-1", Expected::Any, 1)]);
    first.commands.push(command("k", b"body", "one"));
    store.append(first.clone()).await.unwrap();
    let mut second = append(vec![write("stream-1", Expected::Any, 1)]);
    second.commands.push(command("k", b"body", "two"));
    match store.append(second).await.unwrap() {
        Outcome::Replayed { result, position } => {
            assert_eq!((result.ids, position), (vec!["one".to_owned()], 1))
        }
        other => panic!("the first answer is given again, not {other:?}"),
    }
    let mut other = append(vec![write("stream-1", Expected::Any, 1)]);
    other.commands.push(command("k", b"another body", "three"));
    assert_eq!(store.append(other).await.unwrap(), Outcome::Mismatch { key: "k".to_owned() });
    assert_eq!(store.head().await.unwrap(), 1);
    let answered = store.answered("account:test", "k").await.unwrap().expect("it is remembered");
    assert_eq!(answered.result.ids, ["one"]);
    assert!(store.answered("account:other", "k").await.unwrap().is_none(), "keys belong to their actor");
}

async fn fifty_of_one_key_make_one(store: Arc<dyn EventStore>) {
    let tries = (0..50).map(|_| {
        let mut one = append(vec![write("stream-1", Expected::Any, 1)]);
        one.commands.push(command("k", b"body", "id"));
        store.append(one)
    });
    let outcomes: Vec<Outcome> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let appended = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Appended { .. })).count();
    assert_eq!((appended, store.head().await.unwrap()), (1, 1));
}

async fn a_claim_has_one_holder(store: Arc<dyn EventStore>) {
    let take = |stream: &str, key: &str| {
        let mut one = append(vec![write(stream, Expected::Any, 1)]);
        one.claims.push(Claim::Take {
            scope: "email".into(),
            key: key.into(),
            stream: StreamId::named(stream),
        });
        one
    };
    let names: Vec<String> = (0..50).map(|number| format!("account-{number}")).collect();
    let outcomes = join_all(names.iter().map(|name| store.append(take(name, "a@b")))).await;
    let taken = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Appended { .. }))).count();
    assert_eq!(taken, 1, "one of fifty takes it");
    let holder = store.claimed_by("email", "a@b").await.unwrap().expect("somebody holds it");

    let mut stranger = append(vec![write("account-x", Expected::Any, 1)]);
    let x = StreamId::named("account-x");
    stranger.claims.push(Claim::Release { scope: "email".into(), key: "a@b".into(), stream: x });
    store.append(stranger).await.unwrap();
    assert_eq!(
        store.claimed_by("email", "a@b").await.unwrap(),
        Some(holder.clone()),
        "only its holder lets it go"
    );

    let mut moving = append(vec![write(holder.as_str(), Expected::Any, 1)]);
    moving.claims.push(Claim::Move {
        scope: "email".into(),
        from: "a@b".into(),
        to: "c@d".into(),
        stream: holder.clone(),
    });
    store.append(moving).await.unwrap();
    assert_eq!(store.claimed_by("email", "a@b").await.unwrap(), None);
    assert_eq!(store.claimed_by("email", "c@d").await.unwrap(), Some(holder));
    assert!(matches!(store.append(take("account-y", "c@d")).await.unwrap(), Outcome::Claimed { .. }));
}

async fn a_stale_owner_is_fenced(fresh: Fresh) {
    let holder = crate::ownership::Holder::new(fresh.db.clone(), "one", "here");
    let epoch = holder.take("pool").await.unwrap();
    let newer = crate::ownership::Holder::new(fresh.db.clone(), "two", "there").take("pool").await.unwrap();
    let fenced = |epoch| {
        let mut one = append(vec![write("stream-1", Expected::Any, 1)]);
        one.fence = Some(Fence { resource: "pool".to_owned(), epoch });
        one
    };
    assert_eq!(fresh.store.append(fenced(epoch)).await.unwrap(), Outcome::Fenced);
    assert!(matches!(
        fresh.store.append(fenced(newer)).await.unwrap(),
        Outcome::Appended { position: 1, .. }
    ));
}

async fn timers_come_in_due_order(store: Arc<dyn EventStore>) {
    let set = |due_us: i64, id: &str| Timer::Set {
        due_us,
        stream: StreamId::named("stream-1"),
        command_id: id.to_owned(),
        payload: Bytes::from_static(b"p"),
    };
    let mut one = append(vec![write("stream-1", Expected::Any, 1)]);
    one.timers = vec![set(300, "c"), set(100, "a"), set(200, "b"), set(250, "gone")];
    store.append(one).await.unwrap();
    let mut two = append(vec![]);
    two.timers = vec![
        Timer::Cancel { stream: StreamId::named("stream-1"), command_id: "gone".to_owned() },
        set(400, "b"),
    ];
    store.append(two).await.unwrap();
    assert_eq!(store.next_timer_us().await.unwrap(), Some(100));
    let due = |timers: Vec<DueTimer>| timers.into_iter().map(|timer| timer.command_id).collect::<Vec<_>>();
    assert_eq!(due(store.due_timers(399, 10).await.unwrap()), ["a", "c"]);
    for timer in store.due_timers(399, 10).await.unwrap() {
        store.timer_done(&timer).await.unwrap();
    }
    assert_eq!(
        due(store.due_timers(1_000, 10).await.unwrap()),
        ["b"],
        "what was set anew comes at its new time"
    );
}

async fn snapshots_only_grow(store: Arc<dyn EventStore>) {
    let stream = StreamId::named("stream-1");
    let snapshot =
        |version, state: &'static [u8]| Snapshot { version, state_ver: 1, state: Bytes::from_static(state) };
    store.save_snapshot(&stream, snapshot(20, b"twenty")).await.unwrap();
    store.save_snapshot(&stream, snapshot(10, b"ten")).await.unwrap();
    assert_eq!(store.snapshot(&stream).await.unwrap(), Some(snapshot(20, b"twenty")));
}

async fn inline_rows_stand_in_the_same_transaction(fresh: Fresh) {
    fresh
        .db
        .execute("CREATE TABLE inline_row (name TEXT PRIMARY KEY, position BIGINT NOT NULL)", vec![])
        .await
        .unwrap();
    let insert = "INSERT INTO inline_row (name, position) VALUES ($1, $2)";
    let with_row = |name: &str| {
        let mut one = append(vec![write("stream-1", Expected::Any, 2)]);
        one.inline.push(Statement::new(insert, vec![name.into(), Value::AppendPosition]));
        one
    };
    fresh.store.append(with_row("a")).await.unwrap();
    // The second «a» breaks its own append and no other, though they may share a transaction.
    let names = ["b", "a", "c", "d"];
    let outcomes = join_all(names.map(|name| fresh.store.append(with_row(name)))).await;
    let failed: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false, false]);
    let rows = fresh.db.fetch("SELECT name, position FROM inline_row ORDER BY name", args![]).await.unwrap();
    let rows: Vec<(String, i64)> =
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0], ("a".to_owned(), 2), "the append's last position stands in the row");
    assert_eq!(fresh.store.head().await.unwrap(), 8, "the broken append left no gap");
}

async fn old_keys_are_swept(store: Arc<dyn EventStore>) {
    let mut old = append(vec![write("stream-1", Expected::Any, 1)]);
    old.commands.push(command("old", b"", "1"));
    let mut new = append(vec![write("stream-1", Expected::Any, 1)]);
    new.at_us = 2_000;
    new.commands.push(command("new", b"", "2"));
    store.append(old).await.unwrap();
    store.append(new).await.unwrap();
    assert_eq!(store.sweep_commands(2_000).await.unwrap(), 1);
    assert!(store.answered("account:test", "old").await.unwrap().is_none());
    assert!(store.answered("account:test", "new").await.unwrap().is_some());
}

async fn a_storm_of_broken_appends_harms_no_other(fresh: Fresh) {
    let broken = |nth: usize| nth.is_multiple_of(5);
    let storm = (0..200).map(|nth| {
        let mut one = append(vec![write(&format!("stream-{nth}"), Expected::Exactly(0), 1)]);
        if broken(nth) {
            one.inline.push(Statement::new("INSERT INTO nowhere (id) VALUES ($1)", args![1]));
        }
        fresh.store.append(one)
    });
    let outcomes = join_all(storm).await;
    for (nth, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), broken(nth), "append {nth}: {outcome:?}");
    }
    assert_eq!(follow(fresh.store, 160).await, (1..=160).collect::<Vec<_>>());
}

/// One engine would undo the statement alone, the other the whole transaction: so both undo all of it, and say so.
async fn work_that_goes_on_after_a_failed_statement_is_undone(fresh: Fresh) {
    let table = "CREATE TABLE note (id BIGINT PRIMARY KEY)";
    fresh.db.execute(table, vec![]).await.unwrap();
    let work = fresh.db.transact(|tx| {
        Box::pin(async move {
            let put = "INSERT INTO note (id) VALUES ($1)";
            tx.execute(put, args![1]).await?;
            let _ = tx.execute(put, args![1]).await;
            Ok::<_, crate::sql::DbError>(())
        })
    });
    assert!(matches!(work.await, Err(crate::sql::DbError::RolledBack(_))));
    assert!(fresh.db.fetch("SELECT id FROM note", vec![]).await.unwrap().is_empty());
}
