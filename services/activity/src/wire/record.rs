//! A whole activity as it stands in events and in read models.

use eventing::DecodeError;
use kernel::{AccountId, ActivityId, Sport};
use privacy::Audience;
use proto::activity as wire;

use super::{bytes, effort, id, marks, pool, some, trace};
use crate::domain::facts::{Device, Explained, Facts, Health, HeartRate, Lap, Leg, Measured, Origin, Record};

/// The fields that all messages with a whole activity share: those of `ActivityRecorded`.
pub type Whole = wire::ActivityRecorded;

pub fn whole_of(activity_id: ActivityId, account_id: AccountId, record: &Record) -> Whole {
    let devices: Vec<_> = record.devices.iter().map(device_to_proto).collect();
    Whole {
        activity_id: bytes(activity_id),
        account_id: bytes(account_id),
        origin: Some(origin_to_proto(&record.origin)),
        streams_blob: record.streams_blob.clone().unwrap_or_default(),
        visibility: record.visibility.as_ref().map(|own| wire::Visibility { audiences: own.words() }),
        facts: record.facts.as_ref().map(facts_to_proto),
        health: record.health.as_ref().map(health_to_proto),
        name: record.name.clone().unwrap_or_default(),
        devices: (!devices.is_empty()).then_some(wire::Devices { devices }),
        provenance: Some(wire::Provenance {
            totals: record.explained.iter().map(explained_to_proto).collect(),
        }),
        marks: marks::to_proto(&record.marks),
        judgement: record.judgement.as_ref().map(marks::judgement_to_proto),
        trace: record.trace.as_ref().map(trace::to_proto),
    }
}

pub fn record_of(whole: Whole) -> Result<Record, DecodeError> {
    let visibility = visibility_of(&whole);
    let origin = whole.origin.ok_or_else(|| DecodeError("an activity without origin".to_owned()))?;
    Ok(Record {
        origin: origin_of(origin)?,
        streams_blob: some(whole.streams_blob),
        visibility,
        facts: whole.facts.map(facts_of),
        health: whole.health.map(health_of),
        name: some(whole.name),
        devices: whole.devices.unwrap_or_default().devices.into_iter().map(device_of).collect(),
        explained: whole.provenance.unwrap_or_default().totals.into_iter().map(explained_of).collect(),
        marks: marks::of_proto(whole.marks)?,
        judgement: whole.judgement.map(marks::judgement_of),
        trace: whole.trace.map(trace::of_proto),
    })
}

fn origin_to_proto(origin: &Origin) -> wire::Origin {
    use wire::origin::Kind;
    match origin {
        Origin::Upload { upload_id, session_number, source, original_blob } => wire::Origin {
            kind: Kind::Upload.into(),
            upload_id: bytes(*upload_id),
            session_number: *session_number,
            source: source.clone(),
            original_blob: original_blob.clone(),
            ..wire::Origin::default()
        },
        Origin::Sync { source, client_version } => wire::Origin {
            kind: Kind::Sync.into(),
            source: source.clone(),
            client_version: *client_version,
            ..wire::Origin::default()
        },
        Origin::Manual => {
            wire::Origin { kind: Kind::Manual.into(), source: "manual".to_owned(), ..wire::Origin::default() }
        }
    }
}

fn origin_of(origin: wire::Origin) -> Result<Origin, DecodeError> {
    use wire::origin::Kind;
    match origin.kind() {
        Kind::Upload => Ok(Origin::Upload {
            upload_id: id(&origin.upload_id, "upload_id")?,
            session_number: origin.session_number,
            source: origin.source,
            original_blob: origin.original_blob,
        }),
        Kind::Sync => Ok(Origin::Sync { source: origin.source, client_version: origin.client_version }),
        Kind::Manual => Ok(Origin::Manual),
        Kind::Unspecified => Err(DecodeError("an activity of unknown origin".to_owned())),
    }
}

