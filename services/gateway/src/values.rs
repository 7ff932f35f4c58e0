//! Words of the wire: times, numbers and ids as they stand in bodies, checked while they are read.

use jiff::{Timestamp, fmt::temporal::DateTimeParser, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};
use uuid::Uuid;

/// Null where something may be left out says the same as leaving it out.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An instant, RFC 3339 with its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub at: Timestamp,
    /// East of UTC, as it was written; `None` for `Z`, which says nothing of where it was.
    pub offset_s: Option<i32>,
}

impl Time {
    pub(crate) fn us(self) -> i64 {
        self.at.as_microsecond()
    }

    /// RFC 3339 with an offset, of the years 1 to 9999.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // `2026-05-01T06:00:00Z` is the shortest; longer than nanoseconds with an offset is something else.
        let plausible =
            (20..=40).contains(&text.len()) && text.as_bytes()[0].is_ascii_digit() && !text.contains('[');
        if !plausible || !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
            return None;
        }
        let pieces = DateTimeParser::new().parse_pieces(text).ok()?;
        let offset = pieces.to_numeric_offset()?;
        let local = pieces.date().to_datetime(pieces.time()?);
        // The calendar's last hours lie behind the last instant in some zones: they are taken for that one.
        let at = match offset.to_timestamp(local) {
            Err(_) if local.year() == 9999 => jiff::Timestamp::MAX,
            instant => instant.ok()?,
        };
        let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
        let zulu = text.ends_with(['Z', 'z']);
        (1..=9999).contains(&year).then_some(Self { at, offset_s: (!zulu).then(|| offset.seconds()) })
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom("not_a_time|a time as RFC 3339 has it, with an offset, is needed here")
        })
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        string(Some(KnownFormat::DateTime))
    }
}
impl ToSchema for Time {}

/// Microseconds since 1970 as RFC 3339 in UTC: for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub i64);

impl Instant {
    /// `None` for the zero that means "never".
    pub(crate) fn known(us: i64) -> Option<Self> {
        (us != 0).then_some(Self(us))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&kernel::time::from_micros(self.0))
    }
}
impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        string(Some(KnownFormat::DateTime))
    }
}
impl ToSchema for Instant {}

/// A calendar day, given as days since 1970-01-01: for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(pub i32);

impl Date {
    pub(crate) fn all(days: Vec<i32>) -> Vec<Self> {
        days.into_iter().map(Self).collect()
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let epoch = jiff::civil::date(1970, 1, 1);
        let date = epoch.saturating_add(jiff::Span::new().try_days(self.0).unwrap_or_default());
        serializer.collect_str(&date)
    }
}
impl PartialSchema for Date {
    fn schema() -> RefOr<Schema> {
        string(Some(KnownFormat::Date))
    }
}
impl ToSchema for Date {}

/// An instant with the offset at which it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalInstant {
    pub us: i64,
    pub offset_s: i32,
}

impl Serialize for LocalInstant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = kernel::time::from_micros(self.us);
        match Offset::from_seconds(self.offset_s) {
            Ok(offset) => serializer.collect_str(&at.display_with_offset(offset)),
            Err(_) => serializer.collect_str(&at),
        }
    }
}
impl PartialSchema for LocalInstant {
    fn schema() -> RefOr<Schema> {
        string(Some(KnownFormat::DateTime))
    }
}
impl ToSchema for LocalInstant {}

/// A finite number of a size that something measured can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Real(pub f64);

/// Beyond this nothing that people do in metres, seconds, joules or beats is meant.
const REAL_MAX: f64 = 1e12;

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number.is_finite() && number.abs() <= REAL_MAX {
            Ok(Self(number))
        } else {
            Err(D::Error::custom("out_of_range|the number is larger than anything that is measured here"))
        }
    }
}
impl PartialSchema for Real {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
            .minimum(Some(-REAL_MAX))
            .maximum(Some(REAL_MAX))
            .into()
    }
}
impl ToSchema for Real {}

/// A figure in an answer: whole ones are written as integers, what is not finite as null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure(pub f64);

impl Figure {
    /// `None` for what is not known: a figure never stands as null in an object.
    pub(crate) fn known(figure: Option<f64>) -> Option<Self> {
        figure.filter(|figure| figure.is_finite()).map(Self)
    }

    /// A score as services keep it, in thousandths of its unit.
    pub(crate) fn thousandths(score: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a double is exact up to 2^53 thousandths")]
        Self(score as f64 / 1000.0)
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() < WHOLE_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}
impl PartialSchema for Figure {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).into()
    }
}
impl ToSchema for Figure {}

/// An id in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnId(pub Uuid);

