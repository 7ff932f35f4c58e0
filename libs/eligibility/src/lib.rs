//! The rule tree: who is eligible, and which clauses say no.
//!
//! `{"all":[…]} {"any":[…]} {"not":…}` over typed clauses; `{}` asks for nothing. Depth, size and lists are bounded, and a
//! clause that is not known is refused with its JSON pointer: a rule that is half understood would let the wrong people in.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use kernel::{
    FieldError, Sport,
    place::{Country, Region},
};
use serde_json::{Map, Value, json};

pub const DEPTH_MAX: usize = 8;
pub const NODES_MAX: usize = 128;
pub const LIST_MAX: usize = 256;
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
const WORD_BYTES_MAX: usize = 64;
const DAYS_MAX: u64 = 3660;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Clause(Clause),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    RegionIn(Vec<Region>),
    CountryIn(Vec<Country>),
    /// A language matches all of its variants: `kk` matches `kk-KZ`.
    LocaleIn(Vec<String>),
    SportIn(Vec<Sport>),
    LevelAtLeast(u32),
    Badge(String),
    ActiveWithinDays(u32),
    /// A member of this group.
    Group(String),
    Consent(String),
    /// By the birth year alone, so only met when it is certain.
    AgeAtLeast(u32),
    PurchasedWithinDays(u32),
}

/// All that clauses look at. What is absent meets no clause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub region: Option<String>,
    pub country: Option<String>,
    pub locale: String,
    pub sports: BTreeSet<String>,
    pub level: u32,
    pub badges: BTreeSet<String>,
    pub last_active: Option<Timestamp>,
    pub consents: BTreeSet<String>,
    /// Ids of the groups that it is a member of.
    pub groups: BTreeSet<String>,
    pub birth_year: Option<i32>,
    pub last_purchase: Option<Timestamp>,
}

impl Rule {
    /// Every clause of the tree, those under a `not` too.
    pub fn clauses(&self) -> Vec<&Clause> {
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::clauses).collect(),
            Self::Not(rule) => rule.clauses(),
            Self::Clause(clause) => vec![clause],
        }
    }

    /// The group whose members alone meet the rule, where it says so for all.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Clause(Clause::Group(group)) => Some(group),
            Self::All(rules) => rules.iter().find_map(|rule| match rule {
                Self::Clause(Clause::Group(group)) => Some(group.as_str()),
                _ => None,
            }),
            _ => None,
        }
    }

    /// What asks for nothing.
    pub const fn everyone() -> Self {
        Self::All(Vec::new())
    }

    /// `pointer` is where the rule stands in the request.
    pub fn parse(text: &str, pointer: &str) -> Result<Self, Vec<FieldError>> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(vec![error(
                pointer,
                "too_large",
                format!("a rule has at most {TEXT_BYTES_MAX} bytes"),
            )]);
        }
        let value = serde_json::from_str(text)
            .map_err(|_| vec![error(pointer, "not_a_rule", "the rule is not a JSON object".to_owned())])?;
        let mut reading = Reading { nodes: 0, errors: Vec::new() };
        let rule = reading.node(&value, pointer, 1);
        match rule {
            Some(rule) if reading.errors.is_empty() => Ok(rule),
            _ => Err(reading.errors),
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::All(rules) => json!({"all": rules.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Any(rules) => json!({"any": rules.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Not(rule) => json!({"not": rule.to_json()}),
            Self::Clause(clause) => clause.to_json(),
        }
    }

    pub fn is_met(&self, facts: &Facts, now: Timestamp) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.is_met(facts, now)),
            Self::Any(rules) => rules.iter().any(|rule| rule.is_met(facts, now)),
            Self::Not(rule) => !rule.is_met(facts, now),
            Self::Clause(clause) => clause.is_met(facts, now),
        }
    }

    /// The clauses that fail, as written; empty exactly when the rule is met.
    pub fn unmet(&self, facts: &Facts, now: Timestamp) -> Vec<Value> {
        if self.is_met(facts, now) {
            return Vec::new();
        }
        match self {
            Self::All(rules) => rules.iter().flat_map(|rule| rule.unmet(facts, now)).collect(),
            // An empty `any` cannot be written; were it here, it would have to name itself.
            Self::Any(rules) if !rules.is_empty() => {
                rules.iter().flat_map(|rule| rule.unmet(facts, now)).collect()
            }
            Self::Any(_) | Self::Not(_) | Self::Clause(_) => vec![self.to_json()],
        }
    }
}

