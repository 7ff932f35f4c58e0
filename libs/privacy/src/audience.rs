//! An audience: a set out of `everyone followers friends groups group:{id}`. The empty set is "only me".

use std::{collections::BTreeSet, fmt, str::FromStr};

use kernel::Id;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::relation::Relation;

/// Names a group.
pub enum Group {}
pub type GroupId = Id<Group>;

/// How many groups one audience may name.
pub const NAMED_GROUPS_MAX: usize = 50;

/// Whom an owner shows something to. The owner is always among them and is never written down.
///
/// The circles lie inside each other, `everyone ⊇ followers ⊇ friends`: a friend sees what followers see even after
/// he stopped following, because ending a friendship is an act of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience {
    pub everyone: bool,
    pub followers: bool,
    pub friends: bool,
    /// Everybody who shares any group with the owner.
    pub groups: bool,
    /// Members of these groups, as long as the owner is one too.
    pub named_groups: BTreeSet<GroupId>,
}

impl Audience {
    pub const fn only_me() -> Self {
        Self {
            everyone: false,
            followers: false,
            friends: false,
            groups: false,
            named_groups: BTreeSet::new(),
        }
    }

    pub fn everyone() -> Self {
        Self { everyone: true, ..Self::only_me() }
    }

    pub fn followers() -> Self {
        Self { followers: true, ..Self::only_me() }
    }

    pub fn friends() -> Self {
        Self { friends: true, ..Self::only_me() }
    }

    pub fn is_only_me(&self) -> bool {
        *self == Self::only_me()
    }

    /// Reads the words of the public vocabulary; repeated words count once.
    ///
    /// # Errors
    /// The index of the first word that is none, or too many groups.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self, AudienceError> {
        let mut audience = Self::only_me();
        for (index, word) in words.iter().enumerate() {
            audience.add(word.as_ref()).map_err(|reason| AudienceError { index, reason })?;
        }
        Ok(audience)
    }

    fn add(&mut self, word: &str) -> Result<(), Reason> {
        match word {
            "everyone" => self.everyone = true,
            "followers" => self.followers = true,
            "friends" => self.friends = true,
            "groups" => self.groups = true,
            _ => {
                let id = word.strip_prefix("group:").ok_or(Reason::UnknownWord)?;
                self.named_groups.insert(GroupId::from_str(id).map_err(|_| Reason::GroupId)?);
                if self.named_groups.len() > NAMED_GROUPS_MAX {
                    return Err(Reason::TooManyGroups);
                }
            }
        }
        Ok(())
    }

    /// The words of the public vocabulary, always in the same order.
    pub fn words(&self) -> Vec<String> {
        let plain = [
            (self.everyone, "everyone"),
            (self.followers, "followers"),
            (self.friends, "friends"),
            (self.groups, "groups"),
        ];
        let plain = plain.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned());
        plain.chain(self.named_groups.iter().map(|id| format!("group:{id}"))).collect()
    }

    /// Does somebody with this relation belong to the audience? Blocks and erasure are not looked at here.
    pub fn admits(&self, viewer: &Relation) -> bool {
        viewer.owner
            || self.everyone
            || (self.followers && (viewer.follower || viewer.friend))
            || (self.friends && viewer.friend)
            || (self.groups && !viewer.shared_groups.is_empty())
            || viewer.shared_groups.iter().any(|group| self.named_groups.contains(group))
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_only_me() { f.write_str("only me") } else { f.write_str(&self.words().join(" ")) }
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.words().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What is wrong with a list of words, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("word {index} of the audience: {reason}")]
pub struct AudienceError {
    /// Position in the list, from 0: the end of a JSON pointer.
    pub index: usize,
    pub reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("is none of everyone, followers, friends, groups, group:{{id}}")]
    UnknownWord,
    #[error("does not name a group by its id")]
    GroupId,
    #[error("more than {NAMED_GROUPS_MAX} groups are named")]
    TooManyGroups,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "group:6f2c1e64-0b1f-4a43-9d0e-9d5f3c8a0b11";

    #[test]
    fn words_are_read_and_written_in_one_order() {
        let audience = Audience::parse(&[GROUP, "friends", "followers", "friends"]).unwrap();
        assert_eq!(audience.words(), ["followers", "friends", GROUP]);
        assert_eq!(Audience::parse(&audience.words()), Ok(audience));
    }

    #[test]
    fn no_words_mean_only_me() {
        assert!(Audience::parse::<&str>(&[]).unwrap().is_only_me());
    }

    #[test]
    fn a_wrong_word_is_named_by_its_place() {
        let refused = |words: &[&str]| Audience::parse(words).unwrap_err();
        assert_eq!(
            refused(&["friends", "Everyone"]),
            AudienceError { index: 1, reason: Reason::UnknownWord }
        );
        assert_eq!(refused(&["group:7"]), AudienceError { index: 0, reason: Reason::GroupId });
        assert_eq!(refused(&["", GROUP]), AudienceError { index: 0, reason: Reason::UnknownWord });
    }

    #[test]
    fn groups_are_bounded() {
        let words: Vec<String> =
            (0..=NAMED_GROUPS_MAX as u128).map(|n| format!("group:{}", uuid(n))).collect();
        assert_eq!(Audience::parse(&words[..NAMED_GROUPS_MAX]).unwrap().named_groups.len(), NAMED_GROUPS_MAX);
        assert_eq!(
            Audience::parse(&words),
            Err(AudienceError { index: NAMED_GROUPS_MAX, reason: Reason::TooManyGroups })
        );
    }

    fn uuid(n: u128) -> String {
        format!("{n:08x}-0000-4000-8000-000000000000")
    }
}
