//! One challenge: drafted, opened, perhaps extended or stopped, settled. Stream `challenge-{id}`.
//!
//! | file | |
//! |---|---|
//! | [`kind`] | who competes with whom |
//! | [`terms`] | what it asks and promises |
//! | [`window`] | when activities count |
//!
//! Whether a challenge runs is never stored: it follows from what happened and the time ([`State::of`]).

pub mod kind;
pub mod terms;
pub mod window;

use std::sync::Arc;

use kernel::{AccountId, Code, Id, Refusal};

use super::teams::TeamId;
pub use kind::Kind;
pub use terms::{CountFrom, Metric, Reward, RewardAt, Terms, Ties};
pub use window::{Bounds, Clock, Window};

pub type ChallengeId = Id<Challenge>;

/// How long a reason may be.
pub const REASON_CHARS_MAX: usize = 500;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Drafted {
        challenge: ChallengeId,
        author: AccountId,
        terms: Arc<Terms>,
    },
    Changed {
        challenge: ChallengeId,
        by: AccountId,
        terms: Arc<Terms>,
    },
    Opened {
        challenge: ChallengeId,
        by: AccountId,
        opened_us: i64,
    },
    /// Of the window only the end differs.
    Extended {
        challenge: ChallengeId,
        by: AccountId,
        window: Window,
        reason: String,
    },
    /// `opened`: its window had begun, and it is settled at once; else it is over with this.
    Stopped {
        challenge: ChallengeId,
        by: AccountId,
        reason: String,
        stopped_us: i64,
        opened: bool,
    },
    Settling {
        challenge: ChallengeId,
        activity_head: u64,
    },
    PlacementsFixed {
        challenge: ChallengeId,
        placements: Vec<Placement>,
    },
    TeamsFixed {
        challenge: ChallengeId,
        teams: Vec<TeamPlacement>,
    },
    Settled {
        challenge: ChallengeId,
        count: u32,
        checksum: Vec<u8>,
        settled_us: i64,
    },
    PlacementAdjusted {
        challenge: ChallengeId,
        account: AccountId,
        score_before: i64,
        score_after: i64,
        reason: String,
        at_us: i64,
    },
}

/// A place in the final order. Scores are thousandths of the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    pub account: AccountId,
    pub rank: u32,
    pub member: u32,
    pub score: i64,
    pub reached_us: i64,
    pub tied: bool,
    pub anonymous: bool,
    /// `None`: it competed alone.
    pub team: Option<TeamPlace>,
    /// The rewards that it has earned, a bit each by their index in the terms; `None`: written before that was kept.
    pub earned: Option<u64>,
}

/// The place of somebody's team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeamPlace {
    pub team: TeamId,
    pub rank: u32,
    pub score: i64,
}

/// A team's place in the final order of teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeamPlacement {
    pub team: TeamId,
    pub rank: u32,
    pub score: i64,
    pub reached_us: i64,
    pub tied: bool,
    /// Who have a score for it.
    pub members: u32,
    /// How many teams stand strictly behind.
    pub behind: u32,
}

/// Where a challenge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Draft,
    /// Opened: seats are taken; its window begins later.
    Scheduled,
    Open,
    /// The window is over; what is synced late still counts.
    Ended,
    Settling,
    Settled,
    /// It never opened to anybody: it was stopped as a draft, or before its window began.
    Stopped,
}

impl State {
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Scheduled, Self::Open, Self::Ended, Self::Settling, Self::Settled, Self::Stopped];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Settling => "settling",
            Self::Settled => "settled",
            Self::Stopped => "stopped",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// What follows from these marks now: the one place that says so.
    pub const fn of(marks: &Marks, now_us: i64) -> Self {
        if marks.settled_us.is_some() {
            return Self::Settled;
        }
        match (marks.opened_us, marks.stopped_us) {
            (None, None) => Self::Draft,
            (None, Some(_)) => Self::Stopped,
            (Some(_), Some(stopped_us)) if stopped_us < marks.start_us => Self::Stopped,
            (Some(_), Some(_)) => Self::Settling,
            (Some(_), None) if marks.settling => Self::Settling,
            (Some(_), None) if now_us < marks.start_us => Self::Scheduled,
            (Some(_), None) if now_us < marks.end_us => Self::Open,
            (Some(_), None) => Self::Ended,
        }
    }
}

