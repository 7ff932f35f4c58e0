//! A marketer's commands, and what time commands of a campaign. One path: the campaign decides, its budget opens,
//! pauses or closes with it in the same append, and timers are set with the events that need them.

use eventing::{Batch, Command, Done, Error, Loaded, Timer, store::DueTimer};
use jiff::{SignedDuration, Timestamp};
use kernel::{AccountId, Refusal, time::micros};

use super::{App, budget_stream, campaign_stream, people};
use crate::domain::{
    budget::{self, Budget, Limits},
    campaign::{Campaign, Event},
    draft::Draft,
    ids::CampaignId,
    terms::Terms,
};

pub const START: &str = "start";
pub const DRAIN: &str = "drain";
pub const END: &str = "end";

/// What a marketer wants of a campaign that exists.
#[derive(Clone, Debug)]
pub enum Action {
    Edit(Box<Draft>),
    Submit,
    Approve { revision: String },
    Reject { reason: String, changes_requested: bool },
    Schedule,
    Pause,
    Resume,
    Stop { reason: String },
}

/// Writes a new campaign; its id with what became of the command.
pub async fn create(
    app: &App,
    command: &Command,
    caller: AccountId,
    draft: Draft,
) -> Result<(CampaignId, Done), Refusal> {
    let staff = people::staff(app, caller).await?;
    let id: CampaignId = command.new_id("campaign");
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok((id, done));
    }
    let terms = draft.onto(None)?;
    known_partner(app, &terms).await?;
    let decide = |campaign: &Campaign, _: Timestamp| campaign.draft(id, &staff, &terms);
    let done = change(app, command, id, 201, decide).await?;
    Ok((id, done))
}

pub async fn act(
    app: &App,
    command: &Command,
    caller: AccountId,
    id: CampaignId,
    action: Action,
) -> Result<Done, Refusal> {
    let staff = people::staff(app, caller).await?;
    if let Action::Edit(draft) = &action {
        let campaign = app.journal.load::<Campaign>(&campaign_stream(id)).await?;
        let before = campaign.state.seen_by(&staff)?;
        let after = draft.as_ref().clone().onto(Some(&before.terms))?;
        if after.partner != before.terms.partner {
            known_partner(app, &after).await?;
        }
    }
    let decide = |campaign: &Campaign, now: Timestamp| match &action {
        Action::Edit(draft) => {
            let before = &campaign.seen_by(&staff)?.terms;
            campaign.edit(&staff, &draft.as_ref().clone().onto(Some(before))?)
        }
        Action::Submit => campaign.submit(&staff),
        Action::Approve { revision } => campaign.approve(&staff, revision, now),
        Action::Reject { reason, changes_requested } => campaign.reject(&staff, reason, *changes_requested),
        Action::Schedule => campaign.schedule(&staff, now),
        Action::Pause => campaign.pause(&staff),
        Action::Resume => campaign.resume(&staff, now),
        Action::Stop { reason } => campaign.stop(&staff, reason),
    };
    Ok(change(app, command, id, 200, decide).await?)
}

/// What time commands: decided anew by the campaign, so late or twice changes nothing.
pub async fn timed(app: &App, timer: &DueTimer, id: CampaignId) -> Result<(), Error> {
    let command = Command::timed("promo", timer);
    let decide = |campaign: &Campaign, now: Timestamp| {
        Ok(match timer.command_id.as_str() {
            START => campaign.start(now),
            DRAIN => campaign.drain(now),
            END => campaign.end(),
            _ => Vec::new(),
        })
    };
    change(app, &command, id, 200, decide).await.map(drop)
}

async fn known_partner(app: &App, terms: &Terms) -> Result<(), Refusal> {
    if people::partner_exists(app, terms.partner).await? {
        return Ok(());
    }
    Err(Refusal::field("/partner_id", "unknown_partner", "no partner has this id"))
}

async fn change<F>(
    app: &App,
    command: &Command,
    id: CampaignId,
    status: u32,
    decide: F,
) -> Result<Done, Error>
where
    F: Fn(&Campaign, Timestamp) -> Result<Vec<Event>, Refusal> + Send + Sync,
{
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok(done);
    }
    let mut held = app.books.hold(id).await;
    let key = id.to_string();
    let decide = &decide;
    let key = &key;
    let done = app
        .journal
        .retrying(|| async move {
            let now = app.now();
            let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(id)).await?;
            let budget: Loaded<Budget> = app.journal.load(&budget_stream(id)).await?;
            let events = decide(&campaign.state, now)?;
            let mut after = campaign.state.clone();
            events.iter().for_each(|event| after.evolve(event));
            let mut batch = app.journal.batch(command);
            batch.write(&budget, key, budget_moves(&budget.state, &after, &events));
            set_timers(&mut batch, &campaign, &after, &events, app);
            batch.write(&campaign, key, events);
            batch.answer(status, vec![id.to_string()]);
            batch.commit().await
        })
        .await?;
    held.forget();
    Ok(done)
}

fn budget_moves(budget: &Budget, after: &Campaign, events: &[Event]) -> Vec<budget::Event> {
    let mut state = budget.clone();
    let mut moves = Vec::new();
    for event in events {
        let moved = match event {
            Event::Started { campaign } => {
                after.known().map(|known| state.open(*campaign, limits(&known.terms))).unwrap_or_default()
            }
            Event::Paused { .. } => state.suspend(),
            Event::Resumed { .. } => state.resume(),
            Event::Stopped { .. } | Event::Ended { .. } => state.close(),
            _ => Vec::new(),
        };
        moved.iter().for_each(|event| state.evolve(event));
        moves.extend(moved);
    }
    moves
}

fn limits(terms: &Terms) -> Limits {
    Limits {
        currency: terms.budget.limit.currency,
        limit_minor: terms.budget.limit.amount_minor,
        per_day_minor: terms.budget.per_day_minor,
        per_account_minor: terms.budget.per_account_minor,
    }
}

fn set_timers(batch: &mut Batch, before: &Loaded<Campaign>, after: &Campaign, events: &[Event], app: &App) {
    let stream = &before.stream;
    let Ok(known) = after.known() else { return };
    let mut set = |due: Timestamp, command_id: &str| {
        batch.timer(Timer::Set {
            due_us: micros(due),
            stream: stream.clone(),
            command_id: command_id.to_owned(),
            payload: bytes::Bytes::new(),
        });
    };
    for event in events {
        match event {
            Event::Scheduled { .. } => {
                if let (Some(starts), Some(ends)) = (known.starts(), known.ends()) {
                    set(starts, START);
                    set(ends, DRAIN);
                }
            }
            Event::Drained { .. } => {
                let valid = SignedDuration::from_hours(24 * i64::from(known.terms.offer.valid_days));
                let reserved = SignedDuration::from_secs(i64::from(app.config.reservation_ttl_s));
                set(app.now() + valid + reserved, END);
            }
            _ => {}
        }
    }
    if events.iter().any(|event| matches!(event, Event::Edited { .. } | Event::Stopped { .. })) {
        for command_id in [START, DRAIN, END] {
            batch.timer(Timer::Cancel { stream: stream.clone(), command_id: command_id.to_owned() });
        }
    }
}
