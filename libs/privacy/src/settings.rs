//! What an owner chose, what holds where nothing was chosen, and what a minor cannot choose.
//!
//! | class | adult's default | ceiling under 18 |
//! |---|---|---|
//! | profile | everyone | followers |
//! | summary | followers | friends |
//! | map, start_time, photos | followers | friends |
//! | heart_rate, body, device | only me | only me |
//! | found by search | yes | friends of friends |
//! | name on boards | shown | anonymous |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{audience::Audience, class::DataClass, zone::Zone};

/// An owner's privacy settings. A class without an entry follows the default, now and if the default is tightened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub audiences: BTreeMap<DataClass, Audience>,
    /// May be found by name, handle, region, sport.
    pub searchable: bool,
    pub board_name: BoardName,
    /// Followers must be approved.
    pub follow_approval: bool,
    pub zones: Vec<Zone>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            audiences: BTreeMap::new(),
            searchable: true,
            board_name: BoardName::Shown,
            follow_approval: false,
            zones: Vec::new(),
        }
    }
}

/// How a member of a board is named to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardName {
    Shown,
    Anonymous,
}

impl BoardName {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Anonymous => "anonymous",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shown, Self::Anonymous].into_iter().find(|name| name.as_str() == text)
    }
}

impl Settings {
    /// What holds for a class: the owner's choice, else the default. A minor's ceiling stands above both.
    pub fn audience(&self, class: DataClass) -> Audience {
        self.audiences.get(&class).cloned().unwrap_or_else(|| default_audience(class))
    }

    /// The settings as they take effect for this owner: every class named, a minor's ceilings applied. What
    /// `GET /me/privacy` shows.
    pub fn effective(&self, minor: bool) -> BTreeMap<DataClass, Audience> {
        let bounded = |class| {
            let chosen = self.audience(class);
            if minor { within(&chosen, &ceiling(class)) } else { chosen }
        };
        DataClass::ALL.into_iter().map(|class| (class, bounded(class))).collect()
    }
}

/// An adult's audience where nothing was chosen.
pub fn default_audience(class: DataClass) -> Audience {
    match class {
        DataClass::Profile => Audience::everyone(),
        DataClass::Summary | DataClass::Map | DataClass::StartTime | DataClass::Photos => {
            Audience::followers()
        }
        DataClass::HeartRate | DataClass::Body | DataClass::Device => Audience::only_me(),
    }
}

/// The widest audience that somebody under 18 can have.
pub fn ceiling(class: DataClass) -> Audience {
    match class {
        DataClass::Profile => Audience::followers(),
        DataClass::Summary | DataClass::Map | DataClass::StartTime | DataClass::Photos => Audience::friends(),
        DataClass::HeartRate | DataClass::Body | DataClass::Device => Audience::only_me(),
    }
}

/// `chosen` in words under a ceiling. Groups stay named, although of them only those are admitted whom the ceiling
/// admits too: no word says "friends in this group", and what is told may not be less than what is shown.
fn within(chosen: &Audience, ceiling: &Audience) -> Audience {
    if ceiling.is_only_me() {
        return Audience::only_me();
    }
    let followers = ceiling.followers && (chosen.everyone || chosen.followers);
    let friends = !followers && (chosen.everyone || chosen.followers || chosen.friends);
    Audience { everyone: false, followers, friends, ..chosen.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adult_starts_with_the_defaults() {
        let effective = Settings::default().effective(false);
        assert_eq!(effective[&DataClass::Profile], Audience::everyone());
        assert_eq!(effective[&DataClass::Map], Audience::followers());
        assert_eq!(effective[&DataClass::HeartRate], Audience::only_me());
        assert_eq!(effective.len(), DataClass::ALL.len());
    }

    #[test]
    fn a_minor_keeps_below_the_ceiling_whatever_was_chosen() {
        let wide = Settings {
            audiences: DataClass::ALL.into_iter().map(|class| (class, Audience::everyone())).collect(),
            ..Settings::default()
        };
        let effective = wide.effective(true);
        assert_eq!(effective[&DataClass::Profile], Audience::followers());
        assert_eq!(effective[&DataClass::Summary], Audience::friends());
        assert_eq!(effective[&DataClass::HeartRate], Audience::only_me());
    }
}
