//! The readers' promises: over any store and any log, every event has its effect exactly once.

mod followed;
mod logs;
mod released;
mod sending;
mod timing;
mod world;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use proto::envelope::{Parcel, Record, State, record::Body};
use tokio_util::sync::CancellationToken;

use self::{
    logs::{Forgetful, Muted},
    world::{Running, Tally, World},
};
use super::{Fresh, append, write};
use crate::{
    bus::{Bus, BusError, Routed, SiblingJournals, Topic},
    command::Command,
    event::{Incoming, Plain, Recorded, StreamId},
    journal::Journal,
    outbox,
    readers::{Failure, Follower, Reactor, Source, StateValue},
    sql::{Db, DbError},
    store::{Expected, StoreError},
};

const SERVICE: &str = "conformance";

/// Every promise, each on engines of its own.
pub async fn suite<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Fresh, Arc<dyn Bus>)>,
{
    effects_survive_restarts_exactly_once(World::new(fresh().await).await).await;
    what_is_sent_again_changes_nothing(World::new(fresh().await).await).await;
    poison_parks_only_its_key(World::new(fresh().await).await).await;
    what_is_given_up_holds_nothing_up(World::new(fresh().await).await).await;
    a_silent_log_stops_no_command_and_shows_as_lag(World::new(fresh().await).await).await;
    a_zombie_moves_no_cursor(World::new(fresh().await).await).await;
    a_reactor_commands_once(World::new(fresh().await).await).await;
    a_late_reader_takes_the_journal_for_what_the_log_forgot(World::new(fresh().await).await).await;
    a_follower_holds_the_newest_values(World::new(fresh().await).await).await;
    released::a_key_is_released_once_however_many_release_it(World::new(fresh().await).await).await;
    released::a_zombie_parks_nothing(World::new(fresh().await).await).await;
    released::a_strangers_word_hides_nothing(World::new(fresh().await).await).await;
    followed::a_follower_goes_on_where_its_log_was_lost(World::new(fresh().await).await).await;
    followed::while_the_log_is_away_its_owner_tells(World::new(fresh().await).await).await;
    timing::a_timer_that_must_wait_holds_its_own_stream_alone(World::new(fresh().await).await).await;
    sending::a_topic_that_is_refused_stops_no_other(World::new(fresh().await).await).await;
    sending::keys_that_never_rest_starve_no_other(World::new(fresh().await).await).await;
    sending::a_log_that_lost_a_state_is_told_it_again(World::new(fresh().await).await).await;
}

async fn effects_survive_restarts_exactly_once(world: World) {
    for round in 0..6 {
        let shutdown = CancellationToken::new();
        let source = if round % 2 == 0 { Source::Topic(SERVICE) } else { Source::OwnJournal };
        // The topic's and the journal's cursors are two consumers: each round uses the topic's.
        let spine = world.spine(1, &shutdown);
        let spine = if source == Source::OwnJournal { spine } else { spine.projection(Tally::of(source)) };
        let running = Running::start(&spine, shutdown);
        world.happen("a", 5).await;
        world.happen("b", 3).await;
        tokio::time::sleep(Duration::from_millis(7 * (round + 1))).await;
        if round % 3 == 0 { running.kill().await } else { running.stop().await }
    }
    let shutdown = CancellationToken::new();
    let spine = world.spine(1, &shutdown).projection(Tally::of(Source::Topic(SERVICE)));
    let running = Running::start(&spine, shutdown);
    world.until(&[("a", 30), ("b", 18)]).await;
    running.stop().await;
}

async fn what_is_sent_again_changes_nothing(world: World) {
    world.happen("a", 4).await;
    let shutdown = CancellationToken::new();
    let spine = world.spine(1, &shutdown).projection(Tally::of(Source::Topic(SERVICE)));
    let running = Running::start(&spine, shutdown);
    world.until(&[("a", 4)]).await;
    // A zombie relay publishes the whole journal once more, then news arrives.
    let events = world.fresh.store.read_all(0, 100).await.expect("read");
    let again: Vec<Routed> = events
        .iter()
        .map(|event| {
            let body = Some(Body::Event(event.to_proto()));
            Routed::by_key(Record { source: SERVICE.to_owned(), body })
        })
        .collect();
    world.bus.publish(&Topic::events(SERVICE), &again).await.expect("published");
    world.happen("a", 1).await;
    world.until(&[("a", 5)]).await;
    running.stop().await;
}

