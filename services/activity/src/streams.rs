//! Columns of samples: their types, who may see them, how they are kept and thinned out.

pub mod codec;
pub mod input;
pub mod show;

use formats::Streams;
use privacy::DataClass;

/// A column by its public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamType {
    Time,
    LatLng,
    Altitude,
    HeartRate,
    Power,
    Cadence,
    Speed,
    Temperature,
    Distance,
}

impl StreamType {
    pub const ALL: [Self; 9] = [
        Self::Time,
        Self::LatLng,
        Self::Altitude,
        Self::HeartRate,
        Self::Power,
        Self::Cadence,
        Self::Speed,
        Self::Temperature,
        Self::Distance,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::LatLng => "latlng",
            Self::Altitude => "altitude",
            Self::HeartRate => "heart_rate",
            Self::Power => "power",
            Self::Cadence => "cadence",
            Self::Speed => "speed",
            Self::Temperature => "temperature",
            Self::Distance => "distance",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The class of data it belongs to. The altitude tells the place to whoever has a map.
    pub const fn class(self) -> DataClass {
        match self {
            Self::LatLng | Self::Altitude => DataClass::Map,
            Self::HeartRate => DataClass::HeartRate,
            _ => DataClass::Summary,
        }
    }

    /// The plain column, for all but time and positions.
    pub fn column(self, streams: &Streams) -> Option<&Vec<Option<f64>>> {
        Some(match self {
            Self::Time | Self::LatLng => return None,
            Self::Altitude => &streams.altitude_m,
            Self::HeartRate => &streams.heart_rate_bpm,
            Self::Power => &streams.power_w,
            Self::Cadence => &streams.cadence_rpm,
            Self::Speed => &streams.speed_mps,
            Self::Temperature => &streams.temperature_c,
            Self::Distance => &streams.distance_m,
        })
    }

    pub fn column_mut(self, streams: &mut Streams) -> Option<&mut Vec<Option<f64>>> {
        Some(match self {
            Self::Time | Self::LatLng => return None,
            Self::Altitude => &mut streams.altitude_m,
            Self::HeartRate => &mut streams.heart_rate_bpm,
            Self::Power => &mut streams.power_w,
            Self::Cadence => &mut streams.cadence_rpm,
            Self::Speed => &mut streams.speed_mps,
            Self::Temperature => &mut streams.temperature_c,
            Self::Distance => &mut streams.distance_m,
        })
    }
}

/// The types that hold any value.
pub fn present(streams: &Streams) -> Vec<StreamType> {
    let holds = |kind: &StreamType| match kind {
        StreamType::Time => !streams.time_s.is_empty(),
        StreamType::LatLng => streams.latlng.iter().any(Option::is_some),
        _ => kind.column(streams).is_some_and(|column| column.iter().any(Option::is_some)),
    };
    StreamType::ALL.into_iter().filter(holds).collect()
}

/// Takes the heart rate away: for those who did not agree to its keeping.
pub fn without_heart_rate(streams: &mut Streams) {
    streams.heart_rate_bpm.iter_mut().for_each(|value| *value = None);
}
