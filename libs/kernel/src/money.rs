//! Money in integer minor units; never a float.

use std::fmt;

/// ISO 4217, three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of one currency, in its minor unit (tiyn, cent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub amount_minor: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// `None` on another currency or on overflow: both are faults of the caller, never silently wrapped.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self::new(self.amount_minor.checked_add(other.amount_minor)?, self.currency))
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self::new(other.amount_minor.checked_neg()?, other.currency))
    }

    /// `percent` of the amount, rounded down: the house never gives more than it said.
    pub fn percent(self, percent: u32) -> Self {
        let part = i128::from(self.amount_minor) * i128::from(percent) / 100;
        Self::new(i64::try_from(part).unwrap_or(i64::MAX), self.currency)
    }
}
