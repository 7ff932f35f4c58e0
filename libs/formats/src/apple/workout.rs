//! A workout and what stands in it.

use jiff::Timestamp;
use quick_xml::events::BytesStart;

use super::{Workout, bounded, kinds, moment, plain};
use crate::{
    RECORDS_MAX,
    activity::{Activity, Device, Lap, Pause, Sample, Total},
    geo,
    reading::Problem,
    totals,
    xml::{attributes, number},
};

const ROUTES_MAX: usize = 100;
const EVENTS_MAX: usize = 10_000;

/// A workout whose element is still open.
pub(super) struct Building {
    activity: Activity,
    source: String,
    routes: Vec<String>,
    paused_s: Option<f64>,
}

impl Building {
    /// From the attributes; none without a readable time.
    pub(super) fn begin(tag: &BytesStart<'_>) -> Result<Option<Self>, Problem> {
        let (mut kind, mut source) = (String::new(), String::new());
        let (mut start, mut end) = (None, None);
        let mut figures: [(String, String); 3] = Default::default();
        let [duration, distance, energy] = &mut figures;
        attributes(tag, |key, text| match key {
            "workoutActivityType" => kind = bounded(text),
            "sourceName" => source = bounded(text),
            "startDate" => start = moment(text),
            "endDate" => end = moment(text),
            "duration" => duration.0 = bounded(text),
            "durationUnit" => duration.1 = bounded(text),
            "totalDistance" => distance.0 = bounded(text),
            "totalDistanceUnit" => distance.1 = bounded(text),
            "totalEnergyBurned" => energy.0 = bounded(text),
            "totalEnergyBurnedUnit" => energy.1 = bounded(text),
            _ => {}
        })?;
        let (Some((start, utc_offset_s)), Some((end, _))) = (start, end) else { return Ok(None) };
        let elapsed_s = end.duration_since(start).as_secs_f64();
        if elapsed_s < 0.0 {
            return Ok(None);
        }
        let (sport, sub_sport) = kinds::sport(&kind);
        let mut activity = Activity::new(sport, start);
        activity.sub_sport = sub_sport.map(str::to_owned);
        activity.utc_offset_s = utc_offset_s;
        let [duration, distance, energy] = &figures;
        let known = &mut activity.totals;
        known.elapsed_time_s = Some(Total::device(elapsed_s));
        known.timer_time_s = figure(duration, kinds::seconds);
        known.distance_m = figure(distance, kinds::metres);
        known.energy_kj = figure(energy, kinds::kilojoules);
        let source = plain(&source);
        activity.devices = vec![Device { product_name: Some(source.clone()), ..Device::default() }];
        Ok(Some(Self { activity, source, routes: Vec::new(), paused_s: None }))
    }

    /// Takes in an element within the workout.
    pub(super) fn take(&mut self, name: &str, tag: &BytesStart<'_>) -> Result<(), Problem> {
        match name {
            "WorkoutStatistics" => self.statistics(tag),
            "WorkoutEvent" => self.event(tag),
            "FileReference" => self.route(tag),
            "Location" => self.place(tag),
            "MetadataEntry" => self.metadata(tag),
            _ => Ok(()),
        }
    }

    /// The newer form of totals.
    fn statistics(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        let (mut kind, mut unit) = (String::new(), String::new());
        let (mut sum, mut mean, mut most) = (None, None, None);
        attributes(tag, |key, text| match key {
            "type" => kind = bounded(text),
            "unit" => unit = bounded(text),
            "sum" => sum = kinds::decimal(text),
            "average" => mean = kinds::decimal(text),
            "maximum" => most = kinds::decimal(text),
            _ => {}
        })?;
        let known = &mut self.activity.totals;
        let device = |value: Option<f64>| value.filter(|value| *value >= 0.0).map(Total::device);
        let rate = |value: Option<f64>| device(value.map(|value| kinds::per_minute(&unit, value)));
        match kind.strip_prefix("HKQuantityTypeIdentifier").unwrap_or_default() {
            quantity if quantity.starts_with("Distance") => {
                let metres = device(sum.and_then(|sum| kinds::metres(&unit, sum)));
                known.distance_m = known.distance_m.or(metres);
            }
            "ActiveEnergyBurned" => {
                let energy = device(sum.and_then(|sum| kinds::kilojoules(&unit, sum)));
                known.energy_kj = known.energy_kj.or(energy);
            }
            "HeartRate" => (known.heart_rate_avg_bpm, known.heart_rate_max_bpm) = (rate(mean), rate(most)),
            "RunningPower" | "CyclingPower" => {
                (known.power_avg_w, known.power_max_w) = (device(mean), device(most));
            }
            "CyclingCadence" => known.cadence_avg_rpm = rate(mean),
            _ => {}
        }
        Ok(())
    }

