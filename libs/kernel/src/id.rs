//! Typed identifiers. An `Id<Account>` cannot be passed where an `Id<Activity>` is wanted.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A UUID that knows what it names.
pub struct Id<Kind>(Uuid, PhantomData<fn() -> Kind>);

/// Kinds are empty types: they exist only to tell ids apart.
pub enum Account {}
pub enum Activity {}

pub type AccountId = Id<Account>;
pub type ActivityId = Id<Activity>;

impl<Kind> Id<Kind> {
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// A fresh random id, for things that no retry could make a second time.
    pub fn random() -> Self {
        Self::new(Uuid::new_v4())
    }

    /// The id of the thing that `parts` describe: the same parts give the same id, so a retry makes the same thing.
    /// Parts are length-prefixed: `("ab","c")` and `("a","bc")` differ.
    pub fn derived(parts: &[&[u8]]) -> Self {
        Self::new(derived(parts))
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// `uuid5` over length-prefixed parts, in Stadion's own namespace.
pub fn derived(parts: &[&[u8]]) -> Uuid {
    const NAMESPACE: Uuid = Uuid::from_u128(0x5374_6164_696f_6e00_8000_0000_0000_0001);
    let mut name = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part);
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

impl<Kind> Clone for Id<Kind> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Kind> Copy for Id<Kind> {}
impl<Kind> PartialEq for Id<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Kind> Eq for Id<Kind> {}
impl<Kind> PartialOrd for Id<Kind> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Kind> Ord for Id<Kind> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<Kind> Hash for Id<Kind> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<Kind> FromStr for Id<Kind> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self::new)
    }
}
impl<Kind> From<Uuid> for Id<Kind> {
    fn from(uuid: Uuid) -> Self {
        Self::new(uuid)
    }
}
impl<Kind> Serialize for Id<Kind> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, Kind> Deserialize<'de> for Id<Kind> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_stable_and_parts_do_not_run_together() {
        let one = AccountId::derived(&[b"ab", b"c"]);
        assert_eq!(one, AccountId::derived(&[b"ab", b"c"]));
        assert_ne!(one, AccountId::derived(&[b"a", b"bc"]));
    }
}
