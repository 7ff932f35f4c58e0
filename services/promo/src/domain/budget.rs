//! The pool tree of one campaign: total → day → account. One owner decides the whole path at once.
//!
//! Invariant: on every pool, reserved + confirmed ≤ limit, under any interleaving: the stream's version guards it.

use std::collections::HashMap;

use kernel::{AccountId, Code, Refusal, money::Currency};

use super::ids::{CampaignId, RedemptionId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Opened {
        campaign: CampaignId,
        limits: Limits,
    },
    Suspended {
        campaign: CampaignId,
    },
    Resumed {
        campaign: CampaignId,
    },
    Closed {
        campaign: CampaignId,
    },
    Reserved {
        campaign: CampaignId,
        redemption: RedemptionId,
        account: AccountId,
        day: String,
        amount_minor: i64,
    },
    Confirmed {
        campaign: CampaignId,
        redemption: RedemptionId,
    },
    Released {
        campaign: CampaignId,
        redemption: RedemptionId,
    },
    Returned {
        campaign: CampaignId,
        redemption: RedemptionId,
        amount_minor: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub currency: Currency,
    pub limit_minor: i64,
    pub per_day_minor: Option<i64>,
    pub per_account_minor: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// The campaign has not started.
    #[default]
    Shut,
    Open,
    Suspended,
    /// Nothing new, for ever; what is reserved can still be confirmed or released.
    Closed,
}

#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub campaign: Option<CampaignId>,
    pub limits: Option<Limits>,
    pub gate: Gate,
    pub reserved_minor: i64,
    pub confirmed_minor: i64,
    days: HashMap<String, i64>,
    accounts: HashMap<AccountId, i64>,
    holds: HashMap<RedemptionId, Hold>,
}

/// What one redemption takes out of the pools.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hold {
    account: AccountId,
    day: String,
    amount_minor: i64,
    confirmed: bool,
}

/// A wish to spend.
#[derive(Clone, Debug)]
pub struct Spend {
    pub redemption: RedemptionId,
    pub account: AccountId,
    pub day: String,
    pub amount_minor: i64,
}

impl Budget {
    pub fn left_minor(&self) -> i64 {
        self.limits.map_or(0, |limits| limits.limit_minor - self.reserved_minor - self.confirmed_minor)
    }

    pub fn spent_on(&self, day: &str) -> i64 {
        self.days.get(day).copied().unwrap_or(0)
    }

    pub fn spent_by(&self, account: AccountId) -> i64 {
        self.accounts.get(&account).copied().unwrap_or(0)
    }

    pub fn open(&self, campaign: CampaignId, limits: Limits) -> Vec<Event> {
        if self.limits.is_some() { Vec::new() } else { vec![Event::Opened { campaign, limits }] }
    }

    pub fn suspend(&self) -> Vec<Event> {
        self.moved(self.gate == Gate::Open, |campaign| Event::Suspended { campaign })
    }

    pub fn resume(&self) -> Vec<Event> {
        self.moved(self.gate == Gate::Suspended, |campaign| Event::Resumed { campaign })
    }

    pub fn close(&self) -> Vec<Event> {
        self.moved(self.gate != Gate::Closed, |campaign| Event::Closed { campaign })
    }

    fn moved(&self, moves: bool, event: fn(CampaignId) -> Event) -> Vec<Event> {
        self.campaign.filter(|_| moves).map(event).into_iter().collect()
    }

    /// Takes the amount out of every pool of the path, or out of none.
    pub fn reserve(&self, spend: &Spend) -> Result<Vec<Event>, Refusal> {
        let (Some(campaign), Some(limits)) = (self.campaign, self.limits) else {
            return Err(Refusal::new(Code::OfferExpired, "the campaign is not running"));
        };
        match self.gate {
            Gate::Open => {}
            Gate::Suspended => {
                return Err(Refusal::new(Code::Conflict, "the campaign is paused").retry_after_s(60));
            }
            Gate::Shut | Gate::Closed => {
                return Err(Refusal::new(Code::OfferExpired, "the campaign is over"));
            }
        }
        if spend.amount_minor <= 0 {
            return Err(Refusal::field("/amount/amount_minor", "too_small", "there is nothing to discount"));
        }
        if self.holds.contains_key(&spend.redemption) {
            return Err(Refusal::new(Code::Conflict, "this redemption holds its budget already"));
        }
        let spent = self.reserved_minor.saturating_add(self.confirmed_minor);
        let fits =
            |spent: i64, limit: i64| spent.checked_add(spend.amount_minor).is_some_and(|sum| sum <= limit);
        let exhausted = |detail: &str| Err(Refusal::new(Code::BudgetExhausted, detail));
        if !fits(spent, limits.limit_minor) {
            return exhausted("the campaign's budget is used up");
        }
        if !limits.per_day_minor.is_none_or(|limit| fits(self.spent_on(&spend.day), limit)) {
            return exhausted("today's budget is used up");
        }
        if !limits.per_account_minor.is_none_or(|limit| fits(self.spent_by(spend.account), limit)) {
            return exhausted("your share of the budget is used up");
        }
        Ok(vec![Event::Reserved {
            campaign,
            redemption: spend.redemption,
            account: spend.account,
            day: spend.day.clone(),
            amount_minor: spend.amount_minor,
        }])
    }

