//! The words for kinds of sport, as sites and devices write them.

use kernel::Sport;

/// The words and, from one large site, the numbers found in GPX's `<type>` and
/// TCX's `Sport`, with FIT's name of the narrower sport.
pub(crate) fn sport(kind: Option<&str>) -> (Sport, Option<&'static str>) {
    let word = kind.unwrap_or_default().to_ascii_lowercase().replace([' ', '-'], "_");
    match word.as_str() {
        "9" | "run" | "running" | "street_running" | "jogging" => (Sport::Running, None),
        "track_running" => (Sport::Running, Some("track")),
        "trail_running" | "trail_run" | "trailrun" => (Sport::Running, Some("trail")),
        "treadmill_running" => (Sport::Running, Some("treadmill")),
        "1" | "ride" | "cycling" | "biking" | "bike" | "bicycling" | "road_biking" | "handcycle"
        | "velomobile" => (Sport::Cycling, None),
        "indoor_cycling" => (Sport::Cycling, Some("indoor_cycling")),
        "mountain_biking" | "mtb" => (Sport::Cycling, Some("mountain")),
        "gravel_cycling" | "gravel_ride" | "gravelride" => (Sport::Cycling, Some("gravel_cycling")),
        "17" | "virtual_ride" | "virtualride" => (Sport::Cycling, Some("virtual_activity")),
        "18" | "ebikeride" | "e_biking" | "e_bike_fitness" => (Sport::Cycling, Some("e_biking")),
        "4" | "hike" | "hiking" => (Sport::Hiking, None),
        "13" | "snowshoe" | "snowshoeing" => (Sport::Hiking, Some("snowshoeing")),
        "10" | "walk" | "walking" => (Sport::Walking, None),
        "16" | "swim" | "swimming" => (Sport::Swimming, None),
        "lap_swimming" => (Sport::Swimming, Some("lap_swimming")),
        "open_water_swimming" | "open_water" => (Sport::Swimming, Some("open_water")),
        "2" | "alpine_ski" | "alpineski" | "alpine_skiing" => (Sport::Skiing, Some("alpine_skiing")),
        "3" | "backcountry_ski" | "backcountryski" => (Sport::Skiing, Some("backcountry")),
        "7" | "nordic_ski" | "nordicski" | "cross_country_skiing" => {
            (Sport::Skiing, Some("cross_country_skiing"))
        }
        "ski" | "skiing" => (Sport::Skiing, None),
        "12" | "snowboard" | "snowboarding" => (Sport::Snowboarding, None),
        "5" | "ice_skate" | "iceskate" | "ice_skating" => (Sport::Skating, Some("ice_skating")),
        "6" | "inline_skate" | "inlineskate" | "inline_skating" => (Sport::Skating, Some("inline_skating")),
        "skating" => (Sport::Skating, None),
        "rowing" | "row" | "rowing_v2" => (Sport::Rowing, None),
        "pilates" => (Sport::Fitness, Some("pilates")),
        "11" | "workout" | "fitness" | "training" => (Sport::Fitness, None),
        "14" | "kitesurf" | "kitesurfing" => (Sport::WaterSport, Some("kitesurfing")),
        "15" | "windsurf" | "windsurfing" => (Sport::WaterSport, Some("windsurfing")),
        "kayaking" | "sailing" | "surfing" | "paddling" => (Sport::WaterSport, None),
        "weight_training" | "weighttraining" | "strength_training" => (Sport::Strength, None),
        "crossfit" | "elliptical" | "stair_stepper" | "stairstepper" | "high_intensity_interval_training" => {
            (Sport::Fitness, None)
        }
        "virtual_run" | "virtualrun" => (Sport::Running, Some("virtual_activity")),
        "virtual_row" => (Sport::Rowing, Some("virtual_activity")),
        "e_bike_ride" | "e_mountain_bike_ride" => (Sport::Cycling, Some("e_biking")),
        "mountain_bike_ride" | "mountainbikeride" => (Sport::Cycling, Some("mountain")),
        "soccer" | "football" | "football_(soccer)" | "basketball" | "volleyball" => (Sport::TeamSport, None),
        "tennis" | "badminton" | "squash" | "table_tennis" | "pickleball" | "racquetball" | "padel" => {
            (Sport::RacketSport, None)
        }
        "canoeing" | "stand_up_paddling" | "kayak" | "sail" | "surf" => (Sport::WaterSport, None),
        "climbing" | "rock_climbing" | "rock_climb" | "rockclimbing" => (Sport::Climbing, None),
        other => (Sport::parse(other).unwrap_or(Sport::Other), None),
    }
}
