//! One account's part in one challenge. Stream `participation-{challenge}-{account}`.

use eventing::StreamId;
use kernel::{AccountId, Refusal};

use super::challenge::ChallengeId;

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
    /// `region:{code}`, `club:{group id}`, `level:{n}`, sorted; without `all`.
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

    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// How an active participant is shown from now on; `count_private`: `None` leaves it as it is.
    pub fn change(
        &self,
        challenge: ChallengeId,
        account: AccountId,
        show_as: ShowAs,
        count_private: Option<bool>,
    ) -> Result<Vec<Event>, Refusal> {
        if !self.is_active() {
            return Err(Refusal::not_found());
        }
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
