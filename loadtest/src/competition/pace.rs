//! Calls that begin when they are meant to, on a thread of their own: beside tens of thousands of streams in one runtime
//! they would be late.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use reqwest::Method;
use tokio::{
    sync::oneshot,
    task::{JoinSet, yield_now},
    time::{sleep, sleep_until},
};

use super::field::Field;
use crate::{
    calls::Ask,
    generator::{
        tally::{Outcome, Times, note, times},
        wire::Lines,
    },
};

const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Longer than a server takes to come back.
const TRIED_FOR: Duration = Duration::from_secs(40);

/// What a run of calls found out about itself.
pub(super) struct Paced {
    /// How late calls were begun.
    pub(super) lag: Times,
    /// Until the last one was answered.
    pub(super) took: Duration,
}

/// Everybody joins, evenly over the planned time; each until there is a seat.
///
/// # Errors
/// Nobody listens there; a task that panicked.
pub(super) async fn joins(field: &Arc<Field>) -> anyhow::Result<Paced> {
    let field = field.clone();
    on_a_thread(async move {
        let lines = Arc::new(Lines::open(&field.address, field.plan.call_connections).await?);
        let gap = Duration::from_secs_f64(field.plan.joins_over_s / field.plan.athletes as f64);
        paced(Instant::now(), (gap, field.plan.athletes), |nth, due| {
            Some(join(field.clone(), lines.clone(), nth, due))
        })
        .await
    })
    .await
}

/// Everybody reports in turn, again and again.
///
/// # Errors
/// As [`joins`].
pub(super) async fn reports(field: &Arc<Field>, begins: Instant) -> anyhow::Result<Paced> {
    let field = field.clone();
    on_a_thread(async move {
        let lines = Arc::new(Lines::open(&field.address, field.plan.call_connections).await?);
        paced(begins, (field.plan.gap(), field.plan.reports()), |nth, due| {
            let who = nth % field.plan.athletes;
            field.ledger.begins(who, due).then(|| report(field.clone(), lines.clone(), who, due))
        })
        .await
    })
    .await
}

async fn on_a_thread<T: Send + 'static>(
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        // Nobody waits any more only when the whole run has ended.
        let _ = tell.send(runtime.block_on(work));
    });
    told.await.context("the calling thread stopped")?
}

/// Begins `count` things, one each `gap`, and waits for the last of them.
async fn paced<F: Future<Output = ()> + Send + 'static>(
    begins: Instant,
    (gap, count): (Duration, usize),
    mut begin: impl FnMut(usize, Instant) -> Option<F>,
) -> anyhow::Result<Paced> {
    let mut lag = times(3)?;
    let mut running = JoinSet::new();
    for nth in 0..count {
        let due = begins + gap.mul_f64(nth as f64);
        if due > Instant::now() {
            sleep_until(due.into()).await;
        } else {
            // Behind: what was begun must not wait for what is still to begin.
            yield_now().await;
        }
        note(&mut lag, due.elapsed());
        if let Some(one) = begin(nth, due) {
            running.spawn(one);
        }
        while let Some(ended) = running.try_join_next() {
            ended.context("a call panicked")?;
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.context("a call panicked")?;
    }
    Ok(Paced { lag, took: begins.elapsed() })
}

async fn join(field: Arc<Field>, lines: Arc<Lines>, who: usize, due: Instant) {
    let path = format!("/v1/challenges/{}/participants/me", field.challenge_id);
    let body = Bytes::from_static(b"{\"show_as\":\"name\"}");
    let ask = field.send(who, Method::PUT, path, body);
    let Some(answer) = until(&field, &lines, &ask, is_member).await else { return };
    field.joins.note(due);
    if let Some(member) = member(&answer) {
        field.ledger.joined(who, member);
    }
}

/// One report, and those that became due meanwhile: as a device does, one at a time.
async fn report(field: Arc<Field>, lines: Arc<Lines>, who: usize, first: Instant) {
    let seconds = u32::try_from(field.plan.report_every_s).unwrap_or(u32::MAX);
    let mut due = Some(first);
    while let Some(now) = due {
        let body = field.ledger.report(who, now, seconds);
        let ask = field.send(who, Method::POST, "/v1/sync".to_owned(), body);
        if until(&field, &lines, &ask, is_kept).await.is_some() {
            field.syncs.note(now);
            field.ledger.acknowledged(who);
            field.counted.acknowledged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        due = field.ledger.next(who);
    }
}

/// Sends a call until it is answered as it should be; each time that it is not is a trouble.
async fn until(field: &Field, lines: &Lines, ask: &Ask, good: fn(&[u8]) -> bool) -> Option<Bytes> {
    let begun = Instant::now();
    while begun.elapsed() < TRIED_FOR {
        let (outcome, body) = lines.call(ask, field.plan.give_up_after()).await;
        if !outcome.is_error() && good(&body) {
            return Some(body);
        }
        let said = match outcome {
            Outcome::Failed(why) => why,
            other => format!("{other:?}: {}", String::from_utf8_lossy(&body)),
        };
        field.troubles.note(format!("{} {}: {said}", ask.method, ask.path));
        sleep(AGAIN_AFTER).await;
    }
    field.troubles.note(format!("{} {}: never acknowledged", ask.method, ask.path));
    None
}

/// A record that is sent again may have been kept the first time.
fn is_kept(body: &[u8]) -> bool {
    has(body, b"\"status\":\"stored\"") || has(body, b"\"status\":\"duplicate\"")
}

fn is_member(body: &[u8]) -> bool {
    member(body).is_some()
}

/// `m17` of an answer to a join.
fn member(body: &[u8]) -> Option<u32> {
    let key = b"\"member\":\"m";
    let at = body.windows(key.len()).position(|window| window == key)? + key.len();
    let end = body[at..].iter().position(|byte| *byte == b'"')? + at;
    std::str::from_utf8(&body[at..end]).ok()?.parse().ok()
}

fn has(body: &[u8], what: &[u8]) -> bool {
    body.windows(what.len()).any(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_known_by_its_acknowledgement() {
        assert!(is_kept(br#"{"acks":[{"key":"race","version":3,"status":"stored"}]}"#));
        assert!(is_kept(br#"{"acks":[{"key":"race","version":3,"status":"duplicate"}]}"#));
        assert!(!is_kept(br#"{"acks":[{"key":"race","version":3,"status":"stale"}]}"#));
        assert_eq!(member(br#"{"id":"x","member":"m17","show_as":"name"}"#), Some(17));
        assert!(!is_member(br#"{"code":"overloaded"}"#));
    }

    #[tokio::test]
    async fn calls_begin_when_they_are_due_and_the_last_is_waited_for() {
        let begins = Instant::now();
        let gap = Duration::from_millis(5);
        let paced = paced(begins, (gap, 20), |nth, due| {
            assert!(Instant::now() >= due, "the {nth}th");
            (nth % 2 == 0).then(|| sleep(Duration::from_millis(50)))
        })
        .await
        .unwrap();
        assert_eq!(paced.lag.len(), 20);
        assert!(paced.took >= Duration::from_millis(18 * 5 + 50));
    }
}