fn facts_to_proto(facts: &Facts) -> wire::Facts {
    wire::Facts {
        sport: facts.sport.as_str().to_owned(),
        sub_sport: facts.sub_sport.clone().unwrap_or_default(),
        start_us: facts.start_us,
        utc_offset_s: facts.utc_offset_s,
        time_zone: facts.time_zone.clone().unwrap_or_default(),
        local_date: facts.local_date(),
        elapsed_time_s: facts.elapsed_time_s,
        timer_time_s: facts.timer_time_s,
        moving_time_s: facts.moving_time_s,
        distance_m: facts.distance_m,
        ascent_m: facts.ascent_m,
        descent_m: facts.descent_m,
        energy_kj: facts.energy_kj,
        power_avg_w: facts.power_avg_w,
        power_max_w: facts.power_max_w,
        cadence_avg_rpm: facts.cadence_avg_rpm,
        laps: facts.laps.iter().map(lap_to_proto).collect(),
        legs: facts.legs.iter().map(leg_to_proto).collect(),
        stream_types: facts.stream_types.clone(),
        efforts: facts.efforts.iter().map(effort::to_proto).collect(),
        pool: pool::to_proto(&facts.pool),
    }
}

fn facts_of(facts: wire::Facts) -> Facts {
    Facts {
        sport: sport_of(&facts.sport),
        sub_sport: some(facts.sub_sport),
        start_us: facts.start_us,
        utc_offset_s: facts.utc_offset_s,
        time_zone: some(facts.time_zone),
        elapsed_time_s: facts.elapsed_time_s,
        timer_time_s: facts.timer_time_s,
        moving_time_s: facts.moving_time_s,
        distance_m: facts.distance_m,
        ascent_m: facts.ascent_m,
        descent_m: facts.descent_m,
        energy_kj: facts.energy_kj,
        power_avg_w: facts.power_avg_w,
        power_max_w: facts.power_max_w,
        cadence_avg_rpm: facts.cadence_avg_rpm,
        laps: facts.laps.into_iter().map(lap_of).collect(),
        legs: facts.legs.into_iter().map(leg_of).collect(),
        stream_types: facts.stream_types,
        efforts: facts.efforts.into_iter().filter_map(effort::of).collect(),
        pool: pool::of(facts.pool.unwrap_or_default()),
    }
}

/// A sport that a newer version wrote is read as `other`.
fn sport_of(text: &str) -> Sport {
    Sport::parse(text).unwrap_or(Sport::Other)
}

fn lap_to_proto(lap: &Lap) -> wire::Lap {
    wire::Lap {
        start_us: lap.start_us,
        elapsed_time_s: lap.elapsed_time_s,
        timer_time_s: lap.timer_time_s,
        distance_m: lap.distance_m,
        ascent_m: lap.ascent_m,
        descent_m: lap.descent_m,
        energy_kj: lap.energy_kj,
        power_avg_w: lap.power_avg_w,
        power_max_w: lap.power_max_w,
        cadence_avg_rpm: lap.cadence_avg_rpm,
    }
}

fn lap_of(lap: wire::Lap) -> Lap {
    Lap {
        start_us: lap.start_us,
        elapsed_time_s: lap.elapsed_time_s,
        timer_time_s: lap.timer_time_s,
        distance_m: lap.distance_m,
        ascent_m: lap.ascent_m,
        descent_m: lap.descent_m,
        energy_kj: lap.energy_kj,
        power_avg_w: lap.power_avg_w,
        power_max_w: lap.power_max_w,
        cadence_avg_rpm: lap.cadence_avg_rpm,
    }
}

fn leg_to_proto(leg: &Leg) -> wire::Leg {
    wire::Leg {
        sport: leg.sport.as_str().to_owned(),
        sub_sport: leg.sub_sport.clone().unwrap_or_default(),
        start_us: leg.start_us,
        elapsed_time_s: leg.elapsed_time_s,
        timer_time_s: leg.timer_time_s,
        moving_time_s: leg.moving_time_s,
        distance_m: leg.distance_m,
        ascent_m: leg.ascent_m,
        descent_m: leg.descent_m,
        energy_kj: leg.energy_kj,
        power_avg_w: leg.power_avg_w,
        power_max_w: leg.power_max_w,
        cadence_avg_rpm: leg.cadence_avg_rpm,
        efforts: leg.efforts.iter().map(effort::to_proto).collect(),
    }
}

