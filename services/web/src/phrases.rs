//! What pages say, from `locales/*.ftl`: one file a language, plurals by the language's own rules.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::language::Language;

/// The phrases of one language.
pub(crate) struct Phrases {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

static ENGLISH: LazyLock<Phrases> = LazyLock::new(|| Phrases::load(Language::En));
static RUSSIAN: LazyLock<Phrases> = LazyLock::new(|| Phrases::load(Language::Ru));
static KAZAKH: LazyLock<Phrases> = LazyLock::new(|| Phrases::load(Language::Kk));

/// A count that falls into each plural category of the language; scripts get one form for each.
fn samples(language: Language) -> &'static [(&'static str, f64)] {
    match language {
        Language::En | Language::Kk => &[("one", 1.0), ("other", 2.0)],
        Language::Ru => &[("one", 1.0), ("few", 2.0), ("many", 5.0), ("other", 1.5)],
    }
}

impl Phrases {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::Ru => &RUSSIAN,
            Language::Kk => &KAZAKH,
        }
    }

    fn source(language: Language) -> &'static str {
        match language {
            Language::En => include_str!("../locales/en.ftl"),
            Language::Ru => include_str!("../locales/ru.ftl"),
            Language::Kk => include_str!("../locales/kk.ftl"),
        }
    }

    /// What cannot be parsed is left out; a test holds the files to be whole.
    fn load(language: Language) -> Self {
        let resource = FluentResource::try_new(Self::source(language).to_owned());
        let locale: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        // Names stand in elements of their own; numbers need no isolation.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource.unwrap_or_else(|(partial, _)| partial));
        Self { language, bundle }
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }

    pub(crate) fn say(&self, id: &str) -> Cow<'_, str> {
        self.fill(id, &[])
    }

    /// The phrase, or `otherwise` where there is none: vocabularies of the API may grow.
    pub(crate) fn say_or<'a>(&'a self, id: &str, otherwise: &'a str) -> Cow<'a, str> {
        self.formatted(id, &[]).unwrap_or(Cow::Borrowed(otherwise))
    }

    pub(crate) fn fill(&self, id: &str, values: &[(&'static str, FluentValue<'static>)]) -> Cow<'_, str> {
        self.formatted(id, values).unwrap_or_else(|| Cow::Owned(format!("⟦{id}⟧")))
    }

    /// A phrase about `count` things; `shown` is the count as it is written.
    pub(crate) fn count(&self, id: &str, count: u64, shown: String) -> Cow<'_, str> {
        self.fill(id, &[("count", FluentValue::from(count)), ("shown", FluentValue::from(shown))])
    }

    /// A phrase about a count for every plural category, with `{n}` where the number goes: for scripts.
    pub(crate) fn forms(&self, id: &str) -> BTreeMap<&'static str, Cow<'_, str>> {
        let form = |count: f64| {
            self.fill(id, &[("count", FluentValue::from(count)), ("shown", FluentValue::from("{n}"))])
        };
        samples(self.language).iter().map(|(category, count)| (*category, form(*count))).collect()
    }

    fn formatted(&self, id: &str, values: &[(&'static str, FluentValue<'static>)]) -> Option<Cow<'_, str>> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, value.clone());
        }
        let mut faults = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(&arguments), &mut faults).into_owned();
        faults.is_empty().then_some(Cow::Owned(said))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(language: Language) -> BTreeSet<&'static str> {
        let lines = Phrases::source(language).lines();
        let heads = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        heads.filter_map(|line| line.split_once(" =")).map(|(id, _)| id).collect()
    }

    #[test]
    fn every_language_says_everything() {
        for language in Language::ALL {
            assert!(FluentResource::try_new(Phrases::source(language).to_owned()).is_ok(), "{language:?}");
            assert_eq!(ids(language), ids(Language::En), "{language:?}");
        }
    }

    #[test]
    fn plurals_follow_the_language() {
        let said = |language, count: u64| {
            Phrases::of(language).count("participants", count, count.to_string()).into_owned()
        };
        assert_eq!(said(Language::En, 1), "1 participant");
        for many in [0, 2, 5, 11, 21] {
            assert_eq!(said(Language::En, many), format!("{many} participants"));
        }
        for (count, form) in
            [(1, "участник"), (2, "участника"), (5, "участников"), (11, "участников"), (21, "участник")]
        {
            assert_eq!(said(Language::Ru, count), format!("{count} {form}"));
        }
        for count in [1, 2, 5, 11, 21] {
            assert_eq!(said(Language::Kk, count), format!("{count} қатысушы"));
        }
    }

    #[test]
    fn scripts_get_a_form_for_every_category() {
        let forms = Phrases::of(Language::Ru).forms("participants");
        assert_eq!(forms["one"], "{n} участник");
        assert_eq!(forms["few"], "{n} участника");
        assert_eq!(forms["many"], "{n} участников");
        assert_eq!(forms["other"], "{n} участника");
    }

    #[test]
    fn what_no_language_knows_yet_is_shown_as_it_came() {
        assert_eq!(Phrases::of(Language::Kk).say_or("state-frozen", "frozen"), "frozen");
    }
}
