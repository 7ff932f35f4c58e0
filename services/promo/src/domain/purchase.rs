//! One decision over all that a purchase touches: budget, offer, redemption, order and ledger move together or not.

use jiff::Timestamp;
use kernel::{AccountId, Code, Money, Refusal};

use super::{
    budget::{self, Budget, Spend},
    ids::{self, ClickId, PartnerId, RedemptionId, TransferId},
    ledger::{self, DISCOUNTS, Ledger, PAYABLE, Transfer},
    offer::{self, Offer},
    order::{self, Attribution, Item, Order, Progress, Recorded, Status},
    redemption::{self, Basis, Redemption, Stage},
};

/// The states that a purchase looks at, as they are now.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub budget: &'a Budget,
    pub offer: &'a Offer,
    pub redemption: &'a Redemption,
    pub order: &'a Order,
    pub ledger: &'a Ledger,
}

/// What becomes of them, in one append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    pub budget: Vec<budget::Event>,
    pub offer: Vec<offer::Event>,
    pub redemption: Vec<redemption::Event>,
    pub order: Vec<order::Event>,
    pub ledger: Vec<ledger::Event>,
    /// Said to the caller after the moves are written: a case is kept even though nothing else changed.
    pub refusal: Option<Refusal>,
}

impl Moves {
    pub fn is_empty(&self) -> bool {
        self.budget.is_empty()
            && self.offer.is_empty()
            && self.redemption.is_empty()
            && self.order.is_empty()
            && self.ledger.is_empty()
    }
}

/// A wish to use an offer for an order.
#[derive(Clone, Debug)]
pub struct Wish {
    pub account: AccountId,
    pub order_ref: String,
    /// The basket before discount.
    pub amount: Money,
    /// The campaign's own day, for `per_day`.
    pub day: String,
    pub expires: Timestamp,
}

/// What a partner says of an order.
#[derive(Clone, Debug)]
pub struct Said {
    pub partner: PartnerId,
    pub order_ref: String,
    pub status: Status,
    pub amount: Money,
    pub items: Vec<Item>,
    pub refunded_minor: Option<i64>,
    pub at: Timestamp,
    /// The campaign's own day, for `per_day`.
    pub day: String,
    /// When what is reserved by this order is given back, unless it is paid.
    pub expires: Timestamp,
}

/// What led to an order that has no reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    pub kind: Attribution,
    pub click: Option<ClickId>,
}

fn mismatch() -> Refusal {
    Refusal::new(Code::OrderMismatch, "the order came with another amount before")
}

/// The holder reserves. The same order again answers the same and moves nothing.
pub fn reserve(desk: Desk<'_>, wish: &Wish, now: Timestamp) -> Result<Moves, Refusal> {
    let grant = desk.offer.held_by(wish.account)?;
    let id = ids::redemption_of(grant.partner, &wish.order_ref, grant.offer);
    if let Some(basis) = &desk.redemption.basis
        && !matches!(desk.redemption.stage, Stage::Released | Stage::Expired)
    {
        return if basis.amount == wish.amount { Ok(Moves::default()) } else { Err(mismatch()) };
    }
    match desk.order.reservation {
        Some(held) if held.open && held.redemption != id => {
            return Err(Refusal::new(Code::Conflict, "this order carries another offer already"));
        }
        _ => {}
    }
    if let Some(recorded) = &desk.order.recorded {
        if recorded.amount != wish.amount {
            return Err(mismatch());
        }
        if desk.order.status != Some(Status::Placed) || recorded.redemption.is_some_and(|known| known != id) {
            return Err(Refusal::new(Code::Conflict, "this order is settled already"));
        }
    }
    hold(desk, wish, now)
}

