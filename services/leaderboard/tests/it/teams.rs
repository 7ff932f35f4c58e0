//! Boards of teams: what they have together, in what order, and as it moves.

use proto::leaderboard::{AroundRequest, BoardPage};
use testkit::fleet::Ground;
use tonic::Status;

use crate::{
    siblings::{Known, bytes_of, group},
    world::{self, Stands, World, account, by, challenge, members, scored},
};

impl World<'_> {
    /// A member of a team, at a score.
    async fn helps(&self, name: &str, number: u32, team: &str, score: Option<i64>) {
        let segment = format!("team:{}", group(team));
        let stands = Stands {
            score: score.map(|value| (value, i64::from(number))),
            segments: &[&segment],
            ..scored(number, 0)
        };
        self.stands(challenge("relay"), account(name), stands).await;
    }

    async fn around_mine(&self, name: &str) -> Result<BoardPage, Status> {
        let asked =
            AroundRequest { challenge_id: bytes_of(challenge("relay")), segment: String::new(), span: 1 };
        self.client().around(by(Some(account(name)), asked)).await.map(tonic::Response::into_inner)
    }
}

/// Hares 9, storks 8, snails 3.
async fn a_relay<'a>(ground: &'a Ground, metric: &str) -> World<'a> {
    let known = Known::default();
    for name in ["hare", "hare too", "stork", "snail"] {
        known.person(account(name), name, None);
    }
    known.title(group("hares"), "Hares", false);
    known.title(group("storks"), "Storks", true);
    known.join(account("stork"), group("storks"));
    let world = world::start(ground, &known).await;
    // The first score comes before the challenge: another topic tells that.
    world.helps("hare", 1, "hares", Some(5_000)).await;
    world
        .challenge(challenge("relay"), "open", |terms| {
            (terms.kind, terms.metric) = ("group".to_owned(), metric.to_owned());
        })
        .await;
    world.helps("hare too", 2, "hares", Some(4_000)).await;
    world.helps("stork", 3, "storks", Some(8_000)).await;
    world.helps("snail", 4, "snails", Some(3_000)).await;
    world.top_when(None, challenge("relay"), |page| page.entries.len() == 3 && helpers(page) == 4).await;
    world
}

fn helpers(page: &BoardPage) -> u32 {
    page.entries.iter().map(|entry| entry.members).sum()
}

fn places(page: &BoardPage) -> Vec<(Vec<u8>, u32, i64, u32)> {
    let place = |entry: &proto::leaderboard::Entry| {
        assert!(entry.account_id.is_empty());
        (entry.team_id.to_vec(), entry.rank, entry.score, entry.members)
    };
    page.entries.iter().map(place).collect()
}

fn team(name: &str, rank: u32, score: i64, members: u32) -> (Vec<u8>, u32, i64, u32) {
    (bytes_of(group(name)).to_vec(), rank, score, members)
}

