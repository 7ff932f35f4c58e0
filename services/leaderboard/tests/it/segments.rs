//! Segments: whose they are, and that a small one finds nobody who is anonymous.

use kernel::Code;
use proto::leaderboard::TopRequest;
use testkit::fleet::Ground;

use crate::{
    siblings::{Known, bytes_of, group},
    world::{self, Stands, World, account, by, challenge, members, refused_with, scored},
};

/// `vera`, who is anonymous, leads before `marat`; both are in the runners, and in a region.
async fn a_group_of_two(ground: &Ground) -> World<'_> {
    let known = Known::default();
    let world = world::start(ground, &known).await;
    world.challenge(challenge("run"), "open", |_| {}).await;
    for (number, name, show_as) in [(1, "vera", "anonymous"), (2, "marat", "name")] {
        known.person(account(name), name, None);
        known.join(account(name), group("runners"));
        let segments = [runners(), "region:KZ-75".to_owned()];
        let segments = segments.each_ref().map(String::as_str);
        let stands = Stands { show_as, segments: &segments, ..scored(number, 9_000 - i64::from(number)) };
        world.stands(challenge("run"), account(name), stands).await;
    }
    world.top_when(None, challenge("run"), |page| page.entries.len() == 2).await;
    world
}

fn runners() -> String {
    format!("club:{}", group("runners"))
}

#[tokio::test]
async fn what_a_group_keeps_is_for_its_members_and_who_takes_part() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let own = challenge("own");
    let rule = format!(r#"{{"all":[{{"group":"{}"}},{{"level_at_least":1}}]}}"#, group("runners"));
    world.challenge(own, "open", |terms| (terms.public, terms.eligibility_json) = (false, rule)).await;
    world.known.person(account("nosy"), "Nosy", None);
    world.known.person(account("dara"), "Dara", None);
    world.stands(own, account("dara"), scored(1, 1_000)).await;
    world.top_when(Some(account("marat")), own, |page| page.participants == 1).await;
    assert_eq!(world.top(Some(account("dara")), own, "").await.unwrap().participants, 1, "it takes part");
    refused_with(world.top(None, own, "").await, Code::Unauthenticated);
    let nosy = Some(account("nosy"));
    refused_with(world.top(nosy, own, "").await, Code::NotFound);
    refused_with(world.around(nosy, own, 1).await, Code::NotFound);
    refused_with(world.ranks(nosy, own, &[account("dara")]).await, Code::NotFound);
    refused_with(world.live_in(nosy, own, "").await, Code::NotFound);

    let mut stream = world.live_in(Some(account("marat")), own, "").await.unwrap();
    stream.until("begun", |stream| !stream.rows.is_empty()).await;
    world.known.leave(account("marat"), group("runners"));
    world.relations_changed(account("marat")).await;
    stream.until("closed", |stream| stream.closed.is_some()).await;
    assert_eq!(stream.closed.as_deref(), Some("revoked"));
    assert!(stream.is_ended().await);
    refused_with(world.top(Some(account("marat")), own, "").await, Code::NotFound);
    world.known.silence(true);
    refused_with(world.top(Some(account("vera")), own, "").await, Code::Unavailable);
    world.stop().await;
}

#[tokio::test]
async fn a_groups_segment_is_for_its_members() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    world.known.person(account("nosy"), "Nosy", None);
    for viewer in [None, Some(account("nosy"))] {
        let page = world.top(viewer, run, &runners()).await.unwrap();
        assert_eq!((page.entries.len(), page.participants, page.segment), (0, 0, runners()));
        refused_with(world.live_in(viewer, run, &runners()).await, Code::NotFound);
    }
    assert!(world.top(Some(account("marat")), run, "club:no-id").await.unwrap().entries.is_empty());
    let mut stream = world.live_in(Some(account("marat")), run, &runners()).await.unwrap();
    stream.until("begun", |stream| stream.me.is_some()).await;
    world.known.leave(account("marat"), group("runners"));
    world.relations_changed(account("marat")).await;
    while !stream.is_ended().await {}
    refused_with(world.live_in(Some(account("marat")), run, &runners()).await, Code::NotFound);
    world.known.silence(true);
    refused_with(world.top(Some(account("vera")), run, &runners()).await, Code::Unavailable);
    world.stop().await;
}

