//! A live session ends, by its owner's word or because nothing is heard of it, and what was told becomes an activity by
//! the way of all workouts: totals, rules, twins.
//!
//! First nothing more is taken, then the points are read, then one append says that the session has ended and what it
//! became. Whoever is interrupted in between is followed by the timer, which finds the same points.

use eventing::{Command, Done, Error, store::Timer};
use formats::totals;
use kernel::{AccountId, ActivityId, Code, Refusal, time};
use tracing::warn;

use super::{
    App, Sender, activity_stream, events,
    read_upload::{Encoded, encode},
    standing::Standing,
    start_live::{FORGET, SILENCE, Session, live_events, live_stream, timer},
};
use crate::{
    domain::{
        LiveId,
        activity::{Activity, Synced},
        cheat,
        facts::{Measured, Origin, Record, Start},
        live::{self, EndedBy, Ending, Live, Plan, Point},
    },
    reading,
    store::live as rows,
};

const ACTOR: &str = "timer:activity";
/// After a try that came to nothing.
const AGAIN_US: i64 = 60 * 1_000_000;

/// What a session has become.
struct Outcome {
    ending: Ending,
    recorded: Option<(ActivityId, Record)>,
}

impl App {
    /// By its owner. One that has ended answers as it ended.
    pub async fn finish_live(
        &self,
        command: &Command,
        sender: &Sender,
        id: LiveId,
    ) -> Result<(Option<Done>, Session), Refusal> {
        let live = self.journal.load::<Live>(&live_stream(id)).await?.state;
        live.owned_by(sender.account)?;
        let done = match live.ending {
            Some(_) => self.journal.replayed(command).await?,
            None => self.end_live(command, id, &live, EndedBy::Owner).await?,
        };
        Ok((done, self.live_session(id).await?))
    }

    /// Time has come to look whether anything is still told. What cannot be ended now is looked at later: other sessions
    /// wait behind no one.
    pub async fn listen_to_live(&self, id: LiveId) -> Result<(), Error> {
        let now_us = time::micros(self.journal.now());
        let again_us = match self.end_silent(id, now_us).await {
            Ok(again_us) => again_us,
            Err(refusal) => {
                warn!(live = %id, %refusal, "a silent session is ended later");
                Some(now_us.saturating_add(AGAIN_US))
            }
        };
        if let Some(due_us) = again_us {
            let mut batch = self.journal.batch(&Command::by(ACTOR));
            batch.timer(timer(id, SILENCE, due_us));
            batch.commit().await?;
        }
        Ok(())
    }

    /// Its points have been kept long enough.
    pub async fn forget_live(&self, id: LiveId) -> Result<(), Error> {
        Ok(rows::forget(&self.db, id).await?)
    }

    /// When to look again, where it has not ended.
    async fn end_silent(&self, id: LiveId, now_us: i64) -> Result<Option<i64>, Refusal> {
        let live = self.journal.load::<Live>(&live_stream(id)).await?.state;
        if live.plan.is_none() || live.ending.is_some() {
            return Ok(None);
        }
        if let Some(row) = rows::get(&self.db, id).await.map_err(Error::from)?
            && row.state == rows::State::Open
            && now_us < self.ends_us(&row)
        {
            return Ok(Some(self.ends_us(&row)));
        }
        self.end_live(&Command::by(ACTOR), id, &live, EndedBy::Silence).await?;
        Ok(None)
    }

    async fn end_live(
        &self,
        command: &Command,
        id: LiveId,
        live: &Live,
        by: EndedBy,
    ) -> Result<Option<Done>, Refusal> {
        let account = live.account_id.ok_or_else(Refusal::not_found)?;
        let plan = live.plan.clone().ok_or_else(Refusal::not_found)?;
        let points = match rows::close(&self.db, id, account).await.map_err(Error::from)? {
            Some(_) => rows::points(&self.db, id).await.map_err(Error::from)?,
            None => Vec::new(),
        };
        let outcome = self.outcome(account, id, plan, points, by).await?;
        let Some(done) = self.say_ended(command, account, id, &outcome).await? else { return Ok(None) };
        self.heard.tell(id);
        Ok(Some(match outcome.ending.activity_id {
            Some(activity_id) => self.and_twins(command, account, activity_id, done).await,
            None => done,
        }))
    }