fn leg_of(leg: wire::Leg) -> Leg {
    Leg {
        sport: sport_of(&leg.sport),
        sub_sport: some(leg.sub_sport),
        start_us: leg.start_us,
        elapsed_time_s: leg.elapsed_time_s,
        timer_time_s: leg.timer_time_s,
        moving_time_s: leg.moving_time_s,
        distance_m: leg.distance_m,
        ascent_m: leg.ascent_m,
        descent_m: leg.descent_m,
        energy_kj: leg.energy_kj,
        power_avg_w: leg.power_avg_w,
        power_max_w: leg.power_max_w,
        cadence_avg_rpm: leg.cadence_avg_rpm,
        efforts: leg.efforts.into_iter().filter_map(effort::of).collect(),
    }
}

fn health_to_proto(health: &Health) -> wire::Health {
    let parts = |parts: &[HeartRate]| {
        let part = |part: &HeartRate| wire::LapHealth {
            heart_rate_avg_bpm: part.avg_bpm,
            heart_rate_max_bpm: part.max_bpm,
        };
        parts.iter().map(part).collect()
    };
    wire::Health {
        heart_rate_avg_bpm: health.heart_rate.avg_bpm,
        heart_rate_max_bpm: health.heart_rate.max_bpm,
        laps: parts(&health.laps),
        legs: parts(&health.legs),
        has_heart_rate_stream: health.has_heart_rate_stream,
    }
}

fn health_of(health: wire::Health) -> Health {
    let parts = |parts: Vec<wire::LapHealth>| {
        let part = |part: wire::LapHealth| HeartRate {
            avg_bpm: part.heart_rate_avg_bpm,
            max_bpm: part.heart_rate_max_bpm,
        };
        parts.into_iter().map(part).collect()
    };
    Health {
        heart_rate: HeartRate { avg_bpm: health.heart_rate_avg_bpm, max_bpm: health.heart_rate_max_bpm },
        laps: parts(health.laps),
        legs: parts(health.legs),
        has_heart_rate_stream: health.has_heart_rate_stream,
    }
}

pub fn device_to_proto(device: &Device) -> wire::Device {
    wire::Device {
        manufacturer: device.manufacturer.clone().unwrap_or_default(),
        product: device.product.clone().unwrap_or_default(),
        serial: device.serial.clone().unwrap_or_default(),
        name: device.name.clone().unwrap_or_default(),
    }
}

fn device_of(device: wire::Device) -> Device {
    Device {
        manufacturer: some(device.manufacturer),
        product: some(device.product),
        serial: some(device.serial),
        name: some(device.name),
    }
}

fn explained_to_proto(explained: &Explained) -> wire::Explained {
    wire::Explained {
        field: explained.field.clone(),
        source: explained.measured.as_str().to_owned(),
        algorithm: explained.algorithm.clone(),
        version: explained.version,
    }
}

fn explained_of(explained: wire::Explained) -> Explained {
    Explained {
        field: explained.field,
        measured: Measured::parse(&explained.source).unwrap_or(Measured::Computed),
        algorithm: explained.algorithm,
        version: explained.version,
    }
}

/// The activity's own audience. A word that this version does not know admits nobody.
pub fn visibility_of(whole: &Whole) -> Option<Audience> {
    whole.visibility.as_ref().map(audience_of)
}

/// As [`visibility_of`], of whatever has one.
pub fn audience_of(own: &wire::Visibility) -> Audience {
    let known: Vec<_> = own.audiences.iter().filter(|word| Audience::parse(&[word]).is_ok()).collect();
    Audience::parse(&known).unwrap_or_default()
}