    pub fn confirm(&self, redemption: RedemptionId) -> Vec<Event> {
        let open = self.holds.get(&redemption).is_some_and(|hold| !hold.confirmed);
        self.campaign
            .filter(|_| open)
            .map(|campaign| Event::Confirmed { campaign, redemption })
            .into_iter()
            .collect()
    }

    pub fn release(&self, redemption: RedemptionId) -> Vec<Event> {
        let open = self.holds.get(&redemption).is_some_and(|hold| !hold.confirmed);
        self.campaign
            .filter(|_| open)
            .map(|campaign| Event::Released { campaign, redemption })
            .into_iter()
            .collect()
    }

    /// Gives back a part of what was confirmed, never more than that.
    pub fn give_back(&self, redemption: RedemptionId, amount_minor: i64) -> Vec<Event> {
        let held =
            self.holds.get(&redemption).filter(|hold| hold.confirmed).map_or(0, |hold| hold.amount_minor);
        let amount_minor = amount_minor.min(held);
        self.campaign
            .filter(|_| amount_minor > 0)
            .map(|campaign| Event::Returned { campaign, redemption, amount_minor })
            .into_iter()
            .collect()
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { campaign, limits } => {
                self.campaign = Some(*campaign);
                self.limits = Some(*limits);
                self.gate = Gate::Open;
            }
            Event::Suspended { .. } => self.gate = Gate::Suspended,
            Event::Resumed { .. } => self.gate = Gate::Open,
            Event::Closed { .. } => self.gate = Gate::Closed,
            Event::Reserved { redemption, account, day, amount_minor, .. } => {
                self.reserved_minor += amount_minor;
                *self.days.entry(day.clone()).or_default() += amount_minor;
                *self.accounts.entry(*account).or_default() += amount_minor;
                let hold = Hold {
                    account: *account,
                    day: day.clone(),
                    amount_minor: *amount_minor,
                    confirmed: false,
                };
                self.holds.insert(*redemption, hold);
            }
            Event::Confirmed { redemption, .. } => {
                if let Some(hold) = self.holds.get_mut(redemption) {
                    hold.confirmed = true;
                    self.reserved_minor -= hold.amount_minor;
                    self.confirmed_minor += hold.amount_minor;
                }
            }
            Event::Released { redemption, .. } => {
                if let Some(hold) = self.holds.remove(redemption) {
                    self.reserved_minor -= hold.amount_minor;
                    self.give(&hold, hold.amount_minor);
                }
            }
            Event::Returned { redemption, amount_minor, .. } => {
                if let Some(mut hold) = self.holds.remove(redemption) {
                    hold.amount_minor -= amount_minor;
                    self.confirmed_minor -= amount_minor;
                    self.give(&hold, *amount_minor);
                    if hold.amount_minor > 0 {
                        self.holds.insert(*redemption, hold);
                    }
                }
            }
        }
    }

    fn give(&mut self, hold: &Hold, amount_minor: i64) {
        if let Some(day) = self.days.get_mut(&hold.day) {
            *day -= amount_minor;
        }
        if let Some(account) = self.accounts.get_mut(&hold.account) {
            *account -= amount_minor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(limit_minor: i64) -> Limits {
        Limits {
            currency: Currency::parse("KZT").unwrap(),
            limit_minor,
            per_day_minor: None,
            per_account_minor: None,
        }
    }

    fn opened(limits: Limits) -> Budget {
        let mut budget = Budget::default();
        let events = budget.open(CampaignId::random(), limits);
        then(&mut budget, events);
        budget
    }

    fn then(budget: &mut Budget, events: Vec<Event>) {
        events.iter().for_each(|event| budget.evolve(event));
    }

    fn spend(amount_minor: i64) -> Spend {
        Spend {
            redemption: RedemptionId::random(),
            account: AccountId::new(uuid::Uuid::nil()),
            day: "2026-05-01".to_owned(),
            amount_minor,
        }
    }

    #[test]
    fn the_last_unit_is_given_once() {
        let mut budget = opened(limits(100));
        let events = budget.reserve(&spend(100)).unwrap();
        then(&mut budget, events);
        assert_eq!(budget.reserve(&spend(1)).unwrap_err().code, Code::BudgetExhausted);
    }

    #[test]
    fn every_pool_of_the_path_must_have_room() {
        let tight = Limits { per_day_minor: Some(50), per_account_minor: Some(30), ..limits(100) };
        let mut budget = opened(tight);
        let events = budget.reserve(&spend(30)).unwrap();
        then(&mut budget, events);
        assert!(budget.reserve(&spend(1)).unwrap_err().detail.contains("share"));
        let other = |amount| Spend { account: AccountId::random(), ..spend(amount) };
        assert!(budget.reserve(&other(21)).unwrap_err().detail.contains("today"));
        assert!(budget.reserve(&Spend { day: "2026-05-02".to_owned(), ..other(21) }).is_ok());
    }

    #[test]
    fn what_is_released_or_refunded_can_be_spent_again() {
        let mut budget = opened(limits(100));
        let (one, two) = (spend(60), spend(40));
        for wish in [&one, &two] {
            let events = budget.reserve(wish).unwrap();
            then(&mut budget, events);
        }
        let events = budget.release(one.redemption);
        then(&mut budget, events);
        assert!(budget.release(one.redemption).is_empty(), "released twice changes nothing");
        let events = budget.confirm(two.redemption);
        then(&mut budget, events);
        assert!(budget.release(two.redemption).is_empty(), "what is confirmed is not released");
        let events = budget.give_back(two.redemption, 1_000);
        then(&mut budget, events);
        assert_eq!((budget.left_minor(), budget.spent_on("2026-05-01")), (100, 0));
    }

    #[test]
    fn a_closed_or_paused_budget_gives_nothing_new() {
        let mut budget = opened(limits(100));
        let wish = spend(10);
        let events = budget.reserve(&wish).unwrap();
        then(&mut budget, events);
        let events = budget.suspend();
        then(&mut budget, events);
        assert_eq!(budget.reserve(&spend(1)).unwrap_err().code, Code::Conflict);
        let events = budget.close();
        then(&mut budget, events);
        assert_eq!(budget.reserve(&spend(1)).unwrap_err().code, Code::OfferExpired);
        assert_eq!(budget.confirm(wish.redemption).len(), 1, "what was promised is kept");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Reserve { who: u8, day: u8, amount: i64 },
        Confirm(usize),
        Release(usize),
        GiveBack(usize, i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..4_u8, 0..3_u8, -5..120_i64).prop_map(|(who, day, amount)| Step::Reserve { who, day, amount }),
            2 => (0..40_usize).prop_map(Step::Confirm),
            2 => (0..40_usize).prop_map(Step::Release),
            1 => (0..40_usize, -5..200_i64).prop_map(|(which, amount)| Step::GiveBack(which, amount)),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        #[test]
        fn no_pool_is_ever_oversold(steps in steps()) {
            let tight = Limits { per_day_minor: Some(200), per_account_minor: Some(150), ..limits(300) };
            let mut budget = opened(tight);
            let mut known = Vec::new();
            for step in steps {
                let pick = |which: usize| known.get(which % known.len().max(1)).copied();
                let events = match step {
                    Step::Reserve { who, day, amount } => {
                        let wish = Spend {
                            account: AccountId::new(uuid::Uuid::from_u128(who.into())),
                            day: day.to_string(),
                            ..spend(amount)
                        };
                        known.push(wish.redemption);
                        budget.reserve(&wish).unwrap_or_default()
                    }
                    Step::Confirm(which) => pick(which).map(|id| budget.confirm(id)).unwrap_or_default(),
                    Step::Release(which) => pick(which).map(|id| budget.release(id)).unwrap_or_default(),
                    Step::GiveBack(which, amount) => pick(which).map(|id| budget.give_back(id, amount)).unwrap_or_default(),
                };
                then(&mut budget, events);
                let held: i64 = budget.holds.values().map(|hold| hold.amount_minor).sum();
                prop_assert_eq!(held, budget.reserved_minor + budget.confirmed_minor);
                prop_assert!(budget.reserved_minor >= 0 && budget.confirmed_minor >= 0);
                prop_assert!((0..=300).contains(&held));
                prop_assert!(budget.days.values().all(|spent| (0..=200).contains(spent)));
                prop_assert!(budget.accounts.values().all(|spent| (0..=150).contains(spent)));
            }
        }
    }
}
