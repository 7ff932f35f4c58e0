//! A workout begins that is told as it happens.

use eventing::{Command, Decision, Done, StreamId, store::Timer};
use kernel::{AccountId, Code, Refusal, Sport, time};
use privacy::Audience;

use super::{App, Sender};
use crate::{
    domain::{
        LiveId,
        live::{Change, Course, Event, Live, Plan},
    },
    store::live::{self as rows, Row},
};

/// Ends a session of which nothing has been heard for a while.
pub(super) const SILENCE: &str = "silence";
/// Deletes what was told, once nobody reads it any more.
pub(super) const FORGET: &str = "forget";

/// What is said at the start, checked.
#[derive(Clone, Debug)]
pub struct Begin {
    pub sport: Sport,
    pub sub_sport: Option<String>,
    pub name: Option<String>,
    /// `None`: now.
    pub start_us: Option<i64>,
    pub stated_offset_s: Option<i32>,
    pub stated_zone: Option<String>,
    pub visibility: Option<Audience>,
}

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: LiveId,
    pub live: Live,
    /// `None`: it ended some time ago.
    pub row: Option<Row>,
    /// When it ends by itself, while it is open.
    pub ends_us: Option<i64>,
}

impl App {
    /// # Errors
    /// `conflict` when the account has as many open sessions as it may.
    pub async fn start_live(
        &self,
        command: &Command,
        sender: &Sender,
        begin: Begin,
    ) -> Result<(Done, Session), Refusal> {
        let (account, id): (_, LiveId) = (sender.account, command.new_id("live"));
        if let Some(done) = self.journal.replayed(command).await? {
            return Ok((done, self.live_session(id).await?));
        }
        if !self.standing(account).await?.present {
            return Err(Refusal::not_found());
        }
        let most = self.config.live_open_max;
        // Two at the same moment may both find room: it is a bound, not a promise.
        if rows::open(&self.db, account).await.map_err(eventing::Error::from)? >= i64::from(most) {
            let detail = format!("{most} sessions are open already: finish one");
            return Err(Refusal::new(Code::Conflict, detail));
        }
        let now_us = time::micros(self.journal.now());
        let start_us = begin.start_us.unwrap_or(now_us);
        let course = Course {
            sport: begin.sport,
            sub_sport: begin.sub_sport,
            start_us,
            stated_offset_s: begin.stated_offset_s,
            stated_zone: begin.stated_zone,
        };
        let plan = Plan {
            course: Some(course),
            name: begin.name,
            visibility: begin.visibility,
            session_id: sender.session,
        };
        let stream = live_stream(id);
        let done = self
            .journal
            .execute::<Live, _>(command, &stream, &account.to_string(), |live, _| {
                Ok(Decision::of(live_events(id, account, live.start(plan.clone())))
                    .timer(timer(id, SILENCE, now_us.saturating_add(self.silence_us())))
                    .inline(rows::opening(id, account, start_us, now_us))
                    .answer(201, vec![id.to_string()]))
            })
            .await?;
        Ok((done, self.live_session(id).await?))
    }

    pub(super) async fn live_session(&self, id: LiveId) -> Result<Session, Refusal> {
        let live = self.journal.load::<Live>(&live_stream(id)).await?.state;
        let row = rows::get(&self.db, id).await.map_err(eventing::Error::from)?;
        let ends_us = row.as_ref().filter(|_| live.ending.is_none()).map(|row| self.ends_us(row));
        Ok(Session { id, live, row, ends_us })
    }

    pub(super) fn ends_us(&self, row: &Row) -> i64 {
        row.heard_us.saturating_add(self.silence_us())
    }

    fn silence_us(&self) -> i64 {
        i64::from(self.config.live_silence_s) * 1_000_000
    }
}

pub(super) fn live_stream(id: LiveId) -> StreamId {
    StreamId::of("live", id)
}

pub(super) fn live_events(live_id: LiveId, account_id: AccountId, changes: Vec<Change>) -> Vec<Event> {
    changes.into_iter().map(|change| Event { live_id, account_id, change }).collect()
}

pub(super) fn timer(id: LiveId, what: &str, due_us: i64) -> Timer {
    Timer::Set { due_us, stream: live_stream(id), command_id: what.to_owned(), payload: Default::default() }
}
