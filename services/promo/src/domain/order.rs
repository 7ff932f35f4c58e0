//! A partner's order as far as it was told: one for each (partner, order reference), for ever.

use jiff::Timestamp;
use kernel::{Code, Money, Refusal};

use super::ids::{ClickId, OfferId, PartnerId, RedemptionId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Reserved {
        partner: PartnerId,
        order_ref: String,
        offer: OfferId,
        redemption: RedemptionId,
        amount: Money,
    },
    ReservationDropped {
        partner: PartnerId,
        order_ref: String,
        redemption: RedemptionId,
    },
    Recorded(Box<Recorded>),
    Advanced {
        partner: PartnerId,
        order_ref: String,
        status: Status,
        refunded_minor: Option<i64>,
        at: Timestamp,
    },
    Mismatched {
        partner: PartnerId,
        order_ref: String,
        status: Status,
        before: Money,
        now: Money,
    },
}

/// The first that a partner said of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub partner: PartnerId,
    pub order_ref: String,
    pub status: Status,
    pub amount: Money,
    pub items: Vec<Item>,
    pub attribution: Option<Attribution>,
    pub redemption: Option<RedemptionId>,
    pub click: Option<ClickId>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub product_id: String,
    pub quantity: u32,
    pub amount: Option<Money>,
}

/// Ordered: the furthest wins, whatever order they arrive in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Placed,
    Cancelled,
    Paid,
    Refunded,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Placed, Self::Cancelled, Self::Paid, Self::Refunded];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
            Self::Paid => "paid",
            Self::Refunded => "refunded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    Click,
    Code,
    Reservation,
}

impl Attribution {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Code => "code",
            Self::Reservation => "reservation",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Click, Self::Code, Self::Reservation].into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Order {
    /// What was reserved for it last, open or not.
    pub reservation: Option<Reservation>,
    pub recorded: Option<Box<Recorded>>,
    /// The furthest so far.
    pub status: Option<Status>,
    pub refunded_minor: i64,
    pub mismatches: Vec<(Status, Money)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub offer: OfferId,
    pub redemption: RedemptionId,
    pub amount: Money,
    pub open: bool,
}

/// What a new status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Nothing,
    To(Status),
    /// More was refunded: all refunded so far.
    Refunded(i64),
}

impl Order {
    /// The basket that was agreed, if anything was said of it.
    pub fn amount(&self) -> Option<Money> {
        let reserved = self.reservation.filter(|it| it.open || self.recorded.is_none()).map(|it| it.amount);
        self.recorded.as_ref().map(|it| it.amount).or(reserved)
    }

    pub fn redemption(&self) -> Option<RedemptionId> {
        let recorded = self.recorded.as_ref().and_then(|it| it.redemption);
        recorded.or_else(|| self.reservation.map(|it| it.redemption))
    }

    /// Where a status leads from here. `refunded_minor`: all refunded so far, absent = everything.
    pub fn progress(
        &self,
        said: Status,
        amount: Money,
        refunded_minor: Option<i64>,
    ) -> Result<Progress, Refusal> {
        let early = || Refusal::new(Code::Conflict, "only a paid order can be refunded");
        match (self.status, said) {
            (Some(Status::Paid | Status::Refunded), Status::Refunded) => {
                let refunded = refunded_minor.unwrap_or(amount.amount_minor);
                if !(1..=amount.amount_minor).contains(&refunded) {
                    return Err(Refusal::field(
                        "/refunded_amount/amount_minor",
                        "out_of_range",
                        "1 to the order's amount",
                    ));
                }
                Ok(if refunded > self.refunded_minor {
                    Progress::Refunded(refunded)
                } else {
                    Progress::Nothing
                })
            }
            (_, Status::Refunded) => Err(early()),
            (None, said) => Ok(Progress::To(said)),
            (Some(known), said) if said > known => Ok(Progress::To(said)),
            (Some(_), _) => Ok(Progress::Nothing),
        }
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Reserved { offer, redemption, amount, .. } => {
                self.reservation =
                    Some(Reservation { offer: *offer, redemption: *redemption, amount: *amount, open: true });
            }
            Event::ReservationDropped { redemption, .. } => {
                if let Some(reservation) = self.reservation.as_mut().filter(|it| it.redemption == *redemption)
                {
                    reservation.open = false;
                }
            }
            Event::Recorded(recorded) => {
                self.status = Some(recorded.status);
                self.recorded = Some(recorded.clone());
            }
            Event::Advanced { status, refunded_minor, .. } => {
                self.status = Some(*status);
                self.refunded_minor = refunded_minor.unwrap_or(self.refunded_minor);
            }
            Event::Mismatched { status, now, .. } => self.mismatches.push((*status, *now)),
        }
    }
}
