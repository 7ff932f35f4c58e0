//! A challenge is settled: exactly once, whatever stops in between.
//!
//! 1. Activity is asked for its journal's head H0 when the timer fires, and then until everything received up to H0 has
//!    been read to its end. Its head of that moment is the line: `ChallengeSettling {activity_head}`.
//! 2. Our reactor has heard every partition up to the line, and our own rows hold our own journal's head of that moment.
//! 3. The rows – not a board in somebody's memory – are ranked, and the placements and `ChallengeSettled` are one append,
//!    guarded by the version of the challenge.
//!
//! Nothing is remembered outside the journal but the timer, whose payload is H0, and later the head of step 2. Each firing
//! looks once: whatever is not ready yet sets the same timer again, a moment later, so that no challenge keeps the others'
//! timers waiting; one that fires twice finds the challenge as far as it is. What waits in the dead letters does not hold
//! it up. Rewards follow from the placements: [`super::reward`].

use std::time::Duration;

use bytes::Bytes;
use eventing::{
    Command, Decision, Error, Position,
    store::{DueTimer, Timer},
};
use kernel::time::micros;
use proto::activity::SettledRequest;
use tracing::{info, warn};

use super::{
    App,
    challenges::{SETTLE, now_us, stream_of},
};
use crate::{
    consumers::activities,
    domain::{
        Challenge, ChallengeId,
        challenge::{Event, State},
        participation::ShowAs,
        placing::{self, CHUNK_MAX, Scored},
        teams::{self, Order},
    },
};

/// How long after which the timer fires again while something is not ready: watermarks come each second.
const AGAIN_US: i64 = 250_000;

/// What the timer brings about. `Ok` also while it has to wait: the timer is set again then.
pub async fn settle(app: &App, timer: &DueTimer) -> Result<(), Error> {
    let Some(id) = timer.stream.id::<Challenge>() else { return Ok(()) };
    let challenge = app.journal.load::<Challenge>(&timer.stream).await?.state;
    let Some(drafted) = &challenge.drafted else { return Ok(()) };
    if let State::Draft | State::Stopped | State::Settled = challenge.state(now_us(app)) {
        return Ok(());
    }
    // It was extended: the timer has moved with that.
    let early = challenge.stopped_us.is_none() && now_us(app) < drafted.terms.settles_at_us();
    if challenge.settling.is_none() && early {
        return Ok(());
    }
    let (asked, own) = waited_for(&timer.payload);
    let line = match challenge.settling {
        Some(line) => line,
        None => match draw(app, id, asked).await? {
            Line::Drawn(line) => line,
            Line::Waiting(asked) => return again(app, id, asked, None).await,
        },
    };
    let own = match own {
        Some(own) => own,
        None if heard(app, line).await? => app.journal.store().head().await?,
        None => return again(app, id, Some(line), None).await,
    };
    if !app.projected.reached(own, Duration::ZERO).await {
        // That head stays the one to reach: our journal grows on.
        return again(app, id, Some(line), Some(own)).await;
    }
    fix(app, id).await
}

/// A line through activity's journal: all that was received before it has been read to its end.
pub(super) enum Line {
    Drawn(u64),
    /// With the head that was asked about, once there is one.
    Waiting(Option<u64>),
}

/// Where a line can be drawn now.
pub(super) async fn line(app: &App, asked: Option<u64>) -> Line {
    let request = SettledRequest { position: asked.unwrap_or_default() };
    match app.peers.activity().settled(request).await.map(tonic::Response::into_inner) {
        Ok(told) if told.settled => Line::Drawn(told.head),
        Ok(told) => Line::Waiting(Some(asked.unwrap_or(told.head))),
        Err(status) => {
            warn!(code = ?status.code(), "activity does not say whether everything is read");
            Line::Waiting(asked)
        }
    }
}

