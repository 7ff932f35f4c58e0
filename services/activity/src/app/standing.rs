//! What auth says of an account, at its store's head. Who cannot reach it answers `unavailable`.

use kernel::{AccountId, Code, Refusal};

use super::App;

/// The facts that bringing something in needs.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Known, and not erased.
    pub present: bool,
    /// IANA.
    pub time_zone: Option<String>,
    pub health_consent: bool,
}

impl App {
    pub async fn standing(&self, account: AccountId) -> Result<Standing, Refusal> {
        let standing = self.sight.standings(&[account]).await?.remove(&account);
        let standing =
            standing.ok_or_else(|| Refusal::new(Code::Internal, "auth answered without an account"))?;
        Ok(Standing {
            present: standing.known && !standing.erased,
            time_zone: (!standing.time_zone.is_empty()).then_some(standing.time_zone),
            health_consent: standing.consents.iter().any(|purpose| purpose == "health_data"),
        })
    }
}
