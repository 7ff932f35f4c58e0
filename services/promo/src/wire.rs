//! Proto ↔ domain: events of every stream, and the terms that events and answers share. Nowhere else.

use bytes::Bytes;
use eligibility::Rule;
use eventing::{DecodeError, Plain};
use jiff::Timestamp;
use kernel::{
    Id, Money,
    money::Currency,
    place::Region,
    time::{from_micros, micros},
};
use prost::{Message, Name};
use proto::promo as p;

use crate::domain::{
    draft::{Amount, BudgetDraft, Draft, OfferDraft, ScheduleDraft},
    ids::PartnerId,
    schedule::{Clock, Schedule, Wave},
    terms::{BudgetTerms, OfferTerms, Reward, Terms},
};

mod campaign;
mod catalogue;
mod money_flow;
mod streams;

pub fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

/// `None`: not 16 bytes.
pub fn id_of<Kind>(bytes: &[u8]) -> Option<Id<Kind>> {
    uuid::Uuid::from_slice(bytes).ok().map(Id::new)
}

fn id<Kind>(bytes: &[u8], field: &str) -> Result<Id<Kind>, DecodeError> {
    id_of(bytes).ok_or_else(|| DecodeError(format!("{field} is no uuid")))
}

pub fn money_to_wire(money: Money) -> p::Money {
    p::Money { amount_minor: money.amount_minor, currency: money.currency.as_str().to_owned() }
}

pub fn money_from(money: &p::Money) -> Option<Money> {
    Some(Money::new(money.amount_minor, Currency::parse(&money.currency)?))
}

fn money(money: Option<&p::Money>, field: &str) -> Result<Money, DecodeError> {
    money.and_then(money_from).ok_or_else(|| DecodeError(format!("{field} is no amount")))
}

