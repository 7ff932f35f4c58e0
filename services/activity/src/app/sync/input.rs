//! What a changeset says, checked record by record.

use bytes::Bytes;
use formats::{Total, totals};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Code, Refusal, time};
use privacy::Audience;
use proto::{
    activity::{DailyValue as SentDay, Sample as SentSample, Upsert, Workout, upsert},
    envelope::Problem,
};

use super::clock;
use crate::{
    app::{
        read_upload::{CONSENT_MISSING, encode},
        standing::Standing,
    },
    domain::{
        DailyId, DailyValue, cheat,
        daily::{DeviceKind, Span},
        facts::{Device, Measured, Origin, Record, Start, keyed_id},
        input::{Check, ELAPSED_S_MAX, SPANS_MAX, SPANS_US_MAX, clean, is_health},
        unite,
        units::Conversion,
    },
    reading,
    store::samples::Sample,
    streams,
};

/// Among the notices of a record whose value can only be meant in another unit than its type's.
const UNIT_ASSUMED: &str = "unit_assumed";
/// Rows above which reading a workout is no work for an async thread.
const HEAVY_ROWS: usize = 2_000;

/// One record that can be stored.
pub(super) struct Item {
    pub index: usize,
    pub version: i64,
    pub wanted: Wanted,
    pub notices: Vec<String>,
}

pub(super) enum Wanted {
    Workout { id: ActivityId, record: Box<Record>, streams: Option<(String, Bytes)> },
    Day { id: DailyId, value: DailyValue },
    Sample(Sample),
}

pub(super) fn is_heavy(record: &Upsert) -> bool {
    let Some(upsert::Record::Workout(workout)) = &record.record else { return false };
    workout.streams.as_ref().is_some_and(|streams| streams.time.len() > HEAVY_ROWS)
}

/// One answer a record, in order. `behind_s`: how far the sender's clock was behind; the times are right already.
pub(super) fn parse(
    account: AccountId,
    source: &str,
    standing: &Standing,
    (now, behind_s): (Timestamp, i64),
    upserts: Vec<Upsert>,
) -> Vec<Result<Item, Refusal>> {
    let context = Context { account, source, standing, now, behind_s };
    upserts.into_iter().enumerate().map(|(index, record)| context.item(index, record)).collect()
}

struct Context<'a> {
    account: AccountId,
    source: &'a str,
    standing: &'a Standing,
    now: Timestamp,
    behind_s: i64,
}

