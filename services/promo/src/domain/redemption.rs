//! One use of one offer for one order: reserved before it is spent, remembered for ever.

use jiff::Timestamp;
use kernel::{AccountId, Money};

use super::ids::{CampaignId, OfferId, PartnerId, RedemptionId, TransferId};
use kernel::Id;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Reserved { basis: Box<Basis>, expires: Timestamp },
    Confirmed { redemption: RedemptionId },
    Released { redemption: RedemptionId, cause: String },
    Expired { redemption: RedemptionId },
    Reversed { redemption: RedemptionId, amount_minor: i64, whole: bool },
    NeedsReconciliation { basis: Box<Basis>, cause: String },
}

/// What a redemption is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    pub redemption: RedemptionId,
    pub offer: OfferId,
    pub campaign: CampaignId,
    pub account: AccountId,
    pub partner: PartnerId,
    pub order_ref: String,
    /// The basket before discount.
    pub amount: Money,
    pub discount: Money,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    None,
    Reserved,
    Confirmed,
    PartlyReversed,
    Reversed,
    Released,
    Expired,
    NeedsReconciliation,
}

impl Stage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::PartlyReversed => "partly_reversed",
            Self::Reversed => "reversed",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::NeedsReconciliation => "needs_reconciliation",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Redemption {
    pub basis: Option<Box<Basis>>,
    pub stage: Stage,
    pub expires: Option<Timestamp>,
    pub reversed_minor: i64,
    /// How often it was reserved: each reservation has a transfer of its own.
    pub attempts: u32,
}

impl Redemption {
    /// The ledger's transfer of the `attempt`-th reservation, from 1.
    pub fn transfer(redemption: RedemptionId, attempt: u32) -> TransferId {
        Id::derived(&[b"transfer", redemption.as_bytes(), &attempt.to_be_bytes()])
    }

    /// The transfer that reverses a part: named by what was reversed before it.
    pub fn reversal(redemption: RedemptionId, reversed_before_minor: i64) -> TransferId {
        Id::derived(&[b"reversal", redemption.as_bytes(), &reversed_before_minor.to_be_bytes()])
    }

    pub fn evolve(&mut self, event: &Event) {
        self.stage = match event {
            Event::Reserved { basis, expires } => {
                self.basis = Some(basis.clone());
                self.expires = Some(*expires);
                self.attempts += 1;
                Stage::Reserved
            }
            Event::Confirmed { .. } => Stage::Confirmed,
            Event::Released { .. } => Stage::Released,
            Event::Expired { .. } => Stage::Expired,
            Event::Reversed { amount_minor, whole, .. } => {
                self.reversed_minor += amount_minor;
                if *whole { Stage::Reversed } else { Stage::PartlyReversed }
            }
            Event::NeedsReconciliation { basis, .. } => {
                self.basis = Some(basis.clone());
                Stage::NeedsReconciliation
            }
        };
    }
}
