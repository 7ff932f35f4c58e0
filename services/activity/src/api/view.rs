//! Activities as their viewers see them: what the mask hides is absent.

use formats::Streams;
use privacy::{DataClass, FieldMask, visibility::Explained};
use proto::activity::{
    self as api, ActivityView, ClassExplained, Column, Explanation, Facts, Health, Lap, LapHealth, LapView,
    Leg, Marks, Origin, Revision, StreamsView,
};

use crate::{
    app::{self, Seen},
    domain::marks::Verdict,
    streams::StreamType,
    wire,
};

pub(super) fn activity(seen: &Seen) -> ActivityView {
    let (row, whole, mask) = (&seen.row, &seen.row.whole, seen.mask);
    let health = whole.health.as_ref().filter(|_| mask.shows(DataClass::HeartRate));
    let devices = whole.devices.as_ref().filter(|_| mask.shows(DataClass::Device));
    let origin = whole.origin.as_ref();
    let marks = whole.marks.clone().unwrap_or_default();
    let mut view = ActivityView {
        id: whole.activity_id.clone(),
        account_id: whole.account_id.clone(),
        name: whole.name.clone(),
        devices: devices.map(|devices| devices.devices.clone()).unwrap_or_default(),
        // Where it came from tells of devices too; the owner's settings are his own affair.
        sources: if mask.shows(DataClass::Device) { sources(origin, &marks) } else { Vec::new() },
        visibility: whole.visibility.clone().filter(|_| seen.own),
        // To others it says nothing: what is held against somebody is theirs to know.
        verdict: if seen.own { Verdict::parse(&marks.verdict).as_str().to_owned() } else { String::new() },
        duplicate_of: marks.duplicate_of,
        fused_from: if seen.own { marks.fused_from } else { Vec::new() },
        revision: row.revision.unsigned_abs(),
        heart_rate_avg_bpm: health.and_then(|health| health.heart_rate_avg_bpm),
        heart_rate_max_bpm: health.and_then(|health| health.heart_rate_max_bpm),
        ..ActivityView::default()
    };
    if let Some(facts) = &whole.facts {
        add_facts(&mut view, facts, mask);
        view.laps = laps(facts, health, mask);
        view.legs = legs(facts, health, mask, &view.laps);
        view.stream_types = stream_types(facts, health, mask);
    }
    view
}

/// Its own, then those of others that gave it something.
fn sources(origin: Option<&Origin>, marks: &Marks) -> Vec<String> {
    let own = origin.map(|origin| &origin.source);
    let mut sources: Vec<String> = Vec::new();
    for source in own.into_iter().chain(marks.gifts.iter().map(|gift| &gift.source)) {
        if !source.is_empty() && !sources.contains(source) {
            sources.push(source.clone());
        }
    }
    sources
}

fn add_facts(view: &mut ActivityView, facts: &Facts, mask: FieldMask) {
    let facts = facts.clone();
    view.sport = facts.sport;
    view.sub_sport = facts.sub_sport;
    view.local_date = facts.local_date;
    if mask.shows(DataClass::StartTime) {
        view.start_us = Some(facts.start_us);
        view.utc_offset_s = Some(facts.utc_offset_s);
        view.time_zone = facts.time_zone;
    }
    view.elapsed_time_s = Some(facts.elapsed_time_s);
    view.timer_time_s = facts.timer_time_s;
    view.moving_time_s = facts.moving_time_s;
    view.distance_m = facts.distance_m;
    view.ascent_m = facts.ascent_m;
    view.descent_m = facts.descent_m;
    view.energy_kj = facts.energy_kj;
    view.power_avg_w = facts.power_avg_w;
    view.power_max_w = facts.power_max_w;
    view.cadence_avg_rpm = facts.cadence_avg_rpm;
}

fn beats(parts: Option<&Vec<LapHealth>>, index: usize) -> LapHealth {
    parts.and_then(|parts| parts.get(index)).copied().unwrap_or_default()
}

