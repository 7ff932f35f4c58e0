//! Who is named, and to whom: in answers and in streams.

use kernel::AccountId;
use proto::leaderboard::BoardPage;
use testkit::fleet::Ground;

use crate::{
    siblings::{Known, group},
    stream::Stream,
    world::{self, Stands, World, account, challenge, scored},
};

/// Open for everybody, for friends only, anonymous by its setting, anonymous in this challenge, and the viewer.
async fn a_mixed_board(ground: &Ground) -> World<'_> {
    let known = Known::default();
    known.person(account("open"), "Open", None);
    known.person(account("friendly"), "Friendly", Some(&["friends"]));
    known.person(account("shy"), "Shy", None);
    known.change(account("shy"), |standing| {
        standing.privacy.as_mut().unwrap().board_name = "anonymous".to_owned();
    });
    known.person(account("hiding"), "Hiding", None);
    known.person(account("me"), "Me", Some(&[]));
    let world = world::start(ground, &known).await;
    let run = challenge("run");
    world.challenge(run, "open", |_| {}).await;
    for (number, name) in (1..).zip(["open", "friendly", "shy", "hiding", "me"]) {
        let show_as = if name == "hiding" { "anonymous" } else { "name" };
        let stands = Stands { show_as, ..scored(number, 1_000 * i64::from(9 - number)) };
        world.stands(run, account(name), stands).await;
    }
    world.top_when(None, run, |page| page.entries.len() == 5).await;
    world
}

fn names(page: &BoardPage) -> Vec<&str> {
    for entry in &page.entries {
        assert_eq!(entry.display_name.is_empty(), entry.account_id.is_empty());
    }
    page.entries.iter().map(|entry| entry.display_name.as_str()).collect()
}

async fn seen_by(world: &World<'_>, viewer: Option<AccountId>) -> Vec<String> {
    let page = world.top(viewer, challenge("run"), "").await.unwrap();
    let answered: Vec<String> = names(&page).into_iter().map(str::to_owned).collect();
    let mut stream = world.live(viewer, challenge("run"), None).await;
    stream.until("names", |stream| stream.names.len() == 5).await;
    let live: Vec<&str> =
        (1..=5).map(|number| stream.name(&format!("m{number}")).unwrap_or_default()).collect();
    assert_eq!(live, answered, "a stream names whom an answer names");
    answered
}

#[tokio::test]
async fn the_strictest_wins_and_ones_own_name_is_always_shown() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    assert_eq!(seen_by(&world, None).await, ["Open", "", "", "", ""]);
    assert_eq!(seen_by(&world, Some(account("somebody"))).await, ["Open", "", "", "", ""]);
    assert_eq!(seen_by(&world, Some(account("me"))).await, ["Open", "", "", "", "Me"]);
    assert_eq!(seen_by(&world, Some(account("hiding"))).await, ["Open", "", "", "Hiding", ""]);
    world.known.befriend(account("me"), account("friendly"));
    assert_eq!(seen_by(&world, Some(account("me"))).await, ["Open", "Friendly", "", "", "Me"]);
    world.known.block(account("me"), account("open"));
    assert_eq!(seen_by(&world, Some(account("me"))).await, ["", "Friendly", "", "", "Me"]);
    world.known.silence(true);
    assert_eq!(seen_by(&world, Some(account("me"))).await, ["", "", "", "", "Me"]);
    assert_eq!(seen_by(&world, None).await, ["Open", "", "", "", ""], "a stranger needs nobody's relations");
    world.stop().await;
}

#[tokio::test]
async fn naming_an_account_does_not_find_who_is_anonymous() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    let all = ["open", "friendly", "shy", "hiding", "me"].map(account);
    let page = world.ranks(Some(account("me")), challenge("run"), &all).await.unwrap();
    assert_eq!(names(&page), ["Open", "Me"]);
    assert_eq!(page.entries.iter().map(|entry| entry.rank).collect::<Vec<_>>(), [1, 5], "ranks stay exact");
    world.stop().await;
}

#[tokio::test]
async fn a_block_takes_names_from_a_running_stream() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    let mut mine = world.live(Some(account("me")), challenge("run"), None).await;
    let mut strangers = world.live(None, challenge("run"), None).await;
    mine.until("named", |stream| stream.name("m1") == Some("Open")).await;
    strangers.until("named", |stream| stream.name("m1") == Some("Open")).await;
    world.known.block(account("me"), account("open"));
    world.relations_changed(account("me")).await;
    mine.until("hidden", |stream| stream.name("m1").is_none()).await;
    assert_eq!(mine.name("m5"), Some("Me"));
    assert_eq!(mine.rows.len(), 5, "its place stays");
    assert_eq!(strangers.name("m1"), Some("Open"));
    world.stop().await;
}

#[tokio::test]
async fn a_member_that_leaves_a_group_is_named_no_more_in_the_streams_of_the_others() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    let (me, clubby, runners) = (account("me"), account("clubby"), group("runners"));
    world.known.person(clubby, "Clubby", Some(&["groups"]));
    world.known.join(me, runners);
    world.known.join(clubby, runners);
    world.stands(challenge("run"), clubby, scored(6, 500)).await;
    let mut mine = world.live(Some(me), challenge("run"), None).await;
    mine.until("named", |stream| stream.name("m6") == Some("Clubby")).await;
    world.known.leave(clubby, runners);
    world.relations_changed(clubby).await;
    let others_stay = |stream: &Stream| stream.name("m6").is_none() && stream.name("m1") == Some("Open");
    mine.until("hidden alone", others_stay).await;
    assert_eq!(mine.rows.len(), 6, "its place stays");
    world.known.join(clubby, runners);
    world.relations_changed(clubby).await;
    mine.until("named again", |stream| stream.name("m6") == Some("Clubby")).await;
    world.stop().await;
}

#[tokio::test]
async fn a_changed_name_or_setting_reaches_running_streams() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    let mut stream = world.live(None, challenge("run"), None).await;
    stream.until("named", |stream| stream.name("m1") == Some("Open")).await;
    world.known.change(account("open"), |standing| standing.display_name = "Renamed".to_owned());
    world.standing_changed(account("open")).await;
    stream.until("renamed", |stream| stream.name("m1") == Some("Renamed")).await;
    world.known.change(account("open"), |standing| standing.erased = true);
    world.standing_changed(account("open")).await;
    stream.until("anonymous", |stream| stream.name("m1").is_none()).await;
    world.stands(challenge("run"), account("shy"), scored(3, 50_000)).await;
    stream.until("first", |stream| stream.rows["m3"].0 == 1).await;
    assert_eq!(stream.name("m3"), None);
    world.stop().await;
}

#[tokio::test]
async fn names_come_back_when_social_answers_again() {
    let ground = Ground::fresh();
    let world = a_mixed_board(&ground).await;
    world.known.silence(true);
    let mut stream = world.live(Some(account("me")), challenge("run"), None).await;
    stream.until("hidden", |stream| stream.names.len() == 5).await;
    assert_eq!((stream.name("m1"), stream.name("m5")), (None, Some("Me")));
    world.known.silence(false);
    stream.until("named", |stream| stream.name("m1") == Some("Open")).await;
    world.stop().await;
}
