//! Parked keys: who parks, who releases, and what a stranger says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use proto::envelope::{Record, record::Body};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    SERVICE,
    world::{Running, Tally, World, eventually},
};
use crate::{
    args,
    bus::{Routed, Topic, partition_of},
    event::Incoming,
    readers::{Failure, Projection, Reactor, Source},
    sql::Tx,
};

/// Counts everything in one row, and not in one statement: whoever does the same beside it shows.
struct Sum {
    poison: Arc<AtomicBool>,
}

#[async_trait]
impl Projection for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let bad = events.iter().any(|event| event.event.stream.as_str() == "bad");
        if bad && self.poison.load(Ordering::Acquire) {
            return Err(Failure::Poison("told so".to_owned()));
        }
        let row = tx.fetch_one("SELECT count FROM tally WHERE stream = 'all'", vec![]).await?;
        let before: i64 = row.map_or(Ok(0), |row| row.get(0))?;
        tokio::time::sleep(Duration::from_millis(2)).await;
        let after = before + i64::try_from(events.len()).unwrap_or_default();
        tx.execute(
            "INSERT INTO tally (stream, count, last) VALUES ('all', $1, 0)
             ON CONFLICT (stream) DO UPDATE SET count = excluded.count",
            args![after],
        )
        .await?;
        Ok(())
    }
}

/// Two release a key while more of it arrives, beside what else the reader has to do: each record has its effect once,
/// and nothing stays behind.
pub(super) async fn a_key_is_released_once_however_many_release_it(world: World) {
    let poison = Arc::new(AtomicBool::new(true));
    let shutdown = CancellationToken::new();
    let spine = world.spine(1, &shutdown).projection(Sum { poison: poison.clone() });
    let running = Running::start(&spine, shutdown);
    world.happen("bad", 30).await;
    let all_wait = || async { spine.parked(10).await.expect("listed").iter().any(|key| key.records == 30) };
    eventually("parked", all_wait).await;
    poison.store(false, Ordering::Release);
    let more = async {
        for _ in 0..30 {
            world.happen("bad", 1).await;
            world.happen("good", 1).await;
        }
    };
    let (one, other, ()) = tokio::join!(spine.replay(None, None), spine.replay(None, None), more);
    let (one, other) = (one.expect("released"), other.expect("released"));
    assert_eq!((one.still_parked, other.still_parked), (0, 0));
    // Nobody releases any more: what came meanwhile was taken, or waited for whoever released.
    world.until(&[("all", 90)]).await;
    assert_eq!(spine.parked(10).await.expect("listed"), []);
    running.stop().await;
}

/// Waits with each event until it is told to go on, and then may not like it.
struct Doubting {
    go_on: Arc<Semaphore>,
    likes: bool,
    tried: Arc<AtomicUsize>,
}

#[async_trait]
impl Reactor for Doubting {
    fn name(&self) -> &'static str {
        "doubting"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn react(&self, _: &Incoming) -> Result<(), Failure> {
        self.tried.fetch_add(1, Ordering::AcqRel);
        self.go_on.acquire().await.expect("open").forget();
        if self.likes { Ok(()) } else { Err(Failure::Poison("not this one".to_owned())) }
    }
}

/// An owner that slept while another took what it was at must not park it.
pub(super) async fn a_zombie_parks_nothing(world: World) {
    let reactor = |likes| {
        let (go_on, tried) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        (Doubting { go_on: go_on.clone(), likes, tried: tried.clone() }, go_on, tried)
    };
    let (sleeper, wake, asleep) = reactor(false);
    let shutdown = CancellationToken::new();
    let zombie = Running::start(&world.spine(1, &shutdown).reactor(sleeper), shutdown);
    world.happen("a", 1).await;
    eventually("begun", || async { asleep.load(Ordering::Acquire) == 1 }).await;
    let (next, go_on, taken) = reactor(true);
    let shutdown = CancellationToken::new();
    let spine = world.spine(2, &shutdown).reactor(next);
    let owner = Running::start(&spine, shutdown);
    go_on.add_permits(10);
    eventually("taken by another", || async { taken.load(Ordering::Acquire) == 1 }).await;
    wake.add_permits(3);
    eventually("given up", || async { asleep.load(Ordering::Acquire) == 3 }).await;
    // Ends behind what it was at.
    zombie.stop().await;
    assert_eq!(spine.parked(10).await.expect("listed"), []);
    world.happen("a", 1).await;
    eventually("taken by another", || async { taken.load(Ordering::Acquire) == 2 }).await;
    owner.stop().await;
}

/// Another installation's relay, or another service's, on our topic: what it says is kept for a person, and moves nobody
/// past what is ours.
pub(super) async fn a_strangers_word_hides_nothing(world: World) {
    let shutdown = CancellationToken::new();
    let spine = world.spine(1, &shutdown).projection(Tally::of(Source::Topic(SERVICE)));
    let running = Running::start(&spine, shutdown);
    world.happen("a", 1).await;
    world.until(&[("a", 1)]).await;
    let part = partition_of("a");
    let says = |source: &str, head: u64| Routed {
        part,
        record: Record { source: source.to_owned(), body: Some(Body::Watermark(head)) },
    };
    let strange = [says("somebody", 1_000_000), says(SERVICE, u64::MAX)];
    world.bus.publish(&Topic::events(SERVICE), &strange).await.expect("published");
    eventually("kept", || async { spine.parked(10).await.expect("listed").len() == strange.len() }).await;
    world.happen("a", 2).await;
    world.until(&[("a", 3)]).await;
    running.stop().await;
}