fn laps(facts: &Facts, health: Option<&Health>, mask: FieldMask) -> Vec<LapView> {
    let view = |(index, lap): (usize, &Lap)| {
        let heart = beats(health.map(|health| &health.laps), index);
        LapView {
            start_us: mask.shows(DataClass::StartTime).then_some(lap.start_us),
            elapsed_time_s: lap.elapsed_time_s,
            timer_time_s: lap.timer_time_s,
            distance_m: lap.distance_m,
            ascent_m: lap.ascent_m,
            descent_m: lap.descent_m,
            energy_kj: lap.energy_kj,
            power_avg_w: lap.power_avg_w,
            power_max_w: lap.power_max_w,
            cadence_avg_rpm: lap.cadence_avg_rpm,
            heart_rate_avg_bpm: heart.heart_rate_avg_bpm,
            heart_rate_max_bpm: heart.heart_rate_max_bpm,
        }
    };
    facts.laps.iter().enumerate().map(view).collect()
}

/// `of_whole`: its laps as they are shown; each leg has those that begin in it.
fn legs(facts: &Facts, health: Option<&Health>, mask: FieldMask, of_whole: &[LapView]) -> Vec<ActivityView> {
    let view = |(index, leg): (usize, &Leg)| {
        let heart = beats(health.map(|health| &health.legs), index);
        let until_us = facts.legs.get(index + 1).map_or(i64::MAX, |next| next.start_us);
        let laps = facts.laps.iter().zip(of_whole);
        let own = laps.filter(|(lap, _)| (leg.start_us..until_us).contains(&lap.start_us));
        ActivityView {
            sport: leg.sport.clone(),
            sub_sport: leg.sub_sport.clone(),
            start_us: mask.shows(DataClass::StartTime).then_some(leg.start_us),
            elapsed_time_s: Some(leg.elapsed_time_s),
            timer_time_s: leg.timer_time_s,
            moving_time_s: leg.moving_time_s,
            distance_m: leg.distance_m,
            ascent_m: leg.ascent_m,
            descent_m: leg.descent_m,
            energy_kj: leg.energy_kj,
            power_avg_w: leg.power_avg_w,
            power_max_w: leg.power_max_w,
            cadence_avg_rpm: leg.cadence_avg_rpm,
            laps: own.map(|(_, shown)| *shown).collect(),
            heart_rate_avg_bpm: heart.heart_rate_avg_bpm,
            heart_rate_max_bpm: heart.heart_rate_max_bpm,
            ..ActivityView::default()
        }
    };
    facts.legs.iter().enumerate().map(view).collect()
}

fn stream_types(facts: &Facts, health: Option<&Health>, mask: FieldMask) -> Vec<String> {
    let shown = |kind: &StreamType| mask.shows(kind.class());
    let plain = facts.stream_types.iter().filter_map(|text| StreamType::parse(text));
    let heart = health.filter(|health| health.has_heart_rate_stream).map(|_| StreamType::HeartRate);
    let mut types: Vec<StreamType> = plain.chain(heart).filter(shown).collect();
    types.sort_unstable();
    types.into_iter().map(|kind| kind.as_str().to_owned()).collect()
}

pub(super) fn streams(streams: Streams) -> StreamsView {
    let gap = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let column = |kind: StreamType| {
        let column = kind.column(&streams).filter(|column| !column.is_empty())?;
        Some(Column { r#type: kind.as_str().to_owned(), values: column.iter().copied().map(gap).collect() })
    };
    StreamsView {
        columns: StreamType::ALL.into_iter().filter_map(column).collect(),
        latitude: streams.latlng.iter().map(|at| gap(at.map(|at| at.0))).collect(),
        longitude: streams.latlng.iter().map(|at| gap(at.map(|at| at.1))).collect(),
        time: streams.time_s,
    }
}

pub(super) fn revision(revision: app::history::Revision) -> Revision {
    Revision {
        revision: revision.revision,
        at_us: revision.at_us,
        kind: revision.kind.to_owned(),
        actor: revision.actor.to_owned(),
        changed: revision.changed,
        activity: revision.activity.as_ref().map(activity),
    }
}

pub(super) fn explained(explained: Explained) -> ClassExplained {
    ClassExplained {
        data_class: explained.class.as_str().to_owned(),
        shown: explained.shown,
        rule: explained.rule.as_str().to_owned(),
        has_audience: explained.audience.is_some(),
        audience: explained.audience.map(|audience| audience.words()).unwrap_or_default(),
    }
}

pub(super) fn explanation(explanation: app::explain::Explanation) -> Explanation {
    api::Explanation {
        field: explanation.field.into_owned(),
        value: explanation.value,
        source: explanation.source.to_owned(),
        algorithm: explanation.algorithm,
        version: explanation.version,
        given_by_source: explanation.given_by_source,
        given_by_activity_id: explanation.given_by.map(wire::bytes).unwrap_or_default(),
    }
}
