//! Shops that send orders and feeds.

use jiff::Timestamp;
use kernel::{Code, FieldError, Id, Refusal, time::micros};

use super::{names::DisplayName, role::Regions};

pub enum PartnerKind {}
pub type PartnerId = Id<PartnerKind>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerEvent {
    Created(Partner),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    pub id: PartnerId,
    pub name: String,
    pub regions: Regions,
    /// Public: names the secret that signs.
    pub key_id: String,
    pub created_by: String,
    pub created_us: i64,
}

#[derive(Clone, Debug, Default)]
pub struct PartnerState(pub Option<Partner>);

/// What an operator says of a new partner.
#[derive(Clone, Debug)]
pub struct NewPartner {
    pub name: String,
    pub regions: Regions,
}

impl NewPartner {
    /// # Errors
    /// Every field at fault.
    pub fn parse(name: &str, regions: &[String]) -> Result<Self, Vec<FieldError>> {
        match (DisplayName::parse("/name", name), Regions::parse("/regions", regions)) {
            (Ok(name), Ok(regions)) => Ok(Self { name: name.as_str().to_owned(), regions }),
            (name, regions) => Err(name.err().into_iter().chain(regions.err()).collect()),
        }
    }
}

pub fn create(
    state: &PartnerState,
    id: PartnerId,
    new: &NewPartner,
    key_id: &str,
    created_by: &str,
    now: Timestamp,
) -> Result<Vec<PartnerEvent>, Refusal> {
    if state.0.is_some() {
        return Err(Refusal::new(Code::Conflict, "this partner exists"));
    }
    Ok(vec![PartnerEvent::Created(Partner {
        id,
        name: new.name.clone(),
        regions: new.regions.clone(),
        key_id: key_id.to_owned(),
        created_by: created_by.to_owned(),
        created_us: micros(now),
    })])
}

impl PartnerState {
    pub fn apply(&mut self, event: &PartnerEvent) {
        let PartnerEvent::Created(partner) = event;
        self.0 = Some(partner.clone());
    }
}
