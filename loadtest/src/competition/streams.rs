//! A live stream for every athlete, on a few hundred connections: opened, read, dropped and opened again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    field::Field,
    frames::{self, Event, Events},
};
use crate::generator::{dice::Dice, wire::Lines};

/// Room for what a slow reader has not read: a few frames.
const SLOW_WINDOW: u32 = 2_048;
const SLOW_PAUSE: Duration = Duration::from_secs(5);
/// Whoever was cut off comes back within this, and later each time that it fails.
const BACK_WITHIN_MS: f64 = 1_000.0;
const BACK_WITHIN_MS_MAX: f64 = 4_000.0;
const OPEN_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EACH: Duration = Duration::from_millis(100);

/// Every stream; they end with this.
pub(super) struct Streams {
    field: Arc<Field>,
    _reading: JoinSet<()>,
}

/// What all readers share.
struct Readers {
    field: Arc<Field>,
    lines: Lines,
    /// For those who read slowly.
    slow: Option<Lines>,
    opening: Semaphore,
}

/// How the reading of a stream ended.
enum Ended {
    /// On purpose.
    Dropped,
    /// The server said so.
    Closed {
        code: String,
        retry: Duration,
    },
    Broke(String),
}

impl Streams {
    /// Begins to open all of them.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) async fn begin(field: &Arc<Field>) -> anyhow::Result<Self> {
        let plan = &field.plan;
        let connections = |streams: usize| streams.div_ceil(plan.streams_per_connection).max(1);
        let slow = (0..plan.athletes).filter(|who| plan.is_slow(*who)).count();
        let readers = Arc::new(Readers {
            field: field.clone(),
            lines: Lines::open(&field.address, connections(plan.athletes)).await?,
            slow: match slow {
                0 => None,
                _ => Some(Lines::with_window(&field.address, connections(slow), SLOW_WINDOW).await?),
            },
            opening: Semaphore::new(plan.opening_at_once),
        });
        let mut reading = JoinSet::new();
        for who in 0..plan.athletes {
            reading.spawn(readers.clone().follow(who));
        }
        Ok(Self { field: field.clone(), _reading: reading })
    }

    /// Waits until all of them are open, and no longer than a long while: those that are not are a trouble.
    pub(super) async fn opened(&self) -> Duration {
        let begun = Instant::now();
        let wanted = self.field.plan.athletes as u64;
        loop {
            let open = self.field.counted.open.load(Relaxed);
            if open >= wanted {
                return begun.elapsed();
            }
            if begun.elapsed() > OPEN_WITHIN {
                self.field.troubles.note(format!("only {open} of {wanted} streams were opened"));
                return begun.elapsed();
            }
            sleep(LOOK_EACH).await;
        }
    }
}

impl Readers {
    async fn follow(self: Arc<Self>, who: usize) {
        let field = &self.field;
        let mut dice = Dice::of(field.plan.seed ^ (who as u64).rotate_left(40));
        let mut events = Events::default();
        let mut back_ms = BACK_WITHIN_MS;
        loop {
            let ended = match self.open(who, events.id).await {
                Ok(body) => {
                    let _open = Open::one(&field.counted.open);
                    back_ms = BACK_WITHIN_MS;
                    events.again();
                    self.read(who, body, (&mut events, &mut dice)).await
                }
                Err(error) => Ended::Broke(format!("{error:#}")),
            };
            let wait = match ended {
                Ended::Dropped => {
                    field.counted.reconnected.fetch_add(1, Relaxed);
                    continue;
                }
                Ended::Closed { code, .. } if code == "slow_reader" && field.plan.is_slow(who) => {
                    field.counted.sent_away.fetch_add(1, Relaxed);
                    continue;
                }
                Ended::Closed { code, retry } => {
                    field.troubles.note(format!("a stream was closed: {code}"));
                    retry
                }
                Ended::Broke(why) => {
                    field.troubles.note(format!("a stream: {why}"));
                    back_ms = (back_ms * 2.0).min(BACK_WITHIN_MS_MAX);
                    Duration::from_secs_f64(dice.unit() * back_ms / 1_000.0)
                }
            };
            sleep(wait).await;
        }
    }

    async fn open(&self, who: usize, id: u64) -> anyhow::Result<Incoming> {
        let field = &self.field;
        let plan = &field.plan;
        let _alone = self.opening.acquire().await?;
        let places = if plan.watches(who) { plan.watched_places } else { plan.places };
        let mut path = field.board(&format!("live?limit={places}"));
        if id > 0 {
            path.push_str(&format!("&last_event_id={id}"));
        }
        let slow = self.slow.as_ref().filter(|_| plan.is_slow(who));
        let (lines, turn) = slow.map_or((&self.lines, who), |slow| (slow, plan.slow_before(who)));
        let ask = field.get(who, path);
        let answer =
            timeout(plan.give_up_after(), lines.send_on(turn, &ask)).await.context("not opened")??;
        ensure!(answer.status().as_u16() == 200, "answered {}", answer.status());
        Ok(answer.into_body())
    }