/// Takes budget, offer and order together.
fn hold(desk: Desk<'_>, wish: &Wish, now: Timestamp) -> Result<Moves, Refusal> {
    let grant = desk.offer.granted()?;
    let redemption = ids::redemption_of(grant.partner, &wish.order_ref, grant.offer);
    let offer = desk.offer.reserve(redemption, now)?;
    let basis = basis_of(desk, wish)?;
    let spend = Spend {
        redemption,
        account: grant.account,
        day: wish.day.clone(),
        amount_minor: basis.discount.amount_minor,
    };
    let budget = desk.budget.reserve(&spend)?;
    let transfer = Transfer {
        id: Redemption::transfer(redemption, desk.redemption.attempts + 1),
        campaign: grant.campaign,
        redemption,
        debit: DISCOUNTS.to_owned(),
        credit: PAYABLE.to_owned(),
        amount: basis.discount,
    };
    Ok(Moves {
        budget,
        offer,
        order: vec![order::Event::Reserved {
            partner: grant.partner,
            order_ref: wish.order_ref.clone(),
            offer: grant.offer,
            redemption,
            amount: wish.amount,
        }],
        redemption: vec![redemption::Event::Reserved { basis: Box::new(basis), expires: wish.expires }],
        ledger: desk.ledger.pend(transfer),
        refusal: None,
    })
}

fn basis_of(desk: Desk<'_>, wish: &Wish) -> Result<Basis, Refusal> {
    let grant = desk.offer.granted()?;
    let wrong =
        || Refusal::field("/amount/currency", "currency_mismatch", "the offer is in another currency");
    let discount = grant.terms.reward.discount(wish.amount).ok_or_else(wrong)?;
    if desk.budget.limits.is_some_and(|limits| limits.currency != discount.currency) {
        return Err(wrong());
    }
    Ok(Basis {
        redemption: ids::redemption_of(grant.partner, &wish.order_ref, grant.offer),
        offer: grant.offer,
        campaign: grant.campaign,
        account: grant.account,
        partner: grant.partner,
        order_ref: wish.order_ref.clone(),
        amount: wish.amount,
        discount,
    })
}

/// The holder gives a reservation back. One that was given back before moves nothing.
pub fn cancel(desk: Desk<'_>, account: AccountId, now: Timestamp) -> Result<Moves, Refusal> {
    let basis = desk.redemption.basis.as_ref().filter(|basis| basis.account == account);
    let basis = basis.ok_or_else(Refusal::not_found)?;
    match desk.redemption.stage {
        Stage::Released | Stage::Expired => Ok(Moves::default()),
        Stage::Reserved if desk.order.recorded.is_none() => {
            let event = redemption::Event::Released {
                redemption: basis.redemption,
                cause: "cancelled_by_holder".to_owned(),
            };
            Ok(give_back(desk, event, now))
        }
        Stage::Reserved => {
            Err(Refusal::new(Code::Conflict, "the shop has the order already: cancel it there"))
        }
        _ => Err(Refusal::new(Code::Conflict, "this reservation is settled already")),
    }
}

/// What time commands: a reservation that nobody paid gives its budget back. Early or twice moves nothing.
pub fn expire(desk: Desk<'_>, now: Timestamp) -> Moves {
    match (&desk.redemption.basis, desk.redemption.expires) {
        (Some(basis), Some(expires)) if desk.redemption.stage == Stage::Reserved && expires <= now => {
            give_back(desk, redemption::Event::Expired { redemption: basis.redemption }, now)
        }
        _ => Moves::default(),
    }
}

fn give_back(desk: Desk<'_>, event: redemption::Event, now: Timestamp) -> Moves {
    let Some(basis) = &desk.redemption.basis else { return Moves::default() };
    let id = basis.redemption;
    Moves {
        budget: desk.budget.release(id),
        offer: desk.offer.release(id, now),
        redemption: vec![event],
        order: vec![order::Event::ReservationDropped {
            partner: basis.partner,
            order_ref: basis.order_ref.clone(),
            redemption: id,
        }],
        ledger: desk.ledger.void(Redemption::transfer(id, desk.redemption.attempts)),
        refusal: None,
    }
}

