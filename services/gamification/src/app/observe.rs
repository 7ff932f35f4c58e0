//! An activity, or a day's steps, now is this: the account's progress, or that day, decides what that changes.

use eventing::{Command, Decision, Done, Error, Incoming, StreamId, sealing::SealingError};
use kernel::AccountId;

use super::{App, stream_of};
use crate::domain::{
    Observation, Progress,
    daily::{self, Daily},
};

/// Keyed by the activity's event: hearing it again changes nothing.
pub async fn observe(
    app: &App,
    incoming: &Incoming,
    account: AccountId,
    seen: Observation,
) -> Result<(), Error> {
    let stream = stream_of(account);
    let command = Command::reacting("gamification-activities", incoming, &stream, "observe");
    let done = app
        .journal
        .execute::<Progress, _>(&command, &stream, &account.to_string(), |progress, _now| {
            Ok(Decision::of(progress.observe(account, &seen, &app.rulebook)))
        })
        .await;
    unless_erased(done)
}

/// Keyed by the daily value's event, as [`observe`] is.
pub async fn observe_day(
    app: &App,
    incoming: &Incoming,
    account: AccountId,
    seen: daily::Observation,
) -> Result<(), Error> {
    let stream = StreamId::of("daily", seen.daily);
    let command = Command::reacting("gamification-activities", incoming, &stream, "observe");
    let done = app
        .journal
        .execute::<Daily, _>(&command, &stream, &account.to_string(), |day, _now| {
            Ok(Decision::of(day.observe(account, &seen)))
        })
        .await;
    unless_erased(done)
}

/// Erased meanwhile: there is nobody left to earn anything.
fn unless_erased(done: Result<Done, Error>) -> Result<(), Error> {
    match done {
        Err(Error::Sealing(SealingError::Destroyed { .. })) => Ok(()),
        done => done.map(|_| ()),
    }
}
