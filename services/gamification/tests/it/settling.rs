//! Settlement, exactly once, through stops at each of its steps.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use eventing::{Command, Db, DomainEvent, Journal, StreamId, store::Timer};
use gamification::{
    Config, MIGRATIONS,
    app::{App, challenges::SETTLE, reward::reward_id, settle},
    domain::{ChallengeId, challenge, challenge::Event, participation, placing},
};
use kernel::{AccountId, ActivityId, Code, time::ManualClock};
use platform::{Module, Peers};
use proto::{activity as told, gamification as wire};
use testkit::{
    StandIn,
    fleet::{self, Fleet, Ground, eventually},
};
use tonic::{Response, Status, service::Routes};

use crate::{
    contest::{happens, joins, opened, takes_part, written},
    fleet::{by, bytes_of, run_on},
    siblings::{self, Known},
};

/// activity as a settlement meets it: it tells whether uploads wait.
fn activity(journal: &Journal, waiting: &Arc<AtomicU32>) -> Routes {
    let (journal, waiting) = (journal.clone(), waiting.clone());
    let settled = move |_: told::SettledRequest| {
        let (journal, waiting) = (journal.clone(), waiting.clone());
        async move {
            let head = journal.store().head().await.unwrap().unsigned_abs();
            let waiting = waiting.load(Ordering::SeqCst);
            Ok(told::SettledResponse { settled: waiting == 0, head, waiting })
        }
    };
    StandIn::of("stadion.activity.v1.Activities").on_later("Settled", settled).routes()
}

pub(crate) struct World<'a> {
    activity: Journal,
    pub(crate) waiting: Arc<AtomicU32>,
    pub(crate) db: Db,
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) known: Known,
    pub(crate) peers: Peers,
    fleet: Fleet<'a>,
}

pub(crate) async fn world<'a>(ground: &'a Ground, now: &str) -> World<'a> {
    let fleet = ground.fleet(&["auth", "social", "activity", "gamification"]).await;
    fleet.clock.set(now.parse().unwrap());
    let known = Known::default();
    for (name, routes) in [("auth", siblings::auth(&known)), ("social", siblings::social(&known))] {
        let resources = fleet.resources(name).await;
        let (journal, spine) = (resources.journal.clone(), resources.spine());
        fleet.serve(Module::new(name, &[], routes).spine(&journal, spine));
    }
    let resources = fleet.resources("activity").await;
    let (activity, spine) = (resources.journal.clone(), resources.spine());
    let waiting = Arc::new(AtomicU32::new(0));
    let routes = self::activity(&activity, &waiting);
    fleet.serve(Module::new("activity", &[], routes).spine(&activity, spine));
    let resources = fleet.resources("gamification").await;
    MIGRATIONS.apply(&resources.db).await.unwrap();
    let app = gamification::app(&resources, &resources.spine(), Config::default()).unwrap();
    let db = resources.db.clone();
    fleet.serve(gamification::module(resources, Config::default()).await.unwrap());
    let (clock, peers) = (fleet.clock.clone(), fleet.peers("gateway"));
    World { activity, waiting, db, app, clock, known, peers, fleet }
}

pub(crate) const AFTER_THE_GRACE: &str = "2026-06-03T00:00:01Z";

/// Three who ran, with rewards for places and for what is reached.
struct Contest {
    id: ChallengeId,
    accounts: [AccountId; 3],
}

fn idle() -> AccountId {
    AccountId::derived(&[b"idle"])
}

