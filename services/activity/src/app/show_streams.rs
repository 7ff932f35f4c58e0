//! An activity's columns, as far as the viewer may see them.

use formats::Streams;
use kernel::{AccountId, ActivityId, Code, Refusal};
use privacy::DataClass;
use proto::activity::StreamChunk;

use super::App;
use crate::streams::{
    StreamType,
    codec::{self, Column},
    show,
};

impl App {
    /// Columns of equal length, thinned out to `points_max` (0: all). No types: all that may be seen.
    pub async fn show_streams(
        &self,
        viewer: AccountId,
        id: ActivityId,
        asked: &[StreamType],
        points_max: usize,
    ) -> Result<Streams, Refusal> {
        // Others get no row that lies in a zone, whether they asked for positions or not.
        let (seen, areas) = self.look_at_track(id, viewer).await?;
        let types = show::types(asked, seen.mask);
        let mut needed = types.clone();
        if !areas.is_empty() && !needed.contains(&StreamType::LatLng) {
            needed.push(StreamType::LatLng);
        }
        let chunks = self.activities.streams(id, &needed).await.map_err(eventing::Error::from)?;
        let positions_shown = types.contains(&StreamType::LatLng) && seen.mask.shows(DataClass::Map);
        let decoded = tokio::task::spawn_blocking(move || -> Result<Streams, Refusal> {
            let mut streams = show::assemble(decode(&needed, &chunks)?);
            let track = streams.latlng.clone();
            if !positions_shown {
                streams.latlng.clear();
            }
            if !track.is_empty() {
                show::cut_zones(&mut streams, &track, &areas);
            }
            show::thin_out(&mut streams, points_max);
            Ok(streams)
        });
        match decoded.await {
            Ok(streams) => streams,
            Err(panic) => Err(Refusal::new(Code::Internal, panic.to_string())),
        }
    }
}

pub(super) fn decode(types: &[StreamType], chunks: &[StreamChunk]) -> Result<Vec<Column>, Refusal> {
    let mut columns = Vec::with_capacity(types.len());
    for kind in types {
        let own = chunks.iter().filter(|chunk| chunk.stream == kind.as_str()).map(|chunk| &chunk.data[..]);
        let column =
            codec::decode(*kind, own).map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
        if !column.rows.is_empty() {
            columns.push(column);
        }
    }
    Ok(columns)
}