#[tokio::test]
async fn a_small_segment_counts_who_is_anonymous_and_does_not_show_them() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    for (viewer, segment, want) in [
        (Some(account("marat")), runners(), vec![(2, 2)]),
        (Some(account("vera")), runners(), vec![(1, 1), (2, 2)]),
        (None, "region:KZ-75".to_owned(), vec![(2, 2)]),
    ] {
        let page = world.top(viewer, run, &segment).await.unwrap();
        let places: Vec<_> = page.entries.iter().map(|entry| (entry.rank, entry.member)).collect();
        assert_eq!(places, want, "{segment}");
        assert_eq!(page.participants, 2, "all who stand there, for whoever looks");
    }
    assert_eq!(members(&world.top(None, run, "all").await.unwrap()), [1, 2], "everybody's segment is whole");

    let mut marats = world.live_in(Some(account("marat")), run, &runners()).await.unwrap();
    marats.until("begun", |stream| stream.me.is_some() && !stream.names.is_empty()).await;
    assert_eq!(marats.events[0], "snapshot");
    assert_eq!(marats.me.map(|me| me.0), Some(2), "the other one is ahead");
    assert_eq!(marats.rows.keys().collect::<Vec<_>>(), ["m2"]);
    assert_eq!((marats.rows["m2"].0, marats.participants), (2, 2));
    assert_eq!(marats.names.keys().collect::<Vec<_>>(), ["m2"]);
    let mut veras = world.live_in(Some(account("vera")), run, &runners()).await.unwrap();
    veras.until("its place", |stream| stream.me.is_some()).await;
    assert_eq!((veras.me.map(|me| me.0), veras.rows.len()), (Some(1), 1));

    // Behind, and past again: nobody is told by whom.
    let segments = [runners()];
    let segments = segments.each_ref().map(String::as_str);
    for value in [1_000, 50_000] {
        let stands = Stands { show_as: "anonymous", segments: &segments, ..scored(1, value) };
        world.stands(run, account("vera"), stands).await;
        let score = value;
        world.top_when(None, run, |page| page.entries.iter().any(|entry| entry.score == score)).await;
    }
    let stands = Stands { segments: &segments, ..scored(2, 7_000) };
    world.stands(run, account("marat"), stands).await;
    marats.until("the last score", |stream| stream.rows["m2"].1 == 7.0).await;
    marats.until("its place", |stream| stream.me == Some((2, 7.0))).await;
    assert!(marats.overtaken_by.is_empty());
    assert!(!marats.rows.contains_key("m1"));
    world.stop().await;
}

