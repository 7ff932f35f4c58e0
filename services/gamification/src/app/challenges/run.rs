//! A challenge is opened, lasts longer, is stopped. The timer that settles it moves along, in the same append.

use bytes::Bytes;
use eventing::{Command, Decision, Done, store::Timer};
use jiff::Timestamp;
use kernel::{AccountId, Refusal, time::micros};

use super::{super::App, SETTLE, View, newest, staff, stream_of};
use crate::domain::{
    Challenge, ChallengeId,
    challenge::{Event, Terms},
};

/// A start in the past runs at once. Opened already, nothing changes.
pub async fn open(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
) -> Result<(Done, View), Refusal> {
    decide(app, command, by, id, |challenge, now| challenge.open(by, micros(now))).await
}

/// `end`: a local date-time, later than the end so far.
pub async fn extend(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
    end: &str,
    reason: &str,
) -> Result<(Done, View), Refusal> {
    decide(app, command, by, id, |challenge, now| challenge.extend(by, end, reason, micros(now))).await
}

/// For good: what was opened is settled at once.
pub async fn stop(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
    reason: &str,
) -> Result<(Done, View), Refusal> {
    decide(app, command, by, id, |challenge, now| challenge.stop(by, reason, micros(now))).await
}

async fn decide<F>(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
    what: F,
) -> Result<(Done, View), Refusal>
where
    F: Fn(&Challenge, Timestamp) -> Result<Vec<Event>, Refusal> + Send + Sync,
{
    let stream = stream_of(id);
    let challenge = app.journal.load::<Challenge>(&stream).await?.state;
    staff::manager(app, by, &challenge).await?;
    let done = app
        .journal
        .execute::<Challenge, _>(command, &stream, &id.to_string(), |challenge, now| {
            let events = what(challenge, now)?;
            let due = events.last().and_then(|event| settles_at_us(challenge, event));
            let decision = Decision::of(events).answer(200, vec![id.to_string()]);
            Ok(match due {
                Some(due_us) => decision.timer(settle_at(id, due_us)),
                None => decision,
            })
        })
        .await?;
    Ok((done, newest(app, id, by).await?))
}

fn settle_at(id: ChallengeId, due_us: i64) -> Timer {
    Timer::Set { due_us, stream: stream_of(id), command_id: SETTLE.to_owned(), payload: Bytes::new() }
}

/// When it is to be settled after this event; `None`: the event moves nothing.
fn settles_at_us(challenge: &Challenge, event: &Event) -> Option<i64> {
    let terms = &challenge.drafted.as_ref()?.terms;
    match event {
        Event::Opened { .. } => Some(terms.settles_at_us()),
        Event::Extended { window, .. } => {
            Some(Terms { window: window.clone(), ..Terms::clone(terms) }.settles_at_us())
        }
        Event::Stopped { opened: true, stopped_us, .. } => Some(*stopped_us),
        _ => None,
    }
}
