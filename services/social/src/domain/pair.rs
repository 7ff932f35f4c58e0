//! Two accounts: friendship, invitations, follows both ways, blocks both ways. One stream decides all of it.
//!
//! Every wish leads to one event at most. What the actor (A) wishes of the other (O), and what comes of it:
//!
//! | wish | nothing | A invited | O invited | friends | O blocks A | A blocks O |
//! |---|---|---|---|---|---|---|
//! | befriend | invited (409 within the wait) | – | friends, both follow | – | 404 | 404 |
//! | befriend, only if received | 409 | 409 | friends, both follow | – | 404 | 404 |
//! | unfriend | – | withdrawn | declined, O waits 30 days | ended, follows stay | – | – |
//! | block | blocked, all else ends | ″ | ″ | ″ | mutual | – |
//!
//! | wish | not following | asked | following | blocks |
//! |---|---|---|---|---|
//! | follow | asked where O approves (never among friends), else follows | follows when approval is not needed any more | – | 404 |
//! | unfollow, remove follower | – | ended | ended | – |
//! | approve | 409 | follows | – | 404 |
//!
//! After an erasure nothing connects the two, for ever.

use std::ops::{Index, IndexMut};

use kernel::{AccountId, Code, Refusal};

/// How long a declined inviter waits before asking again.
pub const DECLINED_WAIT_US: i64 = 30 * 24 * 3600 * 1_000_000;

/// Which of the two: the account with the lower id, or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Lo,
    Hi,
}

impl Side {
    /// The side of `one` in its pair with `other`.
    pub fn of(one: AccountId, other: AccountId) -> Self {
        if one < other { Self::Lo } else { Self::Hi }
    }

    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Lo => Self::Hi,
            Self::Hi => Self::Lo,
        }
    }
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sides<T>([T; 2]);

impl<T> Index<Side> for Sides<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        &self.0[side as usize]
    }
}

impl<T> IndexMut<Side> for Sides<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        &mut self.0[side as usize]
    }
}

/// Who wishes something of whom: never the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub actor: AccountId,
    pub other: AccountId,
}

impl Ends {
    /// # Errors
    /// `invalid_field` for oneself.
    pub fn new(actor: AccountId, other: AccountId) -> Result<Self, Refusal> {
        if actor == other {
            return Err(Refusal::field("/account_id", "oneself", "this is your own account"));
        }
        Ok(Self { actor, other })
    }

    pub fn side(&self) -> Side {
        Side::of(self.actor, self.other)
    }

    pub fn lo(&self) -> AccountId {
        self.actor.min(self.other)
    }

