//! Followers and a log that is away for a while.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use proto::envelope::{Parcel, Record, State, record::Body};
use tokio_util::sync::CancellationToken;

use super::{
    OwnJournalAsSibling, SERVICE, TOLD_BY_OWNER,
    logs::Muted,
    world::{Running, World, eventually},
};
use crate::{
    bus::{Bus, Routed, Topic},
    follow::Freshness,
    readers::{Follower, Start, StateValue},
};

/// Everything it was told, in its order.
struct Diary {
    start: Start,
    owner: Option<&'static str>,
    told: Mutex<Vec<u64>>,
}

#[async_trait]
impl Follower for Diary {
    fn name(&self) -> &'static str {
        "diary"
    }

    fn topic(&self) -> Topic {
        Topic::state(SERVICE, "things")
    }

    fn start(&self) -> Start {
        self.start
    }

    fn owner(&self) -> Option<&'static str> {
        self.owner
    }

    async fn apply(&self, value: &StateValue) {
        self.told.lock().expect("not poisoned").push(value.revision);
    }
}

async fn say(bus: &dyn Bus, revision: u64) {
    let (key, value) = ("a".to_owned(), Some(Parcel::default()));
    let state = State { key: key.clone(), partition_key: key, revision, value, ..State::default() };
    let record = Routed::by_key(Record { source: SERVICE.to_owned(), body: Some(Body::State(state)) });
    bus.publish(&Topic::state(SERVICE, "things"), &[record]).await.expect("published");
}

/// Who begins at the present hears what was said while the log was away; nobody is told anything twice.
pub(super) async fn a_follower_goes_on_where_its_log_was_lost(world: World) {
    let bus = world.bus.clone();
    let silent = Arc::new(AtomicBool::new(false));
    let world = World { bus: Arc::new(Muted { bus: bus.clone(), silent: silent.clone() }), ..world };
    say(&*bus, 1).await;
    for (start, first) in [(Start::Beginning, 1), (Start::Present, 3)] {
        let diary = Arc::new(Diary { start, owner: None, told: Mutex::default() });
        let shutdown = CancellationToken::new();
        let mut spine = world.spine(1, &shutdown);
        let freshness: Freshness = spine.follower(diary.clone());
        let running = Running::start(&spine, shutdown);
        eventually("caught up", || async { freshness.is_ready() }).await;
        let next = first + 1;
        say(&*bus, next).await;
        let has_heard = |revision: u64| {
            let diary = diary.clone();
            move || {
                let heard = diary.told.lock().expect("not poisoned").last() == Some(&revision);
                async move { heard }
            }
        };
        eventually("told", has_heard(next)).await;
        silent.store(true, Ordering::Release);
        // Its source is lost: it is said at the next poll, half a second later at the most.
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        say(&*bus, next + 1).await;
        silent.store(false, Ordering::Release);
        eventually("told of what was said meanwhile", has_heard(next + 1)).await;
        let wanted: Vec<u64> = match start {
            Start::Beginning => vec![first, next, next + 1],
            Start::Present => vec![next, next + 1],
        };
        assert_eq!(*diary.told.lock().expect("not poisoned"), wanted);
        running.stop().await;
    }
}

/// Who must not miss anything for long hears it from its owner; who does not ask shows that it hears nothing.
pub(super) async fn while_the_log_is_away_its_owner_tells(world: World) {
    let silent = Arc::new(AtomicBool::new(false));
    let world = World { bus: Arc::new(Muted { bus: world.bus.clone(), silent: silent.clone() }), ..world };
    let shutdown = CancellationToken::new();
    let mut spine = world.spine(1, &shutdown).siblings(Arc::new(OwnJournalAsSibling(world.journal.clone())));
    let follow = |spine: &mut crate::Spine, owner| {
        let diary = Arc::new(Diary { start: Start::Beginning, owner, told: Mutex::default() });
        let freshness = spine.follower(diary.clone());
        (diary, freshness)
    };
    let (asking, fresh) = follow(&mut spine, Some(SERVICE));
    let (waiting, stale) = follow(&mut spine, None);
    let running = Running::start(&spine, shutdown);
    eventually("caught up", || async { fresh.is_ready() && stale.is_ready() }).await;
    silent.store(true, Ordering::Release);
    let has_heard = || async { asking.told.lock().expect("not poisoned").contains(&TOLD_BY_OWNER) };
    eventually("told by the owner", has_heard).await;
    eventually("fresher than who does not ask", || async { fresh.lag() < stale.lag() }).await;
    assert!(waiting.told.lock().expect("not poisoned").is_empty());
    running.stop().await;
}
