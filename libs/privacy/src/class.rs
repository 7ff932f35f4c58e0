//! The classes of data that an owner shows or hides one by one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A class of personal data. The texts are the public vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataClass {
    /// Name, handle, region: that this account exists.
    Profile,
    /// That an activity exists: its sport, name, day and totals.
    Summary,
    /// Track and anything that tells a place.
    Map,
    /// The time of day at which it began.
    StartTime,
    HeartRate,
    /// Weight, sleep, body measures.
    Body,
    Photos,
    /// What recorded it.
    Device,
}

impl DataClass {
    pub const ALL: [Self; 8] = [
        Self::Profile,
        Self::Summary,
        Self::Map,
        Self::StartTime,
        Self::HeartRate,
        Self::Body,
        Self::Photos,
        Self::Device,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Summary => "summary",
            Self::Map => "map",
            Self::StartTime => "start_time",
            Self::HeartRate => "heart_rate",
            Self::Body => "body",
            Self::Photos => "photos",
            Self::Device => "device",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Parts of an activity are seen only by those who see its summary.
    pub const fn is_part_of_activity(self) -> bool {
        matches!(self, Self::Map | Self::StartTime | Self::HeartRate | Self::Photos | Self::Device)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no class of data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no class of data")]
pub struct UnknownClass(String);

impl FromStr for DataClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| UnknownClass(text.chars().take(40).collect()))
    }
}

impl Serialize for DataClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DataClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The classes that a viewer may see.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FieldMask(u8);

impl FieldMask {
    pub const NOTHING: Self = Self(0);
    pub const ALL: Self = Self(u8::MAX);

    pub const fn shows(self, class: DataClass) -> bool {
        self.0 & class.bit() != 0
    }

    pub const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn with(self, class: DataClass) -> Self {
        Self(self.0 | class.bit())
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn classes(self) -> impl Iterator<Item = DataClass> {
        DataClass::ALL.into_iter().filter(move |class| self.shows(*class))
    }
}

impl FromIterator<DataClass> for FieldMask {
    fn from_iter<I: IntoIterator<Item = DataClass>>(classes: I) -> Self {
        classes.into_iter().fold(Self::NOTHING, Self::with)
    }
}

impl fmt::Debug for FieldMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.classes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_text_and_has_a_bit_of_its_own() {
        for class in DataClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
            assert_eq!(FieldMask::NOTHING.with(class).classes().collect::<Vec<_>>(), [class]);
        }
        assert_eq!(FieldMask::from_iter(DataClass::ALL), FieldMask::ALL);
        assert_eq!(DataClass::parse("Map"), None);
    }
}
