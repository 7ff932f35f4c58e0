//! What Strava writes in the language of its athlete: months, and kinds of sport.

use kernel::Sport;

use crate::xml::sport::sport;

/// By how their names begin, short ones as well.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "янв"],
    &["feb", "fév", "fev", "фев"],
    &["mar", "mär", "maa", "mrt", "мар"],
    &["apr", "avr", "abr", "апр"],
    &["may", "mai", "maj", "mag", "mei", "май", "мая"],
    &["jun", "juin", "giu", "июн"],
    &["jul", "juil", "lug", "июл"],
    &["aug", "aoû", "ago", "авг"],
    &["sep", "set", "сен"],
    &["oct", "okt", "ott", "out", "окт"],
    &["nov", "ноя"],
    &["dec", "déc", "dez", "dic", "дек"],
];

/// English words, with those of others for the same.
const KINDS: [(&str, &[&str]); 24] = [
    ("run", &["lauf", "course à pied", "carrera", "corsa", "corrida", "hardloopsessie", "бег", "забег"]),
    ("trail run", &["traillauf", "trail"]),
    ("virtual run", &["virtueller lauf", "course à pied virtuelle", "carrera virtual", "виртуальный забег"]),
    (
        "ride",
        &[
            "radfahrt",
            "vélo",
            "sortie à vélo",
            "bicicleta",
            "ciclismo",
            "pedalada",
            "fietsrit",
            "велозаезд",
            "заезд",
        ],
    ),
    ("virtual ride", &["virtuelle radfahrt", "virtuelle fahrt", "ciclismo virtual", "виртуальный заезд"]),
    ("mountain bike ride", &["mountainbikefahrt", "vtt"]),
    ("gravel ride", &["gravelfahrt"]),
    ("e bike ride", &["e-bike-fahrt", "e-bike-radfahrt"]),
    ("swim", &["schwimmen", "natation", "natación", "nuoto", "natação", "zwemmen", "плавание", "заплыв"]),
    (
        "walk",
        &["spaziergang", "gehen", "marche", "caminata", "camminata", "caminhada", "wandeling", "ходьба"],
    ),
    ("hike", &["wandern", "wanderung", "randonnée", "senderismo", "escursione", "trilha", "поход"]),
    ("snowshoe", &["schneeschuhwanderung"]),
    ("alpine ski", &["ski alpin"]),
    ("backcountry ski", &["skitouren"]),
    ("nordic ski", &["langlauf"]),
    ("snowboard", &["snowboarden"]),
    ("ice skate", &["eislaufen"]),
    ("inline skate", &["inlineskaten"]),
    ("rowing", &["rudern"]),
    ("kayaking", &["kajakfahren", "kanufahrt"]),
    ("rock climbing", &["klettern"]),
    ("weight training", &["gewichtstraining", "krafttraining", "musculation", "силовая тренировка"]),
    ("workout", &["тренировка", "entraînement", "entrenamiento", "allenamento", "treino"]),
    ("soccer", &["fußball", "футбол"]),
];

/// 1 to 12.
pub(super) fn month(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    let at = MONTHS.iter().position(|begins| begins.iter().any(|begin| word.starts_with(begin)))?;
    i8::try_from(at + 1).ok()
}

/// The sport, with FIT's name of the narrower one.
pub(super) fn kind(word: &str) -> (Sport, Option<&'static str>) {
    let word = word.to_lowercase();
    let same = KINDS.iter().find(|(_, others)| others.contains(&word.as_str()));
    sport(Some(same.map_or(word.as_str(), |(english, _)| english)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_one_in_every_language() {
        for (month_of_year, words) in [
            (1, "January Januar janv. enero gennaio janeiro января"),
            (3, "Mar März mars marzo março maart мар."),
            (5, "May Mai mayo maggio maio mei мая"),
            (6, "June Juni juin junio giugno junho июн."),
            (7, "July Juli juil. julio luglio julho июл."),
            (8, "August août agosto авг."),
            (9, "Sep sept. septiembre settembre setembro сент."),
            (10, "Okt. oct. ottobre outubro окт."),
            (12, "December Dez. déc. dic dezembro дек."),
        ] {
            for word in words.split(' ') {
                assert_eq!(month(word), Some(month_of_year), "{word}");
            }
        }
        assert_eq!(["de", "г", "à", "um", ""].map(month), [None; 5]);
    }

    #[test]
    fn every_word_is_a_sport_and_stands_once() {
        let all: Vec<&str> = KINDS.iter().flat_map(|(_, others)| others.iter().copied()).collect();
        for (at, word) in all.iter().enumerate() {
            assert_ne!(kind(word).0, Sport::Other, "{word}");
            assert_eq!(word.to_lowercase(), *word);
            assert!(!all[..at].contains(word), "{word}");
        }
        assert_eq!(kind("Virtuelle Radfahrt"), kind("Virtual Ride"));
        assert_eq!(kind("Бег").0, Sport::Running);
        assert_eq!(kind("Kitesurf").1, Some("kitesurfing"));
    }
}
