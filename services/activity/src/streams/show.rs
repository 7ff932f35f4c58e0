//! Which rows and columns a viewer gets.

use std::ops::Range;

use formats::Streams;
use privacy::{Area, FieldMask};

use super::{StreamType, codec::Column};

/// Rows in one answer at most, however many are asked for.
pub const POINTS_MAX: usize = 400_000;

/// The types asked for that may be seen; all of them when none is named.
pub fn types(asked: &[StreamType], mask: FieldMask) -> Vec<StreamType> {
    let wanted = |kind: &StreamType| asked.is_empty() || *kind == StreamType::Time || asked.contains(kind);
    StreamType::ALL.into_iter().filter(wanted).filter(|kind| mask.shows(kind.class())).collect()
}

/// Columns put side by side; those shorter than the time have no value in the rest.
pub fn assemble(columns: Vec<Column>) -> Streams {
    let rows = columns.iter().map(|column| column.rows.len()).max().unwrap_or_default();
    let mut streams = Streams::default();
    for mut column in columns {
        column.rows.resize(rows, None);
        match column.kind {
            StreamType::Time => {
                streams.time_s = column.rows.iter().map(|row| row.map_or(0.0, |at| at.0)).collect()
            }
            StreamType::LatLng => streams.latlng = column.rows,
            kind => {
                if let Some(place) = kind.column_mut(&mut streams) {
                    *place = column.rows.iter().map(|row| row.map(|at| at.0)).collect();
                }
            }
        }
    }
    streams
}

/// Cuts what the owner's zones hide off both ends, from every column; time and distance begin anew at the cut. The
/// seconds cut off the beginning, `None` where nothing was cut.
pub fn cut_zones(streams: &mut Streams, track: &[Option<(f64, f64)>], areas: &[Area]) -> Option<f64> {
    let shown = privacy::zone::shown(track, areas);
    if shown == (0..track.len()) {
        return None;
    }
    Some(keep_rows(streams, &shown))
}

/// Keeps these rows of every column; time and distance begin anew. The seconds cut off the beginning.
pub fn keep_rows(streams: &mut Streams, shown: &Range<usize>) -> f64 {
    keep(streams, shown);
    let hidden_s = streams.time_s.first().copied().unwrap_or_default();
    streams.time_s.iter_mut().for_each(|time| *time -= hidden_s);
    let first = streams.distance_m.iter().flatten().next().copied().unwrap_or_default();
    streams.distance_m.iter_mut().flatten().for_each(|distance| *distance -= first);
    hidden_s
}

/// The rows of each part, of parts that begin so many seconds after the start, in order; time and distance begin anew in each. What
/// lies before the first is in it, what lies between two in the earlier one.
pub fn parts(streams: &Streams, starts_s: &[f64]) -> Vec<Streams> {
    let ends_s = starts_s.iter().skip(1).copied().chain([f64::INFINITY]);
    let mut first = 0;
    let part = |(start_s, end_s): (&f64, f64)| {
        let end = streams.time_s.partition_point(|time_s| *time_s < end_s).max(first);
        let mut own = rows(streams, &(first..end));
        let hidden_s = keep_rows(&mut own, &(0..end - first));
        own.time_s.iter_mut().for_each(|time_s| *time_s = (*time_s + hidden_s - start_s).max(0.0));
        first = end;
        own
    };
    starts_s.iter().zip(ends_s).map(part).collect()
}

/// These rows alone: there may be as many parts as rows.
fn rows(streams: &Streams, shown: &Range<usize>) -> Streams {
    fn some<T: Clone>(column: &[T], shown: &Range<usize>) -> Vec<T> {
        column.iter().skip(shown.start).take(shown.len()).cloned().collect()
    }
    let mut own = Streams {
        time_s: some(&streams.time_s, shown),
        latlng: some(&streams.latlng, shown),
        ..Streams::default()
    };
    for kind in StreamType::ALL {
        if let (Some(all), Some(column)) = (kind.column(streams), kind.column_mut(&mut own)) {
            *column = some(all, shown);
        }
    }
    own
}

