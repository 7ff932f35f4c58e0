//! The machine of two accounts: its sentences, and every interleaving against a naive model.

use std::collections::BTreeSet;

use kernel::{AccountId, Code};
use social::domain::{
    edges::{self, Rel},
    pair::{DECLINED_WAIT_US, Ends, Event, Pair, Side, Wish},
};
use testkit::story::given;

fn two() -> (AccountId, AccountId) {
    let (one, other) = (AccountId::derived(&[b"a"]), AccountId::derived(&[b"b"]));
    (one.min(other), one.max(other))
}

fn wish(
    actor: AccountId,
    other: AccountId,
    wish: Wish,
) -> impl FnOnce(&Pair) -> Result<Vec<Event>, kernel::Refusal> {
    move |pair| Ok(pair.decide(Ends { actor, other }, wish, 1_000)?.into_iter().collect())
}

const INVITE: Wish = Wish::Befriend { only_if_received: false };
const ACCEPT: Wish = Wish::Befriend { only_if_received: true };

#[test]
fn an_invitation_is_accepted_by_the_other_alone_and_both_follow() {
    let (a, b) = two();
    let invited = Event::Invited { from: a, to: b };
    let began = Event::FriendshipBegan { invited_by: a, accepted_by: b };
    given::<Pair>([]).when(wish(a, b, INVITE)).then([invited.clone()]);
    given::<Pair>([invited.clone()]).when(wish(a, b, INVITE)).then_nothing();
    given::<Pair>([invited.clone()]).when(wish(a, b, ACCEPT)).refused(Code::Conflict);
    let friends = given::<Pair>([invited.clone()]).when(wish(b, a, ACCEPT)).then([began.clone()]).state();
    for side in [Side::Lo, Side::Hi] {
        assert!(edges::holds(&friends, side, Rel::Friend));
        assert!(edges::holds(&friends, side, Rel::Following) && edges::holds(&friends, side, Rel::Follower));
    }
    given::<Pair>([invited]).when(wish(b, a, INVITE)).then([began]);
}

#[test]
fn what_was_never_sent_cannot_be_accepted() {
    let (a, b) = two();
    given::<Pair>([]).when(wish(a, b, ACCEPT)).refused(Code::Conflict);
    let withdrawn = [Event::Invited { from: b, to: a }, Event::Withdrawn { from: b, to: a }];
    given::<Pair>(withdrawn).when(wish(a, b, ACCEPT)).refused(Code::Conflict);
}

#[test]
fn who_was_declined_waits_thirty_days_and_the_other_does_not() {
    let (a, b) = two();
    let invited = Event::Invited { from: a, to: b };
    let declined = Event::Declined { from: a, to: b, again_us: 1_000 + DECLINED_WAIT_US };
    given::<Pair>([invited.clone()]).when(wish(b, a, Wish::Unfriend)).then([declined.clone()]);
    given::<Pair>([invited.clone(), declined.clone()]).when(wish(a, b, INVITE)).refused(Code::Conflict);
    let asks = Event::Invited { from: b, to: a };
    given::<Pair>([invited.clone(), declined.clone()]).when(wish(b, a, INVITE)).then([asks]);
    let later = |pair: &Pair| {
        let ends = Ends { actor: a, other: b };
        pair.decide(ends, INVITE, 1_000 + DECLINED_WAIT_US).map(|event| event.into_iter().collect::<Vec<_>>())
    };
    given::<Pair>([invited.clone(), declined]).when(later).then([invited]);
}

#[test]
fn a_friendship_ends_and_both_still_follow() {
    let (a, b) = two();
    let ended = Event::FriendshipEnded { by: b, other: a };
    let began = Event::FriendshipBegan { invited_by: a, accepted_by: b };
    let after = given::<Pair>([began]).when(wish(b, a, Wish::Unfriend)).then([ended]).state();
    assert!(edges::holds(&after, Side::Lo, Rel::Following) && edges::holds(&after, Side::Hi, Rel::Following));
    assert!(!edges::holds(&after, Side::Lo, Rel::Friend));
}

#[test]
fn a_follow_that_needs_approval_is_asked_for_except_among_friends() {
    let (a, b) = two();
    let asked = Event::FollowRequested { follower: a, followed: b };
    let began = Event::FollowBegan { follower: a, followed: b };
    let private = Wish::Follow { approval: true };
    given::<Pair>([]).when(wish(a, b, private)).then([asked.clone()]);
    given::<Pair>([asked.clone()]).when(wish(a, b, private)).then_nothing();
    given::<Pair>([asked.clone()]).when(wish(b, a, Wish::Approve)).then([began.clone()]);
    given::<Pair>([asked]).when(wish(a, b, Wish::Follow { approval: false })).then([began.clone()]);
    given::<Pair>([began.clone()]).when(wish(a, b, private)).then_nothing();
    given::<Pair>([]).when(wish(b, a, Wish::Approve)).refused(Code::Conflict);
    let friends = [
        Event::FriendshipBegan { invited_by: a, accepted_by: b },
        Event::FollowEnded { follower: a, followed: b, by: a },
    ];
    given::<Pair>(friends).when(wish(a, b, private)).then([began]);
}

