//! Heart rates within workouts. An export has them as records of years, by the second and by several devices at once, far
//! from the workouts: of those that fall into one each is held in four bytes, and when there are too many, every other goes.

use std::collections::HashMap;

use formats::apple::Record;

use super::pass::mark;

/// Values held at once; 12 MB, of ten years with two hours of sport a day about 5 million.
const VALUES_MAX: usize = 3_000_000;
const SOURCES_MAX: usize = 1_000;
/// Workouts that are looked at for one value; more do not go on at one time.
const AT_ONCE_MAX: usize = 64;
/// Seconds of a workout that fit beside a value.
const SECONDS_MAX: i64 = 1 << 24;
/// Nothing is held of a workout any more that is worth it.
const STEP_S_MAX: u32 = 1 << 20;

/// A workout's time and source, by its key.
struct Span {
    key: String,
    start_s: i64,
    end_s: i64,
    source: String,
    values: Vec<Column>,
}

/// What one source says within a workout: seconds from its start above the eight bits of the value.
struct Column {
    source: u16,
    packed: Vec<u32>,
}

pub(super) struct Hearts {
    /// In order of start.
    spans: Vec<Span>,
    /// The latest end of the spans up to each.
    reach: Vec<i64>,
    /// Marks of sources.
    sources: Vec<String>,
    known: HashMap<String, u16>,
    held: usize,
    most: usize,
    /// Two values of a source are so far apart at least, as far as they were thinned out.
    step_s: u32,
    /// Records that fell into a workout.
    pub(super) taken: u64,
}

/// Seconds from the workout's start, and beats a minute.
pub(super) type Beats = Vec<(f64, f64)>;

impl Hearts {
    /// Of workouts by their keys, see [`super::pass::key_of`]; each once.
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        let mut spans: Vec<Span> = keys.filter_map(Span::of).collect();
        spans.sort_by(|one, other| (one.start_s, &one.key).cmp(&(other.start_s, &other.key)));
        spans.dedup_by(|one, other| one.key == other.key);
        let mut latest = i64::MIN;
        let reach = spans.iter().map(|span| {
            latest = latest.max(span.end_s);
            latest
        });
        Self {
            reach: reach.collect(),
            spans,
            sources: Vec::new(),
            known: HashMap::new(),
            held: 0,
            most: VALUES_MAX,
            step_s: 1,
            taken: 0,
        }
    }

    pub(super) fn add(&mut self, record: &Record) {
        let at_s = record.start.as_second();
        let bpm = record.value.round();
        // What is held as far apart as it may be, and is too much still, grows no more.
        if !(1.0..=255.0).contains(&bpm) || self.step_s > STEP_S_MAX {
            return;
        }
        let begun = self.spans.partition_point(|span| span.start_s <= at_s);
        let mut fallen = Vec::new();
        for index in (0..begun).rev().take(AT_ONCE_MAX) {
            if self.reach.get(index).is_none_or(|reach| *reach < at_s) {
                break;
            }
            fallen.push(index);
        }
        let mut source = None;
        for index in fallen {
            let Some(span) = self.spans.get(index).filter(|span| at_s <= span.end_s) else { continue };
            let Ok(second) = u32::try_from(at_s - span.start_s) else { continue };
            let number = match source {
                Some(number) => number,
                None => match self.source(&record.source) {
                    Some(number) => *source.insert(number),
                    None => return,
                },
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at above")]
            let packed = second << 8 | bpm as u32;
            self.put(index, number, packed);
        }
        self.taken += u64::from(source.is_some());
        if self.held > self.most {
            self.thin_out();
        }
    }

    fn source(&mut self, name: &str) -> Option<u16> {
        if let Some(known) = self.known.get(name) {
            return Some(*known);
        }
        let number = u16::try_from(self.sources.len()).ok().filter(|_| self.sources.len() < SOURCES_MAX)?;
        self.sources.push(mark(name));
        self.known.insert(name.to_owned(), number);
        Some(number)
    }

    fn put(&mut self, index: usize, source: u16, packed: u32) {
        let Some(span) = self.spans.get_mut(index) else { return };
        let place = span.values.iter().position(|column| column.source == source);
        let place = place.unwrap_or_else(|| {
            span.values.push(Column { source, packed: Vec::new() });
            span.values.len() - 1
        });
        if let Some(column) = span.values.get_mut(place) {
            column.packed.push(packed);
            self.held += 1;
        }
    }

    /// As far apart as they are to be, and further where that does not help; what falls together becomes its mean.
    fn thin_out(&mut self) {
        loop {
            self.held = 0;
            for column in self.spans.iter_mut().flat_map(|span| &mut span.values) {
                column.packed = thinned(std::mem::take(&mut column.packed), self.step_s);
                self.held += column.packed.len();
            }
            // Not so near the bound that the next is over it again.
            if self.held <= self.most - self.most / 4 || self.step_s > STEP_S_MAX {
                return;
            }
            self.step_s *= 2;
        }
    }

    /// The workout's own source if it says anything, else the one that says most; in order of time.
    pub(super) fn beats(&self, key: &str) -> Beats {
        let Some(wanted) = Span::of(key) else { return Vec::new() };
        let first = self.spans.partition_point(|span| span.start_s < wanted.start_s);
        let span = self.spans.iter().skip(first).take_while(|span| span.start_s == wanted.start_s);
        let Some(span) = span.into_iter().find(|span| span.key == key) else { return Vec::new() };
        let own = |column: &&Column| {
            self.sources.get(usize::from(column.source)).is_some_and(|mark| *mark == span.source)
        };
        // Of two that say as much, the one that came first.
        let best = span.values.iter().rev().max_by_key(|column| column.packed.len());
        let Some(column) = span.values.iter().find(own).or(best) else { return Vec::new() };
        let values = thinned(column.packed.clone(), self.step_s);
        values.into_iter().map(|packed| (f64::from(packed >> 8), f64::from(packed & 0xff))).collect()
    }
}

