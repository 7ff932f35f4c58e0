//! Made-up athletes of three countries, in the scripts in which people there write their names.

use auth::seed::{Newcomer, ProfileSaid, Said};
use kernel::AccountId;

use super::dice::Dice;

/// Where somebody lives, and what they say and write there.
struct Home {
    country: &'static str,
    region: &'static str,
    time_zone: &'static str,
    /// Of a hundred.
    share: usize,
    tongues: &'static [&'static Tongue],
}

struct Tongue {
    locale: &'static str,
    women: &'static [&'static str],
    men: &'static [&'static str],
    /// As men write them; women's end in -а where men's end in -ов, -ев, -ин.
    families: &'static [&'static str],
}

const KAZAKH: Tongue = Tongue {
    locale: "kk",
    women: &[
        "Айгерім",
        "Әсел",
        "Дана",
        "Жанар",
        "Гүлнұр",
        "Мөлдір",
        "Назгүл",
        "Сәуле",
        "Аружан",
        "Балнұр",
        "Қымбат",
        "Ұлжан",
        "Еркежан",
        "Шынар",
        "Тоғжан",
        "Ақбота",
    ],
    men: &[
        "Қанат",
        "Нұрлан",
        "Ерлан",
        "Бауыржан",
        "Дәурен",
        "Айдос",
        "Мұрат",
        "Серік",
        "Олжас",
        "Әлихан",
        "Тимур",
        "Жандос",
        "Арман",
        "Бекзат",
        "Ғалым",
        "Ілияс",
    ],
    families: &[
        "Өтеғұлов",
        "Ахметов",
        "Жұмабаев",
        "Қасымов",
        "Нұрпейісов",
        "Сейітқали",
        "Тоқтарбек",
        "Әбдірахман",
        "Мұқанов",
        "Есенберлин",
        "Байтұрсын",
        "Оспанов",
        "Сүлейменов",
        "Ыбыраев",
        "Қалиев",
        "Дүйсенов",
    ],
};

const KAZAKH_LATIN: Tongue = Tongue {
    locale: "kk-Latn",
    women: &["Aigerim", "Assel", "Dana", "Zhanar", "Aruzhan", "Moldir", "Saule", "Togzhan"],
    men: &["Kanat", "Nurlan", "Yerlan", "Daulet", "Alikhan", "Olzhas", "Arman", "Timur"],
    families: &[
        "Akhmetov",
        "Zhumabayev",
        "Kassymov",
        "Nurpeissov",
        "Ospanov",
        "Suleimenov",
        "Kaliyev",
        "Utegulov",
    ],
};

const RUSSIAN: Tongue = Tongue {
    locale: "ru",
    women: &["Анна", "Дарья", "Екатерина", "Мария", "Ольга", "Полина", "Светлана", "Юлия", "Алёна", "Ксения"],
    men: &["Алексей", "Дмитрий", "Иван", "Максим", "Михаил", "Никита", "Павел", "Сергей", "Артём", "Фёдор"],
    families: &[
        "Иванов",
        "Щукин",
        "Ким",
        "Кузнецов",
        "Орлов",
        "Пак",
        "Соколов",
        "Шевченко",
        "Яковлев",
        "Воробьёв",
        "Цой",
        "Ильин",
    ],
};

const KYRGYZ: Tongue = Tongue {
    locale: "ky",
    women: &["Айпери", "Бегимай", "Гүлзат", "Жылдыз", "Мээрим", "Нуриза", "Чолпон", "Элнура"],
    men: &["Азамат", "Бакыт", "Нурбек", "Эркин", "Талант", "Улан", "Чыңгыз", "Өмүрбек"],
    families: &["Асанов", "Бекбоев", "Жээнбеков", "Мамытов", "Осмонов", "Сыдыков", "Токтосунов", "Үсөнов"],
};

const UZBEK: Tongue = Tongue {
    locale: "uz",
    women: &["Dilnoza", "Gulnora", "Kamola", "Madina", "Nilufar", "Sevara", "Zilola", "Oʻgʻiloy"],
    men: &["Aziz", "Bobur", "Jasur", "Otabek", "Sardor", "Sherzod", "Ulugʻbek", "Gʻayrat"],
    families: &["Karimov", "Rahimov", "Toʻxtayev", "Yusupov", "Saidov", "Nazarov", "Gʻulomov", "Ergashev"],
};

