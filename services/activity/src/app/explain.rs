//! Where each total comes from.

use std::borrow::Cow;

use formats::totals;
use kernel::{AccountId, ActivityId, Refusal};
use privacy::DataClass;

use super::{App, get_activity::Detail};
use crate::{
    domain::{
        facts::{self, Measured},
        fusion,
        marks::{Gift, Marks},
    },
    wire,
};

const LAPS: &str = "laps";
const LENGTHS: &str = "lengths";
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
    /// Whose it is, where another recording of the same workout gave it; to its owner.
    pub given_by: Option<ActivityId>,
    /// Where that came from; to whoever may know of devices.
    pub given_by_source: String,
}

impl Explanation {
    fn of(field: impl Into<Cow<'static, str>>, value: f64, measured: Measured) -> Self {
        Self {
            field: field.into(),
            value,
            source: measured.as_str(),
            algorithm: String::new(),
            version: 0,
            given_by: None,
            given_by_source: String::new(),
        }
    }
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
            let gift = gift(&found.algorithm, field, &record.marks);
            let source = gift.filter(|_| seen.mask.shows(DataClass::Device)).map(|gift| gift.source.clone());
            Some(Explanation {
                algorithm: found.algorithm.clone(),
                version: found.version,
                given_by: gift.filter(|_| seen.own).map(|gift| gift.activity_id),
                given_by_source: source.unwrap_or_default(),
                ..Explanation::of(field, value, found.measured)
            })
        };
        let mut items: Vec<_> = totals.into_iter().filter_map(explained).collect();
        let start = record.explained.iter().find(|explained| explained.field == START);
        items.extend(start.map(|told| Explanation {
            algorithm: told.algorithm.clone(),
            version: told.version,
            ..Explanation::of(START, known.start_us as f64 / 1e6, told.measured)
        }));
        if !known.laps.is_empty() {
            items.push(Explanation::of(LAPS, known.laps.len() as f64, Measured::Device));
        }
        if !known.pool.lengths.is_empty() {
            items.push(Explanation::of(LENGTHS, known.pool.lengths.len() as f64, Measured::Device));
        }
        items.extend(of_detail(detail));
        Ok(items)
    }
}

/// Which of the gifts a figure is, or is worked out from.
fn gift<'a>(algorithm: &str, field: &str, marks: &'a Marks) -> Option<&'a Gift> {
    let is_given = matches!(algorithm, fusion::FILLED | fusion::TAKEN);
    marks.fused_from.iter().find(|gift| is_given && fusion::part_of(field) == Some(gift.part.as_str()))
}

fn of_detail(detail: Detail) -> impl Iterator<Item = Explanation> {
    let lists = [("splits.km", detail.splits_km.len()), ("splits.mile", detail.splits_mile.len())];
    let lists = lists.into_iter().filter(|(_, length)| *length > 0).map(|(field, length)| Explanation {
        algorithm: totals::DISTANCE_MARKS.to_owned(),
        version: totals::SPLITS_VERSION.into(),
        ..Explanation::of(field, length as f64, Measured::Computed)
    });
    lists.chain(detail.efforts.into_iter().map(|effort| Explanation {
        version: effort.version,
        algorithm: effort.algorithm.clone(),
        ..Explanation::of(format!("efforts.{}", effort.name), effort.value(), Measured::Computed)
    }))
}
