//! The typed door over a real store: replays, races, snapshots, timers of one append.

use std::sync::Arc;

use bytes::Bytes;
use eventing::{
    Claim, Command, Decision, DecodeError, DomainEvent, Error, Journal, Plain, StreamId, Timer,
    aggregate::Aggregate,
    sealing::{Sealer, StaticKeys},
};
use futures::future::join_all;
use kernel::{Code, Refusal, SystemClock};
use proto::envelope::CommandResult;
use tempfile::TempDir;

use crate::fresh;

/// A counter whose events are any small message of the contract.
#[derive(Clone, Debug, PartialEq)]
struct Counted(u32);

impl DomainEvent for Counted {
    fn encode(&self) -> Plain {
        Plain::of(&CommandResult { status: self.0, ids: vec![] })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(plain.expect::<CommandResult>()?.status))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Counter {
    total: u32,
    folded: u32,
}

impl Aggregate for Counter {
    type Event = Counted;
    const KIND: &'static str = "counter";
    const SNAPSHOT_EVERY: i64 = 10;

    fn evolve(&mut self, event: &Counted) {
        self.total += event.0;
        self.folded += 1;
    }

    fn snapshot(&self) -> Option<Plain> {
        Some(Plain::of(&CommandResult { status: self.total, ids: vec![] }))
    }

