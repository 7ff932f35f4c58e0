//! One batch: decided in order on the same seats, appended at once, answered one by one.

use std::collections::{HashMap, HashSet};

use eventing::{Command, Done, Error, Journal, Loaded, sealing::SealingError};
use futures::future::try_join_all;
use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal, time::micros};
use proto::envelope::CommandResult;

use super::{
    super::join::{Shown, open_to_members},
    Seated, Waiting, Wish,
};
use crate::domain::{
    Challenge, ChallengeId, Participation,
    participation::{Event, Frozen},
    seats::Seats,
};

/// What is remembered of a challenge between batches; the append checks it.
pub(super) struct Known {
    pub(super) challenge: Loaded<Challenge>,
    pub(super) seats: Loaded<Seats>,
    /// Just read: nothing decided on it can be older than the command.
    pub(super) fresh: bool,
}

/// What became of a batch.
pub(super) enum Outcome {
    /// Everybody has an answer.
    Answered(Known),
    /// These are to be decided again; without `known` everything is to be read again first.
    Again {
        waiting: Vec<Waiting>,
        known: Option<Known>,
    },
    Failed {
        waiting: Vec<Waiting>,
        error: Error,
    },
}

/// A batch, decided.
pub(super) struct Round {
    id: ChallengeId,
    known: Known,
    /// After everything that was decided.
    seats: Seats,
    decided: Vec<Decided>,
    /// For the next round: their key is decided in this one.
    later: Vec<Waiting>,
}

struct Decided {
    waiting: Waiting,
    /// The part before this command's own events.
    before: Loaded<Participation>,
    outcome: Result<(Vec<Event>, Participation), Refusal>,
}

impl Round {
    pub(super) fn decide(id: ChallengeId, known: Known, waiting: Vec<Waiting>, now: Timestamp) -> Self {
        let seats = known.seats.state;
        let mut round =
            Self { id, known, seats, decided: Vec::with_capacity(waiting.len()), later: Vec::new() };
        let mut parts = newest_parts(&waiting);
        let mut keys: HashSet<(String, String)> = HashSet::new();
        for waiting in waiting {
            let key =
                waiting.command.key.as_ref().map(|key| (waiting.command.actor.clone(), key.key.clone()));
            if key.is_some_and(|key| !keys.insert(key)) {
                round.later.push(waiting);
                continue;
            }
            let part = parts.entry(waiting.account).or_insert_with(|| waiting.part.clone());
            let before = part.clone();
            let outcome = round.one(&before.state, &waiting, micros(now)).map(|events| {
                for event in &events {
                    part.state.evolve(event);
                    part.version += 1;
                }
                (events, part.state.clone())
            });
            round.decided.push(Decided { waiting, before, outcome });
        }
        round
    }

    fn one(&mut self, part: &Participation, waiting: &Waiting, now_us: i64) -> Result<Vec<Event>, Refusal> {
        let (challenge, account) = (self.id, waiting.account);
        let state = self.known.challenge.state.state(now_us);
        match &waiting.wish {
            Wish::Join { shown, .. } | Wish::BeShown(shown) if part.is_active() => {
                open_to_members(state)?;
                part.change(challenge, account, shown.show_as, shown.count_private)
            }
            Wish::Join { shown, frozen } => self.join(part, account, *shown, frozen, now_us),
            // Left a moment ago, in parallel: whether they are eligible was not asked.
            Wish::BeShown(_) => Err(Refusal::new(Code::Conflict, "you left at the same moment; try again")),
            Wish::Leave => {
                let events = part.leave(challenge, account);
                if !events.is_empty() {
                    open_to_members(state)?;
                    self.seats.free();
                }
                Ok(events)
            }
            Wish::BeErased => {
                if part.is_active() {
                    self.seats.free();
                }
                Ok(part.erase(challenge, account))
            }
        }
    }

    fn join(
        &mut self,
        part: &Participation,
        account: AccountId,
        shown: Shown,
        frozen: &Frozen,
        now_us: i64,
    ) -> Result<Vec<Event>, Refusal> {
        if part.standing == crate::domain::participation::Standing::Erased {
            return Err(Refusal::not_found());
        }
        let drafted = self.known.challenge.state.joinable(now_us)?;
        let capacity = drafted.terms.capacity;
        let member = self.seats.take(capacity, (part.member > 0).then_some(part.member))?;
        Ok(vec![Event::Joined {
            challenge: self.id,
            account,
            member,
            show_as: shown.show_as.unwrap_or(part.show_as),
            count_private: shown.count_private.unwrap_or(part.count_private),
            joined_us: now_us,
            frozen: Some(frozen.clone()),
        }])
    }

    /// Reads anew the parts of those to whom nothing is to be written, and on which therefore no append checks what they
    /// are told: whoever has the last seat since their part was read must not hear that it is full. Whether any had moved.
    async fn refresh(&mut self, journal: &Journal) -> Result<bool, Error> {
        let unwritten =
            |one: &&mut Decided| one.outcome.as_ref().map_or(true, |(events, _)| events.is_empty());
        let look = async |one: &mut Decided| {
            let part = &one.before;
            let moved = !journal.store().load(&part.stream, part.version, 1).await?.is_empty();
            if moved {
                one.waiting.part = journal.load(&part.stream).await?;
            }
            Ok::<_, Error>(moved)
        };
        let moved = try_join_all(self.decided.iter_mut().filter(unwritten).map(look)).await?;
        Ok(moved.contains(&true))
    }

