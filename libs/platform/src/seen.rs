//! Read-your-writes: how far a caller has seen each service's journal.
//!
//! Text form in metadata: `service=epoch.part.position`, comma-separated. The gateway makes it opaque.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// Request and response metadata key.
pub const METADATA: &str = "stadion-seen";

const SERVICES_MAX: usize = 32;

/// A place in one journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Raised when a store is restored to an earlier state; marks of other epochs say nothing.
    pub epoch: u32,
    pub part: u32,
    pub position: i64,
}

impl Mark {
    pub fn at(position: i64) -> Self {
        Self { epoch: 0, part: 0, position }
    }
}

/// The newest mark of each service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<String, Mark>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of service=epoch.part.position")]
pub struct NotSeen;

impl Seen {
    pub fn of(service: &str, mark: Mark) -> Self {
        Self(BTreeMap::from([(service.to_owned(), mark)]))
    }

    pub fn mark(&self, service: &str) -> Option<Mark> {
        self.0.get(service).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the newer mark of each service.
    pub fn merge(&mut self, other: &Self) {
        for (service, mark) in &other.0 {
            if !self.0.contains_key(service) && self.0.len() == SERVICES_MAX {
                continue;
            }
            let held = self.0.entry(service.clone()).or_insert(*mark);
            *held = (*held).max(*mark);
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (service, mark)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{service}={}.{}.{}", mark.epoch, mark.part, mark.position)?;
        }
        Ok(())
    }
}

impl FromStr for Seen {
    type Err = NotSeen;

    fn from_str(text: &str) -> Result<Self, NotSeen> {
        let mut seen = Self::default();
        for entry in text.split(',').filter(|entry| !entry.is_empty()) {
            let (service, mark) = entry.split_once('=').ok_or(NotSeen)?;
            let known = service.bytes().all(|byte| byte.is_ascii_lowercase());
            if !known || service.is_empty() || service.len() > 32 || seen.0.len() == SERVICES_MAX {
                return Err(NotSeen);
            }
            let mut numbers = mark.split('.');
            let mut next = || numbers.next().ok_or(NotSeen);
            let mark = Mark {
                epoch: next()?.parse().map_err(|_| NotSeen)?,
                part: next()?.parse().map_err(|_| NotSeen)?,
                position: next()?.parse().map_err(|_| NotSeen)?,
            };
            if numbers.next().is_some() || mark.position < 0 {
                return Err(NotSeen);
            }
            seen.0.insert(service.to_owned(), mark);
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_mark_of_each_service_is_kept() {
        let mut seen: Seen = "auth=0.0.7,promo=0.0.3".parse().unwrap();
        seen.merge(&"activity=0.0.1,auth=0.0.5,promo=0.0.4".parse().unwrap());
        assert_eq!(seen.to_string(), "activity=0.0.1,auth=0.0.7,promo=0.0.4");
    }

    #[test]
    fn what_is_no_list_of_marks_is_refused() {
        for text in ["auth", "auth=1", "auth=0.0.x", "=0.0.1", "AUTH=0.0.1", "auth=0.0.-1", "auth=0.0.1.2"] {
            assert_eq!(text.parse::<Seen>(), Err(NotSeen), "{text}");
        }
    }
}
