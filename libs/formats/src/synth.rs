//! Made-up workouts, the same for the same seed: for demos, tests and load. No real person's trace.

use jiff::Timestamp;
use kernel::Sport;

use crate::activity::{Activity, Device, Lap, Sample, Total, Totals};
use crate::{fit, totals};

/// A lake with a path around it.
const PLACE: (f64, f64) = (52.5200, 13.4050);
const METRES_PER_DEGREE: f64 = 111_195.0;
const LAP_M: f64 = 1000.0;
const SAMPLES_MAX: u32 = 200_000;
/// FIT's number for makers without one.
const DEVELOPMENT: u16 = 255;
const KJ_PER_KCAL: f64 = 4.184;
/// A runner of 70 kg spends about 1 kcal a kilogram and kilometre.
const KCAL_PER_M: f64 = 0.07;

/// SplitMix64, by Vigna: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.roll()
    }
}

/// A run with one sample a second: a closed loop, gentle hills, a pulse that climbs and drifts, a lap each
/// kilometre. `pace_s_per_km` is its mean pace. At most 200 000 samples.
///
/// ```text
/// let start = "2026-03-01T07:30:00Z".parse()?;
/// let run = stadion_formats::synth::run(7, start, 5000.0, 330.0);
/// assert_eq!(run.laps.len(), 5);
/// assert_eq!(stadion_formats::read(&stadion_formats::write(&run))?.activities, [run]);
/// ```
pub fn run(seed: u64, start: Timestamp, distance_m: f64, pace_s_per_km: f64) -> Activity {
    run_at(PLACE, seed, start, distance_m, pace_s_per_km)
}

/// [`run`] around another place, in degrees.
pub fn run_at(
    place: (f64, f64),
    seed: u64,
    start: Timestamp,
    distance_m: f64,
    pace_s_per_km: f64,
) -> Activity {
    let mut dice = Dice(seed);
    let runner = Runner {
        place,
        loop_m: dice.between(1800.0, 4200.0).min(distance_m.max(100.0)),
        squash: dice.between(0.5, 1.0),
        turn: dice.between(0.0, std::f64::consts::TAU),
        base_m: dice.between(20.0, 300.0),
        hill_m: dice.between(4.0, 14.0),
        pulse_rest: dice.between(85.0, 100.0),
        pulse_full: dice.between(145.0, 170.0),
        steps: dice.between(82.0, 92.0),
        speed_mps: 1000.0 / pace_s_per_km.clamp(100.0, 2000.0),
    };
    let whole_s = jiff::SignedDuration::from_secs(start.as_second());
    let start = Timestamp::UNIX_EPOCH.checked_add(whole_s).unwrap_or(start);
    let mut activity = Activity::new(Sport::Running, start);
    activity.utc_offset_s = Some(3600);
    activity.devices = vec![Device {
        creator: true,
        manufacturer_id: Some(DEVELOPMENT),
        product_id: Some(1),
        serial: Some((seed as u32) | 1),
        product_name: Some("Synth".to_owned()),
        software_version: Some(1.0),
    }];
    let mut way_m = 0.0;
    for second in 0..SAMPLES_MAX {
        let speed_mps = runner.speed_at(f64::from(second), &mut dice);
        activity.streams.push(runner.sample(f64::from(second), way_m, speed_mps, &mut dice));
        if way_m >= distance_m {
            break;
        }
        way_m = (way_m + speed_mps).min(distance_m.max(0.0));
    }
    activity.totals = device_totals(&activity);
    activity.laps = laps(&activity);
    totals::complete(&mut activity);
    activity
}

/// What stays the same through a run.
struct Runner {
    place: (f64, f64),
    loop_m: f64,
    squash: f64,
    turn: f64,
    base_m: f64,
    hill_m: f64,
    pulse_rest: f64,
    pulse_full: f64,
    steps: f64,
    speed_mps: f64,
}

impl Runner {
    fn speed_at(&self, time_s: f64, dice: &mut Dice) -> f64 {
        let wave = 1.0 + 0.05 * (time_s / 97.0).sin() + dice.between(-0.03, 0.03);
        rounded(self.speed_mps * wave, 1000.0)
    }

