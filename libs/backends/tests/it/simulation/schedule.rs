//! Who runs next: of all tasks that could, the seed picks one. Tasks belong to a process, which can be frozen, as by
//! SIGSTOP, or killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use futures::task::AtomicWaker;
use tokio::time::Instant;

use super::chance::Chance;

/// A process; 0 is the world outside of all of them.
pub(super) type Owner = u32;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
pub(super) struct Schedule(Arc<Inner>);

struct Inner {
    chance: Chance,
    began: Instant,
    state: Mutex<State>,
    root: AtomicWaker,
}

#[derive(Default)]
struct State {
    next: u64,
    /// `None` while it is being polled.
    tasks: BTreeMap<u64, (Owner, Option<Work>)>,
    ready: BTreeSet<u64>,
    frozen: BTreeSet<Owner>,
    /// Of every pick and its moment: two runs with the same course are the same run.
    course: DefaultHasher,
}

struct Bell {
    task: u64,
    schedule: Arc<Inner>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.schedule.state.lock().expect("not poisoned").ready.insert(self.task);
        self.schedule.root.wake();
    }
}

impl Schedule {
    pub(super) fn new(chance: Chance) -> Self {
        Self(Arc::new(Inner {
            chance,
            began: Instant::now(),
            state: Mutex::default(),
            root: AtomicWaker::new(),
        }))
    }

    pub(super) fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        let task = state.next;
        state.next += 1;
        state.tasks.insert(task, (owner, Some(Box::pin(work))));
        state.ready.insert(task);
        drop(state);
        self.0.root.wake();
    }

    pub(super) fn freeze(&self, owner: Owner) {
        self.state().frozen.insert(owner);
    }

    pub(super) fn thaw(&self, owner: Owner) {
        self.state().frozen.remove(&owner);
        self.0.root.wake();
    }

    /// Its tasks are gone, wherever they were.
    pub(super) fn kill(&self, owner: Owner) {
        let mut state = self.state();
        let gone: Vec<u64> =
            state.tasks.iter().filter(|(_, (of, _))| *of == owner).map(|(task, _)| *task).collect();
        let dropped: Vec<_> = gone.iter().map(|task| state.tasks.remove(task)).collect();
        drop(state);
        // What is dropped may wake others, who want the state.
        drop(dropped);
    }

    pub(super) fn course(&self) -> u64 {
        self.state().course.finish()
    }

    /// Runs everybody until `main` is done.
    pub(super) async fn run(&self, main: impl Future<Output = ()> + Send + 'static) {
        let (done, mut is_done) = tokio::sync::oneshot::channel();
        self.spawn(0, async move {
            main.await;
            let _ = done.send(());
        });
        poll_fn(|cx| {
            self.0.root.register(cx.waker());
            if is_done.try_recv().is_ok() {
                return Poll::Ready(());
            }
            if self.step() {
                // One at a time: what runs beside the schedule gets its turn too.
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;
        let all = std::mem::take(&mut self.state().tasks);
        drop(all);
    }

    /// `false` when nobody can run.
    fn step(&self) -> bool {
        let mut state = self.state();
        state.ready = std::mem::take(&mut state.ready)
            .into_iter()
            .filter(|task| state.tasks.contains_key(task))
            .collect();
        let able: Vec<u64> = state
            .ready
            .iter()
            .filter(|task| state.tasks.get(task).is_some_and(|(owner, _)| !state.frozen.contains(owner)))
            .copied()
            .collect();
        let Some(task) = self.0.chance.one_of(&able) else { return false };
        state.ready.remove(&task);
        let moment = self.0.began.elapsed();
        (task, moment).hash(&mut state.course);
        let Some(mut work) = state.tasks.get_mut(&task).and_then(|(_, work)| work.take()) else {
            return true;
        };
        drop(state);
        let waker = Waker::from(Arc::new(Bell { task, schedule: self.0.clone() }));
        let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = self.state();
        let left = match (polled, state.tasks.get_mut(&task)) {
            (Poll::Pending, Some((_, place))) => {
                *place = Some(work);
                None
            }
            // Done, or killed meanwhile.
            (_, Some(_)) => state.tasks.remove(&task).map(|_| work),
            (_, None) => Some(work),
        };
        drop(state);
        drop(left);
        true
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().expect("not poisoned")
    }
}
