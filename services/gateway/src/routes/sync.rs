//! `/v1/sync`: changesets of phones and watches. A record that cannot be read is refused alone.

use axum::extract::State;
use proto::{
    activity::{self, upsert::Record},
    envelope,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    caller::Account,
    json::{self, Json},
    language::Language,
    problem::Fault,
    routes::{Doors, Shared},
    text::is_unwanted,
    values::{AnId, Instant, MetricWord, Real, SportWord, Time, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(sync))
}

const SYNC_BYTES_MAX: usize = 8 << 20;

/// What changed on the device since the last time.
#[derive(Deserialize, ToSchema)]
struct Changeset {
    /// Where the records come from; the token's device when left out.
    #[schema(example = "healthkit")]
    source: Option<String>,
    /// The device's own mark of how far it has read its store.
    cursor: Option<String>,
    /// What the device's clock says at the moment of sending; written anew for each try. Times of a device whose clock is
    /// wrong by up to a day are put right by it, and say so.
    sent_at: Option<Time>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Vec<Upsert>)]
    upserts: Vec<Box<RawValue>>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Vec<Delete>)]
    deletes: Vec<Box<RawValue>>,
}

/// A record under the device's own key. A higher version replaces a lower one.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "`kind` says in the document which of the three stands there")]
struct Upsert {
    #[schema(example = "A1")]
    key: String,
    version: i64,
    /// `workout`, `sample` or `daily`.
    #[schema(example = "workout")]
    kind: Kind,
    workout: Option<Workout>,
    sample: Option<Sample>,
    daily: Option<Daily>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Workout,
    Sample,
    Daily,
}

/// Read even when the rest of a record is not what it should be.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity {
    key: serde_json::Value,
    version: serde_json::Value,
}

/// Something of the device's store that is gone.
#[derive(Deserialize, ToSchema)]
struct Delete {
    #[schema(example = "A1")]
    key: String,
    /// As of which version; left out where the store does not say it (HealthKit, Health Connect): the newest that is
    /// known. A higher version brings the record back.
    version: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
struct Workout {
    #[schema(value_type = SportWord, example = "running")]
    sport: String,
    sub_sport: Option<String>,
    name: Option<String>,
    start_at: Time,
    time_zone: Option<String>,
    elapsed_time_s: Real,
    timer_time_s: Option<Real>,
    moving_time_s: Option<Real>,
    distance_m: Option<Real>,
    ascent_m: Option<Real>,
    descent_m: Option<Real>,
    energy_kj: Option<Real>,
    heart_rate_avg_bpm: Option<Real>,
    heart_rate_max_bpm: Option<Real>,
    power_avg_w: Option<Real>,
    power_max_w: Option<Real>,
    cadence_avg_rpm: Option<Real>,
    streams: Option<Streams>,
    visibility: Option<Vec<String>>,
    device: Option<Device>,
}

/// Columns of equal length; null where there is no value.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = WorkoutStreams)]
struct Streams {
    #[serde(default, deserialize_with = "or_default")]
    time: Vec<Real>,
    #[schema(value_type = Option<Vec<Option<Vec<f64>>>>)]
    latlng: Option<Vec<Option<(Real, Real)>>>,
    altitude: Option<Vec<Option<Real>>>,
    heart_rate: Option<Vec<Option<Real>>>,
    power: Option<Vec<Option<Real>>>,
    cadence: Option<Vec<Option<Real>>>,
    speed: Option<Vec<Option<Real>>>,
    temperature: Option<Vec<Option<Real>>>,
    distance: Option<Vec<Option<Real>>>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = WorkoutDevice)]
struct Device {
    manufacturer: Option<String>,
    product: Option<String>,
    serial: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct Sample {
    #[serde(rename = "type")]
    #[schema(value_type = MetricWord, example = "hrv_rmssd")]
    kind: String,
    at: Time,
    value: Real,
    /// Left out: the type's own.
    #[schema(example = "ms")]
    unit: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct Daily {
    #[serde(rename = "type")]
    #[schema(value_type = MetricWord, example = "steps")]
    kind: String,
    #[schema(format = "date", example = "2026-05-01")]
    date: String,
    value: Real,
    /// Of the value and its spans; left out: the type's own.
    #[schema(example = "count")]
    unit: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    spans: Vec<Span>,
    /// What it was told by: of the same minutes, what is worn is believed before a phone.
    #[schema(inline)]
    device: Option<DailyDevice>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DailyDevice {
    Watch,
    Band,
    Ring,
    ChestStrap,
    HeadMounted,
    Phone,
    #[serde(other)]
    Other,
}

impl DailyDevice {
    fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Band => "band",
            Self::Ring => "ring",
            Self::ChestStrap => "chest_strap",
            Self::HeadMounted => "head_mounted",
            Self::Phone => "phone",
            Self::Other => "other",
        }
    }
}

#[derive(Deserialize, ToSchema)]
struct Span {
    start_at: Time,
    end_at: Time,
    value: Real,
}

/// One acknowledgement a record, in order: upserts, then deletes.
#[derive(Debug, Serialize, ToSchema)]
struct Acks {
    acks: Vec<Ack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// The mark that was kept is too old to be relied on.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<Repair>,
}

/// Read everything since then from the device's store anew, and send it again: what is known is a `duplicate`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncRepair)]
struct Repair {
    #[schema(example = "cursor_expired")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_from: Option<Instant>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Ack {
    key: String,
    version: i64,
    /// `stored`, `stale`, `duplicate` or `refused`.
    #[schema(example = "stored")]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notices: Vec<String>,
}

/// Brings in what changed on a device; every record is acknowledged for itself.
#[utoipa::path(post, path = "/sync", tag = "activities", request_body = Changeset,
    responses((status = 200, body = Acks)))]