/// The failing clauses as a refusal carries them: `{"clause":…,"met":false}`.
pub fn reasons(unmet: &[Value]) -> Vec<String> {
    unmet.iter().map(|clause| json!({"clause": clause, "met": false}).to_string()).collect()
}

impl Clause {
    fn is_met(&self, facts: &Facts, now: Timestamp) -> bool {
        match self {
            Self::RegionIn(regions) => facts
                .region
                .as_deref()
                .is_some_and(|mine| regions.iter().any(|region| region.as_str() == mine)),
            Self::CountryIn(countries) => facts
                .country
                .as_deref()
                .is_some_and(|mine| countries.iter().any(|country| country.as_str() == mine)),
            Self::LocaleIn(locales) => locales.iter().any(|locale| speaks(&facts.locale, locale)),
            Self::SportIn(sports) => sports.iter().any(|sport| facts.sports.contains(sport.as_str())),
            Self::LevelAtLeast(level) => facts.level >= *level,
            Self::Badge(badge) => facts.badges.contains(badge),
            Self::ActiveWithinDays(days) => within(facts.last_active, *days, now),
            Self::Group(group) => facts.groups.contains(group),
            Self::Consent(purpose) => facts.consents.contains(purpose),
            Self::AgeAtLeast(years) => {
                let year = i32::from(now.to_zoned(TimeZone::UTC).year());
                // The birthday may still lie ahead this year.
                facts.birth_year.is_some_and(|born| i64::from(year) - i64::from(born) > i64::from(*years))
            }
            Self::PurchasedWithinDays(days) => within(facts.last_purchase, *days, now),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::RegionIn(regions) => json!({"region_in": texts(regions, Region::as_str)}),
            Self::CountryIn(countries) => json!({"country_in": texts(countries, Country::as_str)}),
            Self::LocaleIn(locales) => json!({"locale_in": locales}),
            Self::SportIn(sports) => {
                json!({"sport_in": sports.iter().map(|sport| sport.as_str()).collect::<Vec<_>>()})
            }
            Self::LevelAtLeast(level) => json!({"level_at_least": level}),
            Self::Badge(badge) => json!({"badge": badge}),
            Self::ActiveWithinDays(days) => json!({"active_within_days": days}),
            Self::Group(group) => json!({"group": group}),
            Self::Consent(purpose) => json!({"consent": purpose}),
            Self::AgeAtLeast(years) => json!({"age_at_least": years}),
            Self::PurchasedWithinDays(days) => json!({"purchased_within_days": days}),
        }
    }
}

fn texts<T>(items: &[T], text: fn(&T) -> &str) -> Vec<&str> {
    items.iter().map(text).collect()
}

fn speaks(mine: &str, wanted: &str) -> bool {
    let (mine, wanted) = (mine.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    mine == wanted || mine.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('-'))
}

fn within(at: Option<Timestamp>, days: u32, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) <= SignedDuration::from_hours(i64::from(days) * 24))
}

fn error(pointer: &str, code: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail }
}

/// One pass over a written rule: collects what is wrong, so that its author sees it all at once.
struct Reading {
    nodes: usize,
    errors: Vec<FieldError>,
}

impl Reading {
    fn fail<T>(&mut self, pointer: &str, code: &str, detail: impl Into<String>) -> Option<T> {
        if self.errors.len() < 32 {
            self.errors.push(error(pointer, code, detail.into()));
        }
        None
    }