/// What has happened to a challenge so far, and its window anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub opened_us: Option<i64>,
    pub stopped_us: Option<i64>,
    pub settling: bool,
    pub settled_us: Option<i64>,
    pub start_us: i64,
    pub end_us: i64,
}

impl Marks {
    /// Whether a stranger may not know of it: what was never opened is its author's and the staff's. What was opened and
    /// then stopped before its start has been seen, and says that it is off.
    pub const fn is_hidden(&self) -> bool {
        self.opened_us.is_none()
    }
}

/// The state of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Challenge {
    /// `None`: it does not exist.
    pub drafted: Option<Drafted>,
    pub opened_us: Option<i64>,
    pub stopped_us: Option<i64>,
    /// Activity's head up to which everything counts.
    pub settling: Option<u64>,
    pub settled_us: Option<i64>,
    /// How many events it has: what `If-Match` compares.
    pub revision: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Drafted {
    pub id: ChallengeId,
    pub author: AccountId,
    pub terms: Arc<Terms>,
}

impl Challenge {
    pub fn evolve(&mut self, event: &Event) {
        self.revision += 1;
        match event {
            Event::Drafted { challenge, author, terms } => {
                self.drafted = Some(Drafted { id: *challenge, author: *author, terms: terms.clone() });
            }
            Event::Changed { terms, .. } => self.set_terms(Terms::clone(terms)),
            Event::Opened { opened_us, .. } => self.opened_us = Some(*opened_us),
            Event::Extended { window, .. } => {
                if let Some(drafted) = &self.drafted {
                    self.set_terms(Terms { window: window.clone(), ..Terms::clone(&drafted.terms) });
                }
            }
            Event::Stopped { stopped_us, .. } => {
                self.stopped_us = Some(*stopped_us);
                if let Some(drafted) = &self.drafted {
                    self.set_terms(Terms::clone(&drafted.terms));
                }
            }
            Event::Settling { activity_head, .. } => self.settling = Some(*activity_head),
            Event::Settled { settled_us, .. } => self.settled_us = Some(*settled_us),
            Event::PlacementsFixed { .. } | Event::TeamsFixed { .. } | Event::PlacementAdjusted { .. } => {}
        }
    }

    fn set_terms(&mut self, mut terms: Terms) {
        terms.window.cut_us = self.stopped_us;
        if let Some(drafted) = &mut self.drafted {
            drafted.terms = Arc::new(terms);
        }
    }

    pub fn marks(&self) -> Marks {
        let window = self.drafted.as_ref().map(|drafted| &drafted.terms.window);
        Marks {
            opened_us: self.opened_us,
            stopped_us: self.stopped_us,
            settling: self.settling.is_some(),
            settled_us: self.settled_us,
            start_us: window.map_or(0, |window| window.start_us),
            end_us: window.map_or(0, |window| window.end_us),
        }
    }

    pub fn state(&self, now_us: i64) -> State {
        State::of(&self.marks(), now_us)
    }

    /// `not_found` before it is drafted.
    pub fn known(&self) -> Result<&Drafted, Refusal> {
        self.drafted.as_ref().ok_or_else(Refusal::not_found)
    }

    /// Drafted again under the same id, it is the same one: a retry.
    pub fn draft(&self, id: ChallengeId, author: AccountId, terms: Terms) -> Vec<Event> {
        if self.drafted.is_some() {
            return Vec::new();
        }
        vec![Event::Drafted { challenge: id, author, terms: Arc::new(terms) }]
    }