fn keep(streams: &mut Streams, shown: &Range<usize>) {
    fn cut<T>(column: &mut Vec<T>, shown: &Range<usize>) {
        column.truncate(shown.end);
        column.drain(..shown.start.min(column.len()));
    }
    cut(&mut streams.time_s, shown);
    cut(&mut streams.latlng, shown);
    for kind in StreamType::ALL {
        if let Some(column) = kind.column_mut(streams) {
            cut(column, shown);
        }
    }
}

/// At most `points_max` rows, evenly chosen, the first and the last among them.
pub fn thin_out(streams: &mut Streams, points_max: usize) {
    let rows = streams.time_s.len();
    let most = if points_max == 0 { POINTS_MAX } else { points_max.min(POINTS_MAX) };
    if rows <= most {
        return;
    }
    let chosen: Vec<usize> = match most {
        1 => vec![0],
        _ => (0..most).map(|index| (index * (rows - 1) + (most - 1) / 2) / (most - 1)).collect(),
    };
    fn pick<T: Copy>(column: &mut Vec<T>, chosen: &[usize]) {
        *column = chosen.iter().filter_map(|index| column.get(*index).copied()).collect();
    }
    pick(&mut streams.time_s, &chosen);
    pick(&mut streams.latlng, &chosen);
    for kind in StreamType::ALL {
        if let Some(column) = kind.column_mut(streams) {
            pick(column, &chosen);
        }
    }
}

#[cfg(test)]
mod tests {
    use formats::Sample;
    use privacy::{DataClass, Zone};

    use super::*;

    fn ride(rows: u32) -> Streams {
        let mut streams = Streams::default();
        for row in 0..rows {
            let t = f64::from(row);
            let latlng = Some((43.2 + t * 1e-3, 76.9));
            streams.push(Sample { time_s: t, latlng, distance_m: Some(t * 111.0), ..Sample::default() });
        }
        streams
    }

    #[test]
    fn thinning_keeps_the_first_and_the_last_row() {
        for most in [2, 3, 7, 99] {
            let mut streams = ride(100);
            thin_out(&mut streams, most);
            assert_eq!(streams.len(), most);
            assert_eq!((streams.time_s[0], *streams.time_s.last().unwrap()), (0.0, 99.0));
            assert!(
                streams.time_s.windows(2).all(|pair| pair[0] < pair[1]),
                "rows stay in order, none twice"
            );
            assert_eq!(streams.latlng.len(), most);
        }
    }

    #[test]
    fn few_rows_stay_as_they_are() {
        let mut streams = ride(5);
        thin_out(&mut streams, 10);
        thin_out(&mut streams, 0);
        assert_eq!(streams, ride(5));
    }

    #[test]
    fn a_zone_cuts_every_column_and_time_and_distance_begin_anew() {
        let mut streams = ride(10);
        let track = streams.latlng.clone();
        let home = Zone { name: "home".to_owned(), latitude: 43.2, longitude: 76.9, radius_m: 80.0 };
        // Rows are 111 m apart; the area reaches 80 m in every direction, and no further than 3.6 times that.
        let hidden_s = cut_zones(&mut streams, &track, &[Area::of(&home, &[7; 32])]).unwrap();
        assert!((1.0..=3.0).contains(&hidden_s), "{hidden_s}");
        assert_eq!((streams.time_s[0], streams.time_s.last().copied()), (0.0, Some(9.0 - hidden_s)));
        assert_eq!((streams.latlng.len(), streams.distance_m[0]), (streams.time_s.len(), Some(0.0)));
    }

    #[test]
    fn hidden_classes_hide_their_columns() {
        let summary = FieldMask::NOTHING.with(DataClass::Summary);
        let seen = types(&[], summary);
        assert!(seen.contains(&StreamType::Speed));
        for hidden in [StreamType::LatLng, StreamType::Altitude, StreamType::HeartRate] {
            assert!(!seen.contains(&hidden));
        }
        assert_eq!(
            types(&[StreamType::HeartRate], FieldMask::ALL),
            [StreamType::Time, StreamType::HeartRate]
        );
    }
}
