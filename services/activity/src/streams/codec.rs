//! How columns are kept: runs of rows, delta-encoded, deflated, at most 128 kB a chunk.
//!
//! A chunk before deflate: rows (varint), lanes (varint; two for positions), runs of presence (varints, the first
//! counts present rows, then absent, and so on), then each lane's present values as zigzag varints of differences.
//! Values are integers of a step that is finer than any device measures: see [`step`].

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use formats::Streams;
use proto::activity::{StreamChunk, StreamsBlob};

use super::{StreamType, present};

/// Raised when chunks are written otherwise; the first byte of each.
const FORMAT: u8 = 1;
/// Rows a chunk: the widest row, a position, takes at most 20 bytes, so that a chunk stays below 128 kB.
pub const CHUNK_ROWS: usize = 6_000;
/// What a damaged chunk may inflate to at most.
const INFLATED_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of {0} cannot be read")]
pub struct BadChunk(pub String);

/// Steps a unit.
const fn step(kind: StreamType) -> f64 {
    match kind {
        StreamType::LatLng => 1e7,
        StreamType::Time | StreamType::Speed | StreamType::Altitude | StreamType::Distance => 1e3,
        _ => 1e2,
    }
}

/// All columns that hold anything.
pub fn encode(streams: &Streams) -> StreamsBlob {
    let mut chunks = Vec::new();
    for kind in present(streams) {
        let mut from = 0;
        let mut number = 0;
        while from < streams.len() {
            let to = (from + CHUNK_ROWS).min(streams.len());
            let data = deflate(&encode_rows(kind, streams, from, to));
            chunks.push(StreamChunk { stream: kind.as_str().to_owned(), chunk: number, data: data.into() });
            number += 1;
            from = to;
        }
    }
    StreamsBlob { chunks }
}

fn encode_rows(kind: StreamType, streams: &Streams, from: usize, to: usize) -> Vec<u8> {
    let scale = |value: f64| quantise(value, step(kind));
    let lanes: Vec<Vec<Option<i64>>> = match kind {
        StreamType::Time => vec![streams.time_s[from..to].iter().map(|value| Some(scale(*value))).collect()],
        StreamType::LatLng => {
            let rows = &streams.latlng[from..to];
            let lane =
                |pick: fn((f64, f64)) -> f64| rows.iter().map(|row| row.map(|at| scale(pick(at)))).collect();
            vec![lane(|at| at.0), lane(|at| at.1)]
        }
        _ => vec![
            kind.column(streams)
                .map(|column| column[from..to].iter().map(|value| value.map(scale)).collect())
                .unwrap_or_default(),
        ],
    };
    let mut out = Vec::new();
    put(&mut out, (to - from) as u64);
    put(&mut out, lanes.len() as u64);
    if let Some(first) = lanes.first() {
        let runs = runs(first);
        put(&mut out, runs.len() as u64);
        runs.into_iter().for_each(|run| put(&mut out, run));
    }
    for lane in &lanes {
        let mut last = 0_i64;
        for value in lane.iter().flatten() {
            put(&mut out, zigzag(value.wrapping_sub(last)));
            last = *value;
        }
    }
    out
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and bounds are checked on the way in")]
fn quantise(value: f64, step: f64) -> i64 {
    (value * step).round() as i64
}

/// Lengths of runs, present ones first, then absent, in turn.
fn runs(lane: &[Option<i64>]) -> Vec<u64> {
    let mut runs = vec![0];
    let mut present = true;
    for value in lane {
        if value.is_some() != present {
            present = !present;
            runs.push(0);
        }
        if let Some(run) = runs.last_mut() {
            *run += 1;
        }
    }
    runs
}

/// Rows of one column, in order: each a value a lane, or nothing.
pub struct Column {
    pub kind: StreamType,
    pub rows: Vec<Option<(f64, f64)>>,
}

/// Reads the chunks of one column, in order.
pub fn decode<'a>(kind: StreamType, chunks: impl Iterator<Item = &'a [u8]>) -> Result<Column, BadChunk> {
    let bad = || BadChunk(kind.as_str().to_owned());
    let mut rows = Vec::new();
    for chunk in chunks {
        let raw = inflate(chunk).ok_or_else(bad)?;
        rows.extend(decode_rows(kind, &raw).ok_or_else(bad)?);
    }
    Ok(Column { kind, rows })
}

