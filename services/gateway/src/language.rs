//! The language a caller wants to be spoken to in: English, Russian, Kazakh to begin with.

/// A language that titles and details exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    En,
    Ru,
    Kk,
}

impl Language {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            Self::Kk => "kk",
        }
    }

    /// The best of ours for an `Accept-Language` (RFC 9110 §12.5.4); English when none fits.
    pub(crate) fn accepted(header: Option<&str>) -> Self {
        let Some(header) = header else { return Self::En };
        let mut best = (0_u16, Self::En);
        for range in header.split(',').take(RANGES_MAX) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let quality = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(1000, quality);
            if let Some(language) = Self::of_tag(tag)
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" | "*" => Some(Self::En),
            "ru" => Some(Self::Ru),
            "kk" => Some(Self::Kk),
            _ => None,
        }
    }
}

/// More ranges than any browser sends are not read.
const RANGES_MAX: usize = 32;

/// A quality value in thousandths; what cannot be read counts as nothing.
pub(crate) fn quality(text: &str) -> u16 {
    let text = text.trim();
    match text.split_once('.') {
        None => match text {
            "1" => 1000,
            _ => 0,
        },
        Some(("1", _)) => 1000,
        Some(("0", digits)) if digits.len() <= 3 => format!("{digits:0<3}").parse().unwrap_or_default(),
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_language_that_we_speak_is_chosen() {
        assert_eq!(Language::accepted(None), Language::En);
        assert_eq!(Language::accepted(Some("ru-RU,ru;q=0.9,en;q=0.8")), Language::Ru);
        assert_eq!(Language::accepted(Some("de, kk;q=0.5, ru;q=0.4")), Language::Kk);
        assert_eq!(Language::accepted(Some("fr;q=1.0, xx")), Language::En);
        assert_eq!(Language::accepted(Some("ru;q=0, en;q=0.1")), Language::En);
        assert_eq!(Language::accepted(Some(";;;q=,,")), Language::En);
    }
}
