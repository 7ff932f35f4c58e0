//! Challenges: from the draft to the last who leaves. Settling them is [`super`]'s other half.
//!
//! | file | |
//! |---|---|
//! | [`terms`] | commands: draft one, change its terms |
//! | [`run`] | commands: open, extend, stop |
//! | [`read`] | queries: one, a list |
//! | [`past`] | query: where everybody stood at a moment that is over |
//! | [`preview`] | query: who could join, and how the board would look |
//! | [`join`] | commands: take a seat, change how one is shown, leave; by the reactor: erased |
//! | [`seating`] | many joins and leaves of one challenge, decided together |
//! | [`members`] | how many challenges a member writes for a group at a time |
//! | [`staff`] | who may do what with a challenge |
//! | [`people`] | who somebody is, for rules and for what is frozen at joining |

pub mod join;
pub mod members;
pub mod past;
pub mod people;
pub mod preview;
pub mod read;
pub mod run;
pub mod seating;
pub mod staff;
pub mod terms;

use std::sync::Arc;

use eventing::StreamId;
use kernel::{AccountId, Refusal, time::micros};
use uuid::Uuid;

use super::App;
use crate::{
    domain::{
        Challenge, ChallengeId, Terms,
        challenge::{Marks, State},
    },
    store::challenges::Mine,
};

/// The command of the timer that settles a challenge.
pub const SETTLE: &str = "settle";

/// A challenge as somebody meets it.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub id: ChallengeId,
    /// `None`: not told to whoever asks.
    pub author: Option<AccountId>,
    pub terms: Arc<Terms>,
    pub marks: Marks,
    pub state: State,
    pub taken: u32,
    pub revision: u64,
    pub mine: Option<Mine>,
}

/// The stream of a challenge.
pub fn stream_of(challenge: ChallengeId) -> StreamId {
    StreamId::of("challenge", challenge)
}

pub(crate) fn now_us(app: &App) -> i64 {
    micros(app.clock.now())
}

/// Takes part in nothing.
pub(crate) fn nobody() -> AccountId {
    AccountId::new(Uuid::nil())
}

/// A challenge at the head of its stream, with seats and the viewer's part as the read model holds them: for whoever may
/// change it.
pub(crate) async fn newest(app: &App, id: ChallengeId, viewer: AccountId) -> Result<View, Refusal> {
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    let drafted = challenge.known()?;
    let row = app.store.challenge(id, viewer).await.map_err(eventing::Error::from)?;
    let (taken, mine) = row.map_or((0, None), |row| (row.taken, row.mine));
    Ok(View {
        id,
        author: Some(drafted.author),
        terms: drafted.terms.clone(),
        marks: challenge.marks(),
        state: challenge.state(now_us(app)),
        taken,
        revision: challenge.revision,
        mine,
    })
}
