//! What a marketer writes: the terms of a campaign, in and out.

use std::collections::BTreeMap;

use proto::promo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use crate::values::{AnId, Money, known, or_default};

/// A campaign as written. In an edit, what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
pub(super) struct Draft {
    /// By language.
    #[schema(example = json!({"en": "First run: 15 % off", "ru": "Первая пробежка: −15 %"}))]
    name: Option<BTreeMap<String, String>>,
    partner_id: Option<AnId>,
    #[schema(example = json!(["KZ-75"]))]
    regions: Option<Vec<String>>,
    trigger: Option<Trigger>,
    /// A rule: `{"all":[…]} {"any":[…]} {"not":…}` over clauses.
    #[schema(value_type = Option<Object>, example = json!({"region_in": ["KZ-75"]}))]
    eligibility: Option<Box<RawValue>>,
    offer: Option<OfferTerms>,
    budget: Option<Budget>,
    schedule: Option<Schedule>,
    #[schema(minimum = 0, maximum = 100)]
    holdout_percent: Option<u32>,
}

/// What grants the offer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Trigger {
    #[schema(example = "first_run")]
    badge_unlocked: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct OfferTerms {
    /// `percent_off`, `amount_off` or `gift`.
    #[schema(example = "percent_off")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 15)]
    percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// The feed's own `g:id`s; empty = everything of the partner.
    #[serde(default, deserialize_with = "or_default")]
    product_ids: Vec<String>,
    #[schema(example = 14)]
    valid_days: u32,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Budget {
    limit: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_day: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_account: Option<Money>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Schedule {
    /// Local for `region` and `home`, with an offset for `instant`.
    #[schema(example = "2026-05-01T09:00:00")]
    start: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-06-01T00:00:00")]
    end: Option<String>,
    /// `region`, `home` or `instant`.
    #[schema(example = "region")]
    clock: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

impl From<Draft> for promo::Draft {
    fn from(draft: Draft) -> Self {
        let name = draft.name.unwrap_or_default().into_iter();
        Self {
            name: name.map(|(locale, text)| promo::Text { locale, text }).collect(),
            partner_id: draft.partner_id.map(AnId::bytes),
            regions: draft.regions.unwrap_or_default(),
            trigger: draft.trigger.map(|trigger| promo::Trigger { badge_unlocked: trigger.badge_unlocked }),
            eligibility_json: draft.eligibility.map(|rule| rule.get().to_owned()),
            offer: draft.offer.map(|offer| promo::OfferTerms {
                kind: offer.kind,
                percent: offer.percent,
                amount: offer.amount.map(Into::into),
                product_ids: offer.product_ids,
                valid_days: offer.valid_days,
            }),
            budget: draft.budget.map(|budget| promo::Budget {
                limit: Some(budget.limit.into()),
                per_day: budget.per_day.map(Into::into),
                per_account: budget.per_account.map(Into::into),
            }),
            schedule: draft.schedule.map(|schedule| promo::Schedule {
                start: schedule.start,
                end: schedule.end.unwrap_or_default(),
                clock: schedule.clock,
                time_zone: schedule.time_zone.unwrap_or_default(),
            }),
            holdout_percent: draft.holdout_percent,
        }
    }
}

/// The terms as they stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Terms {
    name: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<AnId>,
    regions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    eligibility: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<OfferTerms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    holdout_percent: u32,
}

impl Terms {
    pub(super) fn of(draft: promo::Draft) -> Self {
        Self {
            name: draft.name.into_iter().map(|text| (text.locale, text.text)).collect(),
            partner_id: draft.partner_id.as_deref().and_then(AnId::of),
            regions: draft.regions,
            trigger: draft.trigger.map(|trigger| Trigger { badge_unlocked: trigger.badge_unlocked }),
            eligibility: draft.eligibility_json.and_then(|rule| serde_json::from_str(&rule).ok()),
            offer: draft.offer.map(|offer| OfferTerms {
                kind: offer.kind,
                percent: offer.percent,
                amount: offer.amount.map(Into::into),
                product_ids: offer.product_ids,
                valid_days: offer.valid_days,
            }),
            budget: draft.budget.and_then(|budget| {
                Some(Budget {
                    limit: budget.limit?.into(),
                    per_day: budget.per_day.map(Into::into),
                    per_account: budget.per_account.map(Into::into),
                })
            }),
            schedule: draft.schedule.map(|schedule| Schedule {
                start: schedule.start,
                end: known(schedule.end),
                clock: schedule.clock,
                time_zone: known(schedule.time_zone),
            }),
            holdout_percent: draft.holdout_percent.unwrap_or_default(),
        }
    }
}
