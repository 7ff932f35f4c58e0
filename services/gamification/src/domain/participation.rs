//! One account's part in one challenge. Stream `participation-{challenge}-{account}`.

use eventing::StreamId;
use kernel::{AccountId, Refusal};

use super::{
    challenge::ChallengeId,
    teams::{self, TeamId},
};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Joined {
        challenge: ChallengeId,
        account: AccountId,
        /// Fixed at the first joining.
        member: u32,
        show_as: ShowAs,
        count_private: bool,
        joined_us: i64,
        /// `None`: erased with its key.
        frozen: Option<Frozen>,
    },
    Changed {
        challenge: ChallengeId,
        account: AccountId,
        show_as: ShowAs,
        count_private: bool,
    },
    Left {
        challenge: ChallengeId,
        account: AccountId,
    },
    Erased {
        challenge: ChallengeId,
        account: AccountId,
    },
}

/// Who reads the participant's name on the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ShowAs {
    /// Whoever may see it.
    #[default]
    Name,
    Anonymous,
}

impl ShowAs {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Anonymous => "anonymous",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "name" => Some(Self::Name),
            "anonymous" => Some(Self::Anonymous),
            _ => None,
        }
    }
}

/// What of the participant holds for this challenge, whatever changes later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frozen {
    /// `region:{code}`, `club:{group id}`, `level:{n}`, `team:{group id}`, …, sorted; without `all`.
    pub segments: Vec<String>,
    /// IANA; may be empty where none is known.
    pub time_zone: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Never,
    Active,
    Left,
    Erased,
}

/// The state of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Participation {
    pub standing: Standing,
    pub member: u32,
    pub show_as: ShowAs,
    pub count_private: bool,
    pub joined_us: i64,
    pub frozen: Option<Frozen>,
}

impl Participation {
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Joined { member, show_as, count_private, joined_us, frozen, .. } => {
                *self = Self {
                    standing: Standing::Active,
                    member: *member,
                    show_as: *show_as,
                    count_private: *count_private,
                    joined_us: *joined_us,
                    frozen: frozen.clone(),
                };
            }
            Event::Changed { show_as, count_private, .. } => {
                self.show_as = *show_as;
                self.count_private = *count_private;
            }
            Event::Left { .. } => self.standing = Standing::Left,
            Event::Erased { .. } => {
                self.standing = Standing::Erased;
                self.frozen = None;
            }
        }
    }

    /// For whom it competes, or did before it left.
    pub fn team(&self) -> Option<TeamId> {
        self.frozen.as_ref().and_then(|frozen| teams::of(&frozen.segments))
    }

    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// How an active participant is shown from now on; `None` leaves it as it is.
    pub fn change(
        &self,
        challenge: ChallengeId,
        account: AccountId,
        show_as: Option<ShowAs>,
        count_private: Option<bool>,
    ) -> Result<Vec<Event>, Refusal> {
        if !self.is_active() {
            return Err(Refusal::not_found());
        }
        let show_as = show_as.unwrap_or(self.show_as);
        let count_private = count_private.unwrap_or(self.count_private);
        if (show_as, count_private) == (self.show_as, self.count_private) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Changed { challenge, account, show_as, count_private }])
    }

    pub fn leave(&self, challenge: ChallengeId, account: AccountId) -> Vec<Event> {
        if self.is_active() { vec![Event::Left { challenge, account }] } else { Vec::new() }
    }

    pub fn erase(&self, challenge: ChallengeId, account: AccountId) -> Vec<Event> {
        match self.standing {
            Standing::Active | Standing::Left => vec![Event::Erased { challenge, account }],
            Standing::Never | Standing::Erased => Vec::new(),
        }
    }
}

/// The stream of an account's part in a challenge.
pub fn stream_of(challenge: ChallengeId, account: AccountId) -> StreamId {
    StreamId::named(&format!("participation-{challenge}-{account}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(frozen: Option<Frozen>) -> Event {
        let (challenge, account) = ids();
        let (show_as, count_private) = (ShowAs::Anonymous, false);
        Event::Joined { challenge, account, member: 7, show_as, count_private, joined_us: 5, frozen }
    }

    fn ids() -> (ChallengeId, AccountId) {
        (ChallengeId::derived(&[b"challenge"]), AccountId::derived(&[b"account"]))
    }

    fn after(events: &[Event]) -> Participation {
        let mut part = Participation::default();
        events.iter().for_each(|event| part.evolve(event));
        part
    }

    #[test]
    fn what_is_not_said_stays_as_it_was() {
        let (challenge, account) = ids();
        let part = after(&[joined(None)]);
        assert_eq!(part.change(challenge, account, None, None).unwrap(), []);
        let changed = part.change(challenge, account, None, Some(true)).unwrap();
        assert_eq!(
            changed,
            [Event::Changed { challenge, account, show_as: ShowAs::Anonymous, count_private: true }]
        );
    }

    #[test]
    fn who_has_left_keeps_the_number_and_cannot_be_shown_otherwise() {
        let (challenge, account) = ids();
        let left = after(&[joined(None), Event::Left { challenge, account }]);
        assert_eq!((left.standing, left.member), (Standing::Left, 7));
        assert_eq!(left.leave(challenge, account), []);
        assert!(left.change(challenge, account, Some(ShowAs::Name), None).is_err());
    }

    #[test]
    fn nothing_frozen_outlives_an_erasure() {
        let (challenge, account) = ids();
        let frozen = Frozen { segments: vec!["region:KZ-75".to_owned()], time_zone: String::new() };
        let part = after(&[joined(Some(frozen))]);
        let erased = part.erase(challenge, account);
        let part = after(&[&[joined(None)], erased.as_slice()].concat());
        assert_eq!((part.standing, &part.frozen), (Standing::Erased, &None));
        assert_eq!(part.erase(challenge, account), []);
        assert_eq!(after(&[]).erase(challenge, account), [], "who never joined has nothing to erase");
    }
}
