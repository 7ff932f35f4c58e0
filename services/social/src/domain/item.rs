//! Under an activity: kudos once each and never one's own, and comments.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AccountId, ActivityId, Code, Id, Refusal};

pub enum CommentKind {}
pub type CommentId = Id<CommentKind>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    pub activity: ActivityId,
    /// Of the activity.
    pub owner: AccountId,
    pub author: AccountId,
    /// Absent once its author was erased.
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    KudosGiven { activity: ActivityId, owner: AccountId, account: AccountId },
    KudosTaken { activity: ActivityId, account: AccountId },
    CommentWritten(Comment),
    CommentDeleted { comment: CommentId, activity: ActivityId, by: AccountId },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    owner: Option<AccountId>,
    kudos: BTreeSet<AccountId>,
    /// Author of each.
    comments: BTreeMap<CommentId, AccountId>,
}

impl Item {
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::KudosGiven { owner, account, .. } => {
                self.owner = Some(*owner);
                self.kudos.insert(*account);
            }
            Event::KudosTaken { account, .. } => {
                self.kudos.remove(account);
            }
            Event::CommentWritten(comment) => {
                self.owner = Some(comment.owner);
                self.comments.insert(comment.id, comment.author);
            }
            Event::CommentDeleted { comment, .. } => {
                self.comments.remove(comment);
            }
        }
    }

    /// # Errors
    /// `forbidden` for one's own activity.
    pub fn give_kudos(
        &self,
        activity: ActivityId,
        owner: AccountId,
        account: AccountId,
    ) -> Result<Vec<Event>, Refusal> {
        if owner == account {
            return Err(Refusal::new(Code::Forbidden, "nobody gives kudos to their own activity"));
        }
        let given = !self.kudos.contains(&account);
        Ok(given.then_some(Event::KudosGiven { activity, owner, account }).into_iter().collect())
    }

    pub fn take_kudos(&self, activity: ActivityId, account: AccountId) -> Vec<Event> {
        let taken = self.kudos.contains(&account);
        taken.then_some(Event::KudosTaken { activity, account }).into_iter().collect()
    }

    pub fn write(&self, comment: Comment) -> Vec<Event> {
        let written = !self.comments.contains_key(&comment.id);
        written.then_some(Event::CommentWritten(comment)).into_iter().collect()
    }

    /// By its author or the activity's owner; one that is gone stays gone.
    ///
    /// # Errors
    /// `forbidden` for anybody else, `not_found` where there never was one.
    pub fn delete(
        &self,
        activity: ActivityId,
        comment: CommentId,
        by: AccountId,
    ) -> Result<Vec<Event>, Refusal> {
        match self.comments.get(&comment) {
            None => Err(Refusal::not_found()),
            Some(author) if *author == by || self.owner == Some(by) => {
                Ok(vec![Event::CommentDeleted { comment, activity, by }])
            }
            Some(_) => {
                Err(Refusal::new(Code::Forbidden, "its author and the activity's owner delete a comment"))
            }
        }
    }

    /// Everything that an erased account left here.
    pub fn erase(&self, activity: ActivityId, account: AccountId) -> Vec<Event> {
        let own = self.owner == Some(account);
        let comments = self.comments.iter().filter(|(_, author)| own || **author == account);
        let deleted =
            comments.map(|(comment, _)| Event::CommentDeleted { comment: *comment, activity, by: account });
        let kudos = self.kudos.iter().filter(|giver| own || **giver == account);
        let taken = kudos.map(|giver| Event::KudosTaken { activity, account: *giver });
        taken.chain(deleted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::derived(&[name.as_bytes()])
    }

    fn after(events: &[Event]) -> Item {
        let mut item = Item::default();
        events.iter().for_each(|event| item.evolve(event));
        item
    }

    #[test]
    fn kudos_are_given_once_and_never_to_oneself() {
        let activity = ActivityId::derived(&[b"run"]);
        let (owner, fan) = (account("owner"), account("fan"));
        let given = Item::default().give_kudos(activity, owner, fan).expect("given");
        assert_eq!(given.len(), 1);
        assert_eq!(after(&given).give_kudos(activity, owner, fan), Ok(Vec::new()));
        let own = Item::default().give_kudos(activity, owner, owner).expect_err("refused");
        assert_eq!(own.code, Code::Forbidden);
        assert_eq!(after(&given).take_kudos(activity, owner), []);
        assert_eq!(after(&given).take_kudos(activity, fan).len(), 1);
    }

    #[test]
    fn a_comment_is_deleted_by_its_author_or_the_owner() {
        let activity = ActivityId::derived(&[b"run"]);
        let (owner, author) = (account("owner"), account("author"));
        let id = CommentId::derived(&[b"1"]);
        let comment = Comment { id, activity, owner, author, text: Some("well done".to_owned()) };
        let item = after(&Item::default().write(comment.clone()));
        assert_eq!(item.write(comment), [], "a retry writes nothing");
        assert_eq!(item.delete(activity, id, account("x")).expect_err("refused").code, Code::Forbidden);
        for by in [owner, author] {
            assert_eq!(item.delete(activity, id, by).expect("deleted").len(), 1);
        }
    }

    #[test]
    fn nothing_stays_of_an_erased_account() {
        let activity = ActivityId::derived(&[b"run"]);
        let (owner, author) = (account("owner"), account("author"));
        let id = CommentId::derived(&[b"1"]);
        let item = after(&[
            Event::KudosGiven { activity, owner, account: author },
            Event::KudosGiven { activity, owner, account: account("x") },
            Event::CommentWritten(Comment { id, activity, owner, author, text: None }),
        ]);
        assert_eq!(item.erase(activity, author).len(), 2);
        assert_eq!(item.erase(activity, owner).len(), 3, "with the owner goes everything under the activity");
        assert_eq!(item.erase(activity, account("stranger")), []);
    }
}