async fn sync(
    State(door): Shared,
    caller: Account,
    Json(body): Json<Changeset, SYNC_BYTES_MAX, true>,
) -> Answer {
    let own = [("/source", &body.source), ("/cursor", &body.cursor)];
    if let Some((pointer, _)) =
        own.iter().find(|(_, said)| said.iter().any(|said| said.chars().any(is_unwanted)))
    {
        return Err(json::unwanted(pointer).into());
    }
    let request = activity::SyncRequest {
        source: body.source.unwrap_or_default(),
        cursor: body.cursor.unwrap_or_default(),
        sent_us: body.sent_at.map(|sent| sent.us()),
        upserts: body.upserts.iter().map(|raw| upsert(raw.get())).collect(),
        deletes: body.deletes.iter().map(|raw| delete(raw.get())).collect(),
    };
    let reply = caller.call(door.peers.activity().sync(request)).await?;
    let language = caller.exchange.language();
    answer::ok(&Acks {
        acks: reply.acks.into_iter().map(|ack| Ack::of(ack, language)).collect(),
        cursor: crate::values::known(reply.cursor),
        repair: reply
            .repair
            .map(|repair| Repair { reason: repair.reason, read_from: Instant::known(repair.read_from_us) }),
    })
}

impl Ack {
    fn of(ack: activity::Ack, language: Language) -> Self {
        Self {
            key: ack.key,
            version: ack.version,
            status: ack.status,
            activity_id: AnId::of(&ack.activity_id),
            problem: ack.problem.map(|problem| Fault::of(problem, language)),
            notices: ack.notices,
        }
    }
}

fn upsert(text: &str) -> activity::Upsert {
    let read = json::parse::<Upsert>(text.as_bytes()).and_then(|upsert| {
        let (key, version) = (upsert.key.clone(), upsert.version);
        Ok(activity::Upsert { key, version, record: Some(record(upsert)?) })
    });
    read.unwrap_or_else(|refusal| {
        let (key, version) = identity(text);
        activity::Upsert { key, version, record: Some(Record::Unreadable(unreadable(refusal))) }
    })
}

fn delete(text: &str) -> activity::Delete {
    match json::parse::<Delete>(text.as_bytes()) {
        Ok(delete) => activity::Delete {
            key: delete.key,
            version: delete.version.unwrap_or_default(),
            newest: delete.version.is_none(),
            unreadable: None,
        },
        Err(refusal) => {
            let (key, version) = identity(text);
            activity::Delete { key, version, newest: false, unreadable: Some(unreadable(refusal)) }
        }
    }
}

/// Key and version, as far as they can be read.
fn identity(text: &str) -> (String, i64) {
    let identity: Identity = serde_json::from_str(text).unwrap_or_default();
    (identity.key.as_str().unwrap_or_default().to_owned(), identity.version.as_i64().unwrap_or_default())
}

fn unreadable(refusal: kernel::Refusal) -> envelope::Problem {
    let fields = refusal.fields.into_iter().map(|field| envelope::problem::Field {
        pointer: field.pointer,
        code: field.code,
        detail: field.detail,
    });
    envelope::Problem {
        code: refusal.code.as_str().to_owned(),
        detail: refusal.detail,
        fields: fields.collect(),
        reasons: Vec::new(),
        retry_after_s: 0,
    }
}

fn record(upsert: Upsert) -> Result<Record, kernel::Refusal> {
    let missing =
        |field: &str| kernel::Refusal::field(&format!("/{field}"), "required", "this field is needed");
    match upsert.kind {
        Kind::Workout => upsert.workout.map(workout).map(Record::Workout).ok_or_else(|| missing("workout")),
        Kind::Sample => upsert.sample.map(sample).map(Record::Sample).ok_or_else(|| missing("sample")),
        Kind::Daily => upsert.daily.map(daily).map(Record::Daily).ok_or_else(|| missing("daily")),
    }
}

fn figure(real: Option<Real>) -> Option<f64> {
    real.map(|real| real.0)
}

