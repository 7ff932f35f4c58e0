//! A day that several devices tell of, put together: what they say of the same minutes counts once.
//!
//! A span is a piece of what a source tells. Pieces are taken one after the other: the finer one first (up to a minute,
//! a quarter of an hour, an hour, longer), then what is worn before what nobody named, and that before a phone, then the
//! one that tells more in its time. A piece takes the minutes of its time that nobody has taken, and adds only what it
//! tells beyond that which others tell of its time already. So a minute is of one source, and the same steps told finely
//! and coarsely count once.
//!
//! What of a value lies in no span competes as a whole day: one source, the one that tells most beyond what others
//! tell of times in which it has no span, adds that.
//!
//! Nothing depends on what came first.

use std::cmp::Ordering;

use jiff::civil::Date;

use super::{
    DailyId,
    daily::{DailyValue, DeviceKind},
};

/// Types whose values of a day are made of what was done minute by minute.
const ADDITIVE: &[&str] = &["steps", "distance", "active_energy", "total_energy", "floors", "active_time"];
/// Types that are counted, not measured.
const COUNTED: &[&str] = &["steps", "floors"];

/// A date is some day between the zones furthest east and west: from 14 h before its midnight in UTC to 12 h after the next.
const BEFORE_MIN: i64 = 14 * 60;
const MINUTES: usize = 50 * 60;
const MINUTE_US: i64 = 60_000_000;
/// What is less is an error of floating point.
const LEAST: f64 = 1e-6;
/// Shares of what is measured are told to the thousandth of a unit.
const MEASURED_STEP: f64 = 0.001;

/// Whether what several sources tell of a day is added up by minutes; else one of them is believed.
pub fn is_additive(kind: &str) -> bool {
    ADDITIVE.contains(&kind)
}

/// What one source tells of the day.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    pub id: DailyId,
    pub source: &'a str,
    pub daily: &'a DailyValue,
}

/// The day, by the places of the tellings that it was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct United {
    /// What of each telling counts.
    pub shares: Vec<f64>,
    /// Minutes in a row of one telling, in order.
    pub runs: Vec<Run>,
    /// What no minute is known of.
    pub rest: Option<(usize, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub from_us: i64,
    pub to_us: i64,
    pub of: usize,
    pub value: f64,
}

impl United {
    pub fn value(&self) -> f64 {
        self.shares.iter().sum()
    }
}

/// A span, cut to the day's window.
struct Piece {
    of: usize,
    class: u8,
    /// Its first minute, and how much of it and of each after it lies within.
    first: usize,
    covers: Vec<f64>,
    value: f64,
    /// A minute.
    rate: f64,
}

/// Puts a day together. All tell of the same type and date.
pub fn unite(tellings: &[Telling<'_>]) -> United {
    let Some(one) = tellings.first() else { return United::default() };
    let order = in_order(tellings);
    if !is_additive(&one.daily.kind) {
        return believed(tellings, &order);
    }
    let Some(begin) = window(&one.daily.date) else { return believed(tellings, &order) };
    let mut pieces = Vec::new();
    let mut rests = vec![0.0; tellings.len()];
    for &of in &order {
        let (own, rest) = pieces_of(of, tellings[of].daily, begin);
        pieces.extend(own);
        rests[of] = rest;
    }
    let rank_of = |piece: &Piece| rank(tellings[piece.of].daily.device);
    // Equals stay in the order of their sources.
    pieces.sort_by(|a, b| {
        let finer = a.class.cmp(&b.class).then_with(|| rank_of(a).cmp(&rank_of(b)));
        finer.then_with(|| b.rate.total_cmp(&a.rate))
    });
    let mut minutes = Minutes::default();
    pieces.iter().for_each(|piece| minutes.place(piece));
    let rest = minutes.rest(&order, &rests, &pieces);
    let mut shares = vec![0.0; tellings.len()];
    minutes.taken.iter().flatten().for_each(|(of, value)| shares[*of] += value);
    if let Some((of, value)) = rest {
        shares[of] += value;
    }
    match tellings {
        [alone] => shares = vec![alone.daily.value],
        _ => rounded(&mut shares, &order, &one.daily.kind),
    }
    United { shares, runs: minutes.runs(begin), rest }
}

/// The same whatever order they come in.
fn in_order(tellings: &[Telling<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tellings.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&tellings[*a], &tellings[*b]);
        rank(a.daily.device)
            .cmp(&rank(b.daily.device))
            .then_with(|| (a.source, a.id.uuid()).cmp(&(b.source, b.id.uuid())))
    });
    order
}

