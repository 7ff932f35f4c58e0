//! A quantity that grows with time, known at some moments and straight between them.

use crate::activity::Streams;

/// Sums of rounded figures may fall short of a round one by so little.
const TOLERANCE: f64 = 1e-6;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) time_s: f64,
    pub(super) sum: f64,
}

/// Points in order of time; neither the times nor the sums ever fall.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve(pub(super) Vec<Point>);

impl Curve {
    /// Metres behind since the first known distance. `None` if nothing was covered.
    pub(super) fn of_way(streams: &Streams) -> Option<Self> {
        let known = streams.time_s.iter().zip(&streams.distance_m);
        let mut known = known.filter_map(|(time_s, metres)| Some((*time_s, (*metres)?))).peekable();
        let zero_m = known.peek()?.1;
        let mut furthest_m = 0.0_f64;
        let points = known.map(|(time_s, metres)| {
            furthest_m = furthest_m.max(metres - zero_m);
            Point { time_s, sum: furthest_m }
        });
        let curve = Self(points.collect());
        (curve.sum() > 0.0).then_some(curve)
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.last().map_or(0.0, |last| last.sum)
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        self.0.iter().zip(self.0.iter().skip(1)).map(|(from, to)| Segment { from: *from, to: *to })
    }

    /// The sum at a moment; level before the first point and after the last.
    pub(super) fn at(&self, time_s: f64) -> f64 {
        let after = self.0.partition_point(|point| point.time_s <= time_s);
        let before = after.checked_sub(1).and_then(|index| self.0.get(index));
        match (before, self.0.get(after)) {
            (Some(from), Some(to)) => Segment { from: *from, to: *to }.sum_at(time_s),
            (Some(only), None) | (None, Some(only)) => only.sum,
            (None, None) => 0.0,
        }
    }

    /// The shortest time in which the sum grows by `rise`: from when until when.
    ///
    /// The curve being straight between its points, no window is shorter than the best of those that start or
    /// end in a point; both kinds are walked once.
    pub(super) fn quickest(&self, rise: f64) -> Option<Window> {
        let mut best = None;
        let mut segments = self.segments();
        let mut segment = segments.next()?;
        'starts: for start in &self.0 {
            while segment.to.sum < start.sum + rise - TOLERANCE {
                segment = match segments.next() {
                    Some(next) => next,
                    None => break 'starts,
                };
            }
            keep_shorter(&mut best, start.time_s, segment.time_at(start.sum + rise));
        }
        let mut segments = self.segments().peekable();
        for end in &self.0 {
            let from = end.sum - rise;
            while segments.next_if(|segment| segment.to.sum <= from).is_some() {}
            if let Some(segment) = segments.peek()
                && segment.from.sum <= from
            {
                keep_shorter(&mut best, segment.time_at(from), end.time_s);
            }
        }
        best
    }

    /// The greatest growth of the sum within `span_s`: the window and the growth.
    pub(super) fn steepest(&self, span_s: f64) -> Option<(Window, f64)> {
        let (first_s, last_s) = (self.0.first()?.time_s, self.0.last()?.time_s);
        if last_s - first_s < span_s - TOLERANCE {
            return None;
        }
        let mut best: Option<(Window, f64)> = None;
        let mut keep = |start_s: f64, rise: f64| {
            if best.is_none_or(|(_, most)| rise > most) {
                best = Some((Window { start_s, end_s: start_s + span_s }, rise));
            }
        };
        let mut heads = self.segments().peekable();
        for start in self.0.iter().take_while(|start| start.time_s + span_s <= last_s + TOLERANCE) {
            let end_s = start.time_s + span_s;
            while heads.next_if(|segment| segment.to.time_s < end_s - TOLERANCE).is_some() {}
            let Some(segment) = heads.peek() else { break };
            keep(start.time_s, segment.sum_at(end_s) - start.sum);
        }
        let mut tails = self.segments().peekable();
        for end in self.0.iter().filter(|end| end.time_s - span_s >= first_s) {
            let start_s = end.time_s - span_s;
            while tails.next_if(|segment| segment.to.time_s < start_s).is_some() {}
            let Some(segment) = tails.peek() else { break };
            keep(start_s, end.sum - segment.sum_at(start_s));
        }
        best
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) start_s: f64,
    pub(super) end_s: f64,
}

fn keep_shorter(best: &mut Option<Window>, start_s: f64, end_s: f64) {
    if best.is_none_or(|best| end_s - start_s < best.end_s - best.start_s) {
        *best = Some(Window { start_s, end_s });
    }
}

/// Two neighbouring points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Segment {
    /// When the sum is reached, within the segment.
    pub(super) fn time_at(&self, sum: f64) -> f64 {
        self.from.time_s + (self.to.time_s - self.from.time_s) * share(sum, self.from.sum, self.to.sum)
    }

    fn sum_at(&self, time_s: f64) -> f64 {
        self.from.sum + (self.to.sum - self.from.sum) * share(time_s, self.from.time_s, self.to.time_s)
    }
}

/// How far a value lies from one end to the other, 0 to 1.
fn share(value: f64, from: f64, to: f64) -> f64 {
    if to > from { ((value - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 }
}