    async fn outcome(
        &self,
        account: AccountId,
        id: LiveId,
        plan: Plan,
        points: Vec<Point>,
        by: EndedBy,
    ) -> Result<Outcome, Refusal> {
        let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
        let discarded = Outcome { ending: Ending { by, activity_id: None, points: count }, recorded: None };
        if points.is_empty() {
            return Ok(discarded);
        }
        let standing = self.standing(account).await?;
        if !standing.present {
            return Ok(discarded);
        }
        let activity_id = live::activity_id(account, id);
        let made = move || made(account, activity_id, &plan, &points, &standing);
        let made = tokio::task::spawn_blocking(made).await;
        let made = made.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?;
        let Some((record, streams)) = made else { return Ok(discarded) };
        if let Some((key, encoded)) = streams {
            self.blobs.put(&key, encoded).await?;
        }
        let ending = Ending { activity_id: Some(activity_id), ..discarded.ending };
        Ok(Outcome { ending, recorded: Some((activity_id, record)) })
    }

    /// `None`: somebody else has ended it meanwhile.
    async fn say_ended(
        &self,
        command: &Command,
        account: AccountId,
        id: LiveId,
        outcome: &Outcome,
    ) -> Result<Option<Done>, Refusal> {
        let (partition, stream) = (&account.to_string(), &live_stream(id));
        let kept_us = i64::from(self.config.live_kept_s) * 1_000_000;
        let attempt = || async move {
            let loaded = self.journal.load::<Live>(stream).await?;
            let changes = loaded.state.end(outcome.ending.clone());
            if changes.is_empty() {
                return Ok(None);
            }
            let mut batch = self.journal.batch(command);
            batch.write(&loaded, partition, live_events(id, account, changes));
            if let Some((activity_id, record)) = &outcome.recorded {
                let activity = self.journal.load::<Activity>(&activity_stream(*activity_id)).await?;
                if let Synced::Stored(changes) = activity.state.sync(record.clone(), live::VERSION) {
                    batch.write(&activity, partition, events(*activity_id, account, changes));
                }
            }
            batch.inline(rows::ending(id, outcome.ending.activity_id));
            batch.timer(Timer::Cancel { stream: stream.clone(), command_id: SILENCE.to_owned() });
            let now_us = time::micros(self.journal.now());
            batch.timer(timer(id, FORGET, now_us.saturating_add(kept_us)));
            batch.answer(200, vec![id.to_string()]);
            batch.commit().await.map(Some)
        };
        Ok(self.journal.retrying(attempt).await?)
    }
}

/// The record and the columns of what was told; no I/O.
fn made(
    account: AccountId,
    id: ActivityId,
    plan: &Plan,
    points: &[Point],
    standing: &Standing,
) -> Option<(Record, Option<Encoded>)> {
    let course = plan.course.as_ref()?;
    let mut activity = live::activity(course, points)?;
    if !standing.health_consent {
        reading::drop_health(&mut activity);
    }
    totals::complete(&mut activity);
    let start = Start::of(
        time::micros(activity.start),
        course.stated_offset_s,
        course.stated_zone.as_deref(),
        standing.time_zone.as_deref(),
    );
    let origin = Origin::Sync { source: live::SOURCE.to_owned(), client_version: live::VERSION };
    let streams = encode(account, id, &activity.streams);
    let record = Record {
        streams_blob: streams.as_ref().map(|(key, _)| key.clone()),
        visibility: plan.visibility.clone(),
        name: plan.name.clone(),
        ..reading::record(&activity, Measured::Client, origin, start)
    };
    Some((cheat::judged(record, Some(&activity.streams)), streams))
}