#[test]
fn a_block_ends_everything_and_unblocking_restores_nothing() {
    let (a, b) = two();
    let began = Event::FriendshipBegan { invited_by: a, accepted_by: b };
    let blocked = Event::Blocked { by: b, other: a };
    let after = given::<Pair>([began.clone()]).when(wish(b, a, Wish::Block)).then([blocked.clone()]).state();
    let rows: Vec<Rel> = Rel::ALL.into_iter().filter(|rel| edges::holds(&after, Side::Lo, *rel)).collect();
    assert_eq!(rows, [Rel::BlockedBy]);
    for refused in [INVITE, ACCEPT, Wish::Follow { approval: false }, Wish::Approve] {
        given::<Pair>([blocked.clone()]).when(wish(a, b, refused)).refused(Code::NotFound);
        given::<Pair>([blocked.clone()]).when(wish(b, a, refused)).refused(Code::NotFound);
    }
    let mutual = Event::Blocked { by: a, other: b };
    given::<Pair>([blocked.clone()]).when(wish(a, b, Wish::Block)).then([mutual.clone()]);
    let answer = |past: &[Event], wish| {
        let mut pair = Pair::default();
        past.iter().for_each(|event| pair.evolve(event));
        pair.decide(Ends { actor: b, other: a }, wish, 1_000).unwrap_err()
    };
    for refused in [INVITE, ACCEPT, Wish::Follow { approval: false }, Wish::Approve] {
        let (alone, both) = ([blocked.clone()], [mutual.clone(), blocked.clone()]);
        assert_eq!(answer(&alone, refused), answer(&both, refused), "one's own block is all that is told");
    }
    given::<Pair>([blocked.clone()]).when(wish(a, b, Wish::Unblock)).then_nothing();
    let unblocked = Event::Unblocked { by: b, other: a };
    let free = given::<Pair>([began, blocked]).when(wish(b, a, Wish::Unblock)).then([unblocked]).state();
    assert_eq!(free, Pair::default());
}

#[test]
fn nothing_connects_with_an_erased_account_ever_again() {
    let (a, b) = two();
    let erased = Event::Erased { erased: a, other: b };
    let blocked = Event::Blocked { by: b, other: a };
    let after = given::<Pair>([blocked]).when(wish(a, b, Wish::Erase)).then([erased.clone()]).state();
    assert!(!Rel::ALL.into_iter().any(|rel| edges::holds(&after, Side::Hi, rel)));
    for refused in [INVITE, Wish::Follow { approval: false }, Wish::Block] {
        given::<Pair>([erased.clone()]).when(wish(b, a, refused)).refused(Code::NotFound);
    }
    given::<Pair>([erased]).when(wish(a, b, Wish::Erase)).then_nothing();
}

#[test]
fn nobody_is_their_own_other() {
    let (a, _) = two();
    let refused = Ends::new(a, a).unwrap_err();
    assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, "/account_id"));
}

// ── the naive model ────────────────────────────────────────────────────────────────────────────────────────────────

/// What is so, as sets of words about (who, whom): no decision table, one sentence a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Naive {
    is: BTreeSet<(&'static str, usize, usize)>,
    declined: [bool; 2],
}

impl Naive {
    fn has(&self, word: &'static str, who: usize, whom: usize) -> bool {
        self.is.contains(&(word, who, whom))
    }

    fn put(&mut self, word: &'static str, who: usize, whom: usize) {
        self.is.insert((word, who, whom));
    }

    fn drop(&mut self, word: &'static str, who: usize, whom: usize) {
        self.is.remove(&(word, who, whom));
    }

    /// `Err`: refused, nothing changes.
    fn wish(&mut self, who: usize, wish: Wish) -> Result<(), Code> {
        let whom = 1 - who;
        let walled = self.has("blocks", who, whom) || self.has("blocks", whom, who);
        match wish {
            Wish::Befriend { .. } | Wish::Follow { .. } | Wish::Approve if walled => Err(Code::NotFound),
            Wish::Befriend { only_if_received } => self.befriend(who, whom, only_if_received),
            Wish::Unfriend => {
                if self.has("invited", whom, who) {
                    self.declined[whom] = true;
                }
                for word in ["friend", "invited"] {
                    self.drop(word, who, whom);
                    self.drop(word, whom, who);
                }
                Ok(())
            }
            Wish::Follow { approval } => {
                if self.has("follows", who, whom) {
                    return Ok(());
                }
                if approval && !self.has("friend", who, whom) {
                    self.put("asked", who, whom);
                } else {
                    self.drop("asked", who, whom);
                    self.put("follows", who, whom);
                }
                Ok(())
            }
            Wish::Approve if self.has("follows", whom, who) => Ok(()),
            Wish::Approve if !self.has("asked", whom, who) => Err(Code::Conflict),
            Wish::Approve => {
                self.drop("asked", whom, who);
                self.put("follows", whom, who);
                Ok(())
            }
            Wish::Unfollow => {
                self.drop("asked", who, whom);
                self.drop("follows", who, whom);
                Ok(())
            }
            Wish::RemoveFollower => {
                self.drop("asked", whom, who);
                self.drop("follows", whom, who);
                Ok(())
            }
            Wish::Block => {
                self.is.retain(|(word, ..)| *word == "blocks");
                self.put("blocks", who, whom);
                Ok(())
            }
            Wish::Unblock => {
                self.drop("blocks", who, whom);
                Ok(())
            }
            Wish::Erase => Ok(()),
        }
    }