impl World<'_> {
    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
    }

    pub(crate) async fn records(&self, account: AccountId, name: &str, facts: told::Facts) -> ActivityId {
        let activity = ActivityId::derived(&[account.as_bytes(), name.as_bytes()]);
        let event = told::ActivityRecorded {
            activity_id: bytes_of(activity),
            account_id: bytes_of(account),
            facts: Some(facts),
            ..told::ActivityRecorded::default()
        };
        self.tell(account, activity, &event).await;
        activity
    }

    pub(crate) async fn tell(&self, account: AccountId, activity: ActivityId, event: &impl prost::Name) {
        let stream = StreamId::of("activity", activity);
        fleet::tell(&self.activity, &stream, &account.to_string(), event).await;
    }

    /// Open, with the timer that settles it.
    pub(crate) async fn opens(&self, name: &str, terms: challenge::Terms) -> ChallengeId {
        let journal = &self.app.journal;
        let id = opened(journal, name, terms.clone()).await;
        let mut batch = journal.batch(&Command::by("service:test"));
        batch.timer(Timer::Set {
            due_us: terms.settles_at_us(),
            stream: StreamId::of("challenge", id),
            command_id: SETTLE.to_owned(),
            payload: bytes::Bytes::new(),
        });
        batch.commit().await.unwrap();
        id
    }

    async fn contest(&self) -> Contest {
        let reward = |places, reached, points, badge: &str| challenge::terms::WrittenReward {
            places,
            percentile: None,
            reached,
            points,
            badge: badge.to_owned(),
        };
        let rewards =
            vec![reward(Some((1, 1)), None, 500, "podium"), reward(None, Some(4_000.0), 100, "finisher")];
        let written = challenge::terms::Written { rewards, public: true, ..written("distance_m") };
        let id = self.opens("settled", challenge::Terms::parse(&written).unwrap()).await;
        let journal = &self.app.journal;
        let accounts = ["first", "second", "third"].map(|name| AccountId::derived(&[name.as_bytes()]));
        for (account, member) in accounts.into_iter().zip(1..) {
            takes_part(journal, joins(id, account, member)).await;
        }
        // Who joined and never ran takes part, without a place.
        takes_part(journal, joins(id, idle(), 4)).await;
        for (account, metres) in accounts.into_iter().zip([5_000.0, 4_500.0, 3_000.0]) {
            self.records(account, "run", run_on("2026-05-20", metres)).await;
        }
        Contest { id, accounts }
    }

    pub(crate) async fn has_scores(&self, id: ChallengeId, count: usize) {
        let standing = async || self.app.store.standing(id).await.unwrap().len();
        eventually("everybody has a score", standing, |scored| *scored == count).await;
    }

    /// What was said of the challenge, in order, by kinds.
    async fn told(&self, id: ChallengeId) -> Vec<Event> {
        let stream = StreamId::of("challenge", id);
        let events = self.app.journal.store().load(&stream, 0, 500).await.unwrap();
        let plains = self.app.journal.sealer().open(&events).await.unwrap();
        plains.iter().map(|plain| Event::decode(plain).unwrap()).collect()
    }

    pub(crate) async fn settles(&self, id: ChallengeId) -> Vec<challenge::Placement> {
        let settled = async || {
            self.clock.advance_s(1);
            self.app.store.contest(id).await.unwrap().and_then(|contest| contest.settled_us)
        };
        eventually("it is settled", settled, Option::is_some).await;
        self.app.store.placements(id, 0, 500).await.unwrap()
    }

    pub(crate) async fn points(&self, account: AccountId) -> i64 {
        let request = by(account, wire::GetProgressRequest::default());
        self.peers.gamification().get_progress(request).await.unwrap().into_inner().points
    }

    pub(crate) async fn settlement(
        &self,
        viewer: AccountId,
        id: ChallengeId,
    ) -> Result<wire::SettlementResponse, Status> {
        let request = wire::SettlementRequest { challenge_id: bytes_of(id), ..Default::default() };
        self.peers.gamification().settlement(by(viewer, request)).await.map(Response::into_inner)
    }
}

