//! What is said of activities, from recorded to deleted → one keyed command on the account's progress: it counts, or it
//! does not. Days of steps likewise, each on a stream of its own.

use async_trait::async_trait;
use bytes::Bytes;
use eventing::{Class, DecodeError, Failure, Incoming, Plain, Reactor, Source};
use kernel::{AccountId, ActivityId};
use proto::activity as wire;

use crate::{
    app::{App, observe},
    domain::{
        Fact, Observation,
        daily::{self, Steps},
        fact::{Receipt, Told, day_named},
        progress::Change,
    },
    wire::id,
};

/// The reactor's name, by which its place is found.
pub const NAME: &str = "gamification-activities";

const KEYS_AT_ONCE: usize = 128;

/// The daily values that are counted.
const STEPS: &str = "steps";

pub struct Activities {
    app: App,
}

impl Activities {
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl Reactor for Activities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("activity")]
    }

    /// Accounts do not meet in a command, so that those of many share a commit.
    fn keys_at_once(&self) -> usize {
        KEYS_AT_ONCE
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        if let Some((account, seen)) = day(incoming)? {
            observe::observe_day(&self.app, incoming, account, seen).await?;
        } else if let Some(seen) = observation(incoming)? {
            observe::observe(&self.app, incoming, seen.account, seen.observation).await?;
        }
        Ok(())
    }
}

/// What an event says of a day's steps; `None` when it is about something else, or was erased.
pub fn day(incoming: &Incoming) -> Result<Option<(AccountId, daily::Observation)>, DecodeError> {
    let told = |daily_id: &Bytes, account_id: &Bytes, steps| {
        let (revision, receipt) = (incoming.event.version.unsigned_abs(), receipt(incoming));
        Ok((id(account_id)?, daily::Observation { daily: id(daily_id)?, revision, receipt, steps }))
    };
    if let Some(event) = incoming.plain.decode::<wire::DailyRecorded>() {
        let event = event?;
        let Some(daily) = event.daily.as_ref().filter(|daily| daily.r#type == STEPS) else { return Ok(None) };
        // What another source tells of the same minutes is counted there.
        let Some(steps) = steps(&daily.date, daily.share.unwrap_or(daily.value)) else { return Ok(None) };
        return told(&event.daily_id, &event.account_id, Some(steps)).map(Some);
    }
    if let Some(event) = incoming.plain.decode::<wire::DailyShared>() {
        let event = event?;
        let Some(share) = event.share.as_ref().filter(|share| share.r#type == STEPS) else { return Ok(None) };
        let Some(steps) = steps(&share.date, share.value) else { return Ok(None) };
        return told(&event.daily_id, &event.account_id, Some(steps)).map(Some);
    }
    if let Some(event) = incoming.plain.decode::<wire::DailyDeleted>() {
        let event = event?;
        return told(&event.daily_id, &event.account_id, None).map(Some);
    }
    Ok(None)
}

fn steps(date: &str, value: f64) -> Option<Steps> {
    Some(Steps { local_day: day_named(date)?, steps: daily::whole_steps(value)? })
}

/// An account's activity, as one event tells it.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub account: AccountId,
    pub observation: Observation,
}

/// What an event says; `None` when it is not about an activity that counts, or its facts were erased.
///
/// The activity's revision is the version of its own stream: higher is newer, whatever order events arrive in.
pub fn observation(incoming: &Incoming) -> Result<Option<Seen>, DecodeError> {
    let plain = &incoming.plain;
    let Some(told) = told(plain)? else { return Ok(None) };
    let change = match told.facts {
        None if told.gone => Change::Gone,
        None if plain.is_erased(Class::Activity) => return Ok(None),
        None => return Err(DecodeError(format!("{} has no facts", plain.kind))),
        Some(facts) => Change::Counts(fact(&facts, told.visibility.as_ref(), incoming.event.at_us)),
    };
    let activity_id: ActivityId = id(&told.activity_id)?;
    let revision = incoming.event.version.unsigned_abs();
    Ok(Some(Seen {
        account: id(&told.account_id)?,
        observation: Observation { activity_id, revision, change, receipt: receipt(incoming) },
    }))
}

fn receipt(incoming: &Incoming) -> Receipt {
    Receipt { at_us: incoming.event.at_us, position: incoming.event.position.unsigned_abs() }
}

struct ToldOf {
    activity_id: Bytes,
    account_id: Bytes,
    gone: bool,
    facts: Option<wire::Facts>,
    /// The activity's own; `None`: the account's settings hold.
    visibility: Option<wire::Visibility>,
}

fn told(plain: &Plain) -> Result<Option<ToldOf>, DecodeError> {
    if let Some(event) = plain.decode::<wire::ActivityDeleted>() {
        let gone = |event: wire::ActivityDeleted| ToldOf {
            activity_id: event.activity_id,
            account_id: event.account_id,
            gone: true,
            facts: None,
            visibility: None,
        };
        return event.map(|event| Some(gone(event)));
    }
    // Replaced while deleted: it stays deleted.
    let deleted = match plain.decode::<wire::ActivityReplaced>() {
        Some(event) => event?.deleted,
        None => false,
    };
    let Some(whole) = wire::ActivityRecorded::of(&plain.kind, &plain.payload) else { return Ok(None) };
    let whole = whole.map_err(|error| DecodeError(format!("{}: {error}", plain.kind)))?;
    let gone = deleted || !wire::Marks::count(whole.marks.as_ref());
    Ok(Some(ToldOf {
        activity_id: whole.activity_id,
        account_id: whole.account_id,
        gone,
        facts: whole.facts.filter(|_| !gone),
        visibility: whole.visibility,
    }))
}

fn fact(facts: &wire::Facts, visibility: Option<&wire::Visibility>, received_us: i64) -> Fact {
    Fact::of(&Told {
        sport: &facts.sport,
        start_us: facts.start_us,
        time_zone: &facts.time_zone,
        utc_offset_s: Some(facts.utc_offset_s),
        local_date: &facts.local_date,
        elapsed_time_s: Some(facts.elapsed_time_s),
        timer_time_s: facts.timer_time_s,
        moving_time_s: facts.moving_time_s,
        distance_m: facts.distance_m,
        ascent_m: facts.ascent_m,
        received_us,
        only_me: visibility.map(|shown| shown.audiences.is_empty()),
    })
}