async fn poison_parks_only_its_key(world: World) {
    let shutdown = CancellationToken::new();
    let tally = Tally::of(Source::OwnJournal);
    let poison = tally.poison.clone();
    poison.lock().expect("not poisoned").insert("bad".to_owned());
    let spine = world.spine(1, &shutdown).projection(tally);
    let running = Running::start(&spine, shutdown);
    world.happen("good", 2).await;
    world.happen("bad", 2).await;
    world.happen("good", 2).await;
    world.until(&[("good", 4)]).await;
    world.happen("bad", 1).await;
    world.happen("good", 1).await;
    world.until(&[("good", 5)]).await;
    let parked = spine.parked(10).await.expect("listed");
    let [waits] = parked.as_slice() else { panic!("one key waits: {parked:?}") };
    assert_eq!((waits.consumer.as_str(), waits.key.as_str(), waits.records), ("tally", "bad", 3));
    assert!(waits.since_us > 0 && waits.attempts == 3 && waits.error == "told so", "{waits:?}");
    let letters = spine.parked_of(waits, 10).await.expect("read");
    assert!(letters.iter().all(|letter| !letter.record.is_empty()), "they wait with their bytes");
    let status = spine.status().await.expect("told");
    assert_eq!((status.parked[0].keys, status.parked[0].records), (1, 3));

    let report = spine.replay(None, None).await.expect("replayed");
    assert_eq!((report.released, report.still_parked), (0, 3), "still poison: all of it waits on, in order");
    poison.lock().expect("not poisoned").clear();
    let report = spine.replay(Some("tally"), Some("other")).await.expect("replayed");
    assert_eq!((report.released, report.still_parked), (0, 0), "another key was meant");
    let report = spine.replay(Some("tally"), Some("bad")).await.expect("replayed");
    assert_eq!((report.released, report.still_parked), (3, 0));
    world.until(&[("good", 5), ("bad", 3)]).await;
    world.happen("bad", 1).await;
    world.until(&[("good", 5), ("bad", 4)]).await;
    running.stop().await;
}

async fn what_is_given_up_holds_nothing_up(world: World) {
    let shutdown = CancellationToken::new();
    let tally = Tally::of(Source::OwnJournal);
    let poison = tally.poison.clone();
    poison.lock().expect("not poisoned").insert("bad".to_owned());
    let spine = world.spine(1, &shutdown).projection(tally);
    let running = Running::start(&spine, shutdown);
    world.happen("bad", 3).await;
    world.happen("good", 1).await;
    world.until(&[("good", 1)]).await;
    poison.lock().expect("not poisoned").clear();
    let waits = spine.parked(10).await.expect("listed").pop().expect("it waits");
    assert_eq!(spine.drop_parked(&waits, true).await.expect("dropped"), 1);
    let report = spine.replay(None, None).await.expect("replayed");
    assert_eq!((report.released, report.still_parked), (2, 0), "only the first was given up");
    world.until(&[("good", 1), ("bad", 2)]).await;

    poison.lock().expect("not poisoned").insert("bad".to_owned());
    world.happen("bad", 2).await;
    world.happen("good", 1).await;
    world.until(&[("good", 2), ("bad", 2)]).await;
    poison.lock().expect("not poisoned").clear();
    assert_eq!(spine.drop_parked(&waits, false).await.expect("dropped"), 2);
    world.happen("bad", 1).await;
    world.until(&[("good", 2), ("bad", 3)]).await;
    running.stop().await;
}

