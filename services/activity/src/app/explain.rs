//! Where each total comes from.

use std::borrow::Cow;

use formats::totals;
use kernel::{AccountId, ActivityId, Refusal};
use privacy::DataClass;

use super::{App, get_activity::Detail};
use crate::{
    domain::facts::{self, Measured},
    wire,
};

const LAPS: &str = "laps";
/// Explained only where it was put right; its value is in seconds since 1970.
const START: &str = "start_at";

/// One total, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `ascent_m`; of lists, the value is their length: `laps`, `splits.km`, `splits.mile`; `efforts.5km`.
    pub field: Cow<'static, str>,
    pub value: f64,
    pub source: &'static str,
    /// Empty for what was taken as it came.
    pub algorithm: String,
    pub version: u32,
}

impl App {
    pub async fn explain(&self, viewer: AccountId, id: ActivityId) -> Result<Vec<Explanation>, Refusal> {
        let seen = self.look(id, viewer).await?;
        let detail = self.detail(&seen, viewer).await?;
        let mut record = wire::record_of(seen.row.whole).map_err(eventing::Error::from)?;
        if !seen.mask.shows(DataClass::HeartRate) {
            record.health = None;
        }
        let Some(known) = &record.facts else { return Err(Refusal::not_found()) };
        let totals = facts::totals(known, record.health.as_ref());
        let explained = |(field, value): (&'static str, f64)| {
            let found = record.explained.iter().find(|explained| explained.field == field)?;
            let (source, algorithm) = (found.measured.as_str(), found.algorithm.clone());
            Some(Explanation { field: field.into(), value, source, algorithm, version: found.version })
        };
        let mut items: Vec<_> = totals.into_iter().filter_map(explained).collect();
        let start = record.explained.iter().find(|explained| explained.field == START);
        items.extend(start.map(|told| Explanation {
            field: START.into(),
            value: known.start_us as f64 / 1e6,
            source: told.measured.as_str(),
            algorithm: told.algorithm.clone(),
            version: told.version,
        }));
        if !known.laps.is_empty() {
            items.push(Explanation {
                field: LAPS.into(),
                value: known.laps.len() as f64,
                source: Measured::Device.as_str(),
                algorithm: String::new(),
                version: 0,
            });
        }
        items.extend(of_detail(detail));
        Ok(items)
    }
}

fn of_detail(detail: Detail) -> impl Iterator<Item = Explanation> {
    let lists = [("splits.km", detail.splits_km.len()), ("splits.mile", detail.splits_mile.len())];
    let lists = lists.into_iter().filter(|(_, length)| *length > 0).map(|(field, length)| Explanation {
        field: field.into(),
        value: length as f64,
        source: Measured::Computed.as_str(),
        algorithm: totals::DISTANCE_MARKS.to_owned(),
        version: totals::SPLITS_VERSION.into(),
    });
    lists.chain(detail.efforts.into_iter().map(|effort| Explanation {
        field: format!("efforts.{}", effort.name).into(),
        value: effort.value(),
        source: Measured::Computed.as_str(),
        algorithm: effort.algorithm,
        version: effort.version,
    }))
}
