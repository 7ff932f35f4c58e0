//! Two readers of one store at once, as in two processes on PostgreSQL: neither may miss what the other writes, nor wait
//! for it in a circle. Each overlap is shown in both orders.

use std::sync::Arc;

use eventing::{Command, Db, Failure, Incoming, Plain, Projection, StreamId, args};
use kernel::{AccountId, ActivityId, Id};
use proto::{activity, auth, gamification};
use social::{
    app::App,
    consumers::{people::People, posts::Posts},
};
use testkit::{
    fleet::{Fleet, Ground},
    overlap::{applying, heard, overlapping},
};

use crate::world::bytes_of;

const ROUNDS: usize = 100;
const WORDS: [&str; 3] = ["aliya", "berik", "chingiz"];

/// Social's readers, run by hand.
struct Town<'a> {
    db: Db,
    app: App,
    people: Arc<dyn Projection>,
    posts: Arc<dyn Projection>,
    fleet: Fleet<'a>,
}

impl<'a> Town<'a> {
    async fn on(ground: &'a Ground) -> Self {
        let fleet = ground.fleet(&["auth", "social"]).await;
        let resources = fleet.resources("social").await;
        social::MIGRATIONS.apply(&resources.db).await.unwrap();
        let app = social::app(&resources, social::Config::default());
        Self { db: resources.db, app, people: Arc::new(People), posts: Arc::new(Posts), fleet }
    }

    async fn applied(
        &self,
        projection: &Arc<dyn Projection>,
        events: impl AsRef<[Incoming]>,
    ) -> Result<(), Failure> {
        let work = applying(projection, events.as_ref());
        self.db.transact(move |tx| work(tx)).await
    }

    async fn number(&self, sql: &str, account: AccountId) -> i64 {
        self.db.fetch_one(sql, args![account]).await.unwrap().unwrap().get(0).unwrap()
    }

    /// What is left of an account that search or a feed could show.
    async fn left_of(&self, account: AccountId) -> i64 {
        let sql = "SELECT (SELECT COUNT(*) FROM post WHERE author = $1)
             + (SELECT COUNT(*) FROM activity_sport WHERE account_id = $1)
             + (SELECT COUNT(*) FROM person_sport WHERE account_id = $1)
             + (SELECT COUNT(*) FROM person_token WHERE account_id = $1)";
        self.number(sql, account).await
    }

    async fn stop(self) {
        let Self { fleet, .. } = self;
        fleet.stop().await;
    }
}

fn named(account: AccountId, name: &str, at: i64) -> Incoming {
    let profile = auth::Profile { display_name: name.to_owned(), ..Default::default() };
    let event =
        auth::ProfileChanged { account_id: bytes_of(account), profile: Some(profile), ..Default::default() };
    heard("auth", StreamId::of("account", account), &account.to_string(), (at, at), Plain::of(&event))
}

fn erased(account: AccountId) -> Incoming {
    let event = auth::AccountErased { account_id: bytes_of(account) };
    heard("auth", StreamId::of("account", account), &account.to_string(), (1_000, 1_000), Plain::of(&event))
}

fn ran(account: AccountId, activity: ActivityId, sport: &str, at: i64) -> Incoming {
    let facts = activity::Facts { sport: sport.to_owned(), ..Default::default() };
    let event = activity::ActivityRecorded {
        activity_id: bytes_of(activity),
        account_id: bytes_of(account),
        facts: Some(facts),
        ..Default::default()
    };
    heard("activity", StreamId::of("activity", activity), &account.to_string(), (at, at), Plain::of(&event))
}

fn placed(accounts: &[AccountId], at: i64) -> Incoming {
    let challenge = Id::<()>::derived(&[b"challenge", &at.to_be_bytes()]);
    let place = |(rank, account): (u32, &AccountId)| gamification::Placement {
        account_id: bytes_of(*account),
        rank,
        ..Default::default()
    };
    let event = gamification::PlacementsFixed {
        challenge_id: bytes_of(challenge),
        placements: (1..).zip(accounts).map(place).collect(),
    };
    let (stream, key) = (StreamId::of("challenge", challenge), challenge.to_string());
    heard("gamification", stream, &key, (at, at), Plain::of(&event))
}

fn activity(name: &str) -> ActivityId {
    ActivityId::derived(&[name.as_bytes()])
}

#[tokio::test]
async fn an_erased_account_leaves_nothing_whichever_reader_is_first() {
    let Some(ground) = Ground::postgres("readers of one person at once") else { return };
    let town = Town::on(&ground).await;
    let whats: [fn(AccountId) -> Incoming; 2] = [
        |account| ran(account, activity(&account.to_string()), "running", 2),
        |account| placed(&[account], 2),
    ];
    for what in whats {
        for erasure_first in [true, false] {
            let account = AccountId::random();
            town.applied(&town.people, [named(account, "Aliya", 1)]).await.unwrap();
            let erasure = (&town.people, vec![erased(account)]);
            let post = (&town.posts, vec![what(account)]);
            let (first, second) = if erasure_first { (erasure, post) } else { (post, erasure) };
            let (one, other) =
                overlapping(&town.db, applying(first.0, &first.1), town.applied(second.0, &second.1)).await;
            one.unwrap();
            other.unwrap();
            assert_eq!(town.left_of(account).await, 0, "erasure first: {erasure_first}");
        }
    }
    town.stop().await;
}