    fn node(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Rule> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return if self.nodes == NODES_MAX + 1 {
                self.fail(pointer, "too_large", format!("a rule has at most {NODES_MAX} parts"))
            } else {
                None
            };
        }
        if depth > DEPTH_MAX {
            return self.fail(pointer, "too_deep", format!("a rule is at most {DEPTH_MAX} levels deep"));
        }
        let Some(object) = value.as_object() else {
            return self.fail(pointer, "not_a_rule", "a rule is a JSON object");
        };
        if object.is_empty() && depth == 1 {
            return Some(Rule::everyone());
        }
        let Some((name, inner)) = single(object) else {
            return self.fail(
                pointer,
                "one_clause",
                "each object holds exactly one clause; join them with all or any",
            );
        };
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match name {
            "all" => Some(Rule::All(self.nodes_of(inner, &pointer, depth)?)),
            "any" => Some(Rule::Any(self.nodes_of(inner, &pointer, depth)?)),
            "not" => Some(Rule::Not(Box::new(self.node(inner, &pointer, depth + 1)?))),
            _ => self.clause(name, inner, &pointer).map(Rule::Clause),
        }
    }

    fn nodes_of(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Vec<Rule>> {
        let Some(items) = value.as_array() else {
            return self.fail(pointer, "not_a_list", "a list of rules belongs here");
        };
        if items.is_empty() {
            return self.fail(pointer, "empty", "at least one rule belongs here");
        }
        let mut rules = Vec::new();
        for (index, item) in items.iter().take(NODES_MAX + 1).enumerate() {
            rules.extend(self.node(item, &format!("{pointer}/{index}"), depth + 1));
        }
        (rules.len() == items.len()).then_some(rules)
    }

    fn clause(&mut self, name: &str, value: &Value, pointer: &str) -> Option<Clause> {
        Some(match name {
            "region_in" => {
                Clause::RegionIn(self.list(value, pointer, "an ISO 3166-2 region", Region::parse)?)
            }
            "country_in" => {
                Clause::CountryIn(self.list(value, pointer, "an ISO 3166-1 country", Country::parse)?)
            }
            "locale_in" => Clause::LocaleIn(self.list(value, pointer, "a BCP 47 language", word)?),
            "sport_in" => Clause::SportIn(self.list(value, pointer, "a sport", Sport::parse)?),
            "level_at_least" => Clause::LevelAtLeast(self.number(value, pointer, 1_000_000)?),
            "badge" => Clause::Badge(self.word(value, pointer)?),
            "active_within_days" => Clause::ActiveWithinDays(self.number(value, pointer, DAYS_MAX)?),
            "group" => {
                let word = self.word(value, pointer)?;
                Clause::Group(as_id(&word).unwrap_or(word))
            }
            "consent" => Clause::Consent(self.word(value, pointer)?),
            "age_at_least" => Clause::AgeAtLeast(self.number(value, pointer, 150)?),
            "purchased_within_days" => Clause::PurchasedWithinDays(self.number(value, pointer, DAYS_MAX)?),
            _ => return self.fail(pointer, "unknown_clause", "this clause is not known"),
        })
    }

    fn list<T>(
        &mut self,
        value: &Value,
        pointer: &str,
        what: &str,
        parse: fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = value.as_array().filter(|items| (1..=LIST_MAX).contains(&items.len()));
        let Some(items) = items else {
            return self.fail(pointer, "not_a_list", format!("a list of 1 to {LIST_MAX} texts belongs here"));
        };
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(parse) {
                Some(item) => parsed.push(item),
                None => {
                    return self.fail(
                        &format!("{pointer}/{index}"),
                        "unknown_value",
                        format!("{what} belongs here"),
                    );
                }
            }
        }
        Some(parsed)
    }

    fn number(&mut self, value: &Value, pointer: &str, max: u64) -> Option<u32> {
        let number =
            value.as_u64().filter(|number| (1..=max).contains(number)).and_then(|it| u32::try_from(it).ok());
        if number.is_none() {
            return self.fail(
                pointer,
                "out_of_range",
                format!("a whole number from 1 to {max} belongs here"),
            );
        }
        number
    }

    fn word(&mut self, value: &Value, pointer: &str) -> Option<String> {
        match value.as_str().and_then(word) {
            Some(word) => Some(word),
            None => self.fail(
                pointer,
                "not_a_word",
                format!("a text of 1 to {WORD_BYTES_MAX} bytes belongs here"),
            ),
        }
    }
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}

/// The one way in which an id is written; `None`: it is none.
fn as_id(word: &str) -> Option<String> {
    word.parse::<kernel::Id<Rule>>().ok().map(|id| id.to_string())
}

