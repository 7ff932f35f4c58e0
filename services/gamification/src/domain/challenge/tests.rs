//! The challenge's machine, told as sentences.

use kernel::time::micros;

use super::{terms::Written, *};

const MAY: &str = "2026-05-01T00:00:00";
const JUNE: &str = "2026-06-01T00:00:00";

fn at(text: &str) -> i64 {
    micros(text.parse().unwrap())
}

fn before() -> i64 {
    at("2026-04-20T00:00:00Z")
}

fn within() -> i64 {
    at("2026-05-10T00:00:00Z")
}

fn after() -> i64 {
    at("2026-06-01T00:00:00Z")
}

fn author() -> AccountId {
    AccountId::derived(&[b"author"])
}

fn id() -> ChallengeId {
    ChallengeId::derived(&[b"challenge"])
}

fn terms() -> Terms {
    Terms::parse(&Written {
        name: [("en".to_owned(), "May".to_owned())].into(),
        metric: "distance_m".to_owned(),
        start: MAY.to_owned(),
        end: JUNE.to_owned(),
        capacity: Some(10),
        ..Written::default()
    })
    .unwrap()
}

/// A story: what happened so far.
#[derive(Clone, Default)]
struct Story(Challenge);

impl Story {
    fn drafted() -> Self {
        Self::default().then(|challenge| Ok(challenge.draft(id(), author(), terms())))
    }

    fn opened(now_us: i64) -> Self {
        Self::drafted().then(|challenge| challenge.open(author(), now_us))
    }

    fn then(mut self, decide: impl Fn(&Challenge) -> Result<Vec<Event>, Refusal>) -> Self {
        for event in decide(&self.0).unwrap() {
            self.0.evolve(&event);
        }
        self
    }

    fn stopped(self, now_us: i64) -> Self {
        self.then(|challenge| challenge.stop(author(), "rain", now_us))
    }

    fn refused(&self, decide: impl Fn(&Challenge) -> Result<Vec<Event>, Refusal>) -> Code {
        decide(&self.0).unwrap_err().code
    }
}

#[test]
fn what_was_never_drafted_is_not_found() {
    let nothing = Story::default();
    assert_eq!(nothing.refused(|it| it.open(author(), within())), Code::NotFound);
    assert_eq!(nothing.refused(|it| it.stop(author(), "", within())), Code::NotFound);
    assert_eq!(nothing.refused(|it| it.change(author(), terms(), within())), Code::NotFound);
    assert_eq!(nothing.0.joinable(within()).unwrap_err().code, Code::NotFound);
}

#[test]
fn drafted_twice_it_is_the_same() {
    assert_eq!(Story::drafted().0.draft(id(), author(), terms()), []);
}

#[test]
fn its_state_follows_from_what_happened_and_the_time() {
    let draft = Story::drafted();
    assert_eq!(draft.0.state(within()), State::Draft);
    let opened = Story::opened(before());
    assert_eq!(opened.0.state(before()), State::Scheduled);
    assert_eq!(opened.0.state(at("2026-05-01T00:00:00Z")), State::Open);
    assert_eq!(opened.0.state(after() - 1), State::Open);
    assert_eq!(opened.0.state(after()), State::Ended);
    let settling = opened.then(|_| Ok(vec![Event::Settling { challenge: id(), activity_head: 7 }]));
    assert_eq!(settling.0.state(after()), State::Settling);
    let settled = settling.then(|_| {
        Ok(vec![Event::Settled { challenge: id(), count: 0, checksum: Vec::new(), settled_us: after() }])
    });
    assert_eq!(settled.0.state(after()), State::Settled);
}

#[test]
fn a_start_in_the_past_runs_at_once_and_an_end_in_the_past_never() {
    assert_eq!(Story::opened(within()).0.state(within()), State::Open);
    assert_eq!(Story::drafted().refused(|it| it.open(author(), after())), Code::ChallengeClosed);
}

#[test]
fn opening_again_changes_nothing_and_opening_what_is_over_is_refused() {
    let opened = Story::opened(before());
    assert_eq!(opened.0.open(author(), within()).unwrap(), []);
    assert_eq!(opened.refused(|it| it.open(author(), after())), Code::ChallengeClosed);
    assert_eq!(opened.stopped(within()).refused(|it| it.open(author(), within())), Code::ChallengeClosed);
}

#[test]
fn seats_are_taken_from_its_opening_to_its_end() {
    for now in [before(), within()] {
        assert!(Story::opened(before()).0.joinable(now).is_ok());
    }
    for (story, now) in [
        (Story::drafted(), before()),
        (Story::drafted(), within()),
        (Story::opened(before()), after()),
        (Story::opened(before()).stopped(within()), within()),
    ] {
        assert_eq!(story.0.joinable(now).unwrap_err().code, Code::ChallengeClosed);
    }
}

#[test]
fn a_stopped_one_ends_for_everybody_and_settles_and_a_draft_is_just_over() {
    let stopped = Story::opened(before()).stopped(within());
    assert_eq!(stopped.0.state(within()), State::Settling);
    let window = &stopped.0.drafted.as_ref().unwrap().terms.window;
    assert_eq!((window.cut_us, window.over_everywhere_us()), (Some(within()), within()));
    assert_eq!(stopped.refused(|it| it.stop(author(), "again", within())), Code::ChallengeClosed);

    assert_eq!(Story::drafted().stopped(within()).0.state(within()), State::Stopped);
}

