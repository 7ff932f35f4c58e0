//! Many joins and leaves of one challenge, decided together: one event of the seats, one append for up to 256 commands.
//!
//! Whoever comes first works for all who wait (flat combining): a task takes what is waiting, decides it in order on the
//! seats it remembers, appends, answers, and goes on until nobody waits. What it remembers is only ever a guess that the
//! append checks; after a conflict everything is read anew and decided again.

mod round;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eventing::{Command, Done, Error, Journal, Loaded, StreamId};
use kernel::{AccountId, Code, Refusal};
use platform::Tasks;
use tokio::sync::oneshot;

use self::round::{Known, Outcome, Round};
use super::join::Shown;
use crate::domain::{
    Challenge, ChallengeId, Participation,
    participation::{self, Frozen},
    seats::Seats,
};

/// Commands decided in one append.
pub const BATCH_MAX: usize = 256;
/// Commands that wait for one challenge; more are answered `overloaded`.
pub const WAITING_MAX: usize = 8_192;
/// Challenges whose seats are remembered.
const ROOMS_MAX: usize = 1_024;
/// How often a batch is decided anew because somebody else wrote first.
const ATTEMPTS: usize = 16;

/// What somebody wants of a seat.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Eligible, with what is frozen.
    Join {
        shown: Shown,
        frozen: Frozen,
    },
    /// Takes part already.
    BeShown(Shown),
    Leave,
    BeErased,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Seated {
    pub done: Done,
    pub part: Participation,
}

/// One command that waits.
struct Waiting {
    command: Command,
    account: AccountId,
    wish: Wish,
    part: Loaded<Participation>,
    answer: oneshot::Sender<Result<Seated, Refusal>>,
}

/// The seats of every challenge. Cheap to clone.
#[derive(Clone)]
pub struct Seating {
    journal: Journal,
    tasks: Tasks,
    rooms: Arc<Mutex<HashMap<ChallengeId, Arc<Room>>>>,
}

/// The seats of one challenge, and who waits for them.
struct Room {
    challenge: ChallengeId,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    /// Somebody works for all who wait.
    busy: bool,
    known: Option<Known>,
}

impl Seating {
    pub fn new(journal: Journal, tasks: Tasks) -> Self {
        Self { journal, tasks, rooms: Arc::default() }
    }

    /// `part`: the account's part at the head of its stream, as the caller has just read it.
    pub async fn seat(
        &self,
        command: &Command,
        challenge: ChallengeId,
        account: AccountId,
        wish: Wish,
        part: Loaded<Participation>,
    ) -> Result<Seated, Refusal> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { command: command.clone(), account, wish, part, answer };
        let room = self.room(challenge);
        if room.enter(waiting)? {
            let (seating, turn) = (self.clone(), Turn::of(room));
            self.tasks.spawn_one("seats", async move { seating.work(turn).await });
        }
        let dropped = |_| Refusal::new(Code::Unavailable, "the seats are not available").retry_after_s(1);
        answered.await.map_err(dropped)?
    }

    fn room(&self, challenge: ChallengeId) -> Arc<Room> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS_MAX && !rooms.contains_key(&challenge) {
            // Two rooms for one challenge would only meet in conflicts: forgetting an idle one is safe.
            rooms.retain(|_, room| room.inner().busy);
        }
        let new = || Arc::new(Room { challenge, inner: Mutex::default() });
        rooms.entry(challenge).or_insert_with(new).clone()
    }

    /// Until nobody waits.
    async fn work(&self, mut turn: Turn) {
        let mut known = turn.room.inner().known.take();
        loop {
            match turn.next(known) {
                Ok((batch, remembered)) => known = self.decide(turn.room.challenge, batch, remembered).await,
                Err(Nobody) => return,
            }
        }
    }

    /// Answers everybody of the batch; gives back what may be remembered.
    async fn decide(
        &self,
        challenge: ChallengeId,
        mut waiting: Vec<Waiting>,
        mut known: Option<Known>,
    ) -> Option<Known> {
        for _ in 0..ATTEMPTS {
            if waiting.is_empty() {
                return known;
            }
            let current = match known.take() {
                Some(known) => known,
                None => match Known::read(&self.journal, challenge).await {
                    Ok(known) => known,
                    Err(error) => return refuse_all(waiting, &error),
                },
            };
            let round = Round::decide(challenge, current, waiting, self.journal.now());
            match round.commit(&self.journal).await {
                Outcome::Answered(known) => return Some(known),
                Outcome::Again { waiting: again, known: remembered } => {
                    (waiting, known) = (again, remembered);
                }
                Outcome::Failed { waiting, error } => return refuse_all(waiting, &error),
            }
            if known.is_none()
                && let Err(error) = self.reread(challenge, &mut waiting).await
            {
                return refuse_all(waiting, &error);
            }
        }
        refuse_all(waiting, &Error::Conflict)
    }

    /// Somebody wrote first: everybody's part is read again.
    async fn reread(&self, challenge: ChallengeId, waiting: &mut [Waiting]) -> Result<(), Error> {
        for one in waiting {
            one.part = self.journal.load(&participation::stream_of(challenge, one.account)).await?;
        }
        Ok(())
    }
}

fn refuse_all(waiting: Vec<Waiting>, error: &Error) -> Option<Known> {
    for one in waiting {
        one.refuse(error.clone().into());
    }
    None
}

impl Waiting {
    fn refuse(self, refusal: Refusal) {
        // Whoever no longer listens has gone away: the refusal changed nothing.
        let _ = self.answer.send(Err(refusal));
    }
}

impl Room {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `true`: nobody works yet, and the caller must see to it.
    fn enter(&self, waiting: Waiting) -> Result<bool, Refusal> {
        let mut inner = self.inner();
        if inner.waiting.len() >= WAITING_MAX {
            return Err(
                Refusal::new(Code::Overloaded, "too many want a seat at this moment").retry_after_s(1)
            );
        }
        inner.waiting.push_back(waiting);
        let begins = !inner.busy;
        inner.busy = true;
        Ok(begins)
    }
}

struct Nobody;

/// The right to work for a room; given back even by a panic.
struct Turn {
    room: Arc<Room>,
    over: bool,
}

impl Turn {
    const fn of(room: Arc<Room>) -> Self {
        Self { room, over: false }
    }

    /// The next batch; when nobody waits, the turn is over and what is known is remembered.
    fn next(&mut self, known: Option<Known>) -> Result<(Vec<Waiting>, Option<Known>), Nobody> {
        let mut inner = self.room.inner();
        if inner.waiting.is_empty() {
            inner.busy = false;
            inner.known = known;
            drop(inner);
            self.over = true;
            return Err(Nobody);
        }
        let count = inner.waiting.len().min(BATCH_MAX);
        Ok((inner.waiting.drain(..count).collect(), known))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.over {
            let mut inner = self.room.inner();
            inner.busy = false;
            // Their answers are dropped with them: each hears `unavailable`.
            inner.waiting.clear();
        }
    }
}

/// The stream of a challenge's seats.
pub fn stream_of(challenge: ChallengeId) -> StreamId {
    StreamId::of("seats", challenge)
}

/// What is remembered between batches.
impl Known {
    async fn read(journal: &Journal, challenge: ChallengeId) -> Result<Self, Error> {
        Ok(Self {
            challenge: journal.load::<Challenge>(&super::stream_of(challenge)).await?,
            seats: journal.load::<Seats>(&stream_of(challenge)).await?,
            fresh: true,
        })
    }
}
