//! What a campaign promises: complete and valid. A revision is the hash of exactly this.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use eligibility::Rule;
use kernel::{Money, place::Region};
use serde_json::{Value, json};

use super::{
    ids::PartnerId,
    schedule::{Schedule, Wave},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Language → name; never empty.
    pub name: BTreeMap<String, String>,
    pub partner: PartnerId,
    pub regions: Vec<Region>,
    /// The badge whose unlocking grants the offer.
    pub badge: String,
    pub eligibility: Rule,
    pub offer: OfferTerms,
    pub budget: BudgetTerms,
    pub schedule: Schedule,
    pub holdout_percent: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    pub reward: Reward,
    /// The feed's own ids; empty: everything of the partner.
    pub product_ids: Vec<String>,
    pub valid_days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reward {
    PercentOff(u32),
    AmountOff(Money),
    /// With what one gift costs the budget.
    Gift(Money),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetTerms {
    pub limit: Money,
    pub per_day_minor: Option<i64>,
    pub per_account_minor: Option<i64>,
}

impl Reward {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PercentOff(_) => "percent_off",
            Self::AmountOff(_) => "amount_off",
            Self::Gift(_) => "gift",
        }
    }

    /// What the partner is owed when a basket of this amount redeems the offer. Never more than the basket, gifts aside.
    /// `None`: the basket is in another currency.
    pub fn discount(&self, basket: Money) -> Option<Money> {
        match self {
            Self::PercentOff(percent) => Some(basket.percent(*percent)),
            Self::AmountOff(off) if off.currency == basket.currency => {
                Some(Money::new(off.amount_minor.min(basket.amount_minor), off.currency))
            }
            Self::Gift(cost) if cost.currency == basket.currency => Some(*cost),
            Self::AmountOff(_) | Self::Gift(_) => None,
        }
    }
}

impl Terms {
    /// `sha256:` and the hash of the terms in one canonical form: keys sorted, nothing left out.
    pub fn revision(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.canonical().to_string().as_bytes());
        format!("sha256:{}", hex::encode(hash.as_ref()))
    }

    /// serde_json keeps object keys sorted, so equal terms give equal text.
    fn canonical(&self) -> Value {
        let amount =
            |money: &Money| json!({"minor": money.amount_minor, "currency": money.currency.as_str()});
        let reward = match &self.offer.reward {
            Reward::PercentOff(percent) => json!({"percent_off": percent}),
            Reward::AmountOff(money) => json!({"amount_off": amount(money)}),
            Reward::Gift(money) => json!({"gift": amount(money)}),
        };
        json!({
            "name": self.name,
            "partner": self.partner.to_string(),
            "regions": self.regions.iter().map(Region::as_str).collect::<Vec<_>>(),
            "badge": self.badge,
            "eligibility": self.eligibility.to_json(),
            "reward": reward,
            "product_ids": self.offer.product_ids,
            "valid_days": self.offer.valid_days,
            "limit": amount(&self.budget.limit),
            "per_day_minor": self.budget.per_day_minor,
            "per_account_minor": self.budget.per_account_minor,
            "start": self.schedule.start,
            "end": self.schedule.end,
            "clock": self.schedule.clock.as_str(),
            "time_zone": self.schedule.time_zone,
            "holdout_percent": self.holdout_percent,
        })
    }

    /// The name in a language, else in English, else in any.
    pub fn name_in(&self, locale: &str) -> &str {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        [locale, language, "en"]
            .iter()
            .find_map(|wanted| self.name.get(*wanted))
            .or_else(|| self.name.values().next())
            .map_or("", String::as_str)
    }

    /// Where the campaign's own days are counted: in its first region.
    pub fn day_zone(waves: &[Wave]) -> &str {
        waves.first().map_or("UTC", |wave| wave.time_zone.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::money::Currency;

    fn tenge(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::parse("KZT").unwrap())
    }

    #[test]
    fn a_discount_is_rounded_down_and_never_exceeds_the_basket() {
        assert_eq!(Reward::PercentOff(15).discount(tenge(999)), Some(tenge(149)));
        assert_eq!(Reward::AmountOff(tenge(5_000)).discount(tenge(3_000)), Some(tenge(3_000)));
        let euro = Money::new(100, Currency::parse("EUR").unwrap());
        assert_eq!(Reward::AmountOff(tenge(5_000)).discount(euro), None);
    }
}