    fn restore(snapshot: &Plain) -> Option<Self> {
        Some(Self { total: snapshot.expect::<CommandResult>().ok()?.status, folded: 0 })
    }
}

async fn journal() -> (Journal, TempDir) {
    let root = tempfile::tempdir().expect("a folder");
    let fresh = fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await;
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    (Journal::new("test", fresh.store, sealer, Arc::new(SystemClock)), root)
}

/// Another process on the same store: what the first one keeps near it does not know.
fn elsewhere(journal: &Journal) -> Journal {
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    Journal::new("test", journal.store().clone(), sealer, Arc::new(SystemClock))
}

fn stream() -> StreamId {
    StreamId::named("counter-1")
}

fn add(
    amount: u32,
) -> impl Fn(&Counter, jiff::Timestamp) -> Result<Decision<Counted>, Refusal> + Send + Sync {
    move |_, _| Ok(Decision::of(vec![Counted(amount)]).answer(201, vec![amount.to_string()]))
}

#[tokio::test]
async fn a_repeated_command_answers_as_the_first_time() {
    let (journal, _root) = journal().await;
    let command = Command::by("account:a").keyed("POST /things/k1", "hash");
    let first = journal.execute(&command, &stream(), "p", add(1)).await.expect("done");
    let again = journal.execute(&command, &stream(), "p", add(2)).await.expect("answered");
    assert!(!first.replayed && again.replayed);
    assert_eq!((again.result, again.position), (first.result, first.position));
    let other = Command::by("account:a").keyed("POST /things/k1", "another hash");
    let refused = journal.execute(&other, &stream(), "p", add(3)).await.expect_err("another request");
    assert_eq!(Refusal::from(refused).code, Code::IdempotencyMismatch);
    assert_eq!(journal.load::<Counter>(&stream()).await.expect("loaded").state.total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_race_are_decided_anew_and_none_is_lost() {
    let (journal, _root) = journal().await;
    let limit = |state: &Counter, _| {
        if state.total < 8 {
            Ok(Decision::of(vec![Counted(1)]))
        } else {
            Err(Refusal::new(Code::BudgetExhausted, "eight is enough"))
        }
    };
    let command = Command::by("account:a");
    let target = stream();
    let tries = join_all((0..12).map(|_| journal.execute::<Counter, _>(&command, &target, "p", limit))).await;
    let refused = tries.iter().filter(|one| matches!(one, Err(Error::Refused(_)))).count();
    assert_eq!((tries.iter().filter(|one| one.is_ok()).count(), refused), (8, 4));
    assert_eq!(journal.load::<Counter>(&stream()).await.expect("loaded").state.total, 8);
}

#[tokio::test]
async fn a_long_stream_is_loaded_from_its_snapshot() {
    let (journal, _root) = journal().await;
    for amount in 1..=25 {
        journal.execute(&Command::by("account:a"), &stream(), "p", add(amount)).await.expect("done");
    }
    let loaded = journal.load::<Counter>(&stream()).await.expect("loaded");
    assert_eq!((loaded.state.total, loaded.version), ((1..=25).sum(), 25));
    assert_eq!(loaded.state.folded, 25, "what was folded once is folded on");
    let loaded = elsewhere(&journal).load::<Counter>(&stream()).await.expect("loaded");
    assert_eq!((loaded.state.total, loaded.version), ((1..=25).sum(), 25));
    assert_eq!(loaded.state.folded, 5, "twenty events were not read again");
}

#[tokio::test]
async fn a_state_kept_near_hears_what_another_process_wrote() {
    let (journal, _root) = journal().await;
    let other = elsewhere(&journal);
    for amount in 1..=3 {
        journal.execute(&Command::by("account:a"), &stream(), "p", add(amount)).await.expect("done");
        other.execute(&Command::by("account:b"), &stream(), "p", add(10)).await.expect("done");
    }
    for journal in [&journal, &other] {
        let loaded = journal.load::<Counter>(&stream()).await.expect("loaded");
        assert_eq!((loaded.state.total, loaded.version), (36, 6));
    }
}

#[tokio::test]
async fn one_append_over_two_streams_is_guarded_on_both() {
    let (journal, _root) = journal().await;
    let (one, two) = (StreamId::named("counter-1"), StreamId::named("counter-2"));
    let command = Command::by("account:a");
    let loaded_one = journal.load::<Counter>(&one).await.expect("loaded");
    let loaded_two = journal.load::<Counter>(&two).await.expect("loaded");
    journal.execute(&command, &two, "p", add(5)).await.expect("somebody was first");
    let mut batch = journal.batch(&command);
    batch.write(&loaded_one, "p", vec![Counted(1)]);
    batch.write(&loaded_two, "p", vec![Counted(1)]);
    batch.timer(Timer::Set { due_us: 1, stream: one.clone(), command_id: "x".into(), payload: Bytes::new() });
    batch.claim(Claim::Take { scope: "name".into(), key: "k".into(), stream: one.clone() });
    assert!(matches!(batch.commit().await, Err(Error::Conflict)));
    assert_eq!(journal.load::<Counter>(&one).await.expect("loaded").version, 0);
    assert_eq!(journal.store().next_timer_us().await.expect("read"), None);
    assert_eq!(journal.store().claimed_by("name", "k").await.expect("read"), None);
}

#[tokio::test]
async fn an_event_that_no_log_could_carry_is_refused_before_it_is_kept() {
    #[derive(Clone)]
    struct Long(usize);
    impl DomainEvent for Long {
        fn encode(&self) -> Plain {
            Plain::of(&CommandResult { status: 0, ids: vec!["x".repeat(self.0)] })
        }
        fn decode(plain: &Plain) -> Result<Self, DecodeError> {
            Ok(Self(plain.expect::<CommandResult>()?.ids[0].len()))
        }
    }
    #[derive(Clone, Default)]
    struct Longest(usize);
    impl Aggregate for Longest {
        type Event = Long;
        const KIND: &'static str = "longest";
        fn evolve(&mut self, event: &Long) {
            self.0 = event.0;
        }
    }
    let (journal, _root) = journal().await;
    let command = Command::by("account:a").keyed("POST /things", "hash");
    let say = |length: usize| move |_: &Longest, _| Ok(Decision::of(vec![Long(length)]));
    let refused =
        journal.execute(&command, &stream(), "p", say(8 * 1024 * 1024)).await.expect_err("too long");
    assert_eq!(Refusal::from(refused).code, Code::PayloadTooLarge);
    assert_eq!(journal.store().head().await.expect("read"), 0, "nothing is kept");
    journal
        .execute(&command, &stream(), "p", say(7 * 1024 * 1024))
        .await
        .expect("the same key, a shorter one");
}