    pub fn hi(&self) -> AccountId {
        self.actor.max(self.other)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bond {
    #[default]
    None,
    /// By the lower or by the higher account.
    InvitedByLo,
    InvitedByHi,
    Friends,
}

impl Bond {
    fn invited_by(side: Side) -> Self {
        match side {
            Side::Lo => Self::InvitedByLo,
            Side::Hi => Self::InvitedByHi,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Follow {
    #[default]
    None,
    Requested,
    Following,
}

/// Everything between two accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pair {
    pub bond: Bond,
    /// Whether this side follows the other.
    pub follows: Sides<Follow>,
    /// Whether this side blocks the other.
    pub blocks: Sides<bool>,
    /// When this side, once declined, may invite again.
    pub again_us: Sides<i64>,
    pub erased: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Befriend {
        only_if_received: bool,
    },
    Unfriend,
    /// `approval`: the followed approves followers.
    Follow {
        approval: bool,
    },
    Unfollow,
    /// Of the other as the actor's follower.
    Approve,
    RemoveFollower,
    Block,
    Unblock,
    /// The actor was erased.
    Erase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Invited { from: AccountId, to: AccountId },
    FriendshipBegan { invited_by: AccountId, accepted_by: AccountId },
    Withdrawn { from: AccountId, to: AccountId },
    Declined { from: AccountId, to: AccountId, again_us: i64 },
    FriendshipEnded { by: AccountId, other: AccountId },
    FollowRequested { follower: AccountId, followed: AccountId },
    FollowBegan { follower: AccountId, followed: AccountId },
    FollowEnded { follower: AccountId, followed: AccountId, by: AccountId },
    Blocked { by: AccountId, other: AccountId },
    Unblocked { by: AccountId, other: AccountId },
    Erased { erased: AccountId, other: AccountId },
}

impl Pair {
    pub fn evolve(&mut self, event: &Event) {
        match *event {
            Event::Invited { from, to } => self.bond = Bond::invited_by(Side::of(from, to)),
            Event::FriendshipBegan { .. } => {
                self.bond = Bond::Friends;
                self.follows = Sides([Follow::Following; 2]);
            }
            Event::Withdrawn { .. } | Event::FriendshipEnded { .. } => self.bond = Bond::None,
            Event::Declined { from, to, again_us } => {
                self.bond = Bond::None;
                self.again_us[Side::of(from, to)] = again_us;
            }
            Event::FollowRequested { follower, followed } => {
                self.follows[Side::of(follower, followed)] = Follow::Requested;
            }
            Event::FollowBegan { follower, followed } => {
                self.follows[Side::of(follower, followed)] = Follow::Following;
            }
            Event::FollowEnded { follower, followed, .. } => {
                self.follows[Side::of(follower, followed)] = Follow::None;
            }
            Event::Blocked { by, other } => {
                self.bond = Bond::None;
                self.follows = Sides::default();
                self.blocks[Side::of(by, other)] = true;
            }
            Event::Unblocked { by, other } => self.blocks[Side::of(by, other)] = false,
            Event::Erased { .. } => *self = Self { erased: true, ..Self::default() },
        }
    }

    /// What comes of a wish: an event, or nothing where it is so already.
    ///
    /// # Errors
    /// `not_found` behind a block or an erasure, `conflict` where the wish does not fit what is.
    pub fn decide(&self, ends: Ends, wish: Wish, now_us: i64) -> Result<Option<Event>, Refusal> {
        let (mine, theirs) = (ends.side(), ends.side().opposite());
        let Ends { actor, other } = ends;
        match wish {
            Wish::Befriend { only_if_received } => self.befriend(ends, only_if_received, now_us),
            Wish::Unfriend => Ok(self.unfriend(ends, now_us)),
            Wish::Follow { approval } => self.follow(ends, approval),
            Wish::Approve => self.approve(ends),
            Wish::Unfollow => {
                let ended = Event::FollowEnded { follower: actor, followed: other, by: actor };
                Ok((self.follows[mine] != Follow::None).then_some(ended))
            }
            Wish::RemoveFollower => {
                let ended = Event::FollowEnded { follower: other, followed: actor, by: actor };
                Ok((self.follows[theirs] != Follow::None).then_some(ended))
            }
            Wish::Block if self.erased => Err(Refusal::not_found()),
            Wish::Block => Ok((!self.blocks[mine]).then_some(Event::Blocked { by: actor, other })),
            Wish::Unblock => Ok(self.blocks[mine].then_some(Event::Unblocked { by: actor, other })),
            Wish::Erase => Ok((!self.erased).then_some(Event::Erased { erased: actor, other })),
        }
    }

    /// One of the two blocks the other.
    pub fn is_blocked(&self) -> bool {
        self.blocks[Side::Lo] || self.blocks[Side::Hi]
    }

    fn befriend(&self, ends: Ends, only_if_received: bool, now_us: i64) -> Result<Option<Event>, Refusal> {
        self.open_to(ends)?;
        let Ends { actor, other } = ends;
        let mine = Bond::invited_by(ends.side());
        match self.bond {
            Bond::Friends => Ok(None),
            Bond::None if only_if_received => Err(nothing_received()),
            Bond::None if now_us < self.again_us[ends.side()] => Err(Refusal::new(
                Code::Conflict,
                "this account declined your invitation; you may ask again 30 days after that",
            )),
            Bond::None => Ok(Some(Event::Invited { from: actor, to: other })),
            bond if bond == mine && only_if_received => Err(nothing_received()),
            bond if bond == mine => Ok(None),
            _ => Ok(Some(Event::FriendshipBegan { invited_by: other, accepted_by: actor })),
        }
    }

    fn unfriend(&self, ends: Ends, now_us: i64) -> Option<Event> {
        let Ends { actor, other } = ends;
        match self.bond {
            Bond::None => None,
            Bond::Friends => Some(Event::FriendshipEnded { by: actor, other }),
            bond if bond == Bond::invited_by(ends.side()) => {
                Some(Event::Withdrawn { from: actor, to: other })
            }
            _ => Some(Event::Declined {
                from: other,
                to: actor,
                again_us: now_us.saturating_add(DECLINED_WAIT_US),
            }),
        }
    }

    fn follow(&self, ends: Ends, approval: bool) -> Result<Option<Event>, Refusal> {
        self.open_to(ends)?;
        let (follower, followed) = (ends.actor, ends.other);
        let approval = approval && self.bond != Bond::Friends;
        Ok(match (self.follows[ends.side()], approval) {
            (Follow::Following, _) | (Follow::Requested, true) => None,
            (Follow::None, true) => Some(Event::FollowRequested { follower, followed }),
            (_, false) => Some(Event::FollowBegan { follower, followed }),
        })
    }

    fn approve(&self, ends: Ends) -> Result<Option<Event>, Refusal> {
        self.open_to(ends)?;
        let (follower, followed) = (ends.other, ends.actor);
        match self.follows[ends.side().opposite()] {
            Follow::Following => Ok(None),
            Follow::Requested => Ok(Some(Event::FollowBegan { follower, followed })),
            Follow::None => Err(Refusal::new(Code::Conflict, "this account has not asked to follow you")),
        }
    }

    fn open_to(&self, ends: Ends) -> Result<(), Refusal> {
        if self.erased {
            return Err(Refusal::not_found());
        }
        // The blocker knows: no secret is told by saying why. And first, so that whoever blocks hears the same whether
        // or not the other blocks them too.
        if self.blocks[ends.side()] {
            return Err(Refusal::new(Code::NotFound, "you block this account; unblock it first"));
        }
        if self.is_blocked() { Err(Refusal::not_found()) } else { Ok(()) }
    }
}

fn nothing_received() -> Refusal {
    Refusal::new(Code::Conflict, "no invitation of this account waits for you")
}

impl Event {
    /// The two that it is about; the one who acted is not always the first.
    pub fn both(&self) -> [AccountId; 2] {
        match *self {
            Self::Invited { from, to } | Self::Withdrawn { from, to } | Self::Declined { from, to, .. } => {
                [from, to]
            }
            Self::FriendshipBegan { invited_by, accepted_by } => [invited_by, accepted_by],
            Self::FollowRequested { follower, followed }
            | Self::FollowBegan { follower, followed }
            | Self::FollowEnded { follower, followed, .. } => [follower, followed],
            Self::FriendshipEnded { by, other }
            | Self::Blocked { by, other }
            | Self::Unblocked { by, other } => [by, other],
            Self::Erased { erased, other } => [erased, other],
        }
    }
}
