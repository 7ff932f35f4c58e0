//! The languages that pages exist in, and which one a visitor gets.

/// English, Russian, Kazakh to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    En,
    Ru,
    Kk,
}

/// More ranges than any browser sends are not read.
const RANGES_MAX: usize = 32;

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::En, Self::Ru, Self::Kk];

    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            Self::Kk => "kk",
        }
    }

    /// What its speakers call it.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ru => "Русский",
            Self::Kk => "Қазақша",
        }
    }

    /// `?lang=` when it names one of ours, else the best for an `Accept-Language` (RFC 9110 §12.5.4), else English.
    pub(crate) fn chosen(query: Option<&str>, accepted: Option<&str>) -> Self {
        let asked = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("lang="));
        asked.and_then(Self::of_tag).unwrap_or_else(|| Self::accepted(accepted.unwrap_or_default()))
    }

    fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::En);
        for range in header.split(',').take(RANGES_MAX) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let named = if tag == "*" { Some(Self::En) } else { Self::of_tag(tag) };
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality = quality.map_or(Some(1.0), |text| text.parse().ok());
            // What is no number between 0 and 1 counts as nothing.
            let quality = quality.filter(|quality| (0.0..=1.0_f32).contains(quality)).unwrap_or(0.0);
            if let Some(language) = named
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    /// By the primary subtag, so `ru-KZ` is Russian.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_outranks_the_browser() {
        assert_eq!(Language::chosen(Some("lang=kk"), Some("ru")), Language::Kk);
        assert_eq!(Language::chosen(Some("a=b&lang=RU-kz"), None), Language::Ru);
        assert_eq!(Language::chosen(Some("lang=tlh"), Some("ru;q=0.3, de")), Language::Ru);
        assert_eq!(Language::chosen(Some("slang=kk"), None), Language::En);
    }

    #[test]
    fn the_best_language_that_we_speak_is_chosen() {
        let chosen = |header| Language::chosen(None, Some(header));
        assert_eq!(chosen("ru-RU,ru;q=0.9,en;q=0.8"), Language::Ru);
        assert_eq!(chosen("de, kk;q=0.5, ru;q=0.4"), Language::Kk);
        assert_eq!(chosen("ru;q=0, *;q=0.1"), Language::En);
        assert_eq!(chosen(";;;q=,,ru;q=NaN"), Language::En);
        assert_eq!(Language::chosen(None, None), Language::En);
    }
}