fn workout(workout: Workout) -> activity::Workout {
    activity::Workout {
        sport: workout.sport,
        sub_sport: workout.sub_sport.unwrap_or_default(),
        name: workout.name.unwrap_or_default(),
        start_us: workout.start_at.us(),
        utc_offset_s: workout.start_at.offset_s,
        time_zone: workout.time_zone.unwrap_or_default(),
        elapsed_time_s: workout.elapsed_time_s.0,
        timer_time_s: figure(workout.timer_time_s),
        moving_time_s: figure(workout.moving_time_s),
        distance_m: figure(workout.distance_m),
        ascent_m: figure(workout.ascent_m),
        descent_m: figure(workout.descent_m),
        energy_kj: figure(workout.energy_kj),
        heart_rate_avg_bpm: figure(workout.heart_rate_avg_bpm),
        heart_rate_max_bpm: figure(workout.heart_rate_max_bpm),
        power_avg_w: figure(workout.power_avg_w),
        power_max_w: figure(workout.power_max_w),
        cadence_avg_rpm: figure(workout.cadence_avg_rpm),
        streams: workout.streams.map(streams),
        visibility: workout.visibility.map(|audiences| activity::Visibility { audiences }),
        device: workout.device.map(|device| activity::Device {
            manufacturer: device.manufacturer.unwrap_or_default(),
            product: device.product.unwrap_or_default(),
            serial: device.serial.unwrap_or_default(),
            name: device.name.unwrap_or_default(),
        }),
    }
}

/// Columns as services have them: NaN where there is no value.
fn streams(streams: Streams) -> activity::StreamsView {
    let column = |name: &str, values: Option<Vec<Option<Real>>>| {
        let values = values?.into_iter().map(|value| value.map_or(f64::NAN, |value| value.0)).collect();
        Some(activity::Column { r#type: name.to_owned(), values })
    };
    let columns = [
        column("altitude", streams.altitude),
        column("heart_rate", streams.heart_rate),
        column("power", streams.power),
        column("cadence", streams.cadence),
        column("speed", streams.speed),
        column("temperature", streams.temperature),
        column("distance", streams.distance),
    ];
    let (latitude, longitude) = streams
        .latlng
        .unwrap_or_default()
        .into_iter()
        .map(|point| point.map_or((f64::NAN, f64::NAN), |(latitude, longitude)| (latitude.0, longitude.0)))
        .unzip();
    activity::StreamsView {
        time: streams.time.into_iter().map(|time| time.0).collect(),
        latitude,
        longitude,
        columns: columns.into_iter().flatten().collect(),
    }
}

fn sample(sample: Sample) -> activity::Sample {
    let unit = sample.unit.unwrap_or_default();
    activity::Sample { r#type: sample.kind, at_us: sample.at.us(), value: sample.value.0, unit }
}

fn daily(daily: Daily) -> activity::DailyValue {
    let span = |span: Span| activity::Span {
        start_us: span.start_at.us(),
        end_us: span.end_at.us(),
        value: span.value.0,
    };
    activity::DailyValue {
        r#type: daily.kind,
        date: daily.date,
        value: daily.value.0,
        spans: daily.spans.into_iter().map(span).collect(),
        unit: daily.unit.unwrap_or_default(),
        device: daily.device.map(DailyDevice::as_str).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_refused_alone_under_its_own_key() {
        let bad = upsert(
            r#"{"key":"A1","version":3,"kind":"workout","workout":{"sport":"running","elapsed_time_s":1e300}}"#,
        );
        assert_eq!((bad.key.as_str(), bad.version), ("A1", 3));
        let Some(Record::Unreadable(problem)) = bad.record else { panic!("must be unreadable") };
        assert_eq!(problem.fields[0].pointer, "/workout/elapsed_time_s");

        let good = upsert(
            r#"{"key":"S9","version":1,"kind":"sample","sample":{"type":"hrv_rmssd","at":"2026-05-01T06:00:00Z","value":41.0}}"#,
        );
        assert!(matches!(good.record, Some(Record::Sample(sample)) if sample.value == 41.0));
    }

    #[test]
    fn a_deletion_that_cannot_be_read_is_refused_alone_under_its_own_key() {
        let bad = delete(r#"{"key":"A1","version":"three"}"#);
        assert_eq!((bad.key.as_str(), bad.newest), ("A1", false));
        let problem = bad.unreadable.expect("must be unreadable");
        assert_eq!(
            (problem.code.as_str(), problem.fields[0].pointer.as_str()),
            ("invalid_field", "/version")
        );
        for bad in [r#"{"version":3}"#, r#"{"key":7}"#, r#""A1""#, "null", "[]"] {
            assert!(delete(bad).unreadable.is_some(), "{bad}");
        }
    }

    #[test]
    fn a_deletion_without_a_version_is_of_the_newest_one() {
        assert!(delete(r#"{"key":"A1"}"#).newest && delete(r#"{"key":"A1","version":null}"#).newest);
        let told = delete(r#"{"key":"A1","version":0}"#);
        assert!(!told.newest && told.unreadable.is_none());
    }

    #[test]
    fn a_gap_in_a_stream_is_no_zero() {
        let view = streams(
            serde_json::from_str(r#"{"time":[0,1],"latlng":[[43.2,76.9],null],"heart_rate":[120,null]}"#)
                .expect("streams"),
        );
        assert!(view.latitude[1].is_nan() && view.columns[0].values[1].is_nan());
        assert_eq!(view.columns[0].r#type, "heart_rate");
    }
}
