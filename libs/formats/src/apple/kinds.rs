//! HealthKit's types and units in ours.

use kernel::Sport;

/// The kind of a record and its value in our unit; `None` for what is not taken. `length_s`: how long it lasted.
pub(super) fn record(kind: &str, unit: &str, value: &str, length_s: f64) -> Option<(&'static str, f64)> {
    if let Some(category) = kind.strip_prefix("HKCategoryTypeIdentifier") {
        let stage = (category == "SleepAnalysis").then(|| sleep(value)).flatten()?;
        return Some((stage, length_s));
    }
    let quantity = kind.strip_prefix("HKQuantityTypeIdentifier")?;
    let value = decimal(value)?;
    let (kind, value) = match quantity {
        "StepCount" => ("steps", value),
        "DistanceWalkingRunning" | "DistanceCycling" | "DistanceSwimming" | "DistanceWheelchair" => {
            ("distance", metres(unit, value)?)
        }
        "ActiveEnergyBurned" => ("active_energy", kilojoules(unit, value)?),
        "FlightsClimbed" => ("floors", value),
        "AppleExerciseTime" => ("active_time", seconds(unit, value)?),
        "HeartRate" => ("heart_rate", per_minute(unit, value)),
        "RestingHeartRate" => ("resting_heart_rate", per_minute(unit, value)),
        "HeartRateVariabilitySDNN" => ("hrv_sdnn", seconds(unit, value)? * 1_000.0),
        "RespiratoryRate" => ("respiratory_rate", per_minute(unit, value)),
        "VO2Max" => ("vo2_max", value),
        "OxygenSaturation" => ("spo2", percent(value)),
        "BodyFatPercentage" => ("body_fat", percent(value)),
        "BodyMass" => ("weight", kilograms(unit, value)?),
        "Height" => ("height", metres(unit, value)?),
        "BloodGlucose" => ("glucose", if unit == "mg/dL" { value / 18.015_588 } else { value }),
        "BodyTemperature" if unit == "degF" => ("body_temperature", (value - 32.0) / 1.8),
        "BodyTemperature" => ("body_temperature", value),
        _ => return None,
    };
    Some((kind, value)).filter(|(_, value)| value.is_finite() && *value >= 0.0)
}

fn sleep(value: &str) -> Option<&'static str> {
    Some(match value.strip_prefix("HKCategoryValueSleepAnalysis")? {
        "Asleep" | "AsleepUnspecified" => "sleep",
        "AsleepCore" => "sleep_light",
        "AsleepDeep" => "sleep_deep",
        "AsleepREM" => "sleep_rem",
        "Awake" => "sleep_awake",
        _ => return None,
    })
}

/// A number; some languages write a comma in it.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let value: f64 = text.parse().or_else(|_| text.replacen(',', ".", 1).parse()).ok()?;
    value.is_finite().then_some(value)
}

/// `unit` is of a length.
pub(super) fn metres(unit: &str, value: f64) -> Option<f64> {
    Some(
        value
            * match unit {
                "m" => 1.0,
                "km" => 1_000.0,
                "cm" => 0.01,
                "mm" => 0.001,
                "mi" => 1_609.344,
                "yd" => 0.914_4,
                "ft" => 0.304_8,
                "in" => 0.025_4,
                _ => return None,
            },
    )
}

pub(super) fn kilojoules(unit: &str, value: f64) -> Option<f64> {
    Some(
        value
            * match unit {
                "kcal" | "Cal" => 4.184,
                "cal" => 0.004_184,
                "kJ" => 1.0,
                "J" => 0.001,
                _ => return None,
            },
    )
}

pub(super) fn seconds(unit: &str, value: f64) -> Option<f64> {
    Some(
        value
            * match unit {
                "s" => 1.0,
                "ms" => 0.001,
                "min" => 60.0,
                "hr" | "h" => 3_600.0,
                _ => return None,
            },
    )
}

fn kilograms(unit: &str, value: f64) -> Option<f64> {
    Some(
        value
            * match unit {
                "kg" => 1.0,
                "g" => 0.001,
                "lb" => 0.453_592_37,
                "st" => 6.350_293_18,
                _ => return None,
            },
    )
}

pub(super) fn per_minute(unit: &str, value: f64) -> f64 {
    if unit == "count/s" { value * 60.0 } else { value }
}

/// The export says 0.97 and calls it `%`.
fn percent(value: f64) -> f64 {
    if value <= 1.0 { value * 100.0 } else { value }
}