/// A partner's order. The furthest status wins, the same again moves nothing, another amount is a case and a refusal.
pub fn record(desk: Desk<'_>, said: &Said, lead: Option<Lead>, now: Timestamp) -> Result<Moves, Refusal> {
    if let Some(before) = desk.order.amount().filter(|before| *before != said.amount) {
        return Ok(case(desk, said, before));
    }
    let progress = desk.order.progress(said.status, said.amount, said.refunded_minor)?;
    match progress {
        Progress::Nothing => Ok(Moves::default()),
        Progress::Refunded(refunded_minor) => Ok(refund(desk, said, refunded_minor)),
        Progress::To(status) => {
            let mut moves = settle(desk, said, status, lead, now)?;
            let advanced = advance(desk, said, status, lead, &moves);
            moves.order.push(advanced);
            Ok(moves)
        }
    }
}

/// The refusal is answered after the case is kept; the same mismatch is one case.
fn case(desk: Desk<'_>, said: &Said, before: Money) -> Moves {
    let known =
        desk.order.mismatches.contains(&(said.status, said.amount)) || desk.order.mismatches.len() >= 100;
    let event = order::Event::Mismatched {
        partner: said.partner,
        order_ref: said.order_ref.clone(),
        status: said.status,
        before,
        now: said.amount,
    };
    Moves {
        order: (!known).then_some(event).into_iter().collect(),
        refusal: Some(mismatch()),
        ..Moves::default()
    }
}

fn advance(desk: Desk<'_>, said: &Said, status: Status, lead: Option<Lead>, moves: &Moves) -> order::Event {
    if desk.order.recorded.is_some() {
        return order::Event::Advanced {
            partner: said.partner,
            order_ref: said.order_ref.clone(),
            status,
            refunded_minor: None,
            at: said.at,
        };
    }
    let reserved = desk.order.reservation.map(|it| it.redemption);
    let touched = moves.redemption.iter().find_map(redemption_in);
    order::Event::Recorded(Box::new(Recorded {
        partner: said.partner,
        order_ref: said.order_ref.clone(),
        status,
        amount: said.amount,
        items: said.items.clone(),
        attribution: if reserved.is_some() {
            Some(Attribution::Reservation)
        } else {
            lead.map(|lead| lead.kind)
        },
        redemption: reserved.or(touched),
        click: lead.and_then(|lead| lead.click),
        at: said.at,
    }))
}

fn redemption_in(event: &redemption::Event) -> Option<RedemptionId> {
    match event {
        redemption::Event::Reserved { basis, .. } | redemption::Event::NeedsReconciliation { basis, .. } => {
            Some(basis.redemption)
        }
        _ => None,
    }
}

/// What a status does to the redemption.
fn settle(
    desk: Desk<'_>,
    said: &Said,
    status: Status,
    lead: Option<Lead>,
    now: Timestamp,
) -> Result<Moves, Refusal> {
    let stage = desk.redemption.stage;
    match (status, stage) {
        (Status::Paid, Stage::Reserved) => Ok(confirm(desk)),
        (Status::Paid, Stage::Released) => Ok(reconcile(desk, "reservation_released")),
        (Status::Paid, Stage::Expired) => Ok(reconcile(desk, "reservation_expired")),
        (Status::Cancelled, Stage::Reserved) => {
            let Some(basis) = &desk.redemption.basis else { return Ok(Moves::default()) };
            let cause = "cancelled_by_partner".to_owned();
            Ok(give_back(desk, redemption::Event::Released { redemption: basis.redemption, cause }, now))
        }
        (Status::Placed | Status::Paid, Stage::None) if desk.order.recorded.is_none() => {
            lead_in(desk, said, status, lead, now)
        }
        _ => Ok(Moves::default()),
    }
}

