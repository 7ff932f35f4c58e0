//! Events under an activity.

use eventing::{Aggregate, Class, DecodeError, DomainEvent, Plain};
use proto::social as p;

use super::{bytes_of, id, read, unknown};
use crate::domain::item::{Comment, Event, Item};

impl Aggregate for Item {
    type Event = Event;
    const KIND: &'static str = "item";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::KudosGiven { activity, owner, account } => Plain::of(&p::KudosGiven {
                activity_id: bytes_of(*activity),
                owner_id: bytes_of(*owner),
                account_id: bytes_of(*account),
            }),
            Self::KudosTaken { activity, account } => {
                Plain::of(&p::KudosTaken { activity_id: bytes_of(*activity), account_id: bytes_of(*account) })
            }
            Self::CommentWritten(comment) => Plain::of(&p::CommentWritten {
                comment_id: bytes_of(comment.id),
                activity_id: bytes_of(comment.activity),
                owner_id: bytes_of(comment.owner),
                author_id: bytes_of(comment.author),
                text: comment.text.clone().unwrap_or_default(),
            }),
            Self::CommentDeleted { comment, activity, by } => Plain::of(&p::CommentDeleted {
                comment_id: bytes_of(*comment),
                activity_id: bytes_of(*activity),
                by_id: bytes_of(*by),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        kudos(plain).or_else(|| comment(plain)).unwrap_or_else(|| unknown(plain, "an activity's item"))
    }
}

type Read = Option<Result<Event, DecodeError>>;

fn kudos(plain: &Plain) -> Read {
    read(plain, |m: p::KudosGiven| {
        Ok(Event::KudosGiven {
            activity: id(&m.activity_id, "activity_id")?,
            owner: id(&m.owner_id, "owner_id")?,
            account: id(&m.account_id, "account_id")?,
        })
    })
    .or_else(|| {
        read(plain, |m: p::KudosTaken| {
            Ok(Event::KudosTaken {
                activity: id(&m.activity_id, "activity_id")?,
                account: id(&m.account_id, "account_id")?,
            })
        })
    })
}

fn comment(plain: &Plain) -> Read {
    let erased = plain.is_erased(Class::Content);
    read(plain, |m: p::CommentWritten| {
        Ok(Event::CommentWritten(Comment {
            id: id(&m.comment_id, "comment_id")?,
            activity: id(&m.activity_id, "activity_id")?,
            owner: id(&m.owner_id, "owner_id")?,
            author: id(&m.author_id, "author_id")?,
            text: (!erased).then_some(m.text),
        }))
    })
    .or_else(|| {
        read(plain, |m: p::CommentDeleted| {
            Ok(Event::CommentDeleted {
                comment: id(&m.comment_id, "comment_id")?,
                activity: id(&m.activity_id, "activity_id")?,
                by: id(&m.by_id, "by_id")?,
            })
        })
    })
}
