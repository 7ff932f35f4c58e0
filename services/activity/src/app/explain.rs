//! Where each total comes from.

use kernel::{AccountId, ActivityId, Refusal};
use privacy::DataClass;

use super::App;
use crate::{domain::facts, wire};

/// One total, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub field: &'static str,
    pub value: f64,
    pub source: &'static str,
    /// Empty for what was taken as it came.
    pub algorithm: String,
    pub version: u32,
}

impl App {
    pub async fn explain(&self, viewer: AccountId, id: ActivityId) -> Result<Vec<Explanation>, Refusal> {
        let seen = self.look(id, viewer).await?;
        let mut record = wire::record_of(seen.row.whole).map_err(eventing::Error::from)?;
        if !seen.mask.shows(DataClass::HeartRate) {
            record.health = None;
        }
        let Some(known) = &record.facts else { return Err(Refusal::not_found()) };
        let totals = facts::totals(known, record.health.as_ref());
        let explained = |(field, value): (&'static str, f64)| {
            let found = record.explained.iter().find(|explained| explained.field == field)?;
            let (source, algorithm) = (found.measured.as_str(), found.algorithm.clone());
            Some(Explanation { field, value, source, algorithm, version: found.version })
        };
        Ok(totals.into_iter().filter_map(explained).collect())
    }
}