/// What is on the body knows more of it than what is put down.
fn rank(device: Option<DeviceKind>) -> u8 {
    match device {
        Some(DeviceKind::Phone) => 2,
        Some(DeviceKind::Other) | None => 1,
        Some(_) => 0,
    }
}

/// What cannot be added up is taken whole, from the first in order.
fn believed(tellings: &[Telling<'_>], order: &[usize]) -> United {
    let first = order.first().copied();
    let share = |(of, telling): (usize, &Telling<'_>)| {
        if Some(of) == first { telling.daily.value } else { 0.0 }
    };
    let shares = tellings.iter().enumerate().map(share).collect();
    United { shares, runs: Vec::new(), rest: first.map(|of| (of, tellings[of].daily.value)) }
}

/// The minute in which the window of a date begins, since 1970.
fn window(date: &str) -> Option<i64> {
    let midnight = date.parse::<Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(midnight.as_second() / 60 - BEFORE_MIN)
}

/// A telling's spans, which together tell no more than its value, and what of the value is in none of them.
fn pieces_of(of: usize, daily: &DailyValue, begin: i64) -> (Vec<Piece>, f64) {
    let spans = daily.spans.iter().filter(|span| span.value > 0.0);
    let mut pieces: Vec<Piece> =
        spans.filter_map(|span| piece(of, (span.start_us, span.end_us), span.value, begin)).collect();
    pieces.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.value.total_cmp(&b.value)));
    let told: f64 = pieces.iter().map(|piece| piece.value).sum();
    // The value is what its source says of the day; the spans say when.
    if told > daily.value {
        let part = daily.value / told;
        for piece in &mut pieces {
            (piece.value, piece.rate) = (piece.value * part, piece.rate * part);
        }
    }
    pieces.retain(|piece| piece.value > 0.0);
    (pieces, (daily.value - told).max(0.0))
}

/// What of a span lies in the window; an instant is in its minute.
#[expect(clippy::cast_precision_loss, reason = "times of a few days in microseconds")]
fn piece(of: usize, (start_us, end_us): (i64, i64), value: f64, begin: i64) -> Option<Piece> {
    let (from, to) = (begin * MINUTE_US, begin * MINUTE_US + MINUTES as i64 * MINUTE_US);
    let length_us = end_us.saturating_sub(start_us);
    // Up to a minute, a quarter of an hour, an hour, longer.
    let class = match length_us {
        ..=60_000_000 => 0,
        60_000_001..=900_000_000 => 1,
        900_000_001..=3_600_000_000 => 2,
        _ => 3,
    };
    let minute_of = |at_us: i64| usize::try_from((at_us - from) / MINUTE_US).unwrap_or_default();
    if length_us == 0 {
        let inside = (from..to).contains(&start_us);
        let first = inside.then(|| minute_of(start_us))?;
        return Some(Piece { of, class, first, covers: vec![1.0], value, rate: value });
    }
    let (inner, outer) = (start_us.max(from), end_us.min(to));
    if inner >= outer {
        return None;
    }
    let (first, last) = (minute_of(inner), minute_of(outer - 1));
    let cover = |minute: usize| {
        let minute_us = from + minute as i64 * MINUTE_US;
        let within = outer.min(minute_us + MINUTE_US) - inner.max(minute_us);
        within as f64 / MINUTE_US as f64
    };
    let value = value * ((outer - inner) as f64 / length_us as f64);
    let rate = value / ((outer - inner) as f64 / MINUTE_US as f64);
    Some(Piece { of, class, first, covers: (first..=last).map(cover).collect(), value, rate })
}

