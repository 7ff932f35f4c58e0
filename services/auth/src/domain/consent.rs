//! Consents: for what, to which text, given by whom, when, and when it ended.

use eventing::sealing::Class;
use jiff::Timestamp;
use kernel::{AccountId, Code, FieldError, Refusal, time::micros};
use uuid::Uuid;

use super::{
    account::{Account, AccountEvent},
    profile::{Locale, fault},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    Terms,
    HealthData,
    RegionComparison,
    Promo,
    Recommendations,
    Contacts,
    Research,
}

impl Purpose {
    pub const ALL: [Self; 7] = [
        Self::Terms,
        Self::HealthData,
        Self::RegionComparison,
        Self::Promo,
        Self::Recommendations,
        Self::Contacts,
        Self::Research,
    ];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::HealthData => "health_data",
            Self::RegionComparison => "region_comparison",
            Self::Promo => "promo",
            Self::Recommendations => "recommendations",
            Self::Contacts => "contacts",
            Self::Research => "research",
        }
    }

    /// The ground in the GDPR on which the data is then processed.
    pub const fn lawful_basis(self) -> &'static str {
        match self {
            Self::Terms => "contract_6_1_b",
            Self::HealthData => "explicit_consent_9_2_a",
            _ => "consent_6_1_a",
        }
    }

    /// The sealing classes that the purpose covers.
    pub const fn data_classes(self) -> &'static [&'static str] {
        match self {
            Self::Terms => &["identity", "activity", "content", "device"],
            Self::HealthData => &["health"],
            Self::RegionComparison | Self::Recommendations => &["identity", "activity"],
            Self::Promo | Self::Contacts => &["identity"],
            Self::Research => &["activity", "health"],
        }
    }

    /// The class that is kept under this purpose alone: its keys go when the consent does.
    pub const fn sealing_class(self) -> Option<Class> {
        match self {
            Self::HealthData => Some(Class::Health),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy {
    Oneself,
    Guardian,
}

impl GivenBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oneself => "self",
            Self::Guardian => "guardian",
        }
    }
}

/// To what somebody agrees: a purpose and the version of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub purpose: Purpose,
    pub text_version: String,
}

const TEXT_VERSION_MAX: usize = 32;

impl Agreement {
    pub fn parse(pointer: &str, purpose: &str, text_version: &str) -> Result<Self, FieldError> {
        let purpose = Purpose::parse(purpose)
            .ok_or_else(|| fault(&format!("{pointer}/purpose"), "unknown", "there is no such purpose"))?;
        let fits = (1..=TEXT_VERSION_MAX).contains(&text_version.len())
            && text_version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !fits {
            let detail = "a version of the text that was shown: up to 32 letters, digits, dots, dashes";
            return Err(fault(&format!("{pointer}/text_version"), "malformed", detail));
        }
        Ok(Self { purpose, text_version: text_version.to_owned() })
    }
}

/// A consent with the receipt that was handed out for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub receipt_id: Uuid,
    pub purpose: Purpose,
    pub text_version: String,
    pub text_hash: Vec<u8>,
    pub locale: Locale,
    pub given_by: GivenBy,
    pub lawful_basis: String,
    /// JWS compact.
    pub receipt: String,
    pub given_us: i64,
    pub withdrawn_us: Option<i64>,
}

/// The same text agreed to again changes nothing: the first receipt stands.
pub fn give(account: &Account, consent: Consent) -> Result<Vec<AccountEvent>, Refusal> {
    let (id, _) = account.alive()?;
    let same = account.consent(consent.purpose).is_some_and(|current| {
        current.text_version == consent.text_version && current.locale == consent.locale
    });
    Ok(if same { Vec::new() } else { vec![AccountEvent::ConsentGiven { account_id: id, consent }] })
}

/// Ends the current consent; what was never given needs no end.
pub fn withdraw(account: &Account, purpose: Purpose, now: Timestamp) -> Result<Vec<AccountEvent>, Refusal> {
    let (id, _) = account.alive()?;
    let Some(current) = account.consent(purpose) else { return Ok(Vec::new()) };
    if purpose == Purpose::Terms {
        return Err(Refusal::new(Code::Conflict, "without the terms there is no account: delete it instead"));
    }
    Ok(vec![withdrawn(id, current, now)])
}

fn withdrawn(account_id: AccountId, current: &Consent, now: Timestamp) -> AccountEvent {
    AccountEvent::ConsentWithdrawn {
        account_id,
        receipt_id: current.receipt_id,
        purpose: current.purpose,
        withdrawn_us: micros(now),
    }
}
