//! Every set of rules that was ever in force: what an account was told by an older one is explained, and taken over, by
//! the newest.

use std::{collections::BTreeMap, path::Path};

use super::rules::{Invalid, Rules};

/// The house's own sets, by their versions.
const HOUSE: [&str; 3] = [
    include_str!("../../rules/v1.json"),
    include_str!("../../rules/v2.json"),
    include_str!("../../rules/v3.json"),
];

/// Sets of rules by their versions; the newest is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Rulebook {
    newest: Rules,
    older: BTreeMap<u32, Rules>,
}

impl Rulebook {
    /// One set, and nothing before it.
    pub fn of(rules: Rules) -> Self {
        Self { newest: rules, older: BTreeMap::new() }
    }

    /// What the house is delivered with.
    ///
    /// # Errors
    /// A document that is no set of rules.
    pub fn house() -> Result<Self, Invalid> {
        let [first, later @ ..] = HOUSE;
        let mut book = Self::of(Rules::parse(first)?);
        for document in later {
            book = book.with(Rules::parse(document)?)?;
        }
        Ok(book)
    }

    /// The house's, and the documents `*.json` of a folder beside them.
    ///
    /// # Errors
    /// A folder or a document that cannot be read, a set that is none, a version that says something else already.
    pub fn with_folder(folder: &Path) -> Result<Self, Invalid> {
        let fault =
            |what: &Path, error: &dyn std::fmt::Display| Invalid(format!("{}: {error}", what.display()));
        let entries = std::fs::read_dir(folder).map_err(|error| fault(folder, &error))?;
        let mut book = Self::house()?;
        for entry in entries {
            let path = entry.map_err(|error| fault(folder, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let document = std::fs::read_to_string(&path).map_err(|error| fault(&path, &error))?;
                let rules = Rules::parse(&document).map_err(|error| fault(&path, &error.0))?;
                book = book.with(rules).map_err(|error| fault(&path, &error.0))?;
            }
        }
        Ok(book)
    }

    /// # Errors
    /// The version says something else already: what was in force is never edited.
    pub fn with(mut self, rules: Rules) -> Result<Self, Invalid> {
        let version = rules.version;
        match self.version(version) {
            Some(known) if *known == rules => {}
            Some(_) => return Err(Invalid(format!("version {version} says something else already"))),
            None if version > self.newest.version => {
                let before = std::mem::replace(&mut self.newest, rules);
                self.older.insert(before.version, before);
            }
            None => {
                self.older.insert(version, rules);
            }
        }
        Ok(self)
    }

    pub const fn in_force(&self) -> &Rules {
        &self.newest
    }

    pub fn version(&self, version: u32) -> Option<&Rules> {
        if version == self.newest.version { Some(&self.newest) } else { self.older.get(&version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_house_is_in_force_and_older_ones_are_known() {
        let book = Rulebook::house().unwrap();
        assert_eq!(book.in_force().version, 3);
        assert_eq!(book.version(1).unwrap().streak_freezes, None, "the first knew no freezes");
        assert_eq!(book.version(4), None);
    }

    #[test]
    fn a_version_is_never_edited_and_its_order_is_no_matter() {
        let book = Rulebook::house().unwrap();
        let next = Rules { version: 4, xp_per_day_max: 7, ..book.in_force().clone() };
        let edited = Rules { xp_per_day_max: 8, ..next.clone() };
        let known = book.clone().with(next.clone()).unwrap();
        assert_eq!(known.in_force(), &next);
        assert_eq!(known.clone().with(next.clone()).unwrap(), known);
        assert!(known.with(edited).unwrap_err().0.contains("version 4"));
        let older = Rulebook::of(next.clone()).with(book.in_force().clone()).unwrap();
        assert_eq!((older.in_force(), older.version(3)), (&next, Some(book.in_force())));
    }

    #[test]
    fn a_folder_adds_documents_and_a_faulty_one_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let next = include_str!("../../rules/v3.json").replacen("\"version\": 3", "\"version\": 4", 1);
        std::fs::write(folder.path().join("v4.json"), next).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not rules").unwrap();
        assert_eq!(Rulebook::with_folder(folder.path()).unwrap().in_force().version, 4);
        std::fs::write(folder.path().join("v5.json"), "{}").unwrap();
        assert!(Rulebook::with_folder(folder.path()).unwrap_err().0.contains("v5.json"));
        assert!(Rulebook::with_folder(&folder.path().join("nowhere")).is_err());
    }
}
