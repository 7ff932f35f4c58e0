//! Units of samples and daily values: each type is kept in one, and may be said in a few others. What HealthKit and Health
//! Connect say of the same thing differs: shares are 0 to 1 in the one and 0 to 100 in the other, glucose is mg/dL or mmol/L,
//! energy kcal.

/// Of a living body neither is 1 %: what is said without a unit, or in %, and is no more than this is a share of 1.
const SHARE_MAX: f64 = 1.0;
/// One mmol/L of glucose (180.156 g/mol).
const GLUCOSE_MG_DL: f64 = 18.0156;
const KCAL_KJ: f64 = 4.184;
const POUND_KG: f64 = 0.453_592_37;
const MILE_M: f64 = 1_609.344;
const FOOT_M: f64 = 0.304_8;
const INCH_M: f64 = 0.025_4;

/// A unit: what it is called, and what one of it is in the unit that is kept.
type Unit = (&'static str, f64);

const COUNT: &[Unit] = &[("count", 1.0)];
const LENGTH: &[Unit] = &[("m", 1.0), ("km", 1_000.0), ("mi", MILE_M), ("ft", FOOT_M)];
const HEIGHT: &[Unit] = &[("m", 1.0), ("cm", 0.01), ("ft", FOOT_M), ("in", INCH_M)];
const ENERGY: &[Unit] = &[("kJ", 1.0), ("J", 0.001), ("kcal", KCAL_KJ), ("Cal", KCAL_KJ)];
const TIME: &[Unit] = &[("s", 1.0), ("ms", 0.001), ("min", 60.0), ("h", 3_600.0)];
const RATE: &[Unit] = &[("bpm", 1.0), ("count/min", 1.0), ("count/s", 60.0)];
const VARIABILITY: &[Unit] = &[("ms", 1.0), ("s", 1_000.0)];
const OXYGEN: &[Unit] = &[("mL/kg/min", 1.0), ("ml/(kg*min)", 1.0)];
const SHARE: &[Unit] = &[("%", 1.0), ("fraction", 100.0)];
const MASS: &[Unit] = &[("kg", 1.0), ("g", 0.001), ("lb", POUND_KG)];
const GLUCOSE: &[Unit] = &[("mmol/L", 1.0), ("mg/dL", 1.0 / GLUCOSE_MG_DL)];
const TEMPERATURE: &[Unit] = &[("degC", 1.0), ("degF", 5.0 / 9.0)];

/// The units of a type, first the one that it is kept in; none of a type that nobody knows.
fn units(kind: &str) -> &'static [Unit] {
    match kind {
        "steps" | "floors" => COUNT,
        "distance" => LENGTH,
        "active_energy" | "total_energy" => ENERGY,
        "active_time" | "sleep" | "sleep_light" | "sleep_deep" | "sleep_rem" | "sleep_awake" => TIME,
        "heart_rate" | "resting_heart_rate" | "respiratory_rate" => RATE,
        "hrv_rmssd" | "hrv_sdnn" => VARIABILITY,
        "vo2_max" => OXYGEN,
        "spo2" | "body_fat" => SHARE,
        "weight" => MASS,
        "height" => HEIGHT,
        "glucose" => GLUCOSE,
        "body_temperature" => TEMPERATURE,
        _ => &[],
    }
}

/// The unit that a type is kept in; empty for one that nobody knows.
pub fn own(kind: &str) -> &'static str {
    units(kind).first().map(|unit| unit.0).unwrap_or_default()
}

/// How values of a record come into the unit that they are kept in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    /// Before the factor.
    offset: f64,
    factor: f64,
    /// Nobody said the unit: it follows from the value.
    pub assumed: bool,
}

impl Default for Conversion {
    fn default() -> Self {
        Self::NONE
    }
}

impl Conversion {
    const NONE: Self = Self { offset: 0.0, factor: 1.0, assumed: false };

    /// `value`: the record's main one. An empty unit is the type's own.
    ///
    /// # Errors
    /// The units that there are, for a person.
    pub fn of(kind: &str, unit: &str, value: f64) -> Result<Self, String> {
        let known = units(kind);
        // HealthKit calls its shares of 1 % too.
        if known == SHARE && matches!(unit, "" | "%") && value > 0.0 && value <= SHARE_MAX {
            return Ok(Self { factor: 100.0, assumed: true, ..Self::NONE });
        }
        if unit.is_empty() {
            return Ok(Self::NONE);
        }
        match known.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => {
                let offset = if unit == "degF" { -32.0 } else { 0.0 };
                Ok(Self { offset, factor: *factor, assumed: false })
            }
            // The type itself is refused by whoever checks it.
            None if known.is_empty() => Ok(Self::NONE),
            None => Err(known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
        }
    }

    pub fn apply(self, value: f64) -> f64 {
        (value + self.offset) * self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::input::METRICS;

    fn kept(kind: &str, unit: &str, value: f64) -> f64 {
        let kept = Conversion::of(kind, unit, value).unwrap().apply(value);
        (kept * 1e6).round() / 1e6
    }

    #[test]
    fn what_both_phones_say_of_one_thing_is_kept_alike() {
        assert_eq!(kept("spo2", "", 0.97), kept("spo2", "%", 97.0));
        assert_eq!(kept("body_fat", "fraction", 0.185), 18.5);
        assert_eq!(kept("glucose", "mg/dL", 90.078), 5.0);
        assert_eq!(kept("active_energy", "kcal", 100.0), 418.4);
        assert_eq!(kept("hrv_sdnn", "s", 0.041), 41.0);
        assert_eq!(kept("heart_rate", "count/s", 2.0), 120.0);
        assert_eq!(kept("body_temperature", "degF", 98.6), 37.0);
        assert_eq!(kept("weight", "lb", 154.323_583), 70.0);
        assert_eq!(kept("height", "cm", 172.0), 1.72);
    }

    #[test]
    fn a_share_is_assumed_only_where_nothing_else_can_be_meant() {
        assert!(Conversion::of("spo2", "", 1.0).unwrap().assumed);
        assert!(!Conversion::of("spo2", "", 97.0).unwrap().assumed);
        assert!(Conversion::of("body_fat", "%", 0.21).unwrap().assumed, "of no body it is 0.21 %");
        assert!(
            !Conversion::of("body_fat", "fraction", 0.21).unwrap().assumed,
            "whoever says a unit is believed"
        );
        assert_eq!(kept("weight", "", 0.9), 0.9);
    }

    #[test]
    fn every_type_has_a_unit_and_refuses_others() {
        for (kind, ..) in METRICS {
            assert_eq!(units(kind)[0].1, 1.0, "{kind}");
            assert!(Conversion::of(kind, "furlong", 1.0).is_err(), "{kind}");
        }
    }
}
