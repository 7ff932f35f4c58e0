//! An activity now is this: the account's progress decides what that changes.

use eventing::{Command, Decision, Error, Incoming, sealing::SealingError};
use kernel::AccountId;

use super::{App, stream_of};
use crate::domain::{Observation, Progress};

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
            Ok(Decision::of(progress.observe(account, &seen, &app.rules)))
        })
        .await;
    match done {
        // Erased meanwhile: there is nobody left to earn anything.
        Err(Error::Sealing(SealingError::Destroyed { .. })) => Ok(()),
        done => done.map(|_| ()),
    }
}