const HOMES: &[Home] = &[
    home("KZ", "KZ-75", "Asia/Almaty", 28, &[&KAZAKH, &RUSSIAN, &KAZAKH_LATIN]),
    home("KZ", "KZ-71", "Asia/Almaty", 16, &[&KAZAKH, &KAZAKH, &RUSSIAN]),
    home("KZ", "KZ-79", "Asia/Almaty", 9, &[&KAZAKH, &KAZAKH_LATIN]),
    home("KZ", "KZ-35", "Asia/Almaty", 6, &[&RUSSIAN, &KAZAKH]),
    home("KG", "KG-GB", "Asia/Bishkek", 13, &[&KYRGYZ, &RUSSIAN]),
    home("KG", "KG-GO", "Asia/Bishkek", 6, &[&KYRGYZ]),
    home("UZ", "UZ-TK", "Asia/Tashkent", 14, &[&UZBEK, &UZBEK, &RUSSIAN]),
    home("UZ", "UZ-SA", "Asia/Samarkand", 8, &[&UZBEK]),
];

const fn home(
    country: &'static str,
    region: &'static str,
    time_zone: &'static str,
    share: usize,
    tongues: &'static [&'static Tongue],
) -> Home {
    Home { country, region, time_zone, share, tongues }
}

/// An athlete with what the rest of the world is made by.
#[derive(Clone, Debug)]
pub struct Athlete {
    pub newcomer: Newcomer,
    pub country: &'static str,
    pub region: &'static str,
    pub time_zone: &'static str,
}

impl Athlete {
    pub fn id(&self) -> AccountId {
        self.newcomer.id
    }
}

/// The first `count` athletes of a seed: more of them later begin with the same ones. The first may hold challenges.
pub fn athletes(seed: u64, count: usize, year: i32) -> Vec<Athlete> {
    (0..count).map(|index| athlete(seed, index, year)).collect()
}

fn athlete(seed: u64, index: usize, year: i32) -> Athlete {
    let mut dice = Dice::of(seed, &format!("athlete {index}"));
    let home = live(dice.below(100));
    let tongue = dice.pick(home.tongues);
    let woman = dice.chance(0.48);
    let given = *dice.pick(if woman { tongue.women } else { tongue.men });
    let family = *dice.pick(tongue.families);
    let family = self::family(family, woman);
    let age = 18 + i32::try_from(dice.below(28) + dice.below(28)).unwrap_or_default();
    let id = AccountId::derived(&[b"seed", &seed.to_be_bytes(), &index.to_be_bytes()]);
    let profile = ProfileSaid {
        display_name: Some(format!("{given} {family}")),
        birth_year: Some(year - age),
        sex: Some(if woman { "f" } else { "m" }.to_owned()),
        country: Some(home.country.to_owned()),
        region: Some(home.region.to_owned()),
        time_zone: Some(home.time_zone.to_owned()),
        locale: Some(tongue.locale.to_owned()),
        handle: None,
    };
    let consents = ["terms", "health_data"].map(|purpose| (purpose.to_owned(), "1".to_owned()));
    let said = Said {
        email: format!("athlete-{index}.seed-{seed}@stadion.example"),
        profile,
        consents: consents.into(),
        guardian_email: None,
    };
    let newcomer = Newcomer { id, said, coach: index == 0 };
    Athlete { newcomer, country: home.country, region: home.region, time_zone: home.time_zone }
}

fn live(of_hundred: usize) -> &'static Home {
    let mut left = of_hundred;
    for home in HOMES {
        if left < home.share {
            return home;
        }
        left -= home.share;
    }
    &HOMES[0]
}

fn family(name: &str, woman: bool) -> String {
    let cyrillic = ["ов", "ев", "ёв", "ин"].iter().any(|end| name.ends_with(end));
    let latin = ["ov", "ev"].iter().any(|end| name.ends_with(end));
    match (woman, cyrillic, latin) {
        (true, true, _) => format!("{name}а"),
        (true, _, true) => format!("{name}a"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_people_and_more_of_them_begin_with_the_same() {
        let names = |seed, count| -> Vec<_> {
            let athletes = athletes(seed, count, 2026).into_iter();
            athletes.map(|one| (one.id(), one.newcomer.said.profile.display_name)).collect()
        };
        assert_eq!(names(1, 50), names(1, 100)[..50]);
        assert_ne!(names(1, 50), names(2, 50));
    }

    #[test]
    fn the_shares_of_the_homes_are_whole_and_all_are_lived_in() {
        assert_eq!(HOMES.iter().map(|home| home.share).sum::<usize>(), 100);
        let lived: BTreeSet<_> = athletes(1, 1_000, 2026).iter().map(|one| one.region).collect();
        assert_eq!(lived.len(), HOMES.len());
    }

    #[test]
    fn a_womans_family_name_ends_as_she_writes_it() {
        assert_eq!(family("Щукин", true), "Щукина");
        assert_eq!(family("Karimov", true), "Karimova");
        assert_eq!(family("Ким", true), "Ким");
        assert_eq!(family("Оспанов", false), "Оспанов");
    }
}