    /// Appends what was decided and answers.
    pub(super) async fn commit(mut self, journal: &Journal) -> Outcome {
        match self.refresh(journal).await {
            Ok(false) => {}
            Ok(true) => {
                let known = Some(self.known.again());
                return Outcome::Again { waiting: self.everybody(), known };
            }
            Err(error) => return Outcome::Failed { waiting: self.everybody(), error },
        }
        let writes = self.decided.iter().any(|one| {
            one.outcome
                .as_ref()
                .is_ok_and(|(events, _)| !events.is_empty() || one.waiting.command.key.is_some())
        });
        if !writes {
            return self.answer_unwritten(journal).await;
        }
        let partition_key = self.id.to_string();
        let mut batch = journal.batch(&Command::by("service:gamification"));
        batch.write::<Challenge>(&self.known.challenge, &partition_key, Vec::new());
        let seats_changed = self.seats != self.known.seats.state;
        let told = if seats_changed { vec![self.seats.changed(self.id)] } else { Vec::new() };
        batch.write(&self.known.seats, &partition_key, told);
        for one in &self.decided {
            let Ok((events, part)) = &one.outcome else { continue };
            let command = &one.waiting.command;
            if !events.is_empty() {
                batch.write_by(command, &one.before, &partition_key, events.clone());
            }
            batch.also_answering(command, &one.before.stream, 200, vec![part.member.to_string()]);
        }
        match batch.commit().await {
            Ok(done) if done.replayed => self.settle_replays(journal).await,
            Ok(done) => self.answer(&done, seats_changed),
            Err(Error::IdempotencyMismatch) => self.settle_replays(journal).await,
            Err(Error::Conflict) => Outcome::Again { waiting: self.everybody(), known: None },
            Err(error) => self.without_who_is_gone(error),
        }
    }

    fn everybody(self) -> Vec<Waiting> {
        self.decided.into_iter().map(|one| one.waiting).chain(self.later).collect()
    }

    fn answer(self, done: &Done, seats_changed: bool) -> Outcome {
        let Self { mut known, seats, decided, later, .. } = self;
        for Decided { waiting, outcome, .. } in decided {
            let seated = outcome.map(|(_, part)| Seated { done: done.clone(), part });
            // Whoever no longer listens asks again, and finds the seat taken by themselves.
            let _ = waiting.answer.send(seated);
        }
        known.seats.state = seats;
        known.seats.version += i64::from(seats_changed);
        known.fresh = false;
        if later.is_empty() {
            Outcome::Answered(known)
        } else {
            // Their key has been answered by now.
            Outcome::Again { waiting: later, known: None }
        }
    }

    /// Nothing was to be written: then what was remembered must still be true.
    async fn answer_unwritten(self, journal: &Journal) -> Outcome {
        if !self.known.fresh {
            match self.known.is_current(journal).await {
                Ok(true) => {}
                Ok(false) => return Outcome::Again { waiting: self.everybody(), known: None },
                Err(error) => return Outcome::Failed { waiting: self.everybody(), error },
            }
        }
        match journal.store().head().await {
            Ok(position) => {
                let done = Done { position, replayed: false, result: CommandResult::default() };
                self.answer(&done, false)
            }
            Err(error) => Outcome::Failed { waiting: self.everybody(), error: error.into() },
        }
    }

    /// Some of them were answered before: those hear it again, the others are decided anew.
    async fn settle_replays(self, journal: &Journal) -> Outcome {
        let mut again = Vec::new();
        for waiting in self.everybody() {
            match journal.replayed(&waiting.command).await {
                Ok(None) => again.push(waiting),
                Ok(Some(done)) => {
                    let part = journal.load::<Participation>(&waiting.part.stream).await;
                    let seated = part.map(|part| Seated { done, part: part.state });
                    let _ = waiting.answer.send(seated.map_err(Refusal::from));
                }
                Err(error) => waiting.refuse(error.into()),
            }
        }
        Outcome::Again { waiting: again, known: None }
    }

    /// One whose keys are gone must not keep the others from their seats.
    fn without_who_is_gone(self, error: Error) -> Outcome {
        let gone = match &error {
            Error::Sealing(
                SealingError::Destroyed { subject, .. } | SealingError::UnknownSubject { subject, .. },
            ) => *subject,
            _ => return Outcome::Failed { waiting: self.everybody(), error },
        };
        let known = self.known.again();
        let (theirs, others): (Vec<_>, Vec<_>) =
            self.everybody().into_iter().partition(|waiting| waiting.account.uuid() == gone);
        if theirs.is_empty() {
            return Outcome::Failed { waiting: others, error };
        }
        for waiting in theirs {
            waiting.refuse(error.clone().into());
        }
        Outcome::Again { waiting: others, known: Some(known) }
    }
}

/// Each account's part as it was read last: of several commands at once, some may have read it before another's answer.
fn newest_parts(waiting: &[Waiting]) -> HashMap<AccountId, Loaded<Participation>> {
    let mut parts: HashMap<AccountId, Loaded<Participation>> = HashMap::with_capacity(waiting.len());
    for one in waiting {
        let part = parts.entry(one.account).or_insert_with(|| one.part.clone());
        if part.version < one.part.version {
            *part = one.part.clone();
        }
    }
    parts
}

impl Known {
    /// For another round on the same.
    fn again(&self) -> Self {
        Self { challenge: self.challenge.clone(), seats: self.seats.clone(), fresh: self.fresh }
    }

    /// Whether neither stream has moved since.
    async fn is_current(&self, journal: &Journal) -> Result<bool, Error> {
        let store = journal.store();
        Ok(store.load(&self.challenge.stream, self.challenge.version, 1).await?.is_empty()
            && store.load(&self.seats.stream, self.seats.version, 1).await?.is_empty())
    }
}
