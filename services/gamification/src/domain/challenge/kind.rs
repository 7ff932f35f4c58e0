//! Who competes: everybody for themselves, or groups with groups.

/// Who competes with whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    #[default]
    Individual,
    /// Groups: each of them takes part with its first member who joins.
    Group,
    /// Teams: the groups that the author has named; none named, as [`Kind::Group`].
    Team,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Individual, Self::Group, Self::Team];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
            Self::Team => "team",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Everybody competes for a team.
    pub const fn has_teams(self) -> bool {
        matches!(self, Self::Group | Self::Team)
    }
}