fn decode_rows(kind: StreamType, mut raw: &[u8]) -> Option<Vec<Option<(f64, f64)>>> {
    let rows = usize::try_from(get(&mut raw)?).ok().filter(|rows| *rows <= CHUNK_ROWS)?;
    let lanes = get(&mut raw)?;
    let mut present = Vec::with_capacity(rows);
    for run in 0..get(&mut raw)? {
        let length = usize::try_from(get(&mut raw)?).ok().filter(|length| present.len() + length <= rows)?;
        present.extend(std::iter::repeat_n(run % 2 == 0, length));
    }
    if present.len() != rows {
        return None;
    }
    let mut lane = || -> Option<Vec<f64>> {
        let mut last = 0_i64;
        let count = present.iter().filter(|present| **present).count();
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            last = last.wrapping_add(unzigzag(get(&mut raw)?));
            values.push(last as f64 / step(kind));
        }
        Some(values)
    };
    let first = lane()?;
    let second = if lanes == 2 { lane()? } else { Vec::new() };
    let mut values = first.into_iter().zip(second.into_iter().chain(std::iter::repeat(0.0)));
    present.iter().map(|present| if *present { values.next().map(Some) } else { Some(None) }).collect()
}

fn deflate(raw: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![FORMAT], Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(raw);
    encoder.finish().unwrap_or_default()
}

fn inflate(chunk: &[u8]) -> Option<Vec<u8>> {
    let (format, deflated) = chunk.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let mut raw = Vec::new();
    DeflateDecoder::new(deflated).take(INFLATED_BYTES_MAX).read_to_end(&mut raw).ok()?;
    Some(raw)
}

fn put(out: &mut Vec<u8>, value: u64) {
    prost::encoding::encode_varint(value, out);
}

fn get(raw: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(raw).ok()
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use formats::Sample;
    use proptest::prelude::*;

    use super::*;

    const CHUNK_BYTES_MAX: usize = 128 * 1024;

    fn read_back(blob: &StreamsBlob, kind: StreamType) -> Vec<Option<(f64, f64)>> {
        let chunks = blob.chunks.iter().filter(|chunk| chunk.stream == kind.as_str());
        decode(kind, chunks.map(|chunk| &chunk.data[..])).unwrap().rows
    }

    #[test]
    fn a_day_at_one_a_second_comes_back_from_small_chunks() {
        let mut streams = Streams::default();
        for second in 0..86_400 {
            let t = f64::from(second);
            streams.push(Sample {
                time_s: t,
                latlng: (second % 7 != 0).then_some((43.2 + t * 1e-5, 76.9 - t * 1e-5)),
                heart_rate_bpm: Some(120.0 + (t / 60.0).sin().round()),
                ..Sample::default()
            });
        }
        let blob = encode(&streams);
        assert!(blob.chunks.iter().all(|chunk| chunk.data.len() <= CHUNK_BYTES_MAX));
        let bytes: usize = blob.chunks.iter().map(|chunk| chunk.data.len()).sum();
        assert!(bytes < 86_400 * 6, "{bytes} bytes");
        let back = read_back(&blob, StreamType::LatLng);
        assert_eq!(back.len(), 86_400);
        assert_eq!((back[0], back[1].map(|at| at.0)), (None, Some(43.20001)));
        assert!(read_back(&blob, StreamType::Power).is_empty());
    }

    #[test]
    fn what_is_no_chunk_is_an_error_and_not_a_panic() {
        for bytes in [&[][..], &[9, 1, 2], &[FORMAT], &[FORMAT, 0xff, 0xff, 0xff], &[FORMAT, 3, 0]] {
            assert!(decode(StreamType::Power, std::iter::once(bytes)).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn every_column_comes_back_to_its_step(values in prop::collection::vec(prop::option::of(-5000.0..5000.0_f64), 1..200)) {
            let mut streams = Streams::default();
            for (index, value) in values.iter().enumerate() {
                streams.push(Sample { time_s: index as f64, power_w: *value, ..Sample::default() });
            }
            let back = read_back(&encode(&streams), StreamType::Power);
            if values.iter().all(Option::is_none) {
                prop_assert!(back.is_empty());
            } else {
                prop_assert_eq!(back.len(), values.len());
                for (back, value) in back.iter().zip(&values) {
                    prop_assert_eq!(back.is_some(), value.is_some());
                    if let (Some(back), Some(value)) = (back, value) {
                        prop_assert!((back.0 - value).abs() <= 0.005 + 1e-9);
                    }
                }
            }
        }
    }
}