#[test]
fn stopped_before_its_window_begins_it_never_opened_to_anybody() {
    let start = at("2026-05-01T00:00:00Z");
    let scheduled = Story::opened(before());
    let opened = |story: &Story, now_us| match story.0.stop(author(), "rain", now_us).unwrap().as_slice() {
        [Event::Stopped { opened, .. }] => *opened,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [opened(&Story::drafted(), within()), opened(&scheduled, start - 1), opened(&scheduled, start)],
        [false, false, true]
    );
    let off = scheduled.clone().stopped(start - 1);
    for now_us in [start - 1, start, after()] {
        assert_eq!(off.0.state(now_us), State::Stopped, "and stays so when its window would have begun");
    }
    assert_eq!(scheduled.stopped(start).0.state(start), State::Settling);
    for refused in [
        off.refused(|it| it.open(author(), within())),
        off.refused(|it| it.stop(author(), "again", within())),
        off.refused(|it| it.extend(author(), "2026-07-01T00:00:00", "", within())),
        off.refused(|it| it.change(author(), terms(), within())),
        off.0.joinable(within()).unwrap_err().code,
    ] {
        assert_eq!(refused, Code::ChallengeClosed);
    }
}

#[test]
fn what_was_opened_is_known_to_strangers_also_when_it_is_off() {
    let hidden = |story: &Story| story.0.marks().is_hidden();
    assert!(hidden(&Story::drafted()) && hidden(&Story::drafted().stopped(within())));
    assert!(!hidden(&Story::opened(before())) && !hidden(&Story::opened(before()).stopped(before())));
}

#[test]
fn stopping_while_it_settles_is_refused() {
    let settling =
        Story::opened(before()).then(|_| Ok(vec![Event::Settling { challenge: id(), activity_head: 7 }]));
    assert_eq!(settling.refused(|it| it.stop(author(), "", after())), Code::ChallengeClosed);
    assert_eq!(
        settling.refused(|it| it.extend(author(), "2026-07-01T00:00:00", "", after())),
        Code::ChallengeClosed
    );
}

#[test]
fn it_is_extended_to_a_later_end_until_settling_begins() {
    let later = "2026-06-02T00:00:00";
    let opened = Story::opened(before());
    let extended = opened.clone().then(|it| it.extend(author(), later, "snow", within()));
    assert_eq!(extended.0.state(after()), State::Open);
    assert_eq!(extended.0.marks().end_us, at("2026-06-02T00:00:00Z"));
    // In the time of grace it begins to run again.
    let revived = opened.clone().then(|it| it.extend(author(), later, "snow", after()));
    assert_eq!(revived.0.state(after()), State::Open);

    assert_eq!(opened.refused(|it| it.extend(author(), MAY, "", within())), Code::InvalidField);
    assert_eq!(opened.refused(|it| it.extend(author(), JUNE, "", within())), Code::InvalidField);
    assert_eq!(opened.refused(|it| it.extend(author(), "soon", "", within())), Code::InvalidField);
    assert_eq!(Story::drafted().refused(|it| it.extend(author(), later, "", within())), Code::Conflict);
    let long = "x".repeat(501);
    assert_eq!(opened.refused(|it| it.extend(author(), later, &long, within())), Code::InvalidField);
}

#[test]
fn a_draft_changes_freely_and_an_opened_one_only_widens() {
    let wider = Terms {
        name: [("en".to_owned(), "Spring".to_owned())].into(),
        capacity: Some(20),
        public: true,
        ..terms()
    };
    let other = Terms { metric: Metric::Ascent, ..terms() };
    let narrower = Terms { capacity: Some(9), ..terms() };
    let endless = Terms { capacity: None, ..terms() };
    let change = |terms: &Terms| {
        let terms = terms.clone();
        move |it: &Challenge| it.change(author(), terms.clone(), within())
    };
    let draft = Story::drafted();
    assert_eq!(draft.clone().then(change(&other)).0.known().unwrap().terms.metric, Metric::Ascent);
    assert_eq!(draft.then(change(&narrower)).0.known().unwrap().terms.capacity, Some(9));

    let opened = Story::opened(before());
    assert_eq!(*opened.clone().then(change(&wider)).0.known().unwrap().terms, wider);
    assert_eq!(opened.clone().then(change(&endless)).0.known().unwrap().terms.capacity, None);
    assert_eq!(opened.0.change(author(), terms(), within()).unwrap(), []);
    assert_eq!(opened.refused(change(&other)), Code::Conflict);
    assert_eq!(opened.refused(change(&narrower)), Code::Conflict);
    assert_eq!(opened.clone().then(change(&endless)).refused(change(&wider)), Code::Conflict);
    assert_eq!(opened.stopped(within()).refused(change(&wider)), Code::ChallengeClosed);
}

#[test]
fn each_event_is_a_revision() {
    let story = Story::opened(before()).then(|it| it.extend(author(), "2026-06-02T00:00:00", "", within()));
    assert_eq!(story.0.revision, 3);
}

#[test]
fn every_state_has_a_name() {
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
}