    /// A draft changes freely; an opened one only its name, and what makes it wider: capacity and whether it is public.
    pub fn change(&self, by: AccountId, terms: Terms, now_us: i64) -> Result<Vec<Event>, Refusal> {
        let drafted = self.known()?;
        let old = &drafted.terms;
        let terms = Terms { window: Window { cut_us: old.window.cut_us, ..terms.window }, ..terms };
        match self.state(now_us) {
            State::Draft => {}
            State::Scheduled | State::Open | State::Ended => wider(old, &terms)?,
            State::Settling | State::Settled | State::Stopped => return Err(closed()),
        }
        if **old == terms {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Changed { challenge: drafted.id, by, terms: Arc::new(terms) }])
    }

    /// A start in the past runs at once. Opened already: nothing changes.
    pub fn open(&self, by: AccountId, now_us: i64) -> Result<Vec<Event>, Refusal> {
        let drafted = self.known()?;
        match self.state(now_us) {
            State::Draft if drafted.terms.window.end_us <= now_us => {
                Err(Refusal::new(Code::ChallengeClosed, "its window is over already"))
            }
            State::Draft => Ok(vec![Event::Opened { challenge: drafted.id, by, opened_us: now_us }]),
            State::Scheduled | State::Open => Ok(Vec::new()),
            State::Ended | State::Settling | State::Settled | State::Stopped => Err(closed()),
        }
    }

    /// The end moves to a later time, as long as settling has not begun.
    pub fn extend(&self, by: AccountId, end: &str, reason: &str, now_us: i64) -> Result<Vec<Event>, Refusal> {
        let drafted = self.known()?;
        match self.state(now_us) {
            State::Scheduled | State::Open | State::Ended => {}
            State::Draft => return Err(Refusal::new(Code::Conflict, "a draft is changed, not extended")),
            State::Settling | State::Settled | State::Stopped => return Err(closed()),
        }
        let window = drafted
            .terms
            .window
            .extended(end)
            .map_err(|error| Refusal::field(&error.pointer, &error.code, error.detail))?;
        let reason = checked_reason(reason)?;
        Ok(vec![Event::Extended { challenge: drafted.id, by, window, reason }])
    }

    /// Over now, for good. What has begun is settled; what has not was never open to anybody.
    pub fn stop(&self, by: AccountId, reason: &str, now_us: i64) -> Result<Vec<Event>, Refusal> {
        let drafted = self.known()?;
        let opened = match self.state(now_us) {
            State::Draft | State::Scheduled => false,
            State::Open | State::Ended => true,
            State::Settling | State::Settled | State::Stopped => return Err(closed()),
        };
        let challenge = drafted.id;
        let reason = checked_reason(reason)?;
        Ok(vec![Event::Stopped { challenge, by, reason, stopped_us: now_us, opened }])
    }

    /// Whether somebody may take a seat now: from its opening to the end of its window, also before that has begun.
    pub fn joinable(&self, now_us: i64) -> Result<&Drafted, Refusal> {
        let drafted = self.known()?;
        match self.state(now_us) {
            State::Scheduled | State::Open => Ok(drafted),
            State::Draft => Err(Refusal::new(Code::ChallengeClosed, "the challenge has not been opened")),
            State::Ended | State::Settling | State::Settled | State::Stopped => Err(closed()),
        }
    }
}

pub(crate) fn closed() -> Refusal {
    Refusal::new(Code::ChallengeClosed, "the challenge is over")
}

fn wider(old: &Terms, new: &Terms) -> Result<(), Refusal> {
    let same = Terms { name: old.name.clone(), capacity: old.capacity, public: old.public, ..new.clone() };
    if same != *old {
        return Err(Refusal::new(
            Code::Conflict,
            "an opened challenge only changes its name, its capacity and whether it is public; extend moves its end",
        ));
    }
    let narrower = match (old.capacity, new.capacity) {
        (Some(before), Some(after)) => after < before,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if narrower {
        return Err(Refusal::new(Code::Conflict, "the capacity of an opened challenge only grows"));
    }
    Ok(())
}

fn checked_reason(reason: &str) -> Result<String, Refusal> {
    let reason = reason.trim();
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(Refusal::field("/reason", "too_long", "a reason has at most 500 characters"));
    }
    if reason.chars().any(char::is_control) {
        return Err(Refusal::field(
            "/reason",
            "invisible_characters",
            "a reason holds no control characters",
        ));
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
#[path = "challenge/tests.rs"]
mod tests;