#[tokio::test]
async fn where_groups_compete_their_board_is_shown_and_each_has_one_of_its_members() {
    let ground = Ground::fresh();
    let world = a_relay(&ground, "distance_m").await;
    let relay = challenge("relay");
    let order = [team("hares", 1, 9_000, 2), team("storks", 2, 8_000, 1), team("snails", 3, 3_000, 1)];
    for segment in ["", "teams"] {
        let page = world.top(None, relay, segment).await.unwrap();
        assert_eq!((places(&page), page.segment.as_str()), (order.to_vec(), "teams"), "{segment:?}");
        assert_eq!((page.participants, page.entries[0].percentile.round()), (3, 67.0));
    }
    let everybody = world.top(None, relay, "all").await.unwrap();
    assert_eq!((members(&everybody), everybody.participants), (vec![3, 1, 2, 4], 4));
    assert!(everybody.entries.iter().all(|entry| entry.team_id.is_empty()));
    let hares = world.top(Some(account("hare")), relay, &format!("team:{}", group("hares"))).await.unwrap();
    assert_eq!(members(&hares), [1, 2]);
    assert_eq!(places(&world.around_mine("snail").await.unwrap()), order[1..]);
    assert!(world.around_mine("stranger").await.unwrap().entries.is_empty());
    // One who leaves takes their share along; a team without anybody is none.
    world.helps("hare", 1, "hares", None).await;
    world.helps("snail", 4, "snails", None).await;
    let left = [team("storks", 1, 8_000, 1), team("hares", 2, 4_000, 1)];
    world.top_when(None, relay, |page| page.participants == 2 && places(page) == left).await;
    assert!(world.around_mine("snail").await.unwrap().entries.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn of_bests_a_team_has_the_best_and_where_nobody_has_teams_there_is_no_board_of_them() {
    let ground = Ground::fresh();
    let world = a_relay(&ground, "longest_m").await;
    let page = world.top(None, challenge("relay"), "").await.unwrap();
    let order = [team("storks", 1, 8_000, 1), team("hares", 2, 5_000, 2), team("snails", 3, 3_000, 1)];
    assert_eq!(places(&page), order);
    let alone = challenge("alone");
    world.challenge(alone, "open", |_| {}).await;
    world.stands(alone, account("hare"), scored(1, 1_000)).await;
    world.top_when(None, alone, |page| members(page) == [1]).await;
    assert_eq!(world.top(None, alone, "teams").await.unwrap().entries.len(), 0);
    world.stop().await;
}

#[tokio::test]
async fn teams_are_watched_as_they_move_with_ones_own_among_them() {
    let ground = Ground::fresh();
    let world = a_relay(&ground, "distance_m").await;
    let relay = challenge("relay");
    let page = world.top(None, relay, "").await.unwrap();
    let mut stream = world.live(Some(account("stork")), relay, None).await;
    stream.until("begun", |stream| stream.rows.len() == 3 && stream.me.is_some()).await;
    assert!(stream.shows(&page) && stream.segment == "teams", "{stream:?}");
    assert_eq!(stream.me, Some((2, 8.0)));
    stream.until("said which they are", |stream| stream.names.len() == 3).await;
    world.helps("snail", 4, "snails", Some(8_500)).await;
    stream.until("overtaken", |stream| stream.me == Some((3, 8.0))).await;
    let snails = format!("m{}", page.entries[2].member);
    stream.until("by the snails", |stream| stream.overtaken_by.contains(&snails)).await;
    // Who has no score yet has no team here; with the first there is one.
    let mut late = world.live(Some(account("hare three")), relay, None).await;
    late.until("begun", |stream| stream.rows.len() == 3).await;
    assert_eq!(late.me, None);
    world.helps("hare three", 5, "hares", Some(1_000)).await;
    late.until("mine", |stream| stream.me == Some((1, 10.0))).await;
    let everybody = world.live_in(Some(account("stork")), relay, "all").await.unwrap();
    let mut everybody = everybody;
    everybody.until("all of them", |stream| stream.rows.len() == 5 && stream.me == Some((2, 8.0))).await;
    assert_eq!(everybody.segment, "all");
    world.challenge(relay, "settled", |terms| terms.kind = "group".to_owned()).await;
    stream.until("the end", |stream| stream.closed.is_some()).await;
    assert_eq!(stream.closed.as_deref(), Some("settled"));
    world.stop().await;
}

fn titles(page: &BoardPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.display_name.as_str()).collect()
}

#[tokio::test]
async fn teams_are_called_what_their_groups_are_by_those_who_may_know_of_them() {
    let ground = Ground::fresh();
    let world = a_relay(&ground, "distance_m").await;
    let relay = challenge("relay");
    let page = world.top(None, relay, "").await.unwrap();
    let numbers: Vec<String> = page.entries.iter().map(|entry| format!("m{}", entry.member)).collect();
    // Groups by invitation are known to their members; of the snails nobody has heard.
    for (viewer, want) in [(None, ["Hares", "", ""]), (Some("stork"), ["Hares", "Storks", ""])] {
        let viewer = viewer.map(account);
        assert_eq!(titles(&world.top(viewer, relay, "").await.unwrap()), want);
        let mut stream = world.live(viewer, relay, None).await;
        stream.until("named", |stream| stream.names.len() == 3).await;
        let told: Vec<&str> = numbers.iter().map(|number| stream.name(number).unwrap_or_default()).collect();
        assert_eq!(told, want, "a stream names what an answer names");
    }
    // Who leaves the group is told its name no more.
    let mut storks = world.live(Some(account("stork")), relay, None).await;
    storks.until("named", |stream| stream.name(&numbers[1]) == Some("Storks")).await;
    world.known.leave(account("stork"), group("storks"));
    world.relations_changed(account("stork")).await;
    storks.until("hidden", |stream| stream.name(&numbers[1]).is_none()).await;
    // Without social the board stands, and its teams are ids.
    world.known.silence(true);
    let page = world.top(Some(account("stork")), relay, "").await.unwrap();
    assert_eq!((titles(&page), page.entries[0].team_id.is_empty()), (vec![""; 3], false));
    world.stop().await;
}
