//! Numbers into words: sports, makers, kinds of files.

use kernel::Sport;

/// The vocabulary's sport and the narrower name, from FIT's `sport` and `sub_sport`.
pub(super) fn sport(sport: Option<u8>, sub_sport: Option<u8>) -> (Sport, Option<String>) {
    let (general, narrower) = by_sport(sport.unwrap_or(0));
    let sub_name = sub_sport.and_then(sub_sport_name);
    let sport = match (general, sub_name) {
        (Sport::Fitness | Sport::Other, Some(sub)) => by_sub_sport(sub).unwrap_or(general),
        _ => general,
    };
    (sport, sub_name.or(narrower).map(str::to_owned))
}

/// FIT's `sport` and `sub_sport` that are read back as this.
pub(super) fn numbers(sport: Sport, sub_sport: Option<&str>) -> (u8, u8) {
    let narrower = sub_sport.and_then(|name| first(|number| by_sport(number) == (sport, Some(name))));
    if let Some(number) = narrower {
        return (number, 0);
    }
    let sub = sub_sport.and_then(|name| first(|number| sub_sport_name(number) == Some(name)));
    match sport {
        Sport::Yoga => (TRAINING, sub.unwrap_or(43)),
        Sport::Strength => (TRAINING, sub.unwrap_or(20)),
        _ => {
            let number = first(|number| by_sport(number) == (sport, None));
            // Some of our sports are there in narrower kinds only.
            let number = number.or_else(|| first(|number| by_sport(number).0 == sport));
            (number.unwrap_or(0), sub.unwrap_or(0))
        }
    }
}

const TRAINING: u8 = 10;

fn first(wanted: impl Fn(u8) -> bool) -> Option<u8> {
    (0..u8::MAX).find(|number| wanted(*number))
}

const fn by_sport(number: u8) -> (Sport, Option<&'static str>) {
    match number {
        1 => (Sport::Running, None),
        2 => (Sport::Cycling, None),
        3 => (Sport::Other, Some("transition")),
        4 => (Sport::Fitness, Some("fitness_equipment")),
        5 => (Sport::Swimming, None),
        6 => (Sport::TeamSport, Some("basketball")),
        7 => (Sport::TeamSport, Some("soccer")),
        8 => (Sport::RacketSport, Some("tennis")),
        9 => (Sport::TeamSport, Some("american_football")),
        10 => (Sport::Fitness, None),
        11 => (Sport::Walking, None),
        12 => (Sport::Skiing, Some("cross_country_skiing")),
        13 => (Sport::Skiing, Some("alpine_skiing")),
        14 => (Sport::Snowboarding, None),
        15 => (Sport::Rowing, None),
        16 => (Sport::Hiking, Some("mountaineering")),
        17 => (Sport::Hiking, None),
        18 => (Sport::Multisport, None),
        19 => (Sport::WaterSport, Some("paddling")),
        21 => (Sport::Cycling, Some("e_biking")),
        25 => (Sport::Other, Some("golf")),
        27 => (Sport::Other, Some("horseback_riding")),
        30 => (Sport::Skating, Some("inline_skating")),
        31 => (Sport::Climbing, None),
        32 => (Sport::WaterSport, Some("sailing")),
        33 => (Sport::Skating, Some("ice_skating")),
        35 => (Sport::Hiking, Some("snowshoeing")),
        37 => (Sport::WaterSport, Some("stand_up_paddleboarding")),
        38 => (Sport::WaterSport, Some("surfing")),
        39 => (Sport::WaterSport, Some("wakeboarding")),
        40 => (Sport::WaterSport, Some("water_skiing")),
        41 => (Sport::WaterSport, Some("kayaking")),
        42 => (Sport::WaterSport, Some("rafting")),
        43 => (Sport::WaterSport, Some("windsurfing")),
        44 => (Sport::WaterSport, Some("kitesurfing")),
        47 => (Sport::Fitness, Some("boxing")),
        48 => (Sport::Climbing, Some("floor_climbing")),
        49 => (Sport::TeamSport, Some("baseball")),
        53 => (Sport::Diving, None),
        62 => (Sport::Fitness, Some("hiit")),
        64 => (Sport::RacketSport, None),
        65 => (Sport::Walking, Some("wheelchair_push_walk")),
        66 => (Sport::Running, Some("wheelchair_push_run")),
        67 => (Sport::Yoga, Some("meditation")),
        69 => (Sport::Other, Some("disc_golf")),
        71 => (Sport::TeamSport, Some("cricket")),
        72 => (Sport::TeamSport, Some("rugby")),
        73 => (Sport::TeamSport, Some("hockey")),
        74 => (Sport::TeamSport, Some("lacrosse")),
        75 => (Sport::TeamSport, Some("volleyball")),
        77 => (Sport::WaterSport, Some("wakesurfing")),
        80 => (Sport::Fitness, Some("mixed_martial_arts")),
        82 => (Sport::Diving, Some("snorkeling")),
        83 => (Sport::Dance, None),
        84 => (Sport::Fitness, Some("jump_rope")),
        _ => (Sport::Other, None),
    }
}

/// What training or an unnamed sport turns out to be.
fn by_sub_sport(name: &str) -> Option<Sport> {
    Some(match name {
        "treadmill" | "indoor_running" => Sport::Running,
        "indoor_cycling" | "spin" => Sport::Cycling,
        "indoor_rowing" => Sport::Rowing,
        "indoor_walking" => Sport::Walking,
        "indoor_skiing" => Sport::Skiing,
        "indoor_climbing" | "bouldering" => Sport::Climbing,
        "lap_swimming" | "open_water" => Sport::Swimming,
        "strength_training" => Sport::Strength,
        "yoga" => Sport::Yoga,
        _ => return None,
    })
}

