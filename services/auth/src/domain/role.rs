//! What an account may do beyond being one, and where.

use std::collections::BTreeMap;

use kernel::{FieldError, place::Region};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Marketer,
    Coach,
    Moderator,
    PrivacyOfficer,
    Operator,
}

impl Role {
    const ALL: [Self; 5] =
        [Self::Marketer, Self::Coach, Self::Moderator, Self::PrivacyOfficer, Self::Operator];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketer => "marketer",
            Self::Coach => "coach",
            Self::Moderator => "moderator",
            Self::PrivacyOfficer => "privacy_officer",
            Self::Operator => "operator",
        }
    }
}

/// A set of regions, sorted; empty = not limited to regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions(Vec<Region>);

/// A role may name at most this many regions.
const REGIONS_MAX: usize = 500;

impl Regions {
    pub fn parse(pointer: &str, texts: &[String]) -> Result<Self, FieldError> {
        let fault = |pointer: String, code: &str, detail: &str| FieldError {
            pointer,
            code: code.to_owned(),
            detail: detail.to_owned(),
        };
        if texts.len() > REGIONS_MAX {
            return Err(fault(pointer.to_owned(), "too_many", "at most 500 regions"));
        }
        let mut regions = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            regions.push(Region::parse(text).ok_or_else(|| {
                fault(
                    format!("{pointer}/{index}"),
                    "not_a_region",
                    "a region is written as ISO 3166-2 has it: KZ-75",
                )
            })?);
        }
        regions.sort();
        regions.dedup();
        Ok(Self(regions))
    }

    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|region| region.as_str().to_owned()).collect()
    }

    /// From our own journal: what does not parse any more is left out.
    pub(crate) fn kept(texts: &[String]) -> Self {
        Self(texts.iter().filter_map(|text| Region::parse(text)).collect())
    }
}

pub type Roles = BTreeMap<Role, Regions>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_back_from_their_texts() {
        assert!(Role::ALL.into_iter().all(|role| Role::parse(role.as_str()) == Some(role)));
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn regions_are_a_set_and_a_wrong_one_is_pointed_at() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let regions = Regions::parse("/regions", &texts(&["KZ-75", "KZ-71", "KZ-75"])).expect("regions");
        assert_eq!(regions.texts(), ["KZ-71", "KZ-75"]);
        let refused = Regions::parse("/regions", &texts(&["KZ-75", "almaty"])).expect_err("refused");
        assert_eq!(refused.pointer, "/regions/1");
    }
}
