//! What was written once is read for ever.

use kernel::{AccountId, ActivityId, Sport, place::Region};
use privacy::GroupId;
use social::domain::{
    group::{Event as Group, Reason, Role},
    item::{Comment, CommentId, Event as Item},
    pair::Event as Pair,
    subject::Event as Subject,
    terms::{Kind, Terms},
};

const PACKAGE: &str = "stadion.social.v1";

fn account(name: &str) -> AccountId {
    AccountId::derived(&[b"golden", name.as_bytes()])
}

#[test]
fn events_of_two_accounts_are_read_as_they_were_written() {
    let (from, to) = (account("from"), account("to"));
    let today = [
        ("first", Pair::Invited { from, to }),
        ("first", Pair::FriendshipBegan { invited_by: from, accepted_by: to }),
        ("first", Pair::Withdrawn { from, to }),
        ("first", Pair::Declined { from, to, again_us: 1_780_000_000_000_000 }),
        ("first", Pair::FriendshipEnded { by: from, other: to }),
        ("first", Pair::FollowRequested { follower: from, followed: to }),
        ("first", Pair::FollowBegan { follower: from, followed: to }),
        ("first", Pair::FollowEnded { follower: from, followed: to, by: to }),
        ("first", Pair::Blocked { by: from, other: to }),
        ("first", Pair::Unblocked { by: from, other: to }),
        ("first", Pair::Erased { erased: from, other: to }),
    ];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pair"), &today);
}

#[test]
fn events_of_groups_are_read_as_they_were_written() {
    let (id, one, by) = (GroupId::derived(&[b"golden"]), account("member"), account("owner"));
    let terms = Terms {
        name: "Алматы жүгірушілері".to_owned(),
        kind: Kind::Approval,
        region: Region::parse("KZ-75"),
        sports: vec![Sport::Running, Sport::Hiking],
        capacity: Some(300),
    };
    let bare = Terms { kind: Kind::Open, region: None, sports: Vec::new(), capacity: None, ..terms.clone() };
    let today = [
        ("full", Group::Created { group: id, owner: by, terms: terms.clone() }),
        ("bare", Group::Created { group: id, owner: by, terms: bare }),
        ("first", Group::Changed { group: id, by, terms }),
        ("approved", Group::Joined { group: id, account: one, role: Role::Member, by }),
        ("first", Group::Requested { group: id, account: one }),
        ("first", Group::Invited { group: id, account: one, by }),
        ("removed", Group::Ended { group: id, account: one, by, reason: Reason::Removed }),
        ("erased", Group::Ended { group: id, account: one, by: one, reason: Reason::Erased }),
        ("first", Group::Banned { group: id, account: one, by }),
        ("first", Group::Unbanned { group: id, account: one, by }),
        ("given", Group::RoleChanged { group: id, account: one, role: Role::Moderator, by: Some(by) }),
        ("succession", Group::RoleChanged { group: id, account: one, role: Role::Owner, by: None }),
    ];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/group"), &today);
}

#[test]
fn events_under_an_activity_are_read_as_they_were_written() {
    let (activity, owner, author) = (ActivityId::derived(&[b"golden"]), account("owner"), account("author"));
    let id = CommentId::derived(&[b"golden"]);
    let text = Some("Жарайсың! 👏".to_owned());
    let today = [
        ("first", Item::KudosGiven { activity, owner, account: author }),
        ("first", Item::KudosTaken { activity, account: author }),
        ("first", Item::CommentWritten(Comment { id, activity, owner, author, text })),
        ("first", Item::CommentDeleted { comment: id, activity, by: owner }),
    ];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/item"), &today);
    let today = [("first", Subject::Erased(author))];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/subject"), &today);
}