impl Context<'_> {
    fn item(&self, index: usize, record: Upsert) -> Result<Item, Refusal> {
        let mut check = Check::at(format!("/upserts/{index}"));
        check.key(&record.key);
        check.version(record.version);
        let Some(content) = record.record else {
            check.fault("kind", "unknown", "workout, sample or daily, with its content");
            check.done()?;
            return Err(Refusal::new(Code::InvalidField, "the record is empty"));
        };
        let mut notices = Vec::new();
        if self.behind_s != 0 {
            notices.push(clock::CORRECTED.to_owned());
        }
        let wanted = match content {
            upsert::Record::Unreadable(problem) => return Err(unreadable(problem)),
            upsert::Record::Workout(workout) => {
                check.done()?;
                self.workout(index, &record.key, record.version, &workout, &mut notices)?
            }
            upsert::Record::Sample(sample) => {
                check.done()?;
                Wanted::Sample(self.sample(index, record.key, record.version, sample, &mut notices)?)
            }
            upsert::Record::Daily(daily) => {
                check.done()?;
                let id = keyed_id("daily", self.account, self.source, &record.key);
                Wanted::Day { id, value: self.day(index, daily, &mut notices)? }
            }
        };
        Ok(Item { index, version: record.version, wanted, notices })
    }

    fn workout(
        &self,
        index: usize,
        key: &str,
        version: i64,
        sent: &Workout,
        notices: &mut Vec<String>,
    ) -> Result<Wanted, Refusal> {
        let mut check = Check::at(format!("/upserts/{index}/workout"));
        let mut activity = self.read(&mut check, sent);
        let name = check.name(&sent.name);
        let visibility = sent.visibility.as_ref().map(|own| Audience::parse(&own.audiences));
        if let Some(Err(error)) = &visibility {
            check.fault(&format!("visibility/{}", error.index), "unknown", error.reason.to_string());
        }
        check.done()?;
        if !self.standing.health_consent && reading::drop_health(&mut activity) {
            notices.push(CONSENT_MISSING.to_owned());
        }
        // Workouts move in their own words; what the phone did not say is worked out from the columns.
        // The moving time is always worked out, so that it means the same whoever recorded.
        totals::complete(&mut activity);
        let zone = (!sent.time_zone.is_empty()).then_some(sent.time_zone.as_str());
        let start = Start::of(sent.start_us, sent.utc_offset_s, zone, self.standing.time_zone.as_deref());
        let id = keyed_id("activity", self.account, self.source, key);
        let origin = Origin::Sync { source: self.source.to_owned(), client_version: version };
        let streams = encode(self.account, id, &activity.streams);
        activity.utc_offset_s = sent.utc_offset_s;
        let mut record = Record {
            streams_blob: streams.as_ref().map(|(key, _)| key.clone()),
            visibility: visibility.and_then(Result::ok),
            name,
            devices: sent.device.iter().map(device).collect(),
            ..reading::record(&activity, Measured::Client, origin, start)
        };
        if self.behind_s != 0 {
            record.explained.push(clock::explained(self.behind_s));
        }
        let record = cheat::judged(record, Some(&activity.streams));
        Ok(Wanted::Workout { id, record: Box::new(record), streams })
    }

    /// The workout in the neutral shape; what is wrong with it stands in `check`.
    fn read(&self, check: &mut Check, sent: &Workout) -> formats::Activity {
        let sport = check.sport(&sent.sport).unwrap_or(kernel::Sport::Other);
        check.start("start_at", sent.start_us, self.now);
        check.offset("start_at", sent.utc_offset_s);
        check.zone(&sent.time_zone);
        let mut activity = formats::Activity::new(sport, time::from_micros(sent.start_us));
        activity.sub_sport = check.sub_sport(&sent.sub_sport);
        let mut figure = |field: &str, value: Option<f64>, most: f64| {
            check.number(field, value, 0.0, most).map(Total::device)
        };
        let known = &mut activity.totals;
        known.elapsed_time_s = figure("elapsed_time_s", Some(sent.elapsed_time_s), ELAPSED_S_MAX);
        known.timer_time_s = figure("timer_time_s", sent.timer_time_s, ELAPSED_S_MAX);
        known.moving_time_s = figure("moving_time_s", sent.moving_time_s, ELAPSED_S_MAX);
        known.distance_m = figure("distance_m", sent.distance_m, 10_000_000.0);
        known.ascent_m = figure("ascent_m", sent.ascent_m, 100_000.0);
        known.descent_m = figure("descent_m", sent.descent_m, 100_000.0);
        known.energy_kj = figure("energy_kj", sent.energy_kj, 500_000.0);
        known.power_avg_w = figure("power_avg_w", sent.power_avg_w, 10_000.0);
        known.power_max_w = figure("power_max_w", sent.power_max_w, 10_000.0);
        known.cadence_avg_rpm = figure("cadence_avg_rpm", sent.cadence_avg_rpm, 1_000.0);
        let beats = |total: &Total| total.value > 0.0;
        known.heart_rate_avg_bpm = figure("heart_rate_avg_bpm", sent.heart_rate_avg_bpm, 300.0).filter(beats);
        known.heart_rate_max_bpm = figure("heart_rate_max_bpm", sent.heart_rate_max_bpm, 300.0).filter(beats);
        // Devices differ by a few seconds between the two; more is a slip.
        let whole_s = sent.elapsed_time_s * 1.05 + 60.0;
        if sent.timer_time_s.is_some_and(|timer_s| timer_s > whole_s) {
            check.fault("timer_time_s", "longer_than_whole", "the timer ran longer than the workout took");
        }
        if let Some(streams) = sent.streams.as_ref().and_then(|view| streams::input::read(check, view)) {
            activity.streams = streams;
        }
        activity
    }

    fn sample(
        &self,
        index: usize,
        key: String,
        version: i64,
        sent: SentSample,
        notices: &mut Vec<String>,
    ) -> Result<Sample, Refusal> {
        let mut check = Check::at(format!("/upserts/{index}/sample"));
        let value = converted(&mut check, &sent.r#type, &sent.unit, sent.value, notices).apply(sent.value);
        check.metric(&sent.r#type, value);
        check.start("at", sent.at_us, self.now);
        check.done()?;
        self.allow(&sent.r#type)?;
        Ok(Sample { key, version, kind: sent.r#type, at_us: sent.at_us, value, skew_s: self.behind_s })
    }

    fn day(&self, index: usize, sent: SentDay, notices: &mut Vec<String>) -> Result<DailyValue, Refusal> {
        let mut check = Check::at(format!("/upserts/{index}/daily"));
        let conversion = converted(&mut check, &sent.r#type, &sent.unit, sent.value, notices);
        let value = conversion.apply(sent.value);
        check.metric(&sent.r#type, value);
        check.date(&sent.date, self.now);
        if sent.spans.len() > SPANS_MAX {
            check.fault("spans", "too_long", format!("at most {SPANS_MAX}"));
        }
        let long_us = sent.spans.iter().map(|span| span.end_us.saturating_sub(span.start_us).max(0));
        if unite::is_additive(&sent.r#type) && long_us.fold(0, i64::saturating_add) > SPANS_US_MAX {
            check.fault("spans", "too_long", "those of one day: four days together at most");
        }
        let device = DeviceKind::parse(&sent.device);
        if device.is_none() && !sent.device.is_empty() {
            let known = DeviceKind::ALL.map(DeviceKind::as_str).join(", ");
            check.fault("device", "unknown", format!("one of {known}"));
        }
        let wrong = |span: &&proto::activity::Span| {
            span.end_us < span.start_us || span.start_us < 0 || !span.value.is_finite() || span.value < 0.0
        };
        if sent.spans.iter().find(wrong).is_some() {
            check.fault("spans", "invalid", "each ends after it starts and has a value of 0 or more");
        }
        check.done()?;
        self.allow(&sent.r#type)?;
        let spans = sent.spans.into_iter();
        Ok(DailyValue {
            kind: sent.r#type,
            date: sent.date,
            value,
            spans: spans
                .map(|span| Span {
                    start_us: span.start_us,
                    end_us: span.end_us,
                    value: conversion.apply(span.value),
                })
                .collect(),
            device,
        })
    }

    /// Body data is kept under the consent `health_data` only.
    fn allow(&self, metric: &str) -> Result<(), Refusal> {
        if is_health(metric) && !self.standing.health_consent {
            return Err(Refusal::new(
                Code::Forbidden,
                "health_consent_missing: this is kept with that consent only",
            ));
        }
        Ok(())
    }
}

/// What the gateway could not read, and why.
pub(super) fn unreadable(problem: Problem) -> Refusal {
    let code = Code::parse(&problem.code).unwrap_or(Code::InvalidField);
    let mut refusal = Refusal::new(code, problem.detail);
    let fields = problem.fields.into_iter();
    refusal.fields = fields
        .map(|field| kernel::FieldError { pointer: field.pointer, code: field.code, detail: field.detail })
        .collect();
    refusal
}

/// How a record's values come into their type's own unit.
fn converted(check: &mut Check, kind: &str, unit: &str, value: f64, notices: &mut Vec<String>) -> Conversion {
    let conversion = Conversion::of(kind, unit, value).unwrap_or_else(|known| {
        check.fault("unit", "unknown", format!("one of {known}"));
        Conversion::default()
    });
    if conversion.assumed {
        notices.push(UNIT_ASSUMED.to_owned());
    }
    conversion
}

fn device(sent: &proto::activity::Device) -> Device {
    let shown = |text: &str| Some(clean(text)).filter(|text| !text.is_empty() && text.len() <= 200);
    Device {
        manufacturer: shown(&sent.manufacturer),
        product: shown(&sent.product),
        serial: shown(&sent.serial),
        name: shown(&sent.name),
    }
}
