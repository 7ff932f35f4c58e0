//! Weekly leagues, from the first XP of a week to the next one's cohorts, through stops and weeks that were missed.

use std::sync::atomic::Ordering;

use eventing::{Class, Position, args, store::DueTimer};
use futures::future::join_all;
use gamification::{
    app::leagues::{self, CLOSE},
    domain::{
        challenge::Terms,
        league::{
            Week,
            cohort::{Outcome, Place},
        },
    },
    store::leagues::PastRow,
};
use kernel::{AccountId, ActivityId, Code};
use proto::{activity as told, auth, gamification as wire};
use testkit::fleet::{Ground, eventually};

use crate::{
    contest::written,
    fleet::{by, bytes_of, run_on},
    settling::{World, world},
};

const WEDNESDAY: &str = "2026-05-13T12:00:00Z";
const MONDAY_AFTER: &str = "2026-05-18T00:00:01Z";

fn week(monday: &str) -> Week {
    Week::of_us(format!("{monday}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

impl World<'_> {
    /// Somebody whose name everybody may see, unless they want to be anonymous.
    fn athlete(&self, name: &str, board_name: &str) -> AccountId {
        let account = AccountId::derived(&[name.as_bytes()]);
        let everyone =
            auth::Audience { data_class: "profile".to_owned(), members: vec!["everyone".to_owned()] };
        self.known.person(auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            display_name: name.to_owned(),
            privacy: Some(auth::Privacy {
                audiences: vec![everyone],
                board_name: board_name.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        });
        account
    }

    async fn league(&self, account: AccountId) -> wire::GetLeagueResponse {
        let ask = async || self.peers.gamification().get_league(by(account, wire::GetLeagueRequest {})).await;
        eventually("leagues are played", ask, Result::is_ok).await.unwrap().into_inner()
    }

    async fn ranked(&self, account: AccountId, size: u32) -> wire::GetLeagueResponse {
        eventually("everybody is ranked", || self.league(account), |league| league.size == size).await
    }

    async fn past(&self, account: AccountId) -> Vec<PastRow> {
        self.app.store.past_leagues(account, i64::MAX, 50).await.unwrap()
    }

    /// Time goes on until that week is played.
    async fn plays(&self, wanted: Week) {
        let newest = async || {
            self.clock.advance_s(1);
            self.app.store.newest_week().await.unwrap().map(|row| row.week)
        };
        eventually("that week", newest, |week| *week == Some(wanted)).await;
    }

    /// How often each kind of event stands in the journal.
    async fn said(&self, kind: &str) -> i64 {
        let sql = "SELECT COUNT(*) FROM es_event WHERE type = $1";
        let kind = format!("stadion.gamification.v1.{kind}");
        self.db.fetch_one(sql, args![kind]).await.unwrap().unwrap().get(0).unwrap()
    }

    async fn head(&self) -> Position {
        self.app.journal.store().head().await.unwrap()
    }
}

fn deleted(account: AccountId, activity: ActivityId) -> told::ActivityDeleted {
    told::ActivityDeleted {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        client_version: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_ranks_what_it_brought_and_moves_who_was_first() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let [far, near, hidden] = [("Aigerim", "shown"), ("Bek", "shown"), ("Dana", "anonymous")]
        .map(|(name, board)| world.athlete(name, board));
    let idle = world.athlete("Idle", "shown");
    // Sunday's belongs to the week before, which was never played.
    world.records(near, "sunday", run_on("2026-05-10", 9_000.0)).await;
    world.records(near, "run", run_on("2026-05-12", 2_000.0)).await;
    world.records(hidden, "run", run_on("2026-05-12", 4_000.0)).await;
    world.records(far, "run", run_on("2026-05-12", 7_000.0)).await;
    let league = world.ranked(near, 3).await;
    assert_eq!((league.week.as_str(), league.tier.as_str(), league.tier_number), ("2026-W20", "bronze", 1));
    // Of three the first one rises: a third of a cohort, as of thirty.
    assert_eq!((league.promotion_places, league.demotion_places, league.tiers), (1, 0, 5));
    let seen: Vec<_> =
        league.entries.iter().map(|entry| (entry.rank, entry.name.as_str(), entry.me, entry.xp)).collect();
    // The firsts were Sunday's: 20 for 2 km and 15 for half an hour are left to this week.
    assert_eq!(seen, [(1, "Aigerim", false, 155), (2, "", false, 125), (3, "Bek", true, 35)]);
    assert!(league.entries[1].account_id.is_empty() && !league.entries[0].account_id.is_empty());
    assert_eq!((league.rank, league.xp), (Some(3), 35));
    let own = world.league(hidden).await;
    assert_eq!(own.entries[1].name, "Dana", "to oneself nobody is anonymous");
    let none = world.league(idle).await;
    assert_eq!((none.rank, none.size, none.entries.len(), none.promotion_places), (None, 0, 0, 10));

    world.clock.set(MONDAY_AFTER.parse().unwrap());
    world.plays(week("2026-05-18")).await;
    let ends = join_all([far, hidden, near].map(|account| world.past(account))).await;
    let ends: Vec<_> =
        ends.iter().map(|past| (past[0].ended.rank, past[0].ended.outcome, past[0].size)).collect();
    assert_eq!(ends, [(1, Outcome::Promoted, 3), (2, Outcome::Kept, 3), (3, Outcome::Kept, 3)]);
    assert!(world.past(idle).await.is_empty(), "who earned nothing is not ranked");
    assert_eq!(
        (world.league(far).await.tier.as_str(), world.league(near).await.tier.as_str()),
        ("silver", "bronze")
    );

    // Whoever joins a challenge now stands in it among their league, whatever becomes of them.
    let id = world.opens("everybody", Terms::parse(&written("distance_m")).unwrap()).await;
    for (account, league) in [(far, "league:silver"), (near, "league:bronze"), (idle, "league:bronze")] {
        let request = wire::JoinChallengeRequest { challenge_id: bytes_of(id), ..Default::default() };
        let joined =
            world.peers.gamification().join_challenge(by(account, request)).await.unwrap().into_inner();
        assert!(joined.segments.contains(&league.to_owned()), "{:?}", joined.segments);
    }

    // What is voided, or comes, after the close is too late for it; what comes counts where it belongs.
    let run = ActivityId::derived(&[far.as_bytes(), b"run"]);
    world.tell(far, run, &deleted(far, run)).await;
    world.records(near, "late", run_on("2026-05-13", 15_000.0)).await;
    world.records(near, "new week", run_on("2026-05-18", 3_000.0)).await;
    world.records(far, "new week", run_on("2026-05-18", 3_000.0)).await;
    let league = world.ranked(near, 1).await;
    assert_eq!((league.tier.as_str(), league.week.as_str()), ("bronze", "2026-W21"));
    let above = world.ranked(far, 1).await;
    assert_eq!((above.tier.as_str(), above.promotion_places, above.demotion_places), ("silver", 0, 0));
    assert_eq!((world.past(far).await[0].ended.rank, world.past(near).await[0].ended.xp), (1, 35));
    let request = by(far, wire::ListLeaguesRequest { cursor: "'; DROP".to_owned(), limit: 0 });
    let refused = world.peers.gamification().list_leagues(request).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).code, Code::BadCursor);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn xp_that_are_taken_back_before_the_end_are_taken_off() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let [one, other] = ["Aigerim", "Bek"].map(|name| world.athlete(name, "shown"));
    let run = world.records(one, "run", run_on("2026-05-12", 7_000.0)).await;
    world.records(other, "run", run_on("2026-05-12", 3_000.0)).await;
    assert_eq!(world.ranked(other, 2).await.rank, Some(2));
    // An edit of its day takes it to another week, and what it gave with it.
    let moved = told::ActivityEdited {
        activity_id: bytes_of(run),
        account_id: bytes_of(one),
        facts: Some(run_on("2026-05-05", 7_000.0)),
        changed: vec!["start_at".to_owned()],
        ..Default::default()
    };
    world.tell(one, run, &moved).await;
    assert_eq!(world.ranked(other, 1).await.rank, Some(1));
    assert_eq!(world.league(one).await.rank, None);
    world.clock.set(MONDAY_AFTER.parse().unwrap());
    world.plays(week("2026-05-18")).await;
    assert_eq!((world.past(one).await.len(), world.past(other).await[0].size), (0, 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cohorts_have_thirty_places_in_the_order_of_entering() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let accounts: Vec<AccountId> = (0..62_u32).map(|nth| AccountId::derived(&[&nth.to_be_bytes()])).collect();
    for account in &accounts {
        world.records(*account, "run", run_on("2026-05-12", 3_000.0)).await;
    }
    let place = |cohort| Place { week: week("2026-05-11"), tier: 0, cohort };
    let sizes = async || join_all((0..4).map(|cohort| world.app.store.cohort(place(cohort)))).await;
    let full = |sizes: &Vec<Result<Vec<_>, _>>| {
        sizes.iter().map(|seats| seats.as_ref().map_or(0, Vec::len)).eq([30, 30, 2, 0])
    };
    eventually("two full cohorts and one of two", sizes, full).await;
    let before = rows_of(&world).await;
    world.clock.set(MONDAY_AFTER.parse().unwrap());
    world.plays(week("2026-05-18")).await;
    assert_eq!((world.said("LeaguePlaceTaken").await, world.said("LeagueWeekClosed").await), (62, 1));
    let ends = join_all(accounts.iter().map(|account| world.past(*account))).await;
    let promoted = ends.iter().filter(|past| past[0].ended.outcome == Outcome::Promoted);
    assert_eq!(promoted.count(), 20, "ten of each full one, and none of two");
    let closed = rows_of(&world).await;
    world.stop().await;

    // Read anew in other batches, the journal gives the same seats and ends.
    let db = ground.open("gamification").await;
    db.execute("DELETE FROM es_cursor WHERE consumer = 'gamification-leagues'", args![]).await.unwrap();
    for table in ["league_week", "league_activity", "league_entry"] {
        db.execute(&format!("DELETE FROM {table}"), args![]).await.unwrap();
    }
    db.close().await;
    let world = crate::settling::world(&ground, MONDAY_AFTER).await;
    eventually("the same rows", || rows_of(&world), |rows| *rows == closed).await;
    let seats = |rows: &[String]| {
        rows.iter().map(|row| row.split('|').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seats(&before), seats(&closed));
    world.stop().await;
}

/// Every seat, and how it ended.
async fn rows_of(world: &World<'_>) -> Vec<String> {
    let sql =
        "SELECT account_id, week, tier, seat, cohort, xp, rank, size, outcome, next_tier FROM league_entry
               ORDER BY week, tier, seat";
    let rows = world.db.fetch(sql, args![]).await.unwrap();
    let row = |row: &eventing::Row| {
        let account: AccountId = row.get(0).unwrap();
        let seat = [1, 2, 3, 4, 5].map(|column| row.get::<i64>(column).unwrap());
        let end = [6, 7, 9].map(|column| row.get::<Option<i64>>(column).unwrap());
        format!("{account} {seat:?}|{end:?} {:?}", row.get::<Option<String>>(8).unwrap())
    };
    rows.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_that_were_missed_are_caught_up_each_once() {
    let ground = Ground::fresh();
    let first = world(&ground, WEDNESDAY).await;
    let account = first.athlete("Aigerim", "shown");
    first.records(account, "run", run_on("2026-05-12", 7_000.0)).await;
    first.ranked(account, 1).await;
    first.stop().await;

    let known = crate::settling::world(&ground, "2026-06-04T09:00:00Z").await;
    known.plays(week("2026-06-01")).await;
    assert_eq!(known.past(account).await.len(), 1, "one week was played, three were empty");
    for (kind, count) in [("LeagueWeekOpened", 4), ("LeagueWeekEnded", 3), ("LeagueWeekClosed", 3)] {
        assert_eq!(known.said(kind).await, count, "{kind}");
    }
    known.records(account, "back", run_on("2026-06-02", 3_000.0)).await;
    assert_eq!(known.ranked(account, 1).await.week, "2026-W23");
    known.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_closed_once_by_however_many_try_and_wherever_they_stop() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let accounts: Vec<AccountId> = (0..45_u32).map(|nth| AccountId::derived(&[&nth.to_be_bytes()])).collect();
    for account in &accounts {
        world.records(*account, "run", run_on("2026-05-12", 3_000.0)).await;
    }
    world.ranked(accounts[0], 30).await;
    world.stop().await;
    let mut tries = 0;
    loop {
        // Each process gets as far as it does; several fire the same timer.
        let world = crate::settling::world(&ground, MONDAY_AFTER).await;
        world.clock.advance_s(tries);
        let timer = DueTimer {
            due_us: week("2026-05-11").end_us(),
            stream: leagues::stream(),
            command_id: CLOSE.to_owned(),
            payload: bytes::Bytes::new(),
        };
        let fired = join_all((0..3).map(|_| leagues::close::close(&world.app, &timer))).await;
        assert!(fired.into_iter().all(|fired| fired.is_ok()));
        let closed = world.said("LeagueWeekClosed").await == 1;
        world.stop().await;
        tries += 1;
        assert!(tries < 500, "it is never closed");
        if closed {
            break;
        }
    }
    let world = crate::settling::world(&ground, MONDAY_AFTER).await;
    world.plays(week("2026-05-18")).await;
    for (kind, count) in [("LeaguePlaceTaken", 45), ("LeagueWeekEnded", 1), ("LeagueWeekOpened", 2)] {
        assert_eq!(world.said(kind).await, count, "{kind}, after {tries} processes");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_waits_for_what_was_received_and_not_read_yet() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let account = world.athlete("Aigerim", "shown");
    assert_eq!(world.league(account).await.week, "2026-W20");
    world.waiting.store(1, Ordering::SeqCst);
    world.clock.set(MONDAY_AFTER.parse().unwrap());
    for _ in 0..5 {
        world.clock.advance_s(1);
        world.league(account).await;
    }
    assert_eq!(world.said("LeagueWeekEnded").await, 0);
    // Read at last: it was received in time.
    world.records(account, "read late", run_on("2026-05-17", 3_000.0)).await;
    assert_eq!(world.ranked(account, 1).await.week, "2026-W20", "the week is over, and not ended");
    world.waiting.store(0, Ordering::SeqCst);
    world.plays(week("2026-05-18")).await;
    assert_eq!(world.past(account).await[0].ended.rank, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_vanishes_and_holds_no_week_up() {
    let ground = Ground::fresh();
    let world = world(&ground, WEDNESDAY).await;
    let [erased, told, other] = ["Aigerim", "Bek", "Dana"].map(|name| world.athlete(name, "shown"));
    for account in [erased, told, other] {
        world.records(account, "run", run_on("2026-05-12", 3_000.0)).await;
    }
    world.ranked(other, 3).await;
    // One is erased and we have heard it; of the other only the keys are gone yet.
    let head = world.head().await;
    let stream = eventing::StreamId::of("league_member", told);
    let event = wire::LeagueMemberErased { account_id: bytes_of(told) };
    testkit::fleet::tell(&world.app.journal, &stream, &told.to_string(), &event).await;
    assert!(world.head().await > head);
    world.ranked(other, 2).await;
    ground.keys.destroy(erased.uuid(), Class::Activity);
    world.clock.set(MONDAY_AFTER.parse().unwrap());
    world.plays(week("2026-05-18")).await;
    let past = world.past(other).await;
    assert_eq!((past[0].ended.rank, past[0].size), (1, 1));
    assert!(world.past(told).await.is_empty() && world.past(erased).await.is_empty());
    world.stop().await;
}
