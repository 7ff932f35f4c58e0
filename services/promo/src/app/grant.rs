//! An unlocked badge → one offer for each running campaign that it triggers, once.

use eligibility::{Facts, Rule};
use eventing::{Command, Error, Incoming, Loaded, StreamId, Timer, journal::Decision, store::DueTimer};
use jiff::{SignedDuration, Timestamp};
use kernel::{AccountId, Code, Refusal, time::micros};
use proto::auth;
use uuid::Uuid;

use super::{App, campaign_stream, offer_stream, people};
use crate::domain::{
    campaign::{Campaign, Known},
    ids::{self, OfferId},
    offer::{self, Grant, Offer},
};

/// The consent without which nobody is granted anything.
pub const CONSENT: &str = "promo";
pub const EXPIRE: &str = "expire";

/// What an achievement says.
#[derive(Clone, Debug)]
pub struct Unlocked {
    pub achievement: Option<Uuid>,
    pub account: AccountId,
    pub badge: String,
}

/// Redelivery changes nothing: commands are keyed by the event, and an account gets a campaign's offer once.
pub async fn on_unlocked(
    app: &App,
    reactor: &str,
    incoming: &Incoming,
    unlocked: &Unlocked,
) -> Result<(), Error> {
    let triggered = app.store.triggered_by(&unlocked.badge).await?;
    if triggered.is_empty() {
        return Ok(());
    }
    let standing = match people::standing(app, unlocked.account).await {
        Ok(standing) => standing,
        // Gone meanwhile: there is nobody to grant anything to.
        Err(refusal) if refusal.code == Code::NotFound => return Ok(()),
        Err(refusal) => return Err(refusal.into()),
    };
    let Some(region) = standing.region.clone() else { return Ok(()) };
    if standing.locked || !standing.consents.iter().any(|purpose| purpose == CONSENT) {
        return Ok(());
    }
    let mut facts: Option<Facts> = None;
    for id in triggered {
        let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(id)).await?;
        let Ok(known) = campaign.state.known() else { continue };
        if !known.grants_in(&region, &standing.time_zone, app.now()) || known.terms.badge != unlocked.badge {
            continue;
        }
        if facts.is_none() {
            facts = Some(facts_of(app, &standing, unlocked, incoming).await?);
        }
        let rule = &known.terms.eligibility;
        let Some(facts) = facts.as_mut() else { continue };
        facts.groups = people::groups_for(app, unlocked.account, rule).await?;
        let met = rule.is_met(facts, app.now());
        if met && has_budget(app, known).await? {
            grant(app, reactor, incoming, unlocked, known, &region).await?;
        }
    }
    Ok(())
}

async fn facts_of(
    app: &App,
    standing: &auth::AccountStanding,
    unlocked: &Unlocked,
    incoming: &Incoming,
) -> Result<Facts, Error> {
    let seen = incoming.event.position.unsigned_abs();
    let mut facts = people::facts(app, standing, unlocked.account, seen, &Rule::everyone()).await?;
    facts.badges.insert(unlocked.badge.clone());
    Ok(facts)
}

/// Nobody is given an offer that cannot be used any more.
async fn has_budget(app: &App, known: &Known) -> Result<bool, Error> {
    let mut held = app.books.hold(known.id).await;
    let book = held.take(&app.journal, known.id).await?;
    let left = book.budget.state.left_minor();
    held.put(book);
    Ok(left > 0)
}

async fn grant(
    app: &App,
    reactor: &str,
    incoming: &Incoming,
    unlocked: &Unlocked,
    known: &Known,
    region: &str,
) -> Result<(), Error> {
    let offer = ids::offer_of(known.id, unlocked.account);
    let stream = offer_stream(offer);
    let command = Command::reacting(reactor, incoming, &stream, "grant");
    let withheld = offer::in_holdout(offer, known.terms.holdout_percent);
    let lookup = app.secrets.lookup(&app.secrets.code_of(offer)).unwrap_or_default();
    let decide = |state: &Offer, now: Timestamp| {
        let grant = Grant {
            offer,
            campaign: known.id,
            account: unlocked.account,
            partner: known.terms.partner,
            terms: known.terms.offer.clone(),
            code_lookup: lookup.clone(),
            valid_until: now + SignedDuration::from_hours(24 * i64::from(known.terms.offer.valid_days)),
            achievement: unlocked.achievement,
            badge: Some(unlocked.badge.clone()),
            region: Some(region.to_owned()),
        };
        Ok(granted(&stream, state.grant(grant, withheld)))
    };
    match app.journal.execute::<Offer, _>(&command, &stream, &unlocked.account.to_string(), decide).await {
        // Erased at this very moment: there is nobody to grant anything to.
        Err(Error::Sealing(eventing::sealing::SealingError::Destroyed { .. })) => Ok(()),
        other => other.map(drop),
    }
}

fn granted(stream: &StreamId, events: Vec<offer::Event>) -> Decision<offer::Event> {
    let valid_until = events.iter().find_map(|event| match event {
        offer::Event::Granted(grant) => Some(grant.valid_until),
        _ => None,
    });
    let decision = Decision::of(events);
    match valid_until {
        None => decision,
        Some(due) => decision.timer(Timer::Set {
            due_us: micros(due),
            stream: stream.clone(),
            command_id: EXPIRE.to_owned(),
            payload: bytes::Bytes::new(),
        }),
    }
}

/// What time commands of an offer.
pub async fn expire(app: &App, timer: &DueTimer, offer: OfferId) -> Result<(), Error> {
    let stream = offer_stream(offer);
    let loaded: Loaded<Offer> = app.journal.load(&stream).await?;
    let Some(grant) = &loaded.state.grant else { return Ok(()) };
    let (command, key) = (Command::timed("promo", timer), grant.account.to_string());
    let decide = |state: &Offer, now: Timestamp| Ok::<_, Refusal>(state.expire(now).into());
    app.journal.execute::<Offer, _>(&command, &stream, &key, decide).await.map(drop)
}
