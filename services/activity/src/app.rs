//! The table of contents: everything that can be asked of this service.
//!
//! | command | query |
//! |---|---|
//! | [`receive_upload`], [`read_upload`] (the job behind it) | [`show_uploads`] |
//! | [`import`] (open, run, resume, roll back) | [`import`] (show) |
//! | [`resumable`] (create, append, abandon; finish, expire) | [`resumable`] (show) |
//! | [`sync`], which puts days together ([`unite_days`]) | [`show_days`] |
//! | [`recompute`], [`sweep_blobs`] | |
//! | [`start_live`], [`send_beacons`], [`finish_live`] | [`watch_live`] |
//! | [`create_activity`], [`change_activity`], [`delete_activity`], [`restore_activity`], [`purge_activity`] | [`list_activities`], [`get_activity`], [`history`] |
//! | | [`show_activities`], [`show_streams`], [`explain`], [`original`], [`export`] |
//! | | [`explain_visibility`], [`settled`] |
//! | | [`statistics`], [`records`], [`compare`], [`compare_region`] |
//! | link and split ([`twins`]), [`crop_activity`], appeal and decide ([`verdict`]) | duplicates ([`twins`]), [`verdict`] |

pub(crate) mod across;
pub mod change_activity;
pub mod compare;
pub mod compare_region;
pub mod create_activity;
pub mod crop_activity;
pub mod cut;
pub mod delete_activity;
pub mod explain;
pub mod explain_visibility;
pub mod export;
pub mod finish_live;
pub mod get_activity;
pub mod history;
pub mod import;
pub mod list_activities;
pub mod original;
pub mod purge_activity;
pub mod read_upload;
pub mod receive_upload;
pub mod recompute;
pub mod records;
pub mod restore_activity;
pub mod resumable;
pub mod send_beacons;
pub mod settled;
pub mod show_activities;
pub mod show_days;
pub mod show_streams;
pub mod show_uploads;
pub mod sight;
pub mod standing;
pub mod start_live;
pub mod statistics;
pub mod sweep_blobs;
pub mod sync;
pub mod twins;
mod unite_days;
pub mod verdict;
pub mod watch_live;

use std::sync::Arc;

use eventing::{Command, Done, Journal, StreamId, sql::Db};
use kernel::{AccountId, ActivityId, Refusal};
use platform::{Peers, Sight};
use privacy::FieldMask;

use crate::{
    blobs::Blobs,
    config::Config,
    domain::{
        SessionId,
        activity::{Activity, Change, Event},
        twins::Whereabouts,
    },
    metrics::Metrics,
    readers::Queue,
    store::{ActivityStore, Row},
    wire,
};

/// What every command and query stands on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub journal: Journal,
    pub db: Db,
    pub activities: Arc<dyn ActivityStore>,
    pub blobs: Blobs,
    pub peers: Peers,
    pub sight: Sight,
    pub cuts: cut::Cuts,
    pub config: Arc<Config>,
    pub queue: Queue,
    pub heard: watch_live::Heard,
    pub metrics: Metrics,
}

/// Who asks, from which device or app.
#[derive(Clone, Debug)]
pub struct Sender {
    pub account: AccountId,
    pub session: Option<SessionId>,
    /// A paired device: it may only bring things, and see what it brought.
    pub device: bool,
}

/// An activity with what of it may be shown.
#[derive(Clone, Debug)]
pub struct Seen {
    pub row: Row,
    pub mask: FieldMask,
    /// It is looked at by its owner, as such: whoever is shown every class is still somebody else.
    pub own: bool,
}

impl Seen {
    fn by_owner(row: Row) -> Self {
        Self { row, mask: FieldMask::ALL, own: true }
    }
}

impl App {
    /// The owner's activity as its own stream has it now: what a write answers with.
    async fn fresh(&self, id: ActivityId) -> Result<Seen, Refusal> {
        let loaded = self.journal.load::<Activity>(&activity_stream(id)).await?;
        row_of(id, &loaded.state).map(Seen::by_owner).ok_or_else(Refusal::not_found)
    }
}

impl App {
    /// As of its own stream.
    pub async fn known_whereabouts(&self, id: ActivityId) -> Result<Whereabouts, eventing::Error> {
        let state = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        Ok(state.record.map(|record| Whereabouts::of(&record, None)).unwrap_or_default())
    }

    /// A look around what was just written, and how far the journal has come with it. What cannot be done now is done by
    /// the reader of our own journal.
    async fn and_twins(&self, command: &Command, account: AccountId, id: ActivityId, done: Done) -> Done {
        match self.known_whereabouts(id).await {
            Ok(at) => self.and_twins_near(command, account, (id, &at), done).await,
            Err(error) => left_for_later(id, &Refusal::from(error), done),
        }
    }

    /// The same, where it is known where it is.
    async fn and_twins_near(
        &self,
        command: &Command,
        account: AccountId,
        (id, at): (ActivityId, &Whereabouts),
        done: Done,
    ) -> Done {
        match self.settle_twins(command, account, id, at).await {
            Ok(Some(settled)) => Done { position: settled.position, ..done },
            Ok(None) => done,
            Err(refusal) => left_for_later(id, &refusal, done),
        }
    }
}

fn left_for_later(id: ActivityId, refusal: &Refusal, done: Done) -> Done {
    tracing::warn!(activity = %id, %refusal, "twins are looked for later");
    done
}

fn activity_stream(id: ActivityId) -> StreamId {
    StreamId::of("activity", id)
}

fn events(activity_id: ActivityId, account_id: AccountId, changes: Vec<Change>) -> Vec<Event> {
    changes.into_iter().map(|change| Event { activity_id, account_id, change }).collect()
}

fn row_of(activity_id: ActivityId, activity: &Activity) -> Option<Row> {
    let record = activity.record.as_ref()?;
    let facts = record.facts.as_ref()?;
    let account_id = activity.account_id?;
    Some(Row {
        activity_id,
        account_id,
        start_us: facts.start_us,
        sport: facts.sport.as_str().to_owned(),
        live: activity.is_shown(),
        revision: activity.revision.cast_signed(),
        whole: wire::whole_of(activity_id, account_id, record),
    })
}

/// Items of a page: 50 unless said otherwise, at most 200.
fn page(limit: u32) -> u32 {
    if limit == 0 { 50 } else { limit.min(200) }
}
