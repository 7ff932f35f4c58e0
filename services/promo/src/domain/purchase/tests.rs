//! The parts of a purchase as one world: whatever happens in whatever order, money adds up.

use std::collections::HashMap;

use kernel::money::Currency;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    budget::Limits,
    ids::{CampaignId, OfferId, OrderId},
    offer::Grant,
};

fn tenge(amount_minor: i64) -> Money {
    Money::new(amount_minor, Currency::parse("KZT").unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// One campaign with its offers, orders and book.
struct World {
    budget: Budget,
    ledger: Ledger,
    offers: HashMap<OfferId, Offer>,
    orders: HashMap<OrderId, Order>,
    redemptions: HashMap<RedemptionId, Redemption>,
    partner: PartnerId,
    now: Timestamp,
}

impl World {
    fn with_budget(limit_minor: i64) -> Self {
        let mut budget = Budget::default();
        let limits = Limits {
            currency: Currency::parse("KZT").unwrap(),
            limit_minor,
            per_day_minor: None,
            per_account_minor: None,
        };
        let campaign = CampaignId::new(uuid::Uuid::from_u128(1));
        budget.open(campaign, limits).iter().for_each(|event| budget.evolve(event));
        Self {
            budget,
            ledger: Ledger::default(),
            offers: HashMap::new(),
            orders: HashMap::new(),
            redemptions: HashMap::new(),
            partner: PartnerId::new(uuid::Uuid::from_u128(2)),
            now: at("2026-05-02T00:00:00Z"),
        }
    }

    fn granted(&mut self) -> Grant {
        let grant = Grant {
            campaign: CampaignId::new(uuid::Uuid::from_u128(1)),
            partner: self.partner,
            ..offer::tests::grant(10)
        };
        let mut offer = Offer::default();
        offer.grant(grant.clone(), false).iter().for_each(|event| offer.evolve(event));
        self.offers.insert(grant.offer, offer);
        grant
    }

    /// Decides on the offer of the order's redemption, else on the one given, as the service does.
    fn decide<T>(&self, offer: Option<OfferId>, order_ref: &str, decide: impl FnOnce(Desk<'_>) -> T) -> T {
        let order = self.orders.get(&ids::order_of(self.partner, order_ref)).cloned().unwrap_or_default();
        let known =
            order.redemption().and_then(|id| self.redemptions.get(&id)).and_then(|it| it.basis.as_ref());
        let offer = known.map(|basis| basis.offer).or(offer);
        let id = offer.map(|offer| ids::redemption_of(self.partner, order_ref, offer));
        decide(Desk {
            budget: &self.budget,
            offer: &offer.and_then(|it| self.offers.get(&it)).cloned().unwrap_or_default(),
            redemption: &id.and_then(|it| self.redemptions.get(&it)).cloned().unwrap_or_default(),
            order: &order,
            ledger: &self.ledger,
        })
    }

    fn apply(&mut self, order_ref: &str, moves: &Moves) {
        moves.budget.iter().for_each(|event| self.budget.evolve(event));
        moves.ledger.iter().for_each(|event| self.ledger.evolve(event));
        let order = self.orders.entry(ids::order_of(self.partner, order_ref)).or_default();
        moves.order.iter().for_each(|event| order.evolve(event));
        for event in &moves.offer {
            let (offer::Event::Reserved { offer: id, .. }
            | offer::Event::Released { offer: id, .. }
            | offer::Event::Redeemed { offer: id, .. }
            | offer::Event::Expired { offer: id }) = event
            else {
                continue;
            };
            self.offers.get_mut(id).unwrap().evolve(event);
        }
        for event in &moves.redemption {
            let id = match event {
                redemption::Event::Reserved { basis, .. }
                | redemption::Event::NeedsReconciliation { basis, .. } => basis.redemption,
                redemption::Event::Confirmed { redemption }
                | redemption::Event::Released { redemption, .. }
                | redemption::Event::Expired { redemption }
                | redemption::Event::Reversed { redemption, .. } => *redemption,
            };
            self.redemptions.entry(id).or_default().evolve(event);
        }
    }

    fn reserve(&mut self, grant: &Grant, order_ref: &str, amount: i64) -> Result<Moves, Refusal> {
        let wish = Wish {
            account: grant.account,
            order_ref: order_ref.to_owned(),
            amount: tenge(amount),
            day: "2026-05-02".to_owned(),
            expires: self.now + jiff::SignedDuration::from_mins(30),
        };
        let id = ids::redemption_of(self.partner, order_ref, grant.offer);
        let order = self.orders.get(&ids::order_of(self.partner, order_ref)).cloned().unwrap_or_default();
        let redemption = self.redemptions.get(&id).cloned().unwrap_or_default();
        let desk = Desk {
            budget: &self.budget,
            offer: &self.offers[&grant.offer],
            redemption: &redemption,
            order: &order,
            ledger: &self.ledger,
        };
        let moves = reserve(desk, &wish, self.now)?;
        self.apply(order_ref, &moves);
        Ok(moves)
    }

    fn said(&self, order_ref: &str, status: Status, amount: i64, refunded_minor: Option<i64>) -> Said {
        Said {
            partner: self.partner,
            order_ref: order_ref.to_owned(),
            status,
            amount: tenge(amount),
            items: Vec::new(),
            refunded_minor,
            at: self.now,
            day: "2026-05-02".to_owned(),
            expires: self.now + jiff::SignedDuration::from_mins(30),
        }
    }

    fn record(&mut self, order_ref: &str, status: Status, amount: i64) -> Result<Moves, Refusal> {
        self.record_with(&self.said(order_ref, status, amount, None), None, None)
    }

    fn record_with(
        &mut self,
        said: &Said,
        lead: Option<Lead>,
        offer: Option<OfferId>,
    ) -> Result<Moves, Refusal> {
        let now = self.now;
        let moves = self.decide(offer, &said.order_ref, |desk| record(desk, said, lead, now))?;
        self.apply(&said.order_ref, &moves);
        moves.refusal.clone().map_or(Ok(moves), Err)
    }

    fn expire(&mut self, order_ref: &str) {
        self.now += jiff::SignedDuration::from_mins(31);
        let now = self.now;
        let moves = self.decide(None, order_ref, |desk| expire(desk, now));
        self.apply(order_ref, &moves);
    }

    fn stage(&self, grant: &Grant, order_ref: &str) -> Stage {
        self.redemptions[&ids::redemption_of(self.partner, order_ref, grant.offer)].stage
    }

    /// (pending, posted) that the campaign's discounts have cost.
    fn discounts(&self) -> (i64, i64) {
        let key = (DISCOUNTS.to_owned(), Currency::parse("KZT").unwrap());
        let balance = self.ledger.balances.get(&key).copied().unwrap_or_default();
        (balance.debits_pending, balance.debits_posted - balance.credits_posted)
    }
}

#[test]
fn a_reserved_and_paid_order_is_confirmed_and_booked() {
    let mut world = World::with_budget(10_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    assert_eq!((world.budget.reserved_minor, world.discounts()), (2_000, (2_000, 0)));
    world.record("A-1", Status::Placed, 20_000).unwrap();
    world.record("A-1", Status::Paid, 20_000).unwrap();
    assert_eq!(world.stage(&grant, "A-1"), Stage::Confirmed);
    assert_eq!((world.budget.confirmed_minor, world.discounts()), (2_000, (0, 2_000)));
    assert!(world.ledger.is_balanced());
    assert!(world.record("A-1", Status::Paid, 20_000).unwrap().is_empty(), "the same again changes nothing");
    assert!(
        world.record("A-1", Status::Placed, 20_000).unwrap().is_empty(),
        "what comes late changes nothing"
    );
    assert!(world.record("A-1", Status::Cancelled, 20_000).unwrap().is_empty());
}

#[test]
fn the_same_order_reference_answers_the_same_and_another_amount_is_a_mismatch() {
    let mut world = World::with_budget(10_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    assert!(world.reserve(&grant, "A-1", 20_000).unwrap().is_empty());
    assert_eq!(world.reserve(&grant, "A-1", 20_001).unwrap_err().code, Code::OrderMismatch);
    assert_eq!(
        world.reserve(&grant, "A-2", 20_000).unwrap_err().code,
        Code::Conflict,
        "held by the other order"
    );
    assert_eq!(world.record("A-1", Status::Paid, 19_999).unwrap_err().code, Code::OrderMismatch);
    assert_eq!(world.orders[&ids::order_of(world.partner, "A-1")].mismatches.len(), 1, "a case is kept");
    assert_eq!(world.record("A-1", Status::Paid, 19_999).unwrap_err().code, Code::OrderMismatch);
    assert_eq!(world.orders[&ids::order_of(world.partner, "A-1")].mismatches.len(), 1, "once");
    world.record("A-1", Status::Paid, 20_000).unwrap();
}

#[test]
fn an_expired_reservation_gives_its_budget_back_and_a_late_payment_is_kept_for_a_person() {
    let mut world = World::with_budget(2_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    world.expire("A-1");
    assert_eq!((world.budget.left_minor(), world.discounts()), (2_000, (0, 0)));
    world.record("A-1", Status::Paid, 20_000).unwrap();
    assert_eq!(world.stage(&grant, "A-1"), Stage::NeedsReconciliation);
    assert_eq!(world.budget.left_minor(), 2_000);
}

#[test]
fn what_was_released_can_be_reserved_again() {
    let mut world = World::with_budget(2_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    world.expire("A-1");
    world.reserve(&grant, "A-1", 20_000).unwrap();
    world.record("A-1", Status::Paid, 20_000).unwrap();
    assert_eq!((world.stage(&grant, "A-1"), world.discounts()), (Stage::Confirmed, (0, 2_000)));
}

#[test]
fn a_cancelled_order_releases_and_a_payment_after_it_is_kept_for_a_person() {
    let mut world = World::with_budget(2_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    world.record("A-1", Status::Cancelled, 20_000).unwrap();
    assert_eq!(world.stage(&grant, "A-1"), Stage::Released);
    world.record("A-1", Status::Paid, 20_000).unwrap();
    assert_eq!(world.stage(&grant, "A-1"), Stage::NeedsReconciliation);
}

#[test]
fn refunds_come_after_payment_and_reverse_their_share() {
    let mut world = World::with_budget(10_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    assert_eq!(world.record("A-1", Status::Refunded, 20_000).unwrap_err().code, Code::Conflict);
    world.record("A-1", Status::Paid, 20_000).unwrap();
    let part = world.said("A-1", Status::Refunded, 20_000, Some(5_000));
    world.record_with(&part, None, None).unwrap();
    assert_eq!((world.stage(&grant, "A-1"), world.discounts()), (Stage::PartlyReversed, (0, 1_500)));
    assert!(
        world.record_with(&part, None, None).unwrap().is_empty(),
        "the same refund again changes nothing"
    );
    world.record("A-1", Status::Refunded, 20_000).unwrap();
    assert_eq!((world.stage(&grant, "A-1"), world.discounts()), (Stage::Reversed, (0, 0)));
    assert!(
        world.record("A-1", Status::Refunded, 20_000).unwrap().is_empty(),
        "reversed twice changes nothing"
    );
    assert!(world.ledger.is_balanced());
    assert_eq!(world.budget.left_minor(), 10_000);
}

#[test]
fn an_order_without_reservation_is_redeemed_by_its_code() {
    let mut world = World::with_budget(3_000);
    let (one, two) = (world.granted(), world.granted());
    let code = Some(Lead { kind: Attribution::Code, click: None });
    let paid = world.said("A-1", Status::Paid, 20_000, None);
    world.record_with(&paid, code, Some(one.offer)).unwrap();
    assert_eq!((world.stage(&one, "A-1"), world.discounts()), (Stage::Confirmed, (0, 2_000)));
    let again = world.said("A-2", Status::Paid, 20_000, None);
    assert_eq!(world.record_with(&again, code, Some(one.offer)).unwrap_err().code, Code::CodeRefused, "used");
    let placed = world.said("A-3", Status::Placed, 20_000, None);
    assert_eq!(world.record_with(&placed, code, Some(two.offer)).unwrap_err().code, Code::BudgetExhausted);
    let paid = world.said("A-3", Status::Paid, 20_000, None);
    world.record_with(&paid, code, Some(two.offer)).unwrap();
    assert_eq!(world.stage(&two, "A-3"), Stage::NeedsReconciliation, "money has moved");
}

#[test]
fn a_click_is_an_orders_origin_even_where_its_offer_cannot_be_used() {
    let mut world = World::with_budget(10_000);
    let grant = world.granted();
    let click = Some(Lead { kind: Attribution::Click, click: Some(ClickId::random()) });
    let first = world.said("A-1", Status::Paid, 20_000, None);
    world.record_with(&first, click, Some(grant.offer)).unwrap();
    let second = world.said("A-2", Status::Paid, 20_000, None);
    world.record_with(&second, click, Some(grant.offer)).unwrap();
    let order = &world.orders[&ids::order_of(world.partner, "A-2")];
    let recorded = order.recorded.as_ref().unwrap();
    assert_eq!((recorded.attribution, recorded.redemption), (Some(Attribution::Click), None));
}

#[test]
fn a_holder_cancels_only_before_the_shop_has_the_order() {
    let mut world = World::with_budget(10_000);
    let grant = world.granted();
    world.reserve(&grant, "A-1", 20_000).unwrap();
    let now = world.now;
    let stranger = world.decide(None, "A-1", |desk| cancel(desk, AccountId::random(), now));
    assert_eq!(stranger.unwrap_err().code, Code::NotFound);
    world.record("A-1", Status::Placed, 20_000).unwrap();
    let late = world.decide(None, "A-1", |desk| cancel(desk, grant.account, now));
    assert_eq!(late.unwrap_err().code, Code::Conflict);
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { offer: usize, order: u8, amount: i64 },
    Cancel { offer: usize, order: u8 },
    Expire { order: u8 },
    Say { order: u8, status: Status, amount: i64, refunded: Option<i64>, code_of: Option<usize> },
}

fn step() -> impl Strategy<Value = Step> {
    let amount = prop_oneof![Just(10_000_i64), Just(20_000), Just(35_000)];
    let status = prop::sample::select(Status::ALL.to_vec());
    prop_oneof![
        4 => (0..4_usize, 0..5_u8, amount.clone()).prop_map(|(offer, order, amount)| Step::Reserve { offer, order, amount }),
        1 => (0..4_usize, 0..5_u8).prop_map(|(offer, order)| Step::Cancel { offer, order }),
        1 => (0..5_u8).prop_map(|order| Step::Expire { order }),
        5 => (0..5_u8, status, amount, prop::option::of(1..20_000_i64), prop::option::of(0..4_usize))
            .prop_map(|(order, status, amount, refunded, code_of)| Step::Say { order, status, amount, refunded, code_of }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_money_adds_up(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::with_budget(6_000);
        let grants: Vec<Grant> = (0..4).map(|_| world.granted()).collect();
        for step in steps {
            match step {
                Step::Reserve { offer, order, amount } => {
                    let _ = world.reserve(&grants[offer], &order.to_string(), amount);
                }
                Step::Cancel { offer, order } => {
                    let (now, account) = (world.now, grants[offer].account);
                    if let Ok(moves) = world.decide(Some(grants[offer].offer), &order.to_string(), |desk| cancel(desk, account, now)) {
                        world.apply(&order.to_string(), &moves);
                    }
                }
                Step::Expire { order } => world.expire(&order.to_string()),
                Step::Say { order, status, amount, refunded, code_of } => {
                    let said = world.said(&order.to_string(), status, amount, refunded);
                    let lead = code_of.map(|_| Lead { kind: Attribution::Code, click: None });
                    let _ = world.record_with(&said, lead, code_of.map(|index| grants[index].offer));
                    let again = world.record_with(&said, lead, code_of.map(|index| grants[index].offer));
                    prop_assert!(again.is_err() || again.is_ok_and(|moves| moves.is_empty()), "the same again changes nothing");
                }
            }
            let (pending, posted) = world.discounts();
            prop_assert_eq!((pending, posted), (world.budget.reserved_minor, world.budget.confirmed_minor));
            prop_assert!(pending + posted <= 6_000, "oversold");
            prop_assert!(world.ledger.is_balanced());
            for grant in &grants {
                let used = world.redemptions.values().filter(|redemption| {
                    redemption.basis.as_ref().is_some_and(|basis| basis.offer == grant.offer)
                        && matches!(redemption.stage, Stage::Reserved | Stage::Confirmed | Stage::PartlyReversed | Stage::Reversed)
                }).count();
                prop_assert!(used <= 1, "an offer is used once");
            }
        }
    }
}