fn word(text: &str) -> Option<String> {
    let fits = (1..=WORD_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-05-01T06:00:00Z".parse().unwrap()
    }

    fn runner() -> Facts {
        Facts {
            region: Some("KZ-75".to_owned()),
            country: Some("KZ".to_owned()),
            locale: "kk-KZ".to_owned(),
            sports: ["running".to_owned()].into(),
            level: 3,
            badges: ["first_run".to_owned()].into(),
            last_active: Some("2026-04-30T06:00:00Z".parse().unwrap()),
            consents: ["promo".to_owned()].into(),
            groups: BTreeSet::new(),
            birth_year: Some(2008),
            last_purchase: None,
        }
    }

    fn rule(text: &str) -> Rule {
        Rule::parse(text, "/eligibility").unwrap()
    }

    fn faults(text: &str) -> Vec<(String, String)> {
        Rule::parse(text, "/eligibility").unwrap_err().into_iter().map(|it| (it.pointer, it.code)).collect()
    }

    #[test]
    fn every_clause_is_read_and_written_as_it_was() {
        let text = r#"{"all":[{"region_in":["KZ-75"]},{"country_in":["KZ"]},{"locale_in":["kk"]},{"sport_in":["running"]},
            {"level_at_least":3},{"badge":"first_run"},{"active_within_days":30},{"not":{"group":"g"}},{"consent":"promo"},
            {"any":[{"age_at_least":17},{"purchased_within_days":90}]}]}"#;
        let rule = rule(text);
        assert_eq!(rule.to_json(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(rule.unmet(&runner(), now()), Vec::<Value>::new());
    }

    #[test]
    fn a_rule_that_is_not_met_names_the_failing_clauses_as_written() {
        let rule =
            rule(r#"{"all":[{"level_at_least":5},{"badge":"first_run"},{"not":{"consent":"promo"}}]}"#);
        assert_eq!(
            reasons(&rule.unmet(&runner(), now())),
            [
                r#"{"clause":{"level_at_least":5},"met":false}"#,
                r#"{"clause":{"not":{"consent":"promo"}},"met":false}"#
            ]
        );
    }

    #[test]
    fn an_age_counts_only_when_the_birth_year_makes_it_certain() {
        assert!(!rule(r#"{"age_at_least":18}"#).is_met(&runner(), now()), "born 2008: may still be 17");
        assert!(rule(r#"{"age_at_least":17}"#).is_met(&runner(), now()));
        assert!(!rule(r#"{"age_at_least":1}"#).is_met(&Facts::default(), now()), "unknown is not old enough");
    }

    #[test]
    fn a_group_is_the_same_however_its_id_is_written() {
        let id = "4d874a38-0000-4000-8000-000000000001";
        for written in [id.to_owned(), id.to_uppercase(), id.replace('-', "")] {
            assert_eq!(rule(&format!(r#"{{"group":"{written}"}}"#)).group(), Some(id), "{written}");
        }
    }

    #[test]
    fn an_unknown_clause_is_refused_with_its_pointer() {
        assert_eq!(
            faults(r#"{"all":[{"badge":"x"},{"any":[{"shoe_size":43}]}]}"#),
            [("/eligibility/all/1/any/0/shoe_size".to_owned(), "unknown_clause".to_owned())]
        );
    }

    #[test]
    fn depth_size_and_lists_are_bounded() {
        let deep = format!("{}{}{}", r#"{"not":"#.repeat(20), r#"{"badge":"x"}"#, "}".repeat(20));
        assert_eq!(faults(&deep)[0].1, "too_deep");
        let wide = format!(r#"{{"all":[{}]}}"#, vec![r#"{"badge":"x"}"#; 200].join(","));
        assert_eq!(faults(&wide)[0].1, "too_large");
        assert_eq!(faults(r#"{"all":[]}"#)[0].1, "empty");
        assert_eq!(
            faults(r#"{"region_in":["kz"]}"#)[0],
            ("/eligibility/region_in/0".to_owned(), "unknown_value".to_owned())
        );
        assert_eq!(faults(r#"{"level_at_least":-1}"#)[0].1, "out_of_range");
        assert_eq!(faults(r#"{"level_at_least":1e300}"#)[0].1, "out_of_range");
        assert_eq!(faults(r#"{"badge":"x","level_at_least":2}"#)[0].1, "one_clause");
        assert_eq!(faults("[]")[0].1, "not_a_rule");
    }

    #[test]
    fn a_rule_that_asks_for_nothing_is_met_by_everyone() {
        assert!(rule("{}").is_met(&Facts::default(), now()));
    }
}
