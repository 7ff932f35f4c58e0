//! What others get of an activity that begins or ends in one of its owner's zones: as if it had been recorded between
//! leaving the zone and coming back. Nothing that stands in the answer tells how much is missing.
//!
//! | of the whole | for others |
//! |---|---|
//! | columns | rows in between; time and distance begin at 0 |
//! | start | of the first row shown |
//! | elapsed, moving time, distance, climb, means and maxima | worked out anew from the rows shown |
//! | timer, energy, laps, legs | absent: they were measured over the whole |
//! | nothing is left to show | no columns; times to whole minutes and distance to whole 100 m |

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use formats::{Streams, totals};
use kernel::{ActivityId, Code, Refusal, time};
use moka::sync::Cache;
use privacy::Area;

use super::{App, Seen, show_streams};
use crate::{
    domain::facts::{Explained, Facts, Measured, Record, Start},
    reading,
    store::Row,
    streams::{StreamType, show},
    wire::{self, Whole},
};

/// Cut activities that are remembered: a page of a feed is asked for by many.
const REMEMBERED_MAX: u64 = 20_000;

const WHOLE_S: f64 = 60.0;
const WHOLE_M: f64 = 100.0;

/// Cut activities by what they were cut from: the revision, and the areas.
#[derive(Clone)]
pub struct Cuts(Cache<(ActivityId, i64, u64), Arc<Whole>>);

impl Default for Cuts {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl App {
    /// What is seen of somebody else's activity, without what the owner's zones hide.
    pub(super) async fn cut(&self, mut seen: Seen, areas: &[Area]) -> Result<Seen, Refusal> {
        if seen.own || areas.is_empty() || !has_track(&seen.row) {
            return Ok(seen);
        }
        let key = (seen.row.activity_id, seen.row.revision, hash(areas));
        let whole = match self.cuts.0.get(&key) {
            Some(known) => known,
            None => {
                let whole = Arc::new(self.cut_anew(&seen.row, areas).await?);
                self.cuts.0.insert(key, whole.clone());
                whole
            }
        };
        seen.row.whole = Whole::clone(&whole);
        if let Some(facts) = &seen.row.whole.facts {
            seen.row.start_us = facts.start_us;
        }
        Ok(seen)
    }

    async fn cut_anew(&self, row: &Row, areas: &[Area]) -> Result<Whole, Refusal> {
        let chunks = self
            .activities
            .streams(row.activity_id, &StreamType::ALL)
            .await
            .map_err(eventing::Error::from)?;
        let (row, areas) = (row.clone(), areas.to_vec());
        let cutting = move || -> Result<Whole, Refusal> {
            let mut streams = show::assemble(show_streams::decode(&StreamType::ALL, &chunks)?);
            let track = streams.latlng.clone();
            let hidden_s = show::cut_zones(&mut streams, &track, &areas);
            let record = wire::record_of(row.whole.clone()).map_err(eventing::Error::from)?;
            Ok(match hidden_s {
                None => row.whole,
                Some(hidden_s) => {
                    // Where it truly begins is in its trace.
                    let cut = Record { trace: None, ..between(record, streams, hidden_s) };
                    wire::whole_of(row.activity_id, row.account_id, &cut)
                }
            })
        };
        let cut = tokio::task::spawn_blocking(cutting).await;
        cut.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))?
    }
}

fn has_track(row: &Row) -> bool {
    let latlng = StreamType::LatLng.as_str();
    row.whole.facts.as_ref().is_some_and(|facts| facts.stream_types.iter().any(|kind| kind == latlng))
}

/// Areas are `f64`s: the same bits are the same areas.
fn hash(areas: &[Area]) -> u64 {
    let mut hasher = DefaultHasher::new();
    areas.iter().for_each(|area| format!("{area:?}").hash(&mut hasher));
    hasher.finish()
}

/// The record of the rows that are left, `hidden_s` after its start.
pub(super) fn between(record: Record, streams: Streams, hidden_s: f64) -> Record {
    let Some(facts) = record.facts else { return record };
    if streams.time_s.is_empty() {
        let kept = Record {
            facts: Some(coarse(facts)),
            health: None,
            streams_blob: None,
            explained: Vec::new(),
            ..record
        };
        return Record { explained: explained_coarse(&kept), ..kept };
    }
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    let start_us = facts.start_us.saturating_add((hidden_s * 1e6) as i64);
    let mut activity = formats::Activity::new(facts.sport, time::from_micros(start_us));
    activity.sub_sport.clone_from(&facts.sub_sport);
    activity.streams = streams;
    totals::complete(&mut activity);
    // The timer stood still in pauses that are known of the whole only.
    activity.totals.timer_time_s = None;
    if record.health.is_none() {
        reading::drop_health(&mut activity);
    }
    let start = Start { start_us, utc_offset_s: facts.utc_offset_s, time_zone: facts.time_zone };
    let cut = reading::record(&activity, Measured::Computed, record.origin.clone(), start);
    Record { facts: cut.facts, health: cut.health, explained: cut.explained, ..record }
}

/// All of it is hidden, and how long it was tells of nothing that is shown.
fn coarse(facts: Facts) -> Facts {
    let whole = |value: f64, unit: f64| (value / unit).round() * unit;
    let start =
        Start { start_us: facts.start_us, utc_offset_s: facts.utc_offset_s, time_zone: facts.time_zone };
    Facts {
        sub_sport: facts.sub_sport,
        distance_m: facts.distance_m.map(|distance_m| whole(distance_m, WHOLE_M)),
        moving_time_s: facts.moving_time_s.map(|moving_s| whole(moving_s, WHOLE_S)),
        ..Facts::new(facts.sport, start, whole(facts.elapsed_time_s, WHOLE_S))
    }
}

fn explained_coarse(record: &Record) -> Vec<Explained> {
    let named = |field: &str| Explained {
        field: field.to_owned(),
        measured: Measured::Computed,
        algorithm: "rounded".to_owned(),
        version: 1,
    };
    let totals = record.facts.iter().flat_map(|facts| crate::domain::facts::totals(facts, None));
    totals.map(|(field, _)| named(field)).collect()
}