    async fn read(&self, who: usize, mut body: Incoming, (events, dice): (&mut Events, &mut Dice)) -> Ended {
        let field = &self.field;
        let slow = field.plan.is_slow(who);
        let mut watched = field.plan.watches(who).then(Watched::default);
        let mut life = life(field.plan.reconnect_percent, dice).map(|life| Box::pin(sleep(life)));
        loop {
            let frame = match life.as_mut() {
                None => body.frame().await,
                Some(life) => tokio::select! {
                    frame = body.frame() => frame,
                    () = life => return Ended::Dropped,
                },
            };
            let data = match frame {
                None => return Ended::Broke("it ended without a word".to_owned()),
                Some(Err(error)) => return Ended::Broke(error.to_string()),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let mut closed = None;
            let taken = events.take(&data, |event, data| {
                match event {
                    Event::Closed => closed = Some(frames::closed(data)),
                    Event::Me => {
                        field.counted.own_frames.fetch_add(1, Relaxed);
                        if let Some(place) = frames::me(data)? {
                            field.ledger.told(who, place, (!slow).then_some(&field.own));
                        }
                        return Ok(());
                    }
                    Event::Snapshot | Event::Delta => {
                        if let Some(watched) = &mut watched {
                            watched.take(event, data, field)?;
                        }
                    }
                    Event::Other => {}
                }
                field.counted.other_frames.fetch_add(1, Relaxed);
                Ok(())
            });
            if let Some((code, retry_ms)) = closed {
                return Ended::Closed { code, retry: Duration::from_millis(retry_ms) };
            }
            if let Err(error) = taken {
                return Ended::Broke(format!("{error:#}"));
            }
            if slow && !field.rests.load(Relaxed) {
                sleep(SLOW_PAUSE).await;
            }
        }
    }
}

/// One open stream among those that are counted.
struct Open<'a>(&'a AtomicU64);

impl<'a> Open<'a> {
    fn one(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// How long a stream is kept, when so many of a hundred are dropped in a minute.
fn life(percent: f64, dice: &mut Dice) -> Option<Duration> {
    let mean_s = (percent > 0.0).then(|| 60.0 * 100.0 / percent)?;
    Some(Duration::from_secs_f64(-mean_s * (1.0 - dice.unit()).ln()))
}

/// The scores of a board that is followed whole.
#[derive(Default)]
struct Watched(HashMap<u32, i64>);

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow, alias = "entries")]
    changes: Vec<Row<'a>>,
    #[serde(borrow, default)]
    left: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Row<'a> {
    member: &'a str,
    score: f64,
}

impl Watched {
    /// Notes how long scores took that are new; whoever comes into the window may have been pushed there by others.
    fn take(&mut self, event: Event, data: &[u8], field: &Field) -> anyhow::Result<()> {
        let rows: Rows<'_> = serde_json::from_slice(data).context("places")?;
        if event == Event::Snapshot {
            self.0.clear();
        }
        for left in rows.left {
            self.0.remove(&number(left)?);
        }
        for row in rows.changes {
            let (member, score) = (number(row.member)?, (row.score * 1_000.0).round() as i64);
            let before = self.0.insert(member, score);
            if before.is_some_and(|before| before < score)
                && let Some(due) = field.ledger.due_of(member, score)
            {
                field.shown.note(due);
            }
        }
        Ok(())
    }
}

/// Of `m17`.
pub(super) fn number(member: &str) -> anyhow::Result<u32> {
    let number = member.strip_prefix('m').and_then(|number| number.parse().ok());
    number.with_context(|| format!("{member} is no member"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_live_as_long_as_the_plan_lets_them() {
        let mut dice = Dice::of(1);
        assert_eq!(life(0.0, &mut dice), None);
        let within =
            (0..10_000).filter_map(|_| life(5.0, &mut dice)).filter(|life| life.as_secs() < 60).count();
        assert!((400..=600).contains(&within), "{within} of 10 000 in a minute");
    }

    #[test]
    fn members_are_numbers() {
        assert_eq!(number("m17").unwrap(), 17);
        assert!(number("17").is_err() && number("mx").is_err());
    }

    #[test]
    fn snapshots_and_deltas_are_read_alike() {
        let rows: Rows<'_> =
            serde_json::from_str(r#"{"sequence":1,"entries":[{"rank":1,"member":"m2","score":7}]}"#).unwrap();
        assert_eq!((rows.changes.len(), rows.left.len()), (1, 0));
        let rows: Rows<'_> =
            serde_json::from_str(r#"{"changes":[{"rank":1,"member":"m2","score":7.5}],"left":["m3"]}"#)
                .unwrap();
        assert_eq!((rows.changes[0].score, rows.left[0]), (7.5, "m3"));
    }
}