/// The vocabulary's sport and a narrower name, from what follows `HKWorkoutActivityType`.
pub(super) fn sport(kind: &str) -> (Sport, Option<&'static str>) {
    match kind.strip_prefix("HKWorkoutActivityType").unwrap_or(kind) {
        "Running" => (Sport::Running, None),
        "Walking" => (Sport::Walking, None),
        "Hiking" => (Sport::Hiking, None),
        "Cycling" => (Sport::Cycling, None),
        "HandCycling" => (Sport::Cycling, Some("hand_cycling")),
        "Swimming" => (Sport::Swimming, None),
        "Rowing" => (Sport::Rowing, None),
        "CrossCountrySkiing" => (Sport::Skiing, Some("cross_country_skiing")),
        "DownhillSkiing" => (Sport::Skiing, Some("alpine_skiing")),
        "Snowboarding" => (Sport::Snowboarding, None),
        "SkatingSports" => (Sport::Skating, None),
        "TraditionalStrengthTraining" | "FunctionalStrengthTraining" => (Sport::Strength, None),
        "HighIntensityIntervalTraining" => (Sport::Fitness, Some("hiit")),
        "Elliptical" => (Sport::Fitness, Some("elliptical")),
        "StairClimbing" | "Stairs" => (Sport::Fitness, Some("stair_climbing")),
        "CoreTraining" | "CrossTraining" | "MixedCardio" | "Cooldown" | "Gymnastics" | "Pilates"
        | "Flexibility" => (Sport::Fitness, None),
        "JumpRope" => (Sport::Fitness, Some("jump_rope")),
        "Boxing" | "Kickboxing" => (Sport::Fitness, Some("boxing")),
        "Yoga" | "MindAndBody" | "TaiChi" => (Sport::Yoga, None),
        "Dance" | "CardioDance" | "SocialDance" | "DanceInspiredTraining" => (Sport::Dance, None),
        "Soccer" => (Sport::TeamSport, Some("soccer")),
        "Basketball" => (Sport::TeamSport, Some("basketball")),
        "Volleyball" => (Sport::TeamSport, Some("volleyball")),
        "Hockey" => (Sport::TeamSport, Some("hockey")),
        "Rugby" => (Sport::TeamSport, Some("rugby")),
        "Baseball" => (Sport::TeamSport, Some("baseball")),
        "Cricket" => (Sport::TeamSport, Some("cricket")),
        "AmericanFootball" => (Sport::TeamSport, Some("american_football")),
        "Handball" | "Lacrosse" | "Softball" => (Sport::TeamSport, None),
        "Tennis" => (Sport::RacketSport, Some("tennis")),
        "Badminton" => (Sport::RacketSport, Some("badminton")),
        "Squash" => (Sport::RacketSport, Some("squash")),
        "TableTennis" => (Sport::RacketSport, Some("table_tennis")),
        "Pickleball" => (Sport::RacketSport, Some("pickleball")),
        "Racquetball" => (Sport::RacketSport, Some("racquetball")),
        "Climbing" => (Sport::Climbing, None),
        "PaddleSports" => (Sport::WaterSport, Some("paddling")),
        "Sailing" => (Sport::WaterSport, Some("sailing")),
        "SurfingSports" => (Sport::WaterSport, Some("surfing")),
        "WaterFitness" | "WaterPolo" | "WaterSports" => (Sport::WaterSport, None),
        "UnderwaterDiving" => (Sport::Diving, None),
        "SwimBikeRun" => (Sport::Multisport, None),
        "Golf" => (Sport::Other, Some("golf")),
        "EquestrianSports" => (Sport::Other, Some("horseback_riding")),
        _ => (Sport::Other, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_ours() {
        let of = |kind: &str, unit: &str, value: &str| {
            record(&format!("HKQuantityTypeIdentifier{kind}"), unit, value, 0.0)
        };
        assert_eq!(of("OxygenSaturation", "%", "0.97"), Some(("spo2", 97.0)));
        assert_eq!(of("DistanceWalkingRunning", "km", "1,5"), Some(("distance", 1_500.0)));
        assert_eq!(of("HeartRateVariabilitySDNN", "ms", "41"), Some(("hrv_sdnn", 41.0)));
        assert_eq!(of("BodyTemperature", "degF", "98.6").map(|(_, value)| value.round()), Some(37.0));
        assert_eq!(of("BloodGlucose", "mg/dL", "90").map(|(_, value)| (value * 10.0).round()), Some(50.0));
        assert_eq!(of("ActiveEnergyBurned", "parsec", "1"), None);
        assert_eq!(of("DietaryWater", "mL", "250"), None);
        assert_eq!(of("HeartRate", "count/min", "NaN"), None);
        let asleep = record(
            "HKCategoryTypeIdentifierSleepAnalysis",
            "",
            "HKCategoryValueSleepAnalysisAsleepREM",
            60.0,
        );
        assert_eq!(asleep, Some(("sleep_rem", 60.0)));
    }
}