    fn event(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        let (mut kind, mut at, mut duration) = (String::new(), None, (String::new(), String::new()));
        attributes(tag, |key, text| match key {
            "type" => kind = bounded(text),
            "date" => at = moment(text),
            "duration" => duration.0 = bounded(text),
            "durationUnit" => duration.1 = bounded(text),
            _ => {}
        })?;
        let Some((at, _)) = at else { return Ok(()) };
        let at_s = self.since_start_s(at);
        let Activity { pauses, laps, .. } = &mut self.activity;
        match kind.strip_prefix("HKWorkoutEventType").unwrap_or_default() {
            "Pause" => self.paused_s = self.paused_s.or(Some(at_s)),
            "Resume" => {
                let after = pauses.last().map_or(0.0, |last| last.end_s);
                if let Some(start_s) = self.paused_s.take().map(|start_s| start_s.max(after))
                    && start_s < at_s
                    && pauses.len() < EVENTS_MAX
                {
                    pauses.push(Pause { start_s, end_s: at_s });
                }
            }
            "Lap" if laps.len() < EVENTS_MAX => {
                let elapsed_time_s = figure(&duration, kinds::seconds).map(|total| total.value);
                laps.push(Lap { start_s: at_s, elapsed_time_s, ..Lap::default() });
            }
            _ => {}
        }
        Ok(())
    }

    fn route(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        attributes(tag, |key, text| {
            if key == "path" && self.routes.len() < ROUTES_MAX {
                self.routes.push(plain(&bounded(text)));
            }
        })
    }

    /// A place of an inline route, as older exports have them.
    fn place(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        let (mut at, mut lat, mut lng) = (None, f64::NAN, f64::NAN);
        let mut sample = Sample::default();
        attributes(tag, |key, text| match key {
            "date" => at = moment(text),
            "latitude" => lat = number(text).unwrap_or(f64::NAN),
            "longitude" => lng = number(text).unwrap_or(f64::NAN),
            "altitude" => sample.altitude_m = number(text),
            "speed" => sample.speed_mps = number(text),
            _ => {}
        })?;
        let Some((at, _)) = at.filter(|_| geo::on_earth(lat, lng)) else { return Ok(()) };
        let (time_s, streams) = (self.since_start_s(at), &mut self.activity.streams);
        if streams.len() < RECORDS_MAX && streams.time_s.last().is_none_or(|last_s| *last_s <= time_s) {
            streams.push(Sample { time_s, latlng: Some((lat, lng)), ..sample }.plausible());
        }
        Ok(())
    }

    fn metadata(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        let (mut name, mut value) = (String::new(), String::new());
        attributes(tag, |key, text| match key {
            "key" => name = bounded(text),
            "value" => value = bounded(text),
            _ => {}
        })?;
        if name == "HKElevationAscended"
            && let Some((climb, unit)) = value.split_once(' ')
        {
            self.activity.totals.ascent_m = figure(&(climb.to_owned(), unit.to_owned()), kinds::metres);
        }
        Ok(())
    }

    fn since_start_s(&self, at: Timestamp) -> f64 {
        at.duration_since(self.activity.start).as_secs_f64().max(0.0)
    }

    pub(super) fn finish(mut self) -> Workout {
        self.activity.laps.sort_by(|one, other| one.start_s.total_cmp(&other.start_s));
        totals::complete(&mut self.activity);
        Workout { activity: self.activity, source: self.source, routes: self.routes }
    }
}

fn figure((value, unit): &(String, String), to_ours: fn(&str, f64) -> Option<f64>) -> Option<Total> {
    let value = to_ours(unit, kinds::decimal(value)?)?;
    (value >= 0.0).then_some(Total::device(value))
}