/// An order without reservation: its click or code may carry an offer.
fn lead_in(
    desk: Desk<'_>,
    said: &Said,
    status: Status,
    lead: Option<Lead>,
    now: Timestamp,
) -> Result<Moves, Refusal> {
    let (Some(lead), Ok(grant)) = (lead, desk.offer.granted()) else { return Ok(Moves::default()) };
    let wish = Wish {
        account: grant.account,
        order_ref: said.order_ref.clone(),
        amount: said.amount,
        day: said.day.clone(),
        expires: said.expires,
    };
    match hold(desk, &wish, now) {
        Ok(mut moves) => {
            if status == Status::Paid {
                let basis = basis_of(desk, &wish)?;
                let transfer = Redemption::transfer(basis.redemption, desk.redemption.attempts + 1);
                confirm_at_once(&mut moves, &basis, transfer);
            }
            Ok(moves)
        }
        // Money has moved: a person decides, nothing is lost.
        Err(refusal) if refusal.code == Code::BudgetExhausted && status == Status::Paid => {
            let basis = Box::new(basis_of(desk, &wish)?);
            let cause = "budget_exhausted".to_owned();
            Ok(Moves {
                redemption: vec![redemption::Event::NeedsReconciliation { basis, cause }],
                ..Moves::default()
            })
        }
        // A click is an order's origin even where its offer can no longer be used.
        Err(_) if lead.kind == Attribution::Click => Ok(Moves::default()),
        Err(refusal) if refusal.code == Code::BudgetExhausted || refusal.code == Code::InvalidField => {
            Err(refusal)
        }
        Err(_) => Err(code_refused()),
    }
}

/// One wording for every code that cannot be used, so that a stranger learns nothing from it.
pub fn code_refused() -> Refusal {
    Refusal::new(Code::CodeRefused, "this code cannot be used")
}

fn confirm(desk: Desk<'_>) -> Moves {
    let Some(basis) = &desk.redemption.basis else { return Moves::default() };
    let id = basis.redemption;
    Moves {
        budget: desk.budget.confirm(id),
        offer: desk.offer.redeem(id),
        redemption: vec![redemption::Event::Confirmed { redemption: id }],
        ledger: desk.ledger.post(Redemption::transfer(id, desk.redemption.attempts)),
        ..Moves::default()
    }
}

/// Confirms what the same moves have just reserved.
fn confirm_at_once(moves: &mut Moves, basis: &Basis, transfer: TransferId) {
    let (campaign, redemption) = (basis.campaign, basis.redemption);
    moves.budget.push(budget::Event::Confirmed { campaign, redemption });
    moves.offer.push(offer::Event::Redeemed { offer: basis.offer, redemption });
    moves.redemption.push(redemption::Event::Confirmed { redemption });
    moves.ledger.push(ledger::Event::Posted { campaign, transfer });
}

fn reconcile(desk: Desk<'_>, cause: &str) -> Moves {
    let Some(basis) = &desk.redemption.basis else { return Moves::default() };
    let event = redemption::Event::NeedsReconciliation { basis: basis.clone(), cause: cause.to_owned() };
    Moves { redemption: vec![event], ..Moves::default() }
}

/// Reverses the refunded share of the discount, rounded down; the whole refund takes what is left.
fn refund(desk: Desk<'_>, said: &Said, refunded_minor: i64) -> Moves {
    let mut moves = Moves {
        order: vec![order::Event::Advanced {
            partner: said.partner,
            order_ref: said.order_ref.clone(),
            status: Status::Refunded,
            refunded_minor: Some(refunded_minor),
            at: said.at,
        }],
        ..Moves::default()
    };
    let Some(basis) = &desk.redemption.basis else { return moves };
    if !matches!(desk.redemption.stage, Stage::Confirmed | Stage::PartlyReversed) {
        return moves;
    }
    let whole = refunded_minor >= basis.amount.amount_minor;
    let share = i128::from(basis.discount.amount_minor) * i128::from(refunded_minor)
        / i128::from(basis.amount.amount_minor.max(1));
    let due = if whole { basis.discount.amount_minor } else { i64::try_from(share).unwrap_or(0) };
    let amount_minor = due - desk.redemption.reversed_minor;
    if amount_minor <= 0 && !whole {
        return moves;
    }
    let id = basis.redemption;
    moves.redemption.push(redemption::Event::Reversed { redemption: id, amount_minor, whole });
    moves.budget = desk.budget.give_back(id, amount_minor);
    if amount_minor > 0 {
        moves.ledger.push(ledger::Event::Made(Transfer {
            id: Redemption::reversal(id, desk.redemption.reversed_minor),
            campaign: basis.campaign,
            redemption: id,
            debit: PAYABLE.to_owned(),
            credit: DISCOUNTS.to_owned(),
            amount: Money::new(amount_minor, basis.discount.currency),
        }));
    }
    moves
}

#[cfg(test)]
mod tests;
