//! A board as it stood at a moment that is over. gamification keeps what it heard and when, and works the scores out;
//! here they are put in order, and shown to whoever may look at the board today.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use kernel::{Code, Refusal, time::from_micros};
use platform::{Peers, spans::Taking};
use proto::gamification::PastScoresRequest;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    App,
    access::{Opened, Viewer},
    page::Page,
    top::Top,
};
use crate::{
    boards::{Cell, ChallengeId, Terms},
    wire,
};

/// How long a board of the past is held: for the pages after the first.
const HELD_FOR: Duration = Duration::from_secs(30);
const HELD_MAX: usize = 8;
/// Boards of the past that are made at once; each reads all that was heard of its participants.
const AT_ONCE: usize = 2;
/// Who asks for another meanwhile waits as long.
const TURN_WITHIN: Duration = Duration::from_secs(2);

pub struct History {
    pub at_us: i64,
    /// Which places of it.
    pub top: Top,
}

/// A board at a moment.
type Moment = (ChallengeId, i64);

/// Boards of the past that were asked for lately.
pub struct Past {
    held: Mutex<VecDeque<(Moment, Arc<Cell>, Instant)>>,
    making: Semaphore,
}

impl Default for Past {
    fn default() -> Self {
        Self { held: Mutex::default(), making: Semaphore::new(AT_ONCE) }
    }
}

impl App {
    /// # Errors
    /// As [`App::top`]; `invalid_field` for a moment that is still to come, `overloaded` while too many are asked for.
    pub async fn history(&self, viewer: Viewer, asked: History) -> Result<Page, Refusal> {
        let as_of = from_micros(asked.at_us);
        if as_of > self.clock.now() {
            return Err(Refusal::field("at", "in_future", "lies in the future"));
        }
        let Opened { terms, .. } = self.open(asked.top.challenge, viewer).await?;
        let cell = self.past.at(&self.peers, (asked.top.challenge, asked.at_us), &terms).await?;
        let page = self.listed((&cell, &terms), viewer, asked.top).await?;
        Ok(Page { as_of, ..page })
    }
}

impl Past {
    async fn at(&self, peers: &Peers, moment: Moment, terms: &Terms) -> Result<Arc<Cell>, Refusal> {
        if let Some(cell) = self.held(moment) {
            return Ok(cell);
        }
        let turn = timeout(TURN_WITHIN, self.making.acquire()).await;
        let Ok(Ok(_making)) = turn else {
            return Err(Refusal::new(Code::Overloaded, "too many boards of the past are asked for"));
        };
        if let Some(cell) = self.held(moment) {
            return Ok(cell);
        }
        let cell = Arc::new(made(peers, moment, terms).await?);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.truncate(HELD_MAX - 1);
        held.push_front((moment, cell.clone(), Instant::now()));
        Ok(cell)
    }

    fn held(&self, moment: Moment) -> Option<Arc<Cell>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(_, _, since)| since.elapsed() < HELD_FOR);
        held.iter().find(|(known, ..)| *known == moment).map(|(_, cell, _)| cell.clone())
    }
}

async fn made(peers: &Peers, (challenge, at_us): Moment, terms: &Terms) -> Result<Cell, Refusal> {
    let cell = Cell::alone(challenge, terms.clone());
    let challenge_id = Bytes::copy_from_slice(challenge.as_bytes());
    let mut after = Bytes::new();
    loop {
        let request = PastScoresRequest { challenge_id: challenge_id.clone(), at_us, after };
        let page = peers.gamification().past_scores(request).await;
        let page = page.map_err(|status| platform::refusal(&status))?.into_inner();
        for score in page.scores {
            let told = wire::past(score)
                .map_err(|error| Refusal::new(Code::Internal, format!("a score of the past: {error}")))?;
            cell.tell(told, Taking::none);
        }
        if page.next.is_empty() {
            return Ok(cell);
        }
        after = page.next;
    }
}
