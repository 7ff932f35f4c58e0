//! What a viewer is to an owner, as far as is known. What is not known is `false`: it hides.

use std::collections::BTreeSet;

use crate::audience::GroupId;

/// The viewer's relation bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// The viewer is the owner.
    pub owner: bool,
    /// The viewer follows the owner, approved where approval is asked for.
    pub follower: bool,
    pub friend: bool,
    /// The two have a friend in common; matters for search only.
    pub friend_of_friend: bool,
    /// Groups that both are members of at present.
    pub shared_groups: BTreeSet<GroupId>,
    /// One of the two blocks the other.
    pub blocked: bool,
}

impl Relation {
    /// Looking at one's own things.
    pub fn owner() -> Self {
        Self { owner: true, ..Self::default() }
    }

    /// Nobody in particular, signed in or not.
    pub fn stranger() -> Self {
        Self::default()
    }

    /// What the two are to each other cannot be known at the moment: hides everything.
    pub fn unknown() -> Self {
        Self { blocked: true, ..Self::default() }
    }

    pub fn follower() -> Self {
        Self { follower: true, ..Self::default() }
    }

    pub fn friend() -> Self {
        Self { friend: true, follower: true, ..Self::default() }
    }
}