#[tokio::test]
async fn what_is_posted_while_the_last_rows_are_taken_away_goes_with_the_person() {
    let Some(ground) = Ground::postgres("an erasure and a post at once") else { return };
    let town = Town::on(&ground).await;
    let account = AccountId::random();
    town.applied(&town.people, [named(account, "Aliya", 1)]).await.unwrap();
    let post = applying(&town.posts, &[ran(account, activity("run"), "running", 2)]);
    let command = Command::by("reactor:test");
    let (posted, said) = overlapping(&town.db, post, town.app.subject_erased(&command, account)).await;
    posted.unwrap();
    said.unwrap();
    town.applied(&town.people, [erased(account)]).await.unwrap();
    assert_eq!(town.left_of(account).await, 0);
    town.stop().await;
}

#[tokio::test]
async fn a_word_that_one_gives_up_while_another_takes_it_is_found() {
    let Some(ground) = Ground::postgres("readers of one word at once") else { return };
    let town = Town::on(&ground).await;
    for (gives_up_first, word) in [(true, "Zhansaya"), (false, "Zarina")] {
        let (old, new) = (AccountId::random(), AccountId::random());
        town.applied(&town.people, [named(old, word, 1)]).await.unwrap();
        let (gives_up, takes) = ([named(old, "Berik", 2)], [named(new, word, 2)]);
        let (first, second) = if gives_up_first { (gives_up, takes) } else { (takes, gives_up) };
        let (one, other) =
            overlapping(&town.db, applying(&town.people, &first), town.applied(&town.people, second)).await;
        one.unwrap();
        other.unwrap();
        let sql = "SELECT COUNT(*) FROM person_token p JOIN name_word w ON w.token = p.token
             WHERE p.account_id = $1";
        assert_eq!(town.number(sql, new).await, 1, "gives up first: {gives_up_first}");
    }
    town.stop().await;
}

#[tokio::test]
async fn a_sport_that_one_activity_gives_up_while_another_takes_it_stays() {
    let Some(ground) = Ground::postgres("activities of one person at once") else { return };
    let town = Town::on(&ground).await;
    for gives_up_first in [true, false] {
        let account = AccountId::random();
        let [old, new] = ["old", "new"].map(|name| activity(&format!("{account}/{name}")));
        town.applied(&town.people, [named(account, "Aliya", 1)]).await.unwrap();
        town.applied(&town.posts, [ran(account, old, "running", 1)]).await.unwrap();
        let (gives_up, takes) = ([ran(account, old, "cycling", 2)], [ran(account, new, "running", 3)]);
        let (first, second) = if gives_up_first { (gives_up, takes) } else { (takes, gives_up) };
        let (one, other) =
            overlapping(&town.db, applying(&town.posts, &first), town.applied(&town.posts, second)).await;
        one.unwrap();
        other.unwrap();
        let sql = "SELECT COUNT(*) FROM person_sport WHERE account_id = $1 AND sport = 'running'";
        assert_eq!(town.number(sql, account).await, 1, "gives up first: {gives_up_first}");
    }
    town.stop().await;
}

/// Four readers on few people, again and again, each in an order of its own: nobody waits in a circle, and the rows that
/// stand for others are what those say.
#[tokio::test]
async fn readers_on_few_people_never_wait_in_a_circle() {
    let Some(ground) = Ground::postgres("four readers at once") else { return };
    let town = Town::on(&ground).await;
    let people: Vec<AccountId> = (0..4_u8).map(|nth| AccountId::derived(&[&[nth]])).collect();
    for round in 0..ROUNDS {
        let at = i64::try_from(round).unwrap() + 1;
        let word = |nth: usize| WORDS[(round + nth) % WORDS.len()];
        let sport = |nth: usize| ["running", "cycling", "swimming"][(round + nth) % 3];
        let rename = |nth: usize| named(people[nth], &format!("{} {}", word(nth), word(nth + 1)), at);
        let runs = |nth: usize| ran(people[nth], activity(&format!("{nth}/{}", round % 5)), sport(nth), at);
        let ends: Vec<AccountId> = people.iter().rev().copied().collect();
        let done = tokio::join!(
            town.applied(&town.people, [rename(0), rename(1)]),
            town.applied(&town.people, [rename(3), rename(2)]),
            town.applied(&town.posts, [runs(3), runs(2), runs(1), runs(0)]),
            town.applied(&town.posts, [placed(&ends, at), placed(&people, at)]),
            town.applied(&town.posts, [runs(0), runs(2), runs(1), runs(3)]),
        );
        for one in [done.0, done.1, done.2, done.3, done.4] {
            one.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
    let differ = |left: &str, right: &str| {
        format!(
            "SELECT COUNT(*) FROM (({left} EXCEPT {right}) UNION ALL ({right} EXCEPT {left})) AS d WHERE $1 = $1::bytea"
        )
    };
    let (words, borne) = ("SELECT token FROM name_word", "SELECT token FROM person_token");
    assert_eq!(
        town.number(&differ(words, borne), people[0]).await,
        0,
        "a word that nobody bears, or that is not found"
    );
    let (sports, done) =
        ("SELECT account_id, sport FROM person_sport", "SELECT account_id, sport FROM activity_sport");
    assert_eq!(
        town.number(&differ(sports, done), people[0]).await,
        0,
        "a sport that nobody does, or that is not found"
    );
    town.stop().await;
}
