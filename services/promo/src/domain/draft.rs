//! What a marketer wrote, in whole or in part, and whether it is a campaign.

use std::collections::{BTreeMap, BTreeSet};

use eligibility::Rule;
use kernel::{FieldError, Money, Refusal, money::Currency, place::Region};
use uuid::Uuid;

use super::{
    ids::PartnerId,
    schedule::{Clock, Schedule},
    terms::{BudgetTerms, OfferTerms, Reward, Terms},
};

/// Above this, clients that keep numbers as doubles would round: 2^53.
pub const AMOUNT_MINOR_MAX: i64 = 9_007_199_254_740_992;
const REGIONS_MAX: usize = 200;
const NAMES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 200;
const PRODUCTS_MAX: usize = 1_000;
const WORD_BYTES_MAX: usize = 100;
const VALID_DAYS_MAX: u32 = 365;
const HOLDOUT_PERCENT_MAX: u32 = 50;

/// An amount as written: minor units and a currency's code.
pub type Amount = (i64, String);

/// Absent parts are taken from the terms that are edited, or are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub name: Option<Vec<(String, String)>>,
    pub partner: Option<Uuid>,
    pub regions: Option<Vec<String>>,
    pub badge: Option<String>,
    pub eligibility: Option<String>,
    pub offer: Option<OfferDraft>,
    pub budget: Option<BudgetDraft>,
    pub schedule: Option<ScheduleDraft>,
    pub holdout_percent: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferDraft {
    pub kind: String,
    pub percent: Option<u32>,
    pub amount: Option<Amount>,
    pub product_ids: Vec<String>,
    pub valid_days: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetDraft {
    pub limit: Option<Amount>,
    pub per_day: Option<Amount>,
    pub per_account: Option<Amount>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleDraft {
    pub start: String,
    pub end: String,
    pub clock: String,
    pub time_zone: String,
}

impl Draft {
    /// The draft as complete terms, with what is absent taken from `base`; or everything that is wrong with it.
    pub fn onto(self, base: Option<&Terms>) -> Result<Terms, Refusal> {
        let mut faults = Faults(Vec::new());
        let faults_mut = &mut faults;
        let name = part(faults_mut, "/name", self.name, base.map(|it| it.name.clone()), names);
        let partner = part(faults_mut, "/partner_id", self.partner, base.map(|it| it.partner), |id, _| {
            Some(PartnerId::new(id))
        });
        let regions =
            part(faults_mut, "/regions", self.regions, base.map(|it| it.regions.clone()), regions_of);
        let badge =
            part(faults_mut, "/trigger", self.badge, base.map(|it| it.badge.clone()), |badge, faults| {
                faults.word("/trigger/badge_unlocked", badge)
            });
        let before = base.map_or_else(Rule::everyone, |it| it.eligibility.clone());
        let eligibility = part(faults_mut, "/eligibility", self.eligibility, Some(before), |text, faults| {
            faults.collect(Rule::parse(&text, "/eligibility"))
        });
        let budget = part(faults_mut, "/budget", self.budget, base.map(|it| it.budget), BudgetDraft::parse);
        let offer =
            part(faults_mut, "/offer", self.offer, base.map(|it| it.offer.clone()), OfferDraft::parse);
        let schedule = part(
            faults_mut,
            "/schedule",
            self.schedule,
            base.map(|it| it.schedule.clone()),
            ScheduleDraft::parse,
        );
        let holdout_percent = self.holdout_percent.or(base.map(|it| it.holdout_percent)).unwrap_or(0);
        if holdout_percent > HOLDOUT_PERCENT_MAX {
            faults.add::<()>("/holdout_percent", "out_of_range", format!("0 to {HOLDOUT_PERCENT_MAX}"));
        }
        let parts = (|| {
            Some(Terms {
                name: name?,
                partner: partner?,
                regions: regions?,
                badge: badge?,
                eligibility: eligibility?,
                offer: offer?,
                budget: budget?,
                schedule: schedule?,
                holdout_percent,
            })
        })();
        if let Some(terms) = &parts {
            faults.agree(terms);
        }
        Refusal::fields(faults.0)?;
        parts.ok_or_else(|| Refusal::field("", "incomplete", "the draft is not complete"))
    }
}

impl OfferDraft {
    fn parse(self, faults: &mut Faults) -> Option<OfferTerms> {
        let before = faults.0.len();
        let reward = match self.kind.as_str() {
            "percent_off" => match self.percent {
                Some(percent @ 1..=100) => Some(Reward::PercentOff(percent)),
                Some(_) => faults.add("/offer/percent", "out_of_range", "1 to 100"),
                None => faults.missing("/offer/percent"),
            },
            "amount_off" => faults.needed_amount("/offer/amount", self.amount).map(Reward::AmountOff),
            "gift" => faults.needed_amount("/offer/amount", self.amount).map(Reward::Gift),
            _ => faults.add("/offer/kind", "unknown_value", "percent_off, amount_off or gift"),
        };
        if !(1..=VALID_DAYS_MAX).contains(&self.valid_days) {
            faults.add::<()>("/offer/valid_days", "out_of_range", format!("1 to {VALID_DAYS_MAX}"));
        }
        if self.product_ids.len() > PRODUCTS_MAX {
            faults.add::<()>("/offer/product_ids", "too_many", format!("at most {PRODUCTS_MAX}"));
        }
        let mut product_ids = Vec::new();
        for (index, id) in self.product_ids.into_iter().take(PRODUCTS_MAX).enumerate() {
            match faults.word(&format!("/offer/product_ids/{index}"), id) {
                Some(id) if !product_ids.contains(&id) => product_ids.push(id),
                _ => {}
            }
        }
        if faults.0.len() > before {
            return None;
        }
        Some(OfferTerms { reward: reward?, product_ids, valid_days: self.valid_days })
    }
}

impl BudgetDraft {
    fn parse(self, faults: &mut Faults) -> Option<BudgetTerms> {
        let limit = faults.needed_amount("/budget/limit", self.limit)?;
        let mut part = |pointer: &str, amount: Option<Amount>| -> Option<Option<i64>> {
            let Some(amount) = amount else { return Some(None) };
            let money = faults.amount(pointer, amount)?;
            if money.currency != limit.currency {
                return faults.add(
                    &format!("{pointer}/currency"),
                    "currency_mismatch",
                    "not the limit's currency",
                );
            }
            if money.amount_minor > limit.amount_minor {
                return faults.add(
                    &format!("{pointer}/amount_minor"),
                    "exceeds_limit",
                    "more than the whole limit",
                );
            }
            Some(Some(money.amount_minor))
        };
        let per_day_minor = part("/budget/per_day", self.per_day);
        let per_account_minor = part("/budget/per_account", self.per_account);
        Some(BudgetTerms { limit, per_day_minor: per_day_minor?, per_account_minor: per_account_minor? })
    }
}

impl ScheduleDraft {
    fn parse(self, faults: &mut Faults) -> Option<Schedule> {
        let before = faults.0.len();
        if self.start.is_empty() {
            faults.missing::<()>("/schedule/start");
        }
        if self.end.is_empty() {
            faults.missing::<()>("/schedule/end");
        }
        let clock = match Clock::parse(&self.clock) {
            Some(clock) => Some(clock),
            None => faults.add("/schedule/clock", "unknown_value", "region, home or instant"),
        };
        let time_zone = (!self.time_zone.is_empty()).then_some(self.time_zone);
        if faults.0.len() > before {
            return None;
        }
        Some(Schedule { start: self.start, end: self.end, clock: clock?, time_zone })
    }
}

/// All faults of one draft: the marketer mends them in one go.
struct Faults(Vec<FieldError>);

impl Faults {
    fn add<T>(&mut self, pointer: &str, code: &str, detail: impl Into<String>) -> Option<T> {
        self.0.push(FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.into() });
        None
    }

    fn missing<T>(&mut self, pointer: &str) -> Option<T> {
        self.add(pointer, "required", "this is needed")
    }

    fn collect<T>(&mut self, parsed: Result<T, Vec<FieldError>>) -> Option<T> {
        parsed.map_err(|faults| self.0.extend(faults)).ok()
    }

    fn word(&mut self, pointer: &str, text: String) -> Option<String> {
        let fits = (1..=WORD_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if !fits {
            return self.add(pointer, "not_a_word", format!("a text of 1 to {WORD_BYTES_MAX} bytes"));
        }
        Some(text)
    }

    fn needed_amount(&mut self, pointer: &str, amount: Option<Amount>) -> Option<Money> {
        match amount {
            Some(amount) => self.amount(pointer, amount),
            None => self.add(pointer, "required", "an amount is needed"),
        }
    }

    fn amount(&mut self, pointer: &str, (amount_minor, currency): Amount) -> Option<Money> {
        let Some(currency) = Currency::parse(&currency) else {
            return self.add(&format!("{pointer}/currency"), "unknown_currency", "an ISO 4217 code, KZT");
        };
        if !(1..=AMOUNT_MINOR_MAX).contains(&amount_minor) {
            return self.add(
                &format!("{pointer}/amount_minor"),
                "out_of_range",
                format!("1 to {AMOUNT_MINOR_MAX}"),
            );
        }
        Some(Money::new(amount_minor, currency))
    }

    /// What only the parts together can tell.
    fn agree(&mut self, terms: &Terms) {
        let limit = terms.budget.limit;
        if let Reward::AmountOff(amount) | Reward::Gift(amount) = terms.offer.reward {
            if amount.currency != limit.currency {
                self.add::<()>("/offer/amount/currency", "currency_mismatch", "not the budget's currency");
            } else if amount.amount_minor > limit.amount_minor {
                self.add::<()>("/offer/amount/amount_minor", "exceeds_limit", "more than the whole budget");
            }
        }
        if let Err(fault) = terms.schedule.waves(&terms.regions) {
            self.0.push(fault);
        }
    }
}

/// What was written, parsed; else what was there; else a fault.
fn part<W, T>(
    faults: &mut Faults,
    pointer: &str,
    written: Option<W>,
    before: Option<T>,
    parse: impl FnOnce(W, &mut Faults) -> Option<T>,
) -> Option<T> {
    match (written, before) {
        (Some(written), _) => parse(written, faults),
        (None, Some(before)) => Some(before),
        (None, None) => faults.add(pointer, "required", "this is needed"),
    }
}

fn names(written: Vec<(String, String)>, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    if written.is_empty() || written.len() > NAMES_MAX {
        return faults.add("/name", "out_of_range", format!("a name in 1 to {NAMES_MAX} languages"));
    }
    let mut names = BTreeMap::new();
    for (locale, text) in written {
        let pointer = format!("/name/{locale}");
        let shaped = (2..=35).contains(&locale.len())
            && locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !shaped {
            return faults.add(&pointer, "unknown_value", "a BCP 47 language belongs here");
        }
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
            return faults.add(&pointer, "out_of_range", format!("1 to {NAME_CHARS_MAX} characters"));
        }
        names.insert(locale, text);
    }
    Some(names)
}

fn regions_of(written: Vec<String>, faults: &mut Faults) -> Option<Vec<Region>> {
    if written.is_empty() || written.len() > REGIONS_MAX {
        return faults.add("/regions", "out_of_range", format!("1 to {REGIONS_MAX} regions"));
    }
    let mut regions = BTreeSet::new();
    for (index, text) in written.iter().enumerate() {
        match Region::parse(text) {
            Some(region) => regions.insert(region),
            None => {
                return faults.add(
                    &format!("/regions/{index}"),
                    "unknown_region",
                    "an ISO 3166-2 code, KZ-75",
                );
            }
        };
    }
    Some(regions.into_iter().collect())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn written() -> Draft {
        Draft {
            name: Some(vec![("en".to_owned(), "Run for shoes".to_owned())]),
            partner: Some(Uuid::from_u128(7)),
            regions: Some(vec!["KZ-75".to_owned()]),
            badge: Some("first_run".to_owned()),
            eligibility: Some(r#"{"region_in":["KZ-75"]}"#.to_owned()),
            offer: Some(OfferDraft {
                kind: "percent_off".to_owned(),
                percent: Some(15),
                amount: None,
                product_ids: vec!["shoe-1".to_owned()],
                valid_days: 14,
            }),
            budget: Some(BudgetDraft {
                limit: Some((5_000_000, "KZT".to_owned())),
                ..BudgetDraft::default()
            }),
            schedule: Some(ScheduleDraft {
                start: "2026-05-01T09:00:00".to_owned(),
                end: "2026-06-01T00:00:00".to_owned(),
                clock: "region".to_owned(),
                time_zone: String::new(),
            }),
            holdout_percent: None,
        }
    }

    fn faults(change: impl FnOnce(&mut Draft)) -> Vec<(String, String)> {
        let mut draft = written();
        change(&mut draft);
        draft.onto(None).unwrap_err().fields.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    fn fault(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    #[test]
    fn a_complete_draft_becomes_terms_whose_revision_is_their_hash() {
        let terms = written().onto(None).unwrap();
        assert_eq!(terms.revision(), written().onto(None).unwrap().revision());
        let mut other = written();
        other.holdout_percent = Some(1);
        assert_ne!(terms.revision(), other.onto(None).unwrap().revision());
    }

    #[test]
    fn an_edit_keeps_what_it_does_not_name() {
        let base = written().onto(None).unwrap();
        let edit = Draft { regions: Some(vec!["KZ-71".to_owned()]), ..Draft::default() };
        let edited = edit.onto(Some(&base)).unwrap();
        assert_eq!(edited.regions[0].as_str(), "KZ-71");
        assert_eq!(edited.budget, base.budget);
        assert_ne!(edited.revision(), base.revision());
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let missing = Draft::default().onto(None).unwrap_err();
        let pointers: Vec<_> = missing.fields.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/name", "/partner_id", "/regions", "/trigger", "/budget", "/offer", "/schedule"]
        );
    }

    #[test]
    fn budgets_are_positive_bounded_and_of_one_currency() {
        let limit = |minor: i64| {
            move |draft: &mut Draft| {
                draft.budget =
                    Some(BudgetDraft { limit: Some((minor, "KZT".to_owned())), ..BudgetDraft::default() })
            }
        };
        for minor in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(faults(limit(minor)), fault("/budget/limit/amount_minor", "out_of_range"), "{minor}");
        }
        let mixed = |draft: &mut Draft| {
            draft.budget = Some(BudgetDraft {
                limit: Some((10, "KZT".to_owned())),
                per_day: Some((1, "EUR".to_owned())),
                per_account: None,
            });
        };
        assert_eq!(faults(mixed), fault("/budget/per_day/currency", "currency_mismatch"));
        let amount_off = |draft: &mut Draft| {
            draft.offer = Some(OfferDraft {
                kind: "amount_off".to_owned(),
                amount: Some((5, "EUR".to_owned())),
                valid_days: 1,
                ..OfferDraft::default()
            });
        };
        assert_eq!(faults(amount_off), fault("/offer/amount/currency", "currency_mismatch"));
    }

    #[test]
    fn percents_days_and_windows_have_bounds() {
        for percent in [0, 101, u32::MAX] {
            let wrong = |draft: &mut Draft| draft.offer.as_mut().unwrap().percent = Some(percent);
            assert_eq!(faults(wrong), fault("/offer/percent", "out_of_range"));
        }
        for days in [0, 366] {
            let wrong = |draft: &mut Draft| draft.offer.as_mut().unwrap().valid_days = days;
            assert_eq!(faults(wrong), fault("/offer/valid_days", "out_of_range"));
        }
        let backwards =
            |draft: &mut Draft| draft.schedule.as_mut().unwrap().end = "2026-04-01T00:00:00".to_owned();
        assert_eq!(faults(backwards), fault("/schedule/end", "end_before_start"));
        let nowhere = |draft: &mut Draft| draft.schedule.as_mut().unwrap().time_zone = "Mars/Base".to_owned();
        assert_eq!(faults(nowhere), fault("/schedule/time_zone", "unknown_zone"));
        let region = |draft: &mut Draft| draft.regions = Some(vec!["Almaty".to_owned()]);
        assert_eq!(faults(region), fault("/regions/0", "unknown_region"));
    }
}