/// A badge of a challenge explains itself by the challenge, and by the place where it was for one.
async fn explained(world: &World<'_>, challenge: ChallengeId, account: AccountId) {
    let badges = async || world.app.store.badges(account).await.unwrap();
    let both = |held: &Vec<String>| {
        held.iter().filter(|badge| ["podium", "finisher"].contains(&badge.as_str())).count() == 2
    };
    eventually("badges", badges, both).await;
    for (badge, place) in [("podium", 1), ("finisher", 0)] {
        let why = world.app.store.explanation(account, reward_id(challenge, account, badge)).await;
        let why = why.unwrap().unwrap();
        let [cause] = why.because.as_slice() else { panic!("{why:?}") };
        let told = (why.rule.as_str(), &cause.challenge_id, cause.place);
        assert_eq!(told, ("challenge", &bytes_of(challenge), place));
        assert!(cause.activity_id.is_empty() && cause.value == 0.0, "{cause:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_settled_once_and_pays() {
    let ground = Ground::fresh();
    let world = world(&ground, "2026-05-21T00:00:00Z").await;
    let contest = world.contest().await;
    let [first, second, third] = contest.accounts;
    world.known.person(proto::auth::AccountStanding {
        account_id: bytes_of(first),
        known: true,
        display_name: "Aigerim".to_owned(),
        ..Default::default()
    });
    world.has_scores(contest.id, 3).await;
    let refused = world.settlement(first, contest.id).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::NotFound);

    // Synced late, within the grace; and too late.
    world.clock.set("2026-06-02T23:00:00Z".parse().unwrap());
    world.records(third, "late", run_on("2026-05-30", 2_500.0)).await;
    let third_scores = async || {
        let rows = world.app.store.standing(contest.id).await.unwrap();
        rows.iter().find(|row| row.account == third).unwrap().score.unwrap().value
    };
    eventually("the late one counts", third_scores, |value| *value == 5_500_000).await;
    world.waiting.store(1, Ordering::SeqCst);
    world.clock.set(AFTER_THE_GRACE.parse().unwrap());
    world.records(second, "too late", run_on("2026-05-30", 9_000.0)).await;
    world.waiting.store(0, Ordering::SeqCst);

    let placed = world.settles(contest.id).await;
    let order: Vec<(AccountId, u32, i64)> =
        placed.iter().map(|one| (one.account, one.rank, one.score)).collect();
    assert_eq!(order, [(third, 1, 5_500_000), (first, 2, 5_000_000), (second, 3, 4_500_000)]);
    for (account, points) in [(third, 600), (first, 100), (second, 100)] {
        eventually("points", || world.points(account), |found| *found == points).await;
    }
    let sum = "SELECT CAST(SUM(amount) AS BIGINT), COUNT(*) FROM points_side";
    let row = world.db.fetch_one(sum, vec![]).await.unwrap().unwrap();
    assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), (0, 8));
    explained(&world, contest.id, third).await;

    let settlement = world.settlement(first, contest.id).await.unwrap();
    assert_eq!((settlement.participants, settlement.placements.len()), (4, 3));
    let mine = &settlement.placements[1];
    assert_eq!((mine.display_name.as_str(), mine.percentile), ("Aigerim", 100.0 / 3.0));
    assert_eq!(mine.placement.as_ref().unwrap().account_id, bytes_of(first));
    assert!(settlement.placements[0].placement.as_ref().unwrap().account_id.is_empty(), "not known to me");

    // Too late for the places: said beside them, and so is what is deleted afterwards.
    let adjusted = async || world.app.store.adjustments(contest.id).await.unwrap();
    let said = eventually("one adjustment", adjusted, |said| said.len() == 1).await;
    let (late, _) = &said[0];
    assert_eq!((late.account, late.score_before, late.score_after), (second, 4_500_000, 13_500_000));
    let run = ActivityId::derived(&[first.as_bytes(), b"run"]);
    let (activity_id, account_id) = (bytes_of(run), bytes_of(first));
    let deleted = told::ActivityDeleted { activity_id, account_id, client_version: None };
    world.tell(first, run, &deleted).await;
    let said = eventually("another", adjusted, |said| said.len() == 2).await;
    let (gone, _) = &said[0];
    assert_eq!((gone.score_before, gone.score_after, gone.reason.as_str()), (5_000_000, 0, "deleted"));
    assert_eq!(world.app.store.placements(contest.id, 0, 500).await.unwrap(), placed);

    // Who is erased afterwards has taken part.
    let erased = participation::Event::Erased { challenge: contest.id, account: idle() };
    takes_part(&world.app.journal, erased).await;
    let head = world.app.journal.store().head().await.unwrap();
    assert!(world.app.projected.reached(head, std::time::Duration::from_secs(10)).await);
    assert_eq!(world.settlement(first, contest.id).await.unwrap().participants, 4);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_adjusted_of_somebody_without_a_name_is_told_to_nobody_else() {
    let ground = Ground::fresh();
    let world = world(&ground, "2026-05-21T00:00:00Z").await;
    let contest = world.contest().await;
    let (id, [first, second, third]) = (contest.id, contest.accounts);
    for (account, name) in [(first, "Aigerim"), (second, "Bek"), (third, "Dana")] {
        let privacy = Some(proto::auth::Privacy {
            audiences: vec![proto::auth::Audience {
                data_class: "profile".to_owned(),
                members: vec!["everyone".to_owned()],
            }],
            board_name: "shown".to_owned(),
            ..Default::default()
        });
        world.known.person(proto::auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            display_name: name.to_owned(),
            privacy,
            ..Default::default()
        });
    }
    let nameless = participation::Event::Changed {
        challenge: id,
        account: second,
        show_as: participation::ShowAs::Anonymous,
        count_private: false,
    };
    takes_part(&world.app.journal, nameless).await;
    world.has_scores(id, 3).await;
    world.clock.set(AFTER_THE_GRACE.parse().unwrap());
    let placed = world.settles(id).await;
    assert_eq!(placed.iter().map(|one| one.anonymous).collect::<Vec<_>>(), [false, true, false]);
    let rewards = async || {
        let stream = StreamId::of("progress", second);
        let events = world.app.journal.store().load(&stream, 0, 500).await.unwrap();
        let plains = world.app.journal.sealer().open(&events).await.unwrap();
        plains
            .iter()
            .filter_map(|plain| plain.decode::<wire::RewardBadgeGiven>())
            .map(|given| given.unwrap().anonymous)
            .collect::<Vec<_>>()
    };
    eventually("a nameless badge", rewards, |given| given.as_slice() == [true]).await;

    for account in [first, second] {
        let run = ActivityId::derived(&[account.as_bytes(), b"run"]);
        let (activity_id, account_id) = (bytes_of(run), bytes_of(account));
        let deleted = told::ActivityDeleted { activity_id, account_id, client_version: None };
        world.tell(account, run, &deleted).await;
    }
    let adjusted = async || world.app.store.adjustments(id).await.unwrap();
    eventually("two adjustments", adjusted, |said| said.len() == 2).await;
    for (viewer, seen) in [(first, vec![first]), (third, vec![first]), (second, vec![first, second])] {
        // The nameless one stands on another page.
        let request = wire::SettlementRequest { challenge_id: bytes_of(id), limit: 1, ..Default::default() };
        let page = world.peers.gamification().settlement(by(viewer, request)).await.unwrap().into_inner();
        let mut told: Vec<_> = page.adjustments.iter().map(|one| one.account_id.clone()).collect();
        let mut wanted: Vec<_> = seen.into_iter().map(bytes_of).collect();
        told.sort();
        wanted.sort();
        assert_eq!((page.placements.len(), told), (1, wanted));
        assert_eq!(page.placements[0].display_name, "Aigerim");
    }
    world.stop().await;
}

