use std::collections::BTreeMap;

use testkit::fleet::Ground;

use crate::{
    siblings::Known,
    world::{self, Stands, World, account, challenge, scored},
};

/// `m1` leads with 1 000 · members.
async fn a_board(ground: &Ground, members: u32) -> World<'_> {
    let known = Known::default();
    let world = world::start(ground, &known).await;
    world.challenge(challenge("run"), "open", |_| {}).await;
    for number in 1..=members {
        let account = account(&format!("m{number}"));
        known.person(account, &format!("M {number}"), None);
        let value = i64::from(members + 1 - number) * 1_000;
        world.stands(challenge("run"), account, scored(number, value)).await;
    }
    let count = members.min(100) as usize;
    world.top_when(None, challenge("run"), |page| page.entries.len() == count).await;
    world
}

/// What each member on the page has. Members come to the board in no order: only when each has what was told last
/// is the page where it ends.
fn scores(page: &proto::leaderboard::BoardPage) -> BTreeMap<u32, i64> {
    page.entries.iter().map(|entry| (entry.member, entry.score)).collect()
}

#[tokio::test]
async fn a_snapshot_and_the_deltas_after_it_fold_to_the_top() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 30).await;
    let run = challenge("run");
    let mut stream = world.live(None, run, None).await;
    let page = world.top(None, run, "").await.unwrap();
    stream.until("the top", |stream| stream.shows(&page)).await;
    assert_eq!(stream.sequence, page.sequence);
    let mut seed = 7_u32;
    let mut told: BTreeMap<u32, i64> =
        (1..=30).map(|number| (number, i64::from(31 - number) * 1_000)).collect();
    for _ in 0..6 {
        for _ in 0..10 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (number, value) = (seed >> 20 & 31, i64::from(seed >> 8 & 0xFFFF));
            let state = if value % 5 == 0 { "left" } else { "active" };
            let stands = Stands { state, ..scored(number, value) };
            told.retain(|member, _| *member != number);
            if state == "active" {
                told.insert(number, value);
            }
            world.stands(run, account(&format!("m{number}")), stands).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let page = world.top(None, run, "").await.unwrap();
        // Scores may still be on their way to the board: what counts is where it ends.
        stream.until("a later top", |stream| stream.sequence >= page.sequence).await;
    }
    let page = world.top_when(None, run, |page| scores(page) == told).await;
    stream.until("the last top", |stream| stream.shows(&page)).await;
    assert_eq!(stream.count("snapshot"), 1, "the rest were deltas");
    assert!(stream.count("delta") > 1);
    world.stop().await;
}

#[tokio::test]
async fn who_does_not_read_is_told_where_it_ended_when_it_does() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 12).await;
    let run = challenge("run");
    let mut keen = world.live(None, run, None).await;
    let mut idle = world.live(Some(account("m12")), run, None).await;
    idle.until("begun", |stream| stream.me.is_some()).await;
    let mut told = BTreeMap::new();
    for round in 1..=40 {
        for number in 1..=12 {
            let value = i64::from((number * 31 + round * 17) % 101) * 1_000;
            world.stands(run, account(&format!("m{number}")), scored(number, value)).await;
            told.insert(number, value);
        }
    }
    let page = world.top_when(None, run, |page| scores(page) == told).await;
    keen.until("the end", |stream| stream.shows(&page)).await;
    let read = idle.events.len();
    idle.until("the end", |stream| stream.shows(&page)).await;
    assert!(idle.events.len() - read <= 6, "steps between are left out: {:?}", idle.events);
    idle.until("its own place", |stream| stream.me.is_some_and(|me| me.0 == rank_of(&page, 12))).await;
    world.stop().await;
}