    fn befriend(&mut self, who: usize, whom: usize, only_if_received: bool) -> Result<(), Code> {
        if self.has("friend", who, whom) {
            return Ok(());
        }
        if self.has("invited", whom, who) {
            self.drop("invited", whom, who);
            for (one, other) in [(who, whom), (whom, who)] {
                self.put("friend", one, other);
                self.drop("asked", one, other);
                self.put("follows", one, other);
            }
            return Ok(());
        }
        if only_if_received || (self.declined[who] && !self.has("invited", who, whom)) {
            return Err(Code::Conflict);
        }
        self.put("invited", who, whom);
        Ok(())
    }

    fn rows(&self, who: usize) -> BTreeSet<Rel> {
        let whom = 1 - who;
        let words = [
            ("friend", Rel::Friend, Rel::Friend),
            ("invited", Rel::Invited, Rel::Received),
            ("follows", Rel::Following, Rel::Follower),
            ("asked", Rel::Requested, Rel::Requester),
            ("blocks", Rel::Blocks, Rel::BlockedBy),
        ];
        let mut rows = BTreeSet::new();
        for (word, mine, theirs) in words {
            rows.extend(self.has(word, who, whom).then_some(mine));
            rows.extend(self.has(word, whom, who).then_some(theirs));
        }
        rows
    }
}

const WISHES: [Wish; 10] = [
    INVITE,
    ACCEPT,
    Wish::Unfriend,
    Wish::Follow { approval: false },
    Wish::Follow { approval: true },
    Wish::Unfollow,
    Wish::Approve,
    Wish::RemoveFollower,
    Wish::Block,
    Wish::Unblock,
];

/// A pair with the rows that its decisions have written, beside the model.
#[derive(Clone, Default)]
struct Both {
    pair: Pair,
    rows: BTreeSet<(AccountId, Rel, AccountId)>,
    naive: Naive,
}

impl Both {
    fn wish(&mut self, who: usize, wish: Wish) {
        let (lo, hi) = two();
        let accounts = [lo, hi];
        let ends = Ends { actor: accounts[who], other: accounts[1 - who] };
        let decided = self.pair.decide(ends, wish, 1_000);
        let expected = self.naive.wish(who, wish);
        assert_eq!(
            decided.as_ref().map(drop).map_err(|refusal| refusal.code),
            expected,
            "{wish:?} {:?}",
            self.naive
        );
        let Ok(event) = decided else { return };
        let before = self.pair.clone();
        event.iter().for_each(|event| self.pair.evolve(event));
        for change in edges::changes(&before, &self.pair, ends) {
            let row = (change.owner, change.rel, change.other);
            assert!(if change.there { self.rows.insert(row) } else { self.rows.remove(&row) });
        }
        for (who, owner, other) in [(0, lo, hi), (1, hi, lo)] {
            let written: BTreeSet<Rel> =
                self.rows.iter().filter(|row| (row.0, row.2) == (owner, other)).map(|row| row.1).collect();
            assert_eq!(written, self.naive.rows(who), "{wish:?} {:?}", self.naive);
        }
    }
}

#[test]
fn every_interleaving_of_two_users_and_five_commands_equals_the_naive_model() {
    // Depth first over all sequences; a state that was seen with as many commands left is not walked again.
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![(Both::default(), 5)];
    while let Some((both, left)) = open.pop() {
        for who in [0, 1] {
            for wish in WISHES {
                let mut next = both.clone();
                next.wish(who, wish);
                if left > 1 && seen.insert((next.pair.clone(), left - 1)) {
                    open.push((next, left - 1));
                }
            }
        }
    }
    assert!(seen.len() > 100, "{} states", seen.len());
}

proptest::proptest! {
    #[test]
    fn long_stories_equal_the_naive_model(story in proptest::collection::vec((0..2_usize, 0..WISHES.len()), 0..200)) {
        let mut both = Both::default();
        for (who, wish) in story {
            both.wish(who, WISHES[wish]);
        }
    }
}