/// Where a process ends in the middle of a settlement.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Scored,
    UploadsWait,
    LineDrawn,
    OrderFixed,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_any_step_settles_it_once_all_the_same() {
    for stop in [Stop::Scored, Stop::UploadsWait, Stop::LineDrawn, Stop::OrderFixed] {
        let ground = Ground::fresh();
        let before = world(&ground, "2026-05-21T00:00:00Z").await;
        let contest = before.contest().await;
        before.has_scores(contest.id, 3).await;
        match stop {
            Stop::Scored => {}
            Stop::UploadsWait => {
                before.waiting.store(1, Ordering::SeqCst);
                before.clock.set(AFTER_THE_GRACE.parse().unwrap());
                let asked = async || {
                    let sql =
                        "SELECT payload FROM es_timer WHERE state = 'waiting' AND command_id = 'settle'";
                    let row = before.db.fetch_one(sql, vec![]).await.unwrap();
                    row.map(|row| row.get::<Vec<u8>>(0).unwrap().len())
                };
                eventually("it has asked once", asked, |found| *found == Some(8)).await;
            }
            Stop::LineDrawn => {
                let activity_head = before.activity.store().head().await.unwrap().unsigned_abs();
                let event = Event::Settling { challenge: contest.id, activity_head };
                happens(&before.app.journal, contest.id, event).await;
            }
            Stop::OrderFixed => {
                before.clock.set(AFTER_THE_GRACE.parse().unwrap());
                before.settles(contest.id).await;
            }
        }
        before.stop().await;

        let after = world(&ground, AFTER_THE_GRACE).await;
        let placed = after.settles(contest.id).await;
        for (account, points) in contest.accounts.into_iter().zip([600, 100, 0]) {
            eventually(&format!("{stop:?}: points"), || after.points(account), |found| *found == points)
                .await;
        }
        // The timer once more, from several sides.
        let timer = eventing::store::DueTimer {
            due_us: 0,
            stream: StreamId::of("challenge", contest.id),
            command_id: SETTLE.to_owned(),
            payload: bytes::Bytes::new(),
        };
        let again = (0..4).map(|_| settle::settle(&after.app, &timer));
        futures::future::try_join_all(again).await.unwrap();
        let told = after.told(contest.id).await;
        let settled: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                Event::Settled { count, checksum, .. } => Some((*count, checksum.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(settled, [(3, placing::checksum(&placed))], "{stop:?}");
        let lines = told.iter().filter(|event| matches!(event, Event::Settling { .. })).count();
        assert_eq!(lines, 1, "{stop:?}");
        after.stop().await;
    }
}
