//! A challenge is opened, lasts longer, is stopped. The timer that settles it moves along, in the same append.

use bytes::Bytes;
use eventing::{Command, Decision, Done, store::Timer};
use jiff::Timestamp;
use kernel::{AccountId, Refusal, time::micros};

use super::{super::App, SETTLE, View, newest, staff, stream_of};
use crate::domain::{
    Challenge, ChallengeId,
    challenge::{Event, State, Terms},
};

/// A start in the past runs at once. Opened already, nothing changes.
pub async fn open(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
) -> Result<(Done, View), Refusal> {
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    let drafted = challenge.known()?;
    // Its author may have left the group, or lost the role, since it was drafted. Once it was opened he is not asked for
    // either: who hears nothing of it and asks again is told that it is open.
    let is_draft = challenge.state(super::now_us(app)) == State::Draft;
    if is_draft || drafted.author != by {
        staff::manager(app, by, id, &challenge).await?;
    }
    if is_draft {
        let terms = &drafted.terms;
        let hand = staff::hand(app, by, terms).await?;
        hand.may_write(terms)?;
        hand.may_reward(terms)?;
    }
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
    managed(app, by, id).await?;
    decide(app, command, by, id, |challenge, now| challenge.extend(by, end, reason, micros(now))).await
}

/// For good: what has begun is settled at once, what has not is over with this.
pub async fn stop(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
    reason: &str,
) -> Result<(Done, View), Refusal> {
    managed(app, by, id).await?;
    decide(app, command, by, id, |challenge, now| challenge.stop(by, reason, micros(now))).await
}

/// Whether somebody may manage the challenge.
async fn managed(app: &App, by: AccountId, id: ChallengeId) -> Result<(), Refusal> {
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    staff::manager(app, by, id, &challenge).await.map(drop)
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
    let done = app
        .journal
        .execute::<Challenge, _>(command, &stream, &id.to_string(), |challenge, now| {
            let events = what(challenge, now)?;
            let timer = events.last().and_then(|event| settle_timer(challenge, id, event));
            let decision = Decision::of(events).answer(200, vec![id.to_string()]);
            Ok(match timer {
                Some(timer) => decision.timer(timer),
                None => decision,
            })
        })
        .await?;
    Ok((done, newest(app, id, by).await?))
}

/// What becomes of the timer that settles it; `None`: the event moves nothing.
fn settle_timer(challenge: &Challenge, id: ChallengeId, event: &Event) -> Option<Timer> {
    let terms = &challenge.drafted.as_ref()?.terms;
    let (stream, command_id) = (stream_of(id), SETTLE.to_owned());
    let due_us = match event {
        Event::Opened { .. } => terms.settles_at_us(),
        Event::Extended { window, .. } => {
            Terms { window: window.clone(), ..Terms::clone(terms) }.settles_at_us()
        }
        Event::Stopped { opened: true, stopped_us, .. } => *stopped_us,
        // Opening it has set the timer.
        Event::Stopped { opened: false, .. } if challenge.opened_us.is_some() => {
            return Some(Timer::Cancel { stream, command_id });
        }
        _ => return None,
    };
    Some(Timer::Set { due_us, stream, command_id, payload: Bytes::new() })
}