fn currency(text: &str) -> Result<Currency, DecodeError> {
    Currency::parse(text).ok_or_else(|| DecodeError(format!("{text} is no currency")))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn at(us: i64) -> Timestamp {
    from_micros(us)
}

/// The event of type `M`, read; `None` when the message is another.
fn read<M, E>(plain: &Plain, make: impl FnOnce(M) -> Result<E, DecodeError>) -> Option<Result<E, DecodeError>>
where
    M: Message + Name + Default,
{
    plain.decode::<M>().map(|message| message.and_then(make))
}

fn unknown<E>(plain: &Plain, of: &str) -> Result<E, DecodeError> {
    Err(DecodeError(format!("{} is no event of {of}", plain.kind)))
}

/// What a marketer wrote.
pub fn draft_from(draft: p::Draft) -> Result<Draft, kernel::Refusal> {
    let partner = match draft.partner_id {
        None => None,
        Some(bytes) => Some(
            uuid::Uuid::from_slice(&bytes)
                .map_err(|_| kernel::Refusal::field("/partner_id", "malformed", "an id has 16 bytes"))?,
        ),
    };
    let amount =
        |money: Option<p::Money>| -> Option<Amount> { money.map(|it| (it.amount_minor, it.currency)) };
    Ok(Draft {
        name: (!draft.name.is_empty())
            .then(|| draft.name.into_iter().map(|it| (it.locale, it.text)).collect()),
        partner,
        regions: (!draft.regions.is_empty()).then_some(draft.regions),
        badge: draft.trigger.map(|it| it.badge_unlocked),
        eligibility: draft.eligibility_json,
        offer: draft.offer.map(|it| OfferDraft {
            kind: it.kind,
            percent: it.percent,
            amount: amount(it.amount),
            product_ids: it.product_ids,
            valid_days: it.valid_days,
        }),
        budget: draft.budget.map(|it| BudgetDraft {
            limit: amount(it.limit),
            per_day: amount(it.per_day),
            per_account: amount(it.per_account),
        }),
        schedule: draft.schedule.map(|it| ScheduleDraft {
            start: it.start,
            end: it.end,
            clock: it.clock,
            time_zone: it.time_zone,
        }),
        holdout_percent: draft.holdout_percent,
    })
}

pub fn terms_to_wire(terms: &Terms) -> p::Draft {
    let limit = terms.budget.limit;
    let part = |minor: Option<i64>| minor.map(|minor| money_to_wire(Money::new(minor, limit.currency)));
    p::Draft {
        name: terms
            .name
            .iter()
            .map(|(locale, text)| p::Text { locale: locale.clone(), text: text.clone() })
            .collect(),
        partner_id: Some(bytes_of(terms.partner)),
        regions: terms.regions.iter().map(|region| region.as_str().to_owned()).collect(),
        trigger: Some(p::Trigger { badge_unlocked: terms.badge.clone() }),
        eligibility_json: Some(terms.eligibility.to_json().to_string()),
        offer: Some(offer_terms_to_wire(&terms.offer)),
        budget: Some(p::Budget {
            limit: Some(money_to_wire(limit)),
            per_day: part(terms.budget.per_day_minor),
            per_account: part(terms.budget.per_account_minor),
        }),
        schedule: Some(p::Schedule {
            start: terms.schedule.start.clone(),
            end: terms.schedule.end.clone(),
            clock: terms.schedule.clock.as_str().to_owned(),
            time_zone: terms.schedule.time_zone.clone().unwrap_or_default(),
        }),
        holdout_percent: Some(terms.holdout_percent),
    }
}

/// Terms that were valid when they were written: read as they are, not judged anew.
pub fn terms_from(draft: Option<p::Draft>) -> Result<Terms, DecodeError> {
    let missing = |field: &str| DecodeError(format!("the terms have no {field}"));
    let draft = draft.ok_or_else(|| missing("body"))?;
    let budget = draft.budget.ok_or_else(|| missing("budget"))?;
    let limit = money(budget.limit.as_ref(), "the limit")?;
    let schedule = draft.schedule.ok_or_else(|| missing("schedule"))?;
    let rule = draft.eligibility_json.unwrap_or_else(|| "{}".to_owned());
    // `{"all":[]}` is how a rule that asks for nothing stands in events; written rules may not be empty lists.
    let eligibility = if rule == r#"{"all":[]}"# { Ok(Rule::everyone()) } else { Rule::parse(&rule, "") };
    let region =
        |text: &String| Region::parse(text).ok_or_else(|| DecodeError(format!("{text} is no region")));
    let partner: PartnerId = id(&draft.partner_id.unwrap_or_default(), "partner_id")?;
    Ok(Terms {
        name: draft.name.into_iter().map(|it| (it.locale, it.text)).collect(),
        partner,
        regions: draft.regions.iter().map(region).collect::<Result<_, _>>()?,
        badge: draft.trigger.ok_or_else(|| missing("trigger"))?.badge_unlocked,
        eligibility: eligibility.map_err(|_| DecodeError(format!("{rule} is no rule")))?,
        offer: offer_terms_from(draft.offer)?,
        budget: BudgetTerms {
            limit,
            per_day_minor: budget.per_day.map(|it| it.amount_minor),
            per_account_minor: budget.per_account.map(|it| it.amount_minor),
        },
        schedule: Schedule {
            start: schedule.start,
            end: schedule.end,
            clock: Clock::parse(&schedule.clock).ok_or_else(|| missing("clock"))?,
            time_zone: some(schedule.time_zone),
        },
        holdout_percent: draft.holdout_percent.unwrap_or(0),
    })
}

pub fn offer_terms_to_wire(terms: &OfferTerms) -> p::OfferTerms {
    let (percent, amount) = match terms.reward {
        Reward::PercentOff(percent) => (Some(percent), None),
        Reward::AmountOff(amount) | Reward::Gift(amount) => (None, Some(money_to_wire(amount))),
    };
    p::OfferTerms {
        kind: terms.reward.kind().to_owned(),
        percent,
        amount,
        product_ids: terms.product_ids.clone(),
        valid_days: terms.valid_days,
    }
}

pub fn offer_terms_from(terms: Option<p::OfferTerms>) -> Result<OfferTerms, DecodeError> {
    let terms = terms.ok_or_else(|| DecodeError("an offer without terms".to_owned()))?;
    let reward = match terms.kind.as_str() {
        "percent_off" => Reward::PercentOff(terms.percent.unwrap_or(0)),
        "amount_off" => Reward::AmountOff(money(terms.amount.as_ref(), "the amount off")?),
        "gift" => Reward::Gift(money(terms.amount.as_ref(), "the gift's cost")?),
        other => return Err(DecodeError(format!("{other} is no kind of offer"))),
    };
    Ok(OfferTerms { reward, product_ids: terms.product_ids, valid_days: terms.valid_days })
}

pub fn wave_to_wire(wave: &Wave, state: &str) -> p::RegionWave {
    p::RegionWave {
        region: wave.region.clone(),
        time_zone: wave.time_zone.clone(),
        starts_at_us: micros(wave.starts),
        ends_at_us: micros(wave.ends),
        state: state.to_owned(),
    }
}

fn wave_from(wave: p::RegionWave) -> Wave {
    Wave {
        region: wave.region,
        time_zone: wave.time_zone,
        starts: at(wave.starts_at_us),
        ends: at(wave.ends_at_us),
    }
}