/// Whose each minute is, and what it comes to.
struct Minutes {
    taken: Vec<Option<(usize, f64)>>,
}

impl Default for Minutes {
    fn default() -> Self {
        Self { taken: vec![None; MINUTES] }
    }
}

impl Minutes {
    fn place(&mut self, piece: &Piece) {
        let slots = &mut self.taken[piece.first..piece.first + piece.covers.len()];
        let (mut open, mut told) = (0.0, 0.0);
        for (slot, cover) in slots.iter().zip(&piece.covers) {
            match slot {
                Some((of, value)) if *of != piece.of => told += value * cover,
                _ => open += cover,
            }
        }
        let beyond = piece.value - told;
        if open <= 0.0 || beyond < LEAST {
            return;
        }
        for (slot, cover) in slots.iter_mut().zip(&piece.covers) {
            let part = beyond * cover / open;
            match slot {
                Some((of, value)) if *of == piece.of => *value += part,
                Some(_) => {}
                None => *slot = Some((piece.of, part)),
            }
        }
    }

    /// Whose whole day tells most beyond what others tell of times in which it has no span.
    fn rest(&self, order: &[usize], rests: &[f64], pieces: &[Piece]) -> Option<(usize, f64)> {
        let beyond = |of: usize| {
            let mut covered = vec![0.0_f64; MINUTES];
            for piece in pieces.iter().filter(|piece| piece.of == of) {
                for (place, cover) in piece.covers.iter().enumerate() {
                    covered[piece.first + place] += cover;
                }
            }
            let elsewhere = self.taken.iter().zip(&covered).filter_map(|(slot, covered)| match slot {
                Some((other, value)) if *other != of => Some(value * (1.0 - covered.min(1.0))),
                _ => None,
            });
            rests[of] - elsewhere.sum::<f64>()
        };
        let with_rest = order.iter().filter(|of| rests[**of] >= LEAST);
        let beyond = with_rest.map(|of| (*of, beyond(*of))).filter(|(_, beyond)| *beyond >= LEAST);
        // The first in order, of equals.
        beyond
            .reduce(|best, other| if other.1.total_cmp(&best.1) == Ordering::Greater { other } else { best })
    }

    fn runs(&self, begin: i64) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (minute_us, slot) in (begin..).map(|minute| minute * MINUTE_US).zip(&self.taken) {
            let Some((of, value)) = slot else { continue };
            match runs.last_mut().filter(|run| run.to_us == minute_us && run.of == *of) {
                Some(run) => (run.to_us, run.value) = (minute_us + MINUTE_US, run.value + value),
                None => runs.push(Run {
                    from_us: minute_us,
                    to_us: minute_us + MINUTE_US,
                    of: *of,
                    value: *value,
                }),
            }
        }
        runs
    }
}

/// To whole steps, so that the shares make the rounded sum: what is left over goes to the greatest fractions.
fn rounded(shares: &mut [f64], order: &[usize], kind: &str) {
    let step = if COUNTED.contains(&kind) { 1.0 } else { MEASURED_STEP };
    let total = (shares.iter().sum::<f64>() / step).round();
    let mut fractions: Vec<(usize, f64)> =
        order.iter().map(|of| (*of, (shares[*of] / step).fract())).collect();
    fractions.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares.iter_mut().for_each(|share| *share = (*share / step).floor());
    for (of, _) in fractions {
        if shares.iter().sum::<f64>() < total {
            shares[of] += 1.0;
        }
    }
    // 1000 exact thousandths are a unit; a thousand times 0.001 is not.
    let per_unit = (1.0 / step).round();
    shares.iter_mut().for_each(|share| *share /= per_unit);
}

#[cfg(test)]
#[path = "unite_tests.rs"]
mod tests;
