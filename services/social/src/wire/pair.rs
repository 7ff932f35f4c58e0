//! Events of two accounts.

use eventing::{Aggregate, DecodeError, DomainEvent, Plain};
use proto::social as p;

use super::{bytes_of, id, read, unknown};
use crate::domain::pair::{Event, Pair};

impl Aggregate for Pair {
    type Event = Event;
    const KIND: &'static str = "pair";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let b = bytes_of::<kernel::id::Account>;
        match *self {
            Self::Invited { from, to } => Plain::of(&p::FriendInvited { from_id: b(from), to_id: b(to) }),
            Self::FriendshipBegan { invited_by, accepted_by } => {
                Plain::of(&p::FriendshipBegan { invited_by: b(invited_by), accepted_by: b(accepted_by) })
            }
            Self::Withdrawn { from, to } => {
                Plain::of(&p::InvitationWithdrawn { from_id: b(from), to_id: b(to) })
            }
            Self::Declined { from, to, again_us } => {
                Plain::of(&p::InvitationDeclined { from_id: b(from), to_id: b(to), again_us })
            }
            Self::FriendshipEnded { by, other } => {
                Plain::of(&p::FriendshipEnded { by_id: b(by), other_id: b(other) })
            }
            Self::FollowRequested { follower, followed } => {
                Plain::of(&p::FollowRequested { follower_id: b(follower), followed_id: b(followed) })
            }
            Self::FollowBegan { follower, followed } => {
                Plain::of(&p::FollowBegan { follower_id: b(follower), followed_id: b(followed) })
            }
            Self::FollowEnded { follower, followed, by } => Plain::of(&p::FollowEnded {
                follower_id: b(follower),
                followed_id: b(followed),
                by_id: b(by),
            }),
            Self::Blocked { by, other } => Plain::of(&p::Blocked { by_id: b(by), other_id: b(other) }),
            Self::Unblocked { by, other } => Plain::of(&p::Unblocked { by_id: b(by), other_id: b(other) }),
            Self::Erased { erased, other } => {
                Plain::of(&p::PairErased { erased_id: b(erased), other_id: b(other) })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        friendship(plain)
            .or_else(|| follow(plain))
            .or_else(|| block(plain))
            .unwrap_or_else(|| unknown(plain, "a pair"))
    }
}

type Read = Option<Result<Event, DecodeError>>;

fn friendship(plain: &Plain) -> Read {
    read(plain, |m: p::FriendInvited| {
        Ok(Event::Invited { from: id(&m.from_id, "from_id")?, to: id(&m.to_id, "to_id")? })
    })
    .or_else(|| {
        read(plain, |m: p::FriendshipBegan| {
            Ok(Event::FriendshipBegan {
                invited_by: id(&m.invited_by, "invited_by")?,
                accepted_by: id(&m.accepted_by, "accepted_by")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::InvitationWithdrawn| {
            Ok(Event::Withdrawn { from: id(&m.from_id, "from_id")?, to: id(&m.to_id, "to_id")? })
        })
    })
    .or_else(|| {
        read(plain, |m: p::InvitationDeclined| {
            Ok(Event::Declined {
                from: id(&m.from_id, "from_id")?,
                to: id(&m.to_id, "to_id")?,
                again_us: m.again_us,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::FriendshipEnded| {
            Ok(Event::FriendshipEnded { by: id(&m.by_id, "by_id")?, other: id(&m.other_id, "other_id")? })
        })
    })
}

fn follow(plain: &Plain) -> Read {
    read(plain, |m: p::FollowRequested| {
        Ok(Event::FollowRequested {
            follower: id(&m.follower_id, "follower_id")?,
            followed: id(&m.followed_id, "followed_id")?,
        })
    })
    .or_else(|| {
        read(plain, |m: p::FollowBegan| {
            Ok(Event::FollowBegan {
                follower: id(&m.follower_id, "follower_id")?,
                followed: id(&m.followed_id, "followed_id")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |m: p::FollowEnded| {
            Ok(Event::FollowEnded {
                follower: id(&m.follower_id, "follower_id")?,
                followed: id(&m.followed_id, "followed_id")?,
                by: id(&m.by_id, "by_id")?,
            })
        })
    })
}

fn block(plain: &Plain) -> Read {
    read(plain, |m: p::Blocked| {
        Ok(Event::Blocked { by: id(&m.by_id, "by_id")?, other: id(&m.other_id, "other_id")? })
    })
    .or_else(|| {
        read(plain, |m: p::Unblocked| {
            Ok(Event::Unblocked { by: id(&m.by_id, "by_id")?, other: id(&m.other_id, "other_id")? })
        })
    })
    .or_else(|| {
        read(plain, |m: p::PairErased| {
            Ok(Event::Erased { erased: id(&m.erased_id, "erased_id")?, other: id(&m.other_id, "other_id")? })
        })
    })
}