async fn a_silent_log_stops_no_command_and_shows_as_lag(mut world: World) {
    let silent = Arc::new(AtomicBool::new(true));
    world.bus = Arc::new(Muted { bus: world.bus.clone(), silent: silent.clone() });
    let shutdown = CancellationToken::new();
    let near = world.spine(1, &shutdown).projection(Tally::of(Source::OwnJournal));
    let spine = near.reactor(Deaf);
    let running = Running::start(&spine, shutdown);
    world.happen("a", 7).await;
    world.until(&[("a", 7)]).await;
    let status = spine.status().await.expect("told");
    assert_eq!((status.head, status.relay.events), (7, 7), "commands go on, nothing is published");
    assert!(status.relay.age.is_some_and(|age| age > Duration::ZERO), "{:?}", status.relay);
    assert_eq!(status.log_answers, Some(false));
    let lag = |reader| status.readers.iter().find(|one| one.reader == reader).and_then(|one| one.lag);
    assert_eq!(lag("tally").map(|lag| lag.events), Some(0), "the own journal needs no log");
    assert_eq!(lag("deaf"), None, "nobody knows where the log ends");
    assert_eq!(status.writer.map(|writer| writer.groups.sum), Some(1), "one append was committed");
    assert_eq!(
        (status.owned, status.resources),
        (status.resources, 3 + 24),
        "relay, outbox, tally; deaf's parts"
    );

    silent.store(false, Ordering::Release);
    for _ in 0..2_400 {
        let status = spine.status().await.expect("told");
        let unread = status.readers.iter().all(|one| one.lag.is_some_and(|lag| lag.events == 0));
        if status.relay.events == 0 && status.log_answers == Some(true) && unread {
            running.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the lag never went away: {:?}", spine.status().await);
}

/// Reads the service's own events from the log, and does nothing.
struct Deaf;

#[async_trait]
impl Reactor for Deaf {
    fn name(&self) -> &'static str {
        "deaf"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    async fn react(&self, _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }
}

/// Who moved the tally's cursors last.
async fn epochs(world: &World) -> Vec<i64> {
    let sql = "SELECT epoch FROM es_cursor WHERE consumer = 'tally'";
    let rows = world.fresh.db.fetch(sql, vec![]).await.expect("read");
    rows.iter().map(|row| row.get(0).expect("epoch")).collect()
}

async fn a_zombie_moves_no_cursor(world: World) {
    let (old, new) = (CancellationToken::new(), CancellationToken::new());
    let zombie = world.spine(1, &old).projection(Tally::of(Source::OwnJournal));
    let zombie = Running::start(&zombie, old);
    world.happen("a", 3).await;
    world.until(&[("a", 3)]).await;
    let owner = world.spine(2, &new).projection(Tally::of(Source::OwnJournal));
    let owner = Running::start(&owner, new);
    let until = Instant::now() + Duration::from_secs(30);
    while epochs(&world).await != [2] {
        assert!(Instant::now() < until, "the owner never has the cursor");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.happen("a", 50).await;
    world.until(&[("a", 53)]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.until(&[("a", 53)]).await;
    assert_eq!(epochs(&world).await, [2]);
    owner.stop().await;
    zombie.stop().await;
}

/// For each event one command, and a crash just behind the first try of each.
struct Echo {
    journal: Journal,
    tried: Mutex<HashSet<uuid::Uuid>>,
    failing: AtomicBool,
}

#[async_trait]
impl Reactor for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(SERVICE)]
    }

    async fn react(&self, event: &Incoming) -> Result<(), Failure> {
        if event.event.stream.as_str().starts_with("echo") {
            return Ok(());
        }
        let target = StreamId::named(&format!("echo-{}", event.event.stream));
        let command = Command::reacting(self.name(), event, &target, "echo");
        if self.journal.replayed(&command).await?.is_none() {
            let mut one = append(vec![write(target.as_str(), Expected::Any, 1)]);
            let key = command.key.as_ref().expect("a reaction has a key").key.clone();
            let row = super::command(&key, b"", "echoed");
            one.commands.push(crate::store::CommandRow { actor: command.actor.clone(), ..row });
            self.journal.store().append(one).await.map_err(crate::Error::from)?;
        }
        let first = self.tried.lock().expect("not poisoned").insert(event.event.event_id);
        if first && self.failing.load(Ordering::SeqCst) {
            return Err(Failure::Retry("the answer was lost".to_owned()));
        }
        Ok(())
    }
}

async fn a_reactor_commands_once(world: World) {
    let reactor = |failing| Echo {
        journal: world.journal.clone(),
        tried: Mutex::default(),
        failing: AtomicBool::new(failing),
    };
    let tally = || Tally::of(Source::OwnJournal);
    let shutdown = CancellationToken::new();
    let running = Running::start(&world.spine(1, &shutdown).reactor(reactor(true)), shutdown);
    world.happen("a", 5).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    running.kill().await;
    let shutdown = CancellationToken::new();
    let spine = world.spine(1, &shutdown).reactor(reactor(true)).projection(tally());
    let running = Running::start(&spine, shutdown);
    world.until(&[("a", 5), ("echo-a", 5)]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.until(&[("a", 5), ("echo-a", 5)]).await;
    running.stop().await;
}

/// The revision of what an owner's table has.
const TOLD_BY_OWNER: u64 = 99;

struct OwnJournalAsSibling(Journal);

#[async_trait]
impl SiblingJournals for OwnJournalAsSibling {
    async fn read_all(
        &self,
        _: &'static str,
        after: i64,
        max: usize,
    ) -> Result<(Vec<Recorded>, i64), BusError> {
        let read = async {
            let head = self.0.store().head().await?;
            Ok::<_, StoreError>((self.0.store().read_all(after, max.min(7)).await?, head))
        };
        read.await.map_err(|error| BusError::Unavailable(error.to_string()))
    }

    async fn state(&self, _: &'static str, _: &Topic, after: &str) -> Result<(Vec<State>, String), BusError> {
        let (key, value) = ("a".to_owned(), Some(Parcel::default()));
        let told = State { key: key.clone(), revision: TOLD_BY_OWNER, value, ..State::default() };
        // A second page, without anything on it.
        Ok(if after.is_empty() { (vec![told], key) } else { (Vec::new(), String::new()) })
    }
}

async fn a_late_reader_takes_the_journal_for_what_the_log_forgot(world: World) {
    let shutdown = CancellationToken::new();
    let relay = Running::start(&world.spine(1, &shutdown), shutdown);
    for stream in ["a", "b", "c", "d"] {
        world.happen(stream, 9).await;
    }
    let topic = Topic::events(SERVICE);
    for _ in 0..2_400 {
        let ends: i64 = world.bus.ends(&topic).await.expect("known").iter().sum();
        if ends >= 36 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begins = world.bus.ends(&topic).await.expect("known");
    let world = World { bus: Arc::new(Forgetful(world.bus, begins)), ..world };
    for kill in [true, false] {
        let shutdown = CancellationToken::new();
        let journals = Arc::new(OwnJournalAsSibling(world.journal.clone()));
        let spine =
            world.spine(1, &shutdown).siblings(journals).projection(Tally::of(Source::Topic(SERVICE)));
        let running = Running::start(&spine, shutdown);
        world.happen("a", 1).await;
        if kill {
            tokio::time::sleep(Duration::from_millis(15)).await;
            running.kill().await;
        } else {
            world.until(&[("a", 11), ("b", 9), ("c", 9), ("d", 9)]).await;
            running.stop().await;
        }
    }
    relay.stop().await;
}

/// The newest value it was handed, by key.
#[derive(Default)]
struct Mirror(Mutex<HashMap<String, u64>>);

#[async_trait]
impl Follower for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn topic(&self) -> Topic {
        Topic::state(SERVICE, "things")
    }

    async fn apply(&self, value: &StateValue) {
        self.0.lock().expect("not poisoned").insert(value.key.clone(), value.revision);
    }
}

async fn a_follower_holds_the_newest_values(world: World) {
    let put = |key: &'static str, revision: i64| {
        let db: Db = world.fresh.db.clone();
        async move {
            let done: Result<(), DbError> = db
                .transact(move |tx| {
                    Box::pin(async move {
                        let value = Plain {
                            kind: Parcel::default().r#type,
                            schema_ver: 1,
                            payload: bytes::Bytes::new(),
                            erased: Vec::new(),
                        };
                        outbox::put(tx, &Topic::state(SERVICE, "things"), key, key, revision, &value).await
                    })
                })
                .await;
            done.expect("put");
        }
    };
    put("a", 1).await;
    put("b", 7).await;
    let shutdown = CancellationToken::new();
    let sender = Running::start(&world.spine(1, &shutdown), shutdown);
    put("a", 2).await;
    put("a", 1).await;
    let mirror = Arc::new(Mirror::default());
    let shutdown = CancellationToken::new();
    let mut spine = world.spine(1, &shutdown);
    let freshness = spine.follower(mirror.clone());
    let running = Running::start(&spine, shutdown);
    put("b", 8).await;
    let wanted = HashMap::from([("a".to_owned(), 2), ("b".to_owned(), 8)]);
    for _ in 0..2_400 {
        if *mirror.0.lock().expect("not poisoned") == wanted && freshness.is_ready() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(*mirror.0.lock().expect("not poisoned"), wanted);
    assert!(freshness.is_ready());
    running.stop().await;
    sender.stop().await;
}