#[tokio::test]
async fn a_setting_takes_a_row_from_a_small_segment_and_the_tenth_member_brings_all() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    let region = "region:KZ-75";
    let mut stream = world.live_in(None, run, region).await.unwrap();
    stream.until("begun", |stream| stream.rows.len() == 1).await;
    world.known.change(account("marat"), |standing| standing.minor = true);
    world.standing_changed(account("marat")).await;
    stream.until("gone", |stream| stream.rows.is_empty()).await;
    assert_eq!(stream.participants, 2, "it counts as before");
    for number in 3..=10 {
        let name = format!("m{number}");
        world.known.person(account(&name), &name, None);
        let stands = Stands { segments: &[region], ..scored(number, i64::from(number)) };
        world.stands(run, account(&name), stands).await;
    }
    stream.until("all", |stream| stream.rows.len() == 10 && stream.participants == 10).await;
    let page = world.top(None, run, region).await.unwrap();
    assert!(stream.shows(&page), "{:?} is not {page:?}", stream.rows);
    assert_eq!(page.entries.iter().filter(|entry| entry.display_name.is_empty()).count(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_segment_that_nobody_is_in_is_shown_as_soon_as_somebody_is() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    let mut stream = world.live_in(None, run, "level:7").await.unwrap();
    stream.until("begun", |stream| stream.events == ["snapshot"]).await;
    assert_eq!((stream.segment.as_str(), stream.rows.len()), ("level:7", 0));
    world.known.person(account("new"), "New", None);
    world.stands(run, account("new"), Stands { segments: &["level:7"], ..scored(3, 1_000) }).await;
    stream.until("shown", |stream| stream.rows.contains_key("m3")).await;
    stream.until("named", |stream| stream.name("m3") == Some("New")).await;
    assert_eq!(stream.segment, "level:7");
    world.stop().await;
}

#[tokio::test]
async fn of_a_few_everybody_reads_the_same_ranks_whomever_they_may_name() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    let region = "region:KZ-75";
    world.known.person(account("friendly"), "Friendly", Some(&["friends"]));
    world.known.befriend(account("marat"), account("friendly"));
    for (name, number, value) in [("friendly", 3, 5_000), ("dara", 4, 3_000)] {
        if name == "dara" {
            world.known.person(account(name), "Dara", None);
        }
        world.stands(run, account(name), Stands { segments: &[region], ..scored(number, value) }).await;
    }
    world.top_when(None, run, |page| page.entries.len() == 4).await;
    for (viewer, want) in [
        (None, vec![(2, 2), (4, 4)]),
        (Some("vera"), vec![(1, 1), (2, 2), (4, 4)]),
        (Some("marat"), vec![(2, 2), (3, 3), (4, 4)]),
    ] {
        let asked = |limit, cursor: &str| TopRequest {
            challenge_id: bytes_of(run),
            segment: region.to_owned(),
            limit,
            cursor: cursor.to_owned(),
        };
        // A page is so many places, of which some have no row: nobody is met twice, or missed.
        for limit in [1, 3, 100] {
            let (mut places, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = world.client().top(by(viewer.map(account), asked(limit, &cursor))).await.unwrap();
                let page = page.into_inner();
                assert_eq!(page.participants, 4, "{viewer:?}");
                places.extend(page.entries.iter().map(|entry| (entry.rank, entry.member)));
                cursor = page.next_cursor;
                if cursor.is_empty() {
                    break;
                }
            }
            assert_eq!(places, want, "{viewer:?} by {limit}");
        }
    }
    let mut live = world.live_in(Some(account("marat")), run, region).await.unwrap();
    live.until("begun", |stream| stream.me.is_some() && stream.rows.len() == 2).await;
    assert_eq!(live.me.map(|me| me.0), Some(2));
    let rows: Vec<_> = live.rows.iter().map(|(member, row)| (member.as_str(), row.0)).collect();
    assert_eq!((rows, live.participants), (vec![("m2", 2), ("m4", 4)], 4), "shared by all who watch");
    world.stop().await;
}

#[tokio::test]
async fn a_board_made_private_ends_the_streams_of_those_who_may_not_see_it_any_more() {
    let ground = Ground::fresh();
    let world = a_group_of_two(&ground).await;
    let run = challenge("run");
    world.known.person(account("nosy"), "Nosy", None);
    world.known.person(account("mate"), "Mate", None);
    world.known.join(account("mate"), group("runners"));
    let mut streams = Vec::new();
    for viewer in [None, Some("nosy"), Some("mate"), Some("marat")] {
        let mut stream = world.live(viewer.map(account), run, None).await;
        stream.until("begun", |stream| stream.rows.len() == 2 && !stream.names.is_empty()).await;
        streams.push(stream);
    }
    let rule = format!(r#"{{"group":"{}"}}"#, group("runners"));
    world.challenge(run, "open", |terms| (terms.public, terms.eligibility_json) = (false, rule)).await;
    for stream in &mut streams[..2] {
        stream.until("closed", |stream| stream.closed.is_some()).await;
        assert_eq!(stream.closed.as_deref(), Some("revoked"));
        assert!(stream.is_ended().await);
    }
    let segments = [runners(), "region:KZ-75".to_owned()];
    let segments = segments.each_ref().map(String::as_str);
    world.stands(run, account("marat"), Stands { segments: &segments, ..scored(2, 90_000) }).await;
    for stream in &mut streams[2..] {
        stream.until("going on", |stream| stream.rows["m2"] == (1, 90.0)).await;
        assert_eq!(stream.closed, None);
    }
    for stream in &streams[..2] {
        assert_eq!(stream.rows["m2"].0, 2, "not a word more was said");
    }
    refused_with(world.top(None, run, "").await, Code::Unauthenticated);
    refused_with(world.top(Some(account("nosy")), run, "").await, Code::NotFound);
    world.stop().await;
}