const fn sub_sport_name(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "treadmill",
        2 => "street",
        3 => "trail",
        4 => "track",
        5 => "spin",
        6 => "indoor_cycling",
        7 => "road",
        8 => "mountain",
        9 => "downhill",
        10 => "recumbent",
        11 => "cyclocross",
        12 => "hand_cycling",
        13 => "track_cycling",
        14 => "indoor_rowing",
        15 => "elliptical",
        16 => "stair_climbing",
        17 => "lap_swimming",
        18 => "open_water",
        19 => "flexibility_training",
        20 => "strength_training",
        21 => "warm_up",
        22 => "match",
        23 => "exercise",
        24 => "challenge",
        25 => "indoor_skiing",
        26 => "cardio_training",
        27 => "indoor_walking",
        28 => "e_bike_fitness",
        29 => "bmx",
        30 => "casual_walking",
        31 => "speed_walking",
        32 => "bike_to_run_transition",
        33 => "run_to_bike_transition",
        34 => "swim_to_bike_transition",
        37 => "backcountry",
        38 => "resort",
        41 => "whitewater",
        42 => "skate_skiing",
        43 => "yoga",
        44 => "pilates",
        45 => "indoor_running",
        46 => "gravel_cycling",
        47 => "e_bike_mountain",
        48 => "commuting",
        49 => "mixed_surface",
        50 => "navigate",
        53 => "single_gas_diving",
        54 => "multi_gas_diving",
        55 => "gauge_diving",
        56 => "apnea_diving",
        57 => "apnea_hunting",
        58 => "virtual_activity",
        59 => "obstacle",
        62 => "breathing",
        65 => "sail_race",
        67 => "ultra",
        68 => "indoor_climbing",
        69 => "bouldering",
        70 => "hiit",
        73 => "amrap",
        74 => "emom",
        75 => "tabata",
        84 => "pickleball",
        85 => "padel",
        94 => "squash",
        95 => "badminton",
        96 => "racquetball",
        97 => "table_tennis",
        _ => return None,
    })
}

/// `lap_trigger`: why a lap was cut.
pub(super) const fn trigger(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "manual",
        1 => "time",
        2 => "distance",
        3 => "position_start",
        4 => "position_lap",
        5 => "position_waypoint",
        6 => "position_marked",
        7 => "session_end",
        8 => "fitness_equipment",
        _ => return None,
    })
}

/// `intensity`: what a lap was meant for.
pub(super) const fn intensity(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "active",
        1 => "rest",
        2 => "warmup",
        3 => "cooldown",
        4 => "recovery",
        5 => "interval",
        6 => "other",
        _ => return None,
    })
}

/// `swim_stroke`.
pub(crate) const fn stroke(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "freestyle",
        1 => "backstroke",
        2 => "breaststroke",
        3 => "butterfly",
        4 => "drill",
        5 => "mixed",
        6 => "im",
        _ => return None,
    })
}

/// The number of a word of [`trigger`], [`intensity`] or [`stroke`].
pub(super) fn number_of(word: &str, names: fn(u8) -> Option<&'static str>) -> Option<u8> {
    (0..=u8::MAX).find(|number| names(*number) == Some(word))
}

/// The maker's name, where it is a common one.
pub(crate) const fn manufacturer(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "garmin",
        6 => "srm",
        7 => "quarq",
        9 => "saris",
        13 => "dynastream",
        23 => "suunto",
        32 => "wahoo_fitness",
        38 => "osynce",
        40 => "concept2",
        63 => "specialized",
        69 => "stages_cycling",
        70 => "sigmasport",
        71 => "tomtom",
        76 => "moxy",
        86 => "elite",
        89 => "tacx",
        115 => "igpsport",
        123 => "polar_electro",
        144 => "zwift_byte",
        255 => "development",
        260 => "zwift",
        263 => "favero_electronics",
        265 => "strava",
        267 => "bryton",
        289 => "hammerhead",
        294 => "coros",
        _ => return None,
    })
}

/// `file_id.type` in words.
pub(super) const fn file_kind(number: u8) -> &'static str {
    match number {
        1 => "device",
        2 => "settings",
        3 => "sport settings",
        4 => "activity",
        5 => "workout",
        6 => "course",
        7 => "schedules",
        9 => "weight",
        10 => "totals",
        11 => "goals",
        14 => "blood pressure",
        15 | 28 | 32 => "monitoring",
        20 => "activity summary",
        34 => "segment",
        35 => "segment list",
        40 => "exercise device configuration",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_becomes_what_it_was() {
        assert_eq!(sport(Some(10), Some(43)), (Sport::Yoga, Some("yoga".to_owned())));
        assert_eq!(sport(Some(4), Some(14)), (Sport::Rowing, Some("indoor_rowing".to_owned())));
        assert_eq!(sport(Some(3), Some(0)), (Sport::Other, Some("transition".to_owned())));
        assert_eq!(sport(None, None), (Sport::Other, None));
    }

    #[test]
    fn every_sport_is_written_so_that_it_is_read_back() {
        for &written in Sport::ALL {
            let (number, sub) = numbers(written, None);
            assert_eq!(sport(Some(number), Some(sub)).0, written);
        }
        for (number, sub) in [(1, 3), (2, 6), (4, 14), (10, 43), (7, 0), (64, 95), (3, 0), (15, 14)] {
            let (general, name) = sport(Some(number), Some(sub));
            let (number, sub) = numbers(general, name.as_deref());
            assert_eq!(sport(Some(number), Some(sub)), (general, name));
        }
    }
}
