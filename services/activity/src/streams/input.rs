//! Columns that a phone sends: checked, and turned into the neutral shape.

use formats::Streams;
use proto::activity::StreamsView;

use super::StreamType;
use crate::domain::input::{Check, ELAPSED_S_MAX};

/// Rows one workout of a changeset may bring: more than two days at one a second.
pub const ROWS_MAX: usize = 200_000;

/// Least and greatest value of a column.
const fn range(kind: StreamType) -> (f64, f64) {
    match kind {
        StreamType::Time => (0.0, ELAPSED_S_MAX),
        StreamType::LatLng => (-180.0, 180.0),
        StreamType::Altitude => (-12_000.0, 100_000.0),
        StreamType::HeartRate => (0.0, 300.0),
        StreamType::Power => (0.0, 10_000.0),
        StreamType::Cadence => (0.0, 1_000.0),
        StreamType::Speed => (0.0, 350.0),
        StreamType::Temperature => (-100.0, 100.0),
        StreamType::Distance => (0.0, 10_000_000.0),
    }
}

/// `None` when there are none, or when something is wrong with them: `check` then says what.
pub fn read(check: &mut Check, view: &StreamsView) -> Option<Streams> {
    let rows = view.time.len();
    let given =
        rows > 0 || !view.latitude.is_empty() || !view.longitude.is_empty() || !view.columns.is_empty();
    if !given {
        return None;
    }
    if rows > ROWS_MAX {
        check.fault("streams/time", "too_long", format!("at most {ROWS_MAX} rows"));
        return None;
    }
    let lengths = [&view.latitude, &view.longitude];
    let lengths = lengths.into_iter().filter(|column| !column.is_empty()).map(Vec::len);
    let uneven =
        lengths.chain(view.columns.iter().map(|column| column.values.len())).any(|length| length != rows);
    if uneven || view.latitude.len() != view.longitude.len() {
        check.fault("streams", "unequal_lengths", "all columns are as long as `time`");
        return None;
    }
    let falls = view.time.windows(2).any(|pair| pair[1] < pair[0]);
    if falls || !all_within(StreamType::Time, &view.time) || view.time.iter().any(|value| value.is_nan()) {
        check.fault("streams/time", "out_of_range", "seconds since the start, never falling");
        return None;
    }
    let mut streams = blank(rows);
    streams.time_s.clone_from(&view.time);
    streams.latlng = positions(check, view, rows)?;
    for column in &view.columns {
        let pointer = format!("streams/{}", column.r#type.chars().take(20).collect::<String>());
        let kind = StreamType::parse(&column.r#type);
        let Some((kind, place)) = kind.and_then(|kind| Some((kind, kind.column_mut(&mut streams)?))) else {
            check.fault(&pointer, "unknown", "not a type of stream");
            return None;
        };
        if !all_within(kind, &column.values) {
            let (least, most) = range(kind);
            check.fault(&pointer, "out_of_range", format!("numbers from {least} to {most}"));
            return None;
        }
        // A heart that does not beat is a sensor that does not hear.
        let missing = |value: f64| value.is_nan() || (kind == StreamType::HeartRate && value == 0.0);
        *place = column.values.iter().map(|value| (!missing(*value)).then_some(*value)).collect();
    }
    Some(streams)
}

fn positions(check: &mut Check, view: &StreamsView, rows: usize) -> Option<Vec<Option<(f64, f64)>>> {
    if view.latitude.is_empty() {
        return Some(vec![None; rows]);
    }
    let mut track = Vec::with_capacity(rows);
    for (latitude, longitude) in view.latitude.iter().zip(&view.longitude) {
        let absent = latitude.is_nan() && longitude.is_nan();
        let on_earth = (-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude);
        if !absent && !on_earth {
            check.fault(
                "streams/latlng",
                "out_of_range",
                "latitude from -90 to 90, longitude from -180 to 180",
            );
            return None;
        }
        track.push((!absent).then_some((*latitude, *longitude)));
    }
    Some(track)
}

fn all_within(kind: StreamType, values: &[f64]) -> bool {
    let (least, most) = range(kind);
    values.iter().all(|value| value.is_nan() || (least..=most).contains(value))
}

/// Rows without any value.
fn blank(rows: usize) -> Streams {
    let mut streams = Streams { time_s: vec![0.0; rows], latlng: vec![None; rows], ..Streams::default() };
    for kind in StreamType::ALL {
        if let Some(column) = kind.column_mut(&mut streams) {
            *column = vec![None; rows];
        }
    }
    streams
}

#[cfg(test)]
mod tests {
    use proto::activity::Column;

    use super::*;

    fn given(columns: Vec<Column>) -> StreamsView {
        StreamsView {
            time: vec![0.0, 1.0],
            latitude: vec![43.2, f64::NAN],
            longitude: vec![76.9, f64::NAN],
            columns,
        }
    }

    fn column(kind: &str, values: &[f64]) -> Column {
        Column { r#type: kind.to_owned(), values: values.to_vec() }
    }

    fn refused(view: &StreamsView) -> Option<String> {
        let mut check = Check::at("/upserts/0/workout");
        read(&mut check, view);
        check.done().err().map(|refusal| refusal.fields[0].pointer.clone())
    }

    #[test]
    fn a_zero_heart_rate_is_missing_and_other_zeros_are_values() {
        let view = given(vec![column("heart_rate", &[0.0, 120.0]), column("power", &[0.0, f64::NAN])]);
        let streams = read(&mut Check::default(), &view).unwrap();
        assert_eq!(streams.heart_rate_bpm, [None, Some(120.0)]);
        assert_eq!(streams.power_w, [Some(0.0), None]);
        assert_eq!(streams.latlng, [Some((43.2, 76.9)), None]);
    }

    #[test]
    fn unequal_lengths_are_refused() {
        assert_eq!(
            refused(&given(vec![column("power", &[1.0])])).as_deref(),
            Some("/upserts/0/workout/streams")
        );
    }

    #[test]
    fn values_out_of_range_name_their_column() {
        let at = |kind: &str, bad: f64| refused(&given(vec![column(kind, &[1.0, bad])]));
        assert_eq!(at("heart_rate", -1.0).as_deref(), Some("/upserts/0/workout/streams/heart_rate"));
        assert_eq!(at("power", f64::INFINITY).as_deref(), Some("/upserts/0/workout/streams/power"));
        assert_eq!(at("mood", 1.0).as_deref(), Some("/upserts/0/workout/streams/mood"));
        let view = StreamsView { latitude: vec![91.0, 0.0], longitude: vec![0.0, 0.0], ..given(vec![]) };
        assert_eq!(refused(&view).as_deref(), Some("/upserts/0/workout/streams/latlng"));
        let view = StreamsView { time: vec![2.0, 1.0], ..given(vec![]) };
        assert_eq!(refused(&view).as_deref(), Some("/upserts/0/workout/streams/time"));
    }
}