/// The challenge's line. It is drawn once: whoever comes second takes the first one's.
async fn draw(app: &App, id: ChallengeId, asked: Option<u64>) -> Result<Line, Error> {
    let head = match line(app, asked).await {
        Line::Drawn(head) => head,
        waiting @ Line::Waiting(_) => return Ok(waiting),
    };
    let (stream, partition) = (stream_of(id), id.to_string());
    app.journal
        .execute::<Challenge, _>(&by_time(), &stream, &partition, |challenge, _| {
            let open = challenge.settling.is_none() && challenge.settled_us.is_none();
            Ok(Decision::of(if open {
                vec![Event::Settling { challenge: id, activity_head: head }]
            } else {
                Vec::new()
            }))
        })
        .await?;
    let settling = app.journal.load::<Challenge>(&stream).await?.state.settling;
    Ok(settling.map_or(Line::Waiting(asked), Line::Drawn))
}

/// Whether every partition of activity's topic has been heard up to the line, by events or by watermarks.
pub(super) async fn heard(app: &App, line: u64) -> Result<bool, Error> {
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    Ok(app.store.heard(activities::NAME, "activity").await? >= line)
}

/// The final order, in one append.
async fn fix(app: &App, id: ChallengeId) -> Result<(), Error> {
    let fixed = app
        .journal
        .retrying(|| async move {
            let loaded = app.journal.load::<Challenge>(&stream_of(id)).await?;
            let Some(drafted) = loaded.state.drafted.as_ref().filter(|_| loaded.state.settled_us.is_none())
            else {
                return Ok(None);
            };
            let rows = app.store.standing(id).await?;
            let scored = rows.iter().filter_map(|row| {
                Some(Scored {
                    account: row.account,
                    member: row.member,
                    anonymous: row.show_as == ShowAs::Anonymous,
                    score: row.score?,
                    team: teams::of(&row.segments),
                })
            });
            let Order { placements: placed, teams } = teams::order(&drafted.terms, scored.collect());
            let mut events: Vec<Event> = placed
                .chunks(CHUNK_MAX)
                .map(|chunk| Event::PlacementsFixed { challenge: id, placements: chunk.to_vec() })
                .collect();
            let of_teams = teams.chunks(CHUNK_MAX);
            events.extend(of_teams.map(|chunk| Event::TeamsFixed { challenge: id, teams: chunk.to_vec() }));
            events.push(Event::Settled {
                challenge: id,
                count: u32::try_from(placed.len()).unwrap_or(u32::MAX),
                checksum: placing::checksum(&placed),
                settled_us: micros(app.journal.now()),
            });
            let mut batch = app.journal.batch(&by_time());
            batch.write(&loaded, &id.to_string(), events);
            batch.commit().await?;
            Ok(Some(placed.len()))
        })
        .await?;
    if let Some(count) = fixed {
        info!(challenge = %id, count, "a challenge is settled");
    }
    Ok(())
}

/// The same timer a moment later, with what it waits for.
async fn again(app: &App, id: ChallengeId, asked: Option<u64>, own: Option<Position>) -> Result<(), Error> {
    let payload = waits_for(asked, own);
    let due_us = now_us(app).saturating_add(AGAIN_US);
    let mut batch = app.journal.batch(&by_time());
    batch.timer(Timer::Set { due_us, stream: stream_of(id), command_id: SETTLE.to_owned(), payload });
    batch.commit().await.map(|_| ())
}

/// What the timer carries, each in 8 bytes, big-endian: activity's head that was asked about, and once every partition has
/// been heard, the head of our own journal that our rows have to reach.
fn waits_for(asked: Option<u64>, own: Option<Position>) -> Bytes {
    let asked = asked.into_iter().flat_map(u64::to_be_bytes);
    asked.chain(own.into_iter().flat_map(Position::to_be_bytes)).collect()
}

fn waited_for(payload: &[u8]) -> (Option<u64>, Option<Position>) {
    let (asked, own) = payload.split_at_checked(8).unwrap_or_default();
    let own = own.try_into().ok().map(Position::from_be_bytes);
    (asked.try_into().ok().map(u64::from_be_bytes), own)
}

fn by_time() -> Command {
    Command::by("timer:gamification")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_carries_what_it_waits_for() {
        for waits in [(None, None), (Some(7), None), (Some(u64::MAX), Some(41))] {
            assert_eq!(waited_for(&waits_for(waits.0, waits.1)), waits);
        }
        assert_eq!(waited_for(b"torn"), (None, None));
    }
}