    /// Every value is one that FIT can hold.
    fn sample(&self, time_s: f64, way_m: f64, speed_mps: f64, dice: &mut Dice) -> Sample {
        let angle = std::f64::consts::TAU * way_m / self.loop_m;
        // The mean radius of the ellipse makes one round about `loop_m` long.
        let radius_m =
            self.loop_m / std::f64::consts::TAU / (f64::midpoint(1.0, self.squash * self.squash)).sqrt();
        let (east_m, north_m) = (radius_m * angle.cos(), radius_m * self.squash * angle.sin());
        let (north_m, east_m) = (
            north_m * self.turn.cos() + east_m * self.turn.sin() + dice.between(-0.4, 0.4),
            east_m * self.turn.cos() - north_m * self.turn.sin() + dice.between(-0.4, 0.4),
        );
        let lat = self.place.0 + north_m / METRES_PER_DEGREE;
        let lng = self.place.1 + east_m / METRES_PER_DEGREE / self.place.0.to_radians().cos().max(0.01);
        let warm = 1.0 - (-time_s / 150.0).exp();
        let pulse = self.pulse_rest + (self.pulse_full - self.pulse_rest) * warm + time_s / 400.0;
        let altitude_m = self.base_m + self.hill_m * (angle.sin() + 0.3 * (3.0 * angle).cos());
        Sample {
            time_s,
            latlng: Some(fit::nearest_position((lat, lng))),
            altitude_m: Some(fit::nearest_altitude_m(altitude_m)),
            heart_rate_bpm: Some((pulse + dice.between(-2.0, 2.0)).round().clamp(40.0, 205.0)),
            power_w: None,
            cadence_rpm: Some((self.steps + dice.between(-2.0, 2.0)).round()),
            speed_mps: Some(speed_mps),
            temperature_c: None,
            distance_m: Some(rounded(way_m, 100.0)),
        }
    }
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// As a watch would sum it up.
fn device_totals(activity: &Activity) -> Totals {
    let mut computed = Activity { totals: Totals::default(), ..activity.clone() };
    totals::complete(&mut computed);
    let whole = |total: Option<Total>| total.map(|total| Total::device(total.value.round()));
    let distance_m = activity.streams.distance_m.last().copied().flatten();
    let Totals { elapsed_time_s, ascent_m, descent_m, heart_rate_avg_bpm, heart_rate_max_bpm, .. } =
        computed.totals;
    Totals {
        elapsed_time_s: whole(elapsed_time_s),
        timer_time_s: whole(elapsed_time_s),
        distance_m: distance_m.map(Total::device),
        ascent_m: whole(ascent_m),
        descent_m: whole(descent_m),
        energy_kj: distance_m.map(|way_m| Total::device((way_m * KCAL_PER_M).round() * KJ_PER_KCAL)),
        heart_rate_avg_bpm: whole(heart_rate_avg_bpm),
        heart_rate_max_bpm: whole(heart_rate_max_bpm),
        cadence_avg_rpm: whole(computed.totals.cadence_avg_rpm),
        ..Totals::default()
    }
}

/// One each kilometre, and the rest.
fn laps(activity: &Activity) -> Vec<Lap> {
    let mut laps = Vec::new();
    let mut open: Option<(Sample, f64, f64, u32)> = None;
    let last = activity.streams.samples().last();
    for sample in activity.streams.samples() {
        let way_m = sample.distance_m.unwrap_or(0.0);
        let (first, pulse_sum, pulse_max, count) = open.get_or_insert((sample, 0.0, 0.0, 0));
        let pulse = sample.heart_rate_bpm.unwrap_or(0.0);
        (*pulse_sum, *pulse_max, *count) = (*pulse_sum + pulse, pulse.max(*pulse_max), *count + 1);
        let lap_m = way_m - first.distance_m.unwrap_or(0.0);
        if lap_m < LAP_M && last != Some(sample) {
            continue;
        }
        let elapsed_time_s = Some(sample.time_s - first.time_s);
        laps.push(Lap {
            start_s: first.time_s,
            elapsed_time_s,
            timer_time_s: elapsed_time_s,
            distance_m: Some(rounded(lap_m, 100.0)),
            heart_rate_avg_bpm: Some((*pulse_sum / f64::from(*count)).round()),
            heart_rate_max_bpm: Some(*pulse_max),
            ..Lap::default()
        });
        open = Some((sample, 0.0, 0.0, 0));
    }
    laps
}
