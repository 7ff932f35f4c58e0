//! The sentences that athletes read, in English, Russian and Kazakh.

use proto::promo as p;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    En,
    Ru,
    Kk,
}

impl Language {
    /// By BCP 47; English for all others.
    pub fn of(locale: &str) -> Self {
        match locale.split(['-', '_', ',', ';']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "ru" => Self::Ru,
            "kk" => Self::Kk,
            _ => Self::En,
        }
    }
}

/// Why an offer was granted.
pub fn because(language: Language, badge: &str) -> String {
    let badge = badge.replace('_', " ");
    match language {
        Language::En => format!("You unlocked “{badge}”"),
        Language::Ru => format!("Вы получили «{badge}»"),
        Language::Kk => format!("Сіз «{badge}» белгісін алдыңыз"),
    }
}

/// Why a product is shown to the holder of an offer.
pub fn by_offer(language: Language, terms: &p::OfferTerms, badge: &str) -> String {
    let value = match (terms.percent, &terms.amount) {
        (Some(percent), _) => format!("−{percent} %"),
        (None, Some(amount)) if terms.kind == "amount_off" => {
            format!("−{}.{:02} {}", amount.amount_minor / 100, amount.amount_minor % 100, amount.currency)
        }
        _ => match language {
            Language::En => "A gift".to_owned(),
            Language::Ru => "Подарок".to_owned(),
            Language::Kk => "Сыйлық".to_owned(),
        },
    };
    format!("{value}: {}", because(language, badge))
}

pub fn by_sport(language: Language, sport: &str) -> String {
    let sport = sport.replace('_', " ");
    match language {
        Language::En => format!("For your sport: {sport}"),
        Language::Ru => format!("Для вашего спорта: {sport}"),
        Language::Kk => format!("Сіздің спортыңыз үшін: {sport}"),
    }
}

pub fn regional_favourite(language: Language) -> String {
    match language {
        Language::En => "Popular in your region",
        Language::Ru => "Популярно в вашем регионе",
        Language::Kk => "Өңіріңізде танымал",
    }
    .to_owned()
}

pub fn new_here(language: Language) -> String {
    match language {
        Language::En => "New in your region",
        Language::Ru => "Новинка в вашем регионе",
        Language::Kk => "Өңіріңіздегі жаңалық",
    }
    .to_owned()
}

/// A campaign's name in the reader's language, else in English, else in any.
pub fn name_in<'a>(names: &'a [p::Text], locale: &str) -> &'a str {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    [locale, language, "en"]
        .iter()
        .find_map(|wanted| names.iter().find(|name| name.locale.eq_ignore_ascii_case(wanted)))
        .or_else(|| names.first())
        .map_or("", |name| name.text.as_str())
}