impl Span {
    fn of(key: &str) -> Option<Self> {
        let mut words = key.strip_prefix("workout:")?.split(':');
        let start_us: i64 = words.next()?.parse().ok()?;
        let length_s: i64 = words.next()?.parse().ok()?;
        let start_s = start_us.div_euclid(1_000_000);
        let end_s = start_s.saturating_add(length_s.min(SECONDS_MAX - 1));
        let source = words.next_back()?.to_owned();
        Some(Self { key: key.to_owned(), start_s, end_s, source, values: Vec::new() })
    }
}

/// In order, one value a step: their mean, at the first of them.
fn thinned(mut packed: Vec<u32>, step_s: u32) -> Vec<u32> {
    packed.sort_unstable();
    let mut kept = Vec::with_capacity(packed.len());
    for together in packed.chunk_by(|one, other| (one >> 8) / step_s == (other >> 8) / step_s) {
        let count = u32::try_from(together.len()).unwrap_or(u32::MAX);
        let sum = together.iter().fold(0_u32, |sum, value| sum.saturating_add(value & 0xff));
        let mean = sum.saturating_add(count / 2) / count;
        kept.extend(together.first().map(|first| first & !0xff | mean));
    }
    kept.shrink_to_fit();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_S: i64 = 1_777_000_000;

    fn key(after_s: i64, length_s: i64, source: &str) -> String {
        format!("workout:{}:{length_s}:running:{}", (AT_S + after_s) * 1_000_000, mark(source))
    }

    fn beat(source: &str, after_s: i64, value: f64) -> Record {
        let start = jiff::Timestamp::from_second(AT_S + after_s).unwrap();
        let source = source.to_owned();
        Record { kind: "heart_rate", source, start, end: start, utc_offset_s: None, value }
    }

    fn hearts(keys: &[&str], records: &[Record]) -> Hearts {
        let mut hearts = Hearts::of(keys.iter().copied());
        records.iter().for_each(|record| hearts.add(record));
        hearts
    }

    #[test]
    fn what_falls_into_a_workout_is_its_own_and_the_rest_is_nobodys() {
        let (run, ride) = (key(0, 600, "Watch"), key(300, 900, "Watch"));
        let records = [(-1, 60.0), (5, 120.4), (600, 150.0), (605, 151.0), (1_201, 90.0), (10, 0.0)];
        let records = records.map(|(after_s, value)| beat("Watch", after_s, value));
        let hearts = hearts(&[&ride, &run, &run], &records);
        assert_eq!(hearts.beats(&run), [(5.0, 120.0), (600.0, 150.0)]);
        assert_eq!(hearts.beats(&ride), [(300.0, 150.0), (305.0, 151.0)], "both go on at that time");
        assert_eq!((hearts.taken, hearts.beats("workout:1:2:running:x")), (3, Vec::new()));
    }

    #[test]
    fn a_workouts_own_source_is_preferred_and_else_the_denser_one() {
        let strap = (0..10).map(|second| beat("Strap", second, 140.0));
        let watch = [beat("Watch", 9, 131.0), beat("Watch", 3, 130.0)];
        let records: Vec<_> = strap.chain(watch).collect();
        let (own, others) = (key(0, 60, "Watch"), key(0, 61, "App"));
        let hearts = hearts(&[&own, &others], &records);
        assert_eq!(hearts.beats(&own), [(3.0, 130.0), (9.0, 131.0)]);
        assert_eq!(hearts.beats(&others).len(), 10);
    }

    #[test]
    fn too_many_are_thinned_out_in_whatever_order_they_come() {
        let key = key(0, 4_000, "Watch");
        let mut hearts = Hearts { most: 1_000, ..Hearts::of(std::iter::once(key.as_str())) };
        for second in (0..4_000).rev() {
            hearts.add(&beat("Watch", second, 100.0 + f64::from(u8::try_from(second % 4).unwrap())));
        }
        assert!(hearts.held <= 1_000 && hearts.step_s <= 8, "{} of {} s", hearts.held, hearts.step_s);
        let beats = hearts.beats(&key);
        assert!(beats.len() >= 500 && hearts.taken == 4_000, "{}", beats.len());
        let step_s = f64::from(hearts.step_s);
        assert!(beats.windows(2).all(|pair| pair[1].0 - pair[0].0 == step_s));
        assert!(beats.iter().all(|(_, bpm)| (100.0..=103.0).contains(bpm)));
    }

    #[test]
    fn two_in_one_second_are_their_mean() {
        let key = key(0, 60, "Watch");
        let hearts = hearts(&[&key], &[beat("Watch", 7, 120.0), beat("Watch", 7, 130.0)]);
        assert_eq!(hearts.beats(&key), [(7.0, 125.0)]);
    }
}