impl AnId {
    pub(crate) fn bytes(self) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(self.0.as_bytes())
    }

    /// Of an answer's 16 bytes; `None` when there are none.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }

    /// Of an answer's 16 bytes, where there always are some: nil stands for a service's fault.
    pub(crate) fn must(bytes: &[u8]) -> Self {
        Self(Uuid::from_slice(bytes).unwrap_or_default())
    }

    pub(crate) fn all(ids: &[bytes::Bytes]) -> Vec<Self> {
        ids.iter().filter_map(|id| Self::of(id)).collect()
    }
}

impl std::fmt::Display for AnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for AnId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Uuid::try_parse(&text)
            .map(Self)
            .map_err(|_| D::Error::custom("not_an_id|an id (UUID) is needed here"))
    }
}
impl Serialize for AnId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl PartialSchema for AnId {
    fn schema() -> RefOr<Schema> {
        let format = Some(SchemaFormat::Custom("uuid".to_owned()));
        ObjectBuilder::new().schema_type(Type::String).format(format).into()
    }
}
impl ToSchema for AnId {}

/// The vocabulary of sports, for documents: what is not in it is refused by the service.
pub(crate) struct SportWord;

impl PartialSchema for SportWord {
    fn schema() -> RefOr<Schema> {
        let words = kernel::Sport::ALL.iter().map(|sport| sport.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}
impl ToSchema for SportWord {
    fn name() -> std::borrow::Cow<'static, str> {
        "Sport".into()
    }
}

/// Types of samples and of days' values, for documents: what is not among them is refused by the service. Their units and
/// ranges stand in docs/definitions.md.
pub(crate) struct MetricWord;

impl MetricWord {
    const ALL: [&str; 23] = [
        "steps",
        "distance",
        "active_energy",
        "total_energy",
        "floors",
        "active_time",
        "heart_rate",
        "resting_heart_rate",
        "hrv_rmssd",
        "hrv_sdnn",
        "respiratory_rate",
        "vo2_max",
        "spo2",
        "body_fat",
        "weight",
        "height",
        "glucose",
        "body_temperature",
        "sleep",
        "sleep_light",
        "sleep_deep",
        "sleep_rem",
        "sleep_awake",
    ];
}

impl PartialSchema for MetricWord {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::ALL)).into()
    }
}
impl ToSchema for MetricWord {
    fn name() -> std::borrow::Cow<'static, str> {
        "MetricType".into()
    }
}

/// Money: integer minor units of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// In the currency's minor unit (tiyn, cent).
    pub amount_minor: i64,
    /// ISO 4217.
    #[schema(example = "KZT", min_length = 3, max_length = 3)]
    pub currency: String,
}

/// A text that an answer leaves out when it is not known.
pub(crate) fn known(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn string(format: Option<KnownFormat>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).format(format.map(SchemaFormat::KnownFormat)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_types_are_those_of_the_definitions() {
        let page = include_str!("../../../docs/definitions.md");
        let section = page.split("## Types of samples and days").nth(1).expect("the section");
        let rows = section.split("\n## ").next().unwrap_or_default().lines();
        let defined: Vec<_> = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(defined, MetricWord::ALL);
    }

    #[test]
    fn a_time_needs_its_offset_and_a_year_that_calendars_know() {
        let time = Time::parse("2026-05-01T06:00:00+05:00").expect("a time");
        assert_eq!((time.at.to_string().as_str(), time.offset_s), ("2026-05-01T01:00:00Z", Some(18_000)));
        assert_eq!(Time::parse("2026-05-01T06:00:00.123456Z").expect("a time").offset_s, None);
        assert!(Time::parse("0001-01-02T00:00:00Z").is_some());
        assert!(Time::parse("9999-12-30T00:00:00Z").is_some());
        for wrong in [
            "2026-05-01",
            "2026-05-01T06:00:00",
            "yesterday",
            "",
            "2026-13-01T00:00:00Z",
            "-000001-01-01T00:00:00Z",
        ] {
            assert!(Time::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn numbers_that_nothing_measured_can_be_are_refused() {
        assert_eq!(serde_json::from_str::<Real>("5012.3").expect("a number"), Real(5012.3));
        for wrong in ["1e300", "-1e13", "\"5\"", "null"] {
            assert!(serde_json::from_str::<Real>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_instant_keeps_the_offset_at_which_it_was_recorded() {
        let local = LocalInstant { us: 1_777_597_200_000_000, offset_s: 18_000 };
        assert_eq!(serde_json::to_string(&local).expect("json"), "\"2026-05-01T06:00:00+05:00\"");
        assert_eq!(
            serde_json::to_string(&Instant(1_777_597_200_000_000)).expect("json"),
            "\"2026-05-01T01:00:00Z\""
        );
    }
}