fn rank_of(page: &proto::leaderboard::BoardPage, member: u32) -> u64 {
    page.entries.iter().find(|entry| entry.member == member).map_or(0, |entry| entry.rank.into())
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 5).await;
    let run = challenge("run");
    let mut first = world.live(None, run, None).await;
    first.until("begun", |stream| stream.rows.len() == 5).await;
    let (sequence, rows) = (first.sequence, first.rows.clone());
    drop(first);
    world.stands(run, account("m5"), scored(5, 90_000)).await;
    let page = world.top_when(None, run, |page| page.entries[0].member == 5).await;
    let mut again = world.live(None, run, Some(sequence)).await;
    again.rows = rows;
    again.until("the top", |stream| stream.shows(&page)).await;
    assert_eq!((again.count("snapshot"), again.count("delta")), (0, 1), "{:?}", again.events);

    let now = again.sequence;
    let mut same = world.live(None, run, Some(now)).await;
    same.until("names", |stream| !stream.names.is_empty()).await;
    assert_eq!(same.events, ["names"], "it has the places already");
    world.challenge(challenge("other"), "open", |_| {}).await;
    world.stands(challenge("other"), account("m1"), scored(1, 1)).await;
    let other = world.top_when(None, challenge("other"), |page| page.entries.len() == 1).await.sequence;
    for unknown in [now + 1_000_000, u64::MAX, other, 0, sequence - 1] {
        let mut anew = world.live(None, run, Some(unknown)).await;
        anew.until("begun", |stream| !stream.events.is_empty()).await;
        assert_eq!(anew.events, ["snapshot"], "{unknown}");
    }
    let known = world.known.clone();
    world.stop().await;

    let world = world::start(&ground, &known).await;
    let mut later = world.live(None, run, Some(now)).await;
    later.until("names", |stream| !stream.names.is_empty()).await;
    assert_eq!(later.events, ["names"], "a restart changes no sequence");
    world.stop().await;
}

#[tokio::test]
async fn one_is_told_of_ones_own_place_and_of_who_went_past() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 20).await;
    let run = challenge("run");
    let mut stream = world.live(Some(account("m15")), run, None).await;
    stream.until("its place", |stream| stream.me.is_some()).await;
    assert_eq!(stream.me, Some((15, 6.0)), "told though it is not among the first ten");
    world.stands(run, account("m18"), scored(18, 6_500)).await;
    stream.until("overtaken", |stream| stream.overtaken_by == ["m18"]).await;
    stream.until("its place", |stream| stream.me == Some((16, 6.0))).await;
    world.stands(run, account("m15"), scored(15, 7_123)).await;
    stream.until("better", |stream| stream.me == Some((14, 7.123))).await;
    // Falling back by oneself is nobody's overtaking.
    world.stands(run, account("m15"), scored(15, 10)).await;
    stream.until("last", |stream| stream.me.is_some_and(|me| me.0 == 20)).await;
    assert_eq!(stream.overtaken_by, ["m18"]);
    world.stands(run, account("m1"), Stands { state: "left", ..scored(1, 0) }).await;
    stream.until("one is gone", |stream| stream.me.is_some_and(|me| me.0 == 19)).await;
    assert!(!stream.rows.contains_key("m1"));
    // Who loses the place is told so, on this stream and on one that goes on with it.
    let before = stream.me;
    world.stands(run, account("m15"), Stands { state: "left", ..scored(15, 0) }).await;
    stream.until("no place", |stream| stream.me.is_none()).await;
    let mut again = world.live(Some(account("m15")), run, Some(stream.sequence)).await;
    again.me = before;
    again.until("no place", |stream| stream.me.is_none()).await;
    world.stop().await;
}

#[tokio::test]
async fn a_settled_board_says_so_and_ends() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 3).await;
    let run = challenge("run");
    let mut stream = world.live(None, run, None).await;
    stream.until("begun", |stream| stream.rows.len() == 3).await;
    // Both at once: which of the two logs is heard first is open.
    tokio::join!(
        world.challenge(run, "settled", |_| {}),
        world.stands(run, account("m3"), scored(3, 70_000))
    );
    stream.until("closed", |stream| stream.closed.is_some()).await;
    assert_eq!(stream.closed.as_deref(), Some("settled"));
    assert_eq!(stream.rows["m3"], (1, 70.0), "the last scores came before");
    assert!(stream.is_ended().await);
    let mut late = world.live(None, run, None).await;
    late.until("closed", |stream| stream.closed.is_some()).await;
    assert_eq!((late.rows.len(), late.names.len()), (3, 3), "who comes late sees how it ended");
    world.stop().await;
}

#[tokio::test]
async fn a_shutdown_ends_streams_and_says_when_to_come_back() {
    let ground = Ground::fresh();
    let world = a_board(&ground, 3).await;
    let mut stream = world.live(Some(account("m1")), challenge("run"), None).await;
    stream.until("begun", |stream| stream.me.is_some()).await;
    let read = async {
        stream.until("closed", |stream| stream.closed.is_some()).await;
        assert_eq!(stream.closed.as_deref(), Some("shutdown"));
        assert!(stream.is_ended().await);
    };
    tokio::join!(world.stop(), read);
}
