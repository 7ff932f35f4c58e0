//! One activity, as far as the viewer may see it, with what is worked out of its columns.

use formats::totals::{self, MILE_M, Split};
use kernel::{AccountId, ActivityId, Code, Refusal, Sport};

use super::{App, Seen};
use crate::{domain::facts::Effort, reading, streams::StreamType, wire};

const KILOMETRE_M: f64 = 1_000.0;

/// What splits and efforts are made of.
const COLUMNS: [StreamType; 6] = [
    StreamType::Time,
    StreamType::Distance,
    StreamType::Altitude,
    StreamType::HeartRate,
    StreamType::Power,
    StreamType::Cadence,
];

/// Splits and efforts: of the whole for its owner, for others of what they may see of the track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    pub splits_km: Vec<Split>,
    pub splits_mile: Vec<Split>,
    pub efforts: Vec<Effort>,
}

impl App {
    pub async fn get_activity(&self, viewer: AccountId, id: ActivityId) -> Result<(Seen, Detail), Refusal> {
        let seen = self.look(id, viewer).await?;
        let detail = self.detail(&seen, viewer).await?;
        Ok((seen, detail))
    }

    pub(super) async fn detail(&self, seen: &Seen, viewer: AccountId) -> Result<Detail, Refusal> {
        let Some(facts) = &seen.row.whole.facts else { return Ok(Detail::default()) };
        let tells =
            |kind: &String| *kind == StreamType::Distance.as_str() || *kind == StreamType::Power.as_str();
        if !facts.stream_types.iter().any(tells) {
            return Ok(Detail::default());
        }
        let streams = self.show_streams(viewer, seen.row.activity_id, &COLUMNS, 0).await?;
        let sport = Sport::parse(&facts.sport).unwrap_or(Sport::Other);
        let kept = seen.own.then(|| facts.efforts.iter().cloned().filter_map(wire::effort::of).collect());
        let cut = move || Detail {
            splits_km: totals::splits(sport, &streams, KILOMETRE_M),
            splits_mile: totals::splits(sport, &streams, MILE_M),
            efforts: kept.unwrap_or_else(|| reading::efforts(sport, &streams)),
        };
        let detail = tokio::task::spawn_blocking(cut).await;
        detail.map_err(|panic| Refusal::new(Code::Internal, panic.to_string()))
    }
}
