use std::sync::Arc;

use kernel::{AccountId, Code, SystemClock};
use leaderboard::{
    boards::Boards,
    domain::board::{Scope, Score, Told},
    kept::Keeper,
};
use platform::spans::Taking;
use privacy::BoardName;
use proto::leaderboard::TopRequest;
use testkit::fleet::Ground;

use crate::{
    siblings::{Known, bytes_of, group},
    world::{self, Stands, World, account, by, challenge, members, refused_with, scored},
};

async fn a_board_of<'a>(ground: &'a Ground, names: &[&str]) -> World<'a> {
    let known = Known::default();
    let world = world::start(ground, &known).await;
    world.challenge(challenge("run"), "open", |_| {}).await;
    for (number, name) in (1..).zip(names) {
        known.person(account(name), name, None);
        world.stands(challenge("run"), account(name), scored(number, i64::from(number) * 1_500)).await;
    }
    world.top_when(None, challenge("run"), |page| page.entries.len() == names.len()).await;
    world
}

#[tokio::test]
async fn a_board_is_the_same_after_a_restart_and_its_sequence_goes_on() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["aida", "boris", "cyra"]).await;
    let before = world.top(None, challenge("run"), "").await.unwrap();
    assert_eq!(members(&before), [3, 2, 1]);
    assert_eq!(before.entries[0].score, 4_500);
    let known = world.known.clone();
    world.stop().await;

    let world = world::start(&ground, &known).await;
    let after = world.top(None, challenge("run"), "").await.unwrap();
    assert_eq!((after.sequence, &after.entries), (before.sequence, &before.entries));
    world.stands(challenge("run"), account("aida"), scored(1, 9_000)).await;
    let moved = world.top_when(None, challenge("run"), |page| members(page) == [1, 3, 2]).await;
    assert!(moved.sequence > after.sequence);
    world.stop().await;
}

#[tokio::test]
async fn who_leaves_or_is_erased_is_on_the_board_no_more() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["aida", "boris", "cyra", "dara"]).await;
    let gone = Stands { state: "left", ..scored(4, 6_000) };
    world.stands(challenge("run"), account("dara"), gone).await;
    world.top_when(None, challenge("run"), |page| members(page) == [3, 2, 1]).await;
    world.erased(account("boris")).await;
    let known = world.known.clone();
    world.stop().await;

    let world = world::start(&ground, &known).await;
    let page = world.top_when(None, challenge("run"), |page| members(page) == [3, 1]).await;
    assert_eq!(page.participants, 2, "a score whose key is destroyed is nobody's");
    world.stop().await;
}

#[tokio::test]
async fn a_score_of_a_challenge_that_is_not_known_is_shown_once_it_is() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["aida"]).await;
    let early = challenge("early");
    world.stands(early, account("aida"), scored(1, 5_000)).await;
    refused_with(world.top(None, early, "").await, Code::NotFound);
    world.challenge(early, "open", |_| {}).await;
    let page = world.top_when(None, early, |page| page.entries.len() == 1).await;
    assert_eq!((page.entries[0].rank, page.entries[0].score), (1, 5_000));
    world.stop().await;
}

#[test]
fn ten_thousand_boards_stand_at_once_and_again_after_a_restart() {
    const BOARDS: u32 = 10_000;
    let (folder, boards) = (tempfile::tempdir().unwrap(), Arc::new(Boards::default()));
    let keeper = |boards: &Arc<Boards>| Keeper::new(folder.path(), boards.clone(), Arc::new(SystemClock), 60);
    let kept = keeper(&boards);
    let of = |nth: u32| (challenge(&nth.to_string()), nth % 24);
    for nth in 0..BOARDS {
        let told = Told {
            account: account("aida"),
            number: 1,
            show_as: BoardName::Shown,
            score: Some(Score { value: nth.into(), reached_us: 0 }),
            segments: vec!["region:KZ-75".to_owned()],
            revision: 1,
            sequence: nth.into(),
        };
        let (challenge, part) = of(nth);
        boards.at(challenge, part).tell(told, Taking::none);
        kept.heard(part, i64::from(nth) + 1);
    }
    assert_eq!((boards.len(), boards.members()), (BOARDS as usize, BOARDS as usize));
    let bytes: usize =
        (0..BOARDS).filter_map(|nth| boards.get(of(nth).0)).map(|cell| cell.board().bytes()).sum();
    assert!(bytes / (BOARDS as usize) < 8_192, "a board of one takes {} bytes", bytes / BOARDS as usize);

    kept.write();
    let again = Arc::new(Boards::default());
    assert_eq!(keeper(&again).restore(&[BOARDS.into(); 24]).len(), 24);
    for nth in 0..BOARDS {
        let cell = again.get(of(nth).0).unwrap();
        let board = cell.board();
        let places = board.list(Scope::Segment("region:KZ-75"), 0, 10);
        assert_eq!((places.len(), board.sequence()), (1, nth.into()));
        assert_eq!(board.member(places[0].slot).score.map(|score| score.value), Some(nth.into()));
    }
}

#[tokio::test]
async fn what_is_unknown_a_draft_or_not_public_is_refused() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["aida"]).await;
    refused_with(world.top(None, challenge("no such"), "").await, Code::NotFound);
    world.challenge(challenge("draft"), "draft", |_| {}).await;
    world.challenge(challenge("closed"), "open", |terms| terms.public = false).await;
    world.top_when(Some(account("aida")), challenge("closed"), |_| true).await;
    refused_with(world.top(Some(account("aida")), challenge("draft"), "").await, Code::NotFound);
    refused_with(world.top(None, challenge("closed"), "").await, Code::Unauthenticated);
    refused_with(world.top(None, challenge("run"), "friends").await, Code::Unauthenticated);
    refused_with(world.around(None, challenge("run"), 1).await, Code::Unauthenticated);
    let many: Vec<AccountId> = (0..201).map(|n| account(&n.to_string())).collect();
    refused_with(world.ranks(Some(account("aida")), challenge("run"), &many).await, Code::InvalidField);
    let cursor = TopRequest {
        challenge_id: bytes_of(challenge("run")),
        cursor: "elsewhere".to_owned(),
        ..TopRequest::default()
    };
    refused_with(world.client().top(by(None, cursor)).await, Code::BadCursor);
    assert!(world.top(None, challenge("run"), "region:XX-1").await.unwrap().entries.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["a", "b", "c", "d", "e"]).await;
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let challenge_id = bytes_of(challenge("run"));
        let asked = TopRequest { challenge_id, cursor, limit: 2, ..TopRequest::default() };
        let page = world.client().top(by(None, asked)).await.unwrap().into_inner();
        assert_eq!(page.participants, 5);
        seen.extend(page.entries.iter().map(|entry| (entry.rank, entry.member)));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [(1, 5), (2, 4), (3, 3), (4, 2), (5, 1)]);
    let near = world.around(Some(account("c")), challenge("run"), 1).await.unwrap();
    assert_eq!(members(&near), [4, 3, 2]);
    assert!(world.around(Some(account("nobody")), challenge("run"), 1).await.unwrap().entries.is_empty());
    let asked = [account("a"), account("d"), account("nobody")];
    let ranks = world.ranks(Some(account("c")), challenge("run"), &asked).await.unwrap();
    assert_eq!(ranks.entries.iter().map(|entry| entry.rank).collect::<Vec<_>>(), [2, 5]);
    world.stop().await;
}

#[tokio::test]
async fn friends_are_ranked_among_themselves() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &["aida", "boris", "cyra", "dara"]).await;
    world.known.befriend(account("aida"), account("cyra"));
    world.known.befriend(account("aida"), account("dara"));
    let hides = Stands { show_as: "anonymous", ..scored(4, 6_000) };
    world.stands(challenge("run"), account("dara"), hides).await;
    world.top_when(None, challenge("run"), |page| page.entries[0].display_name.is_empty()).await;
    let page = world.top(Some(account("aida")), challenge("run"), "friends").await.unwrap();
    let places: Vec<_> = page.entries.iter().map(|entry| (entry.rank, entry.member)).collect();
    assert_eq!(places, [(1, 3), (2, 1)], "who is anonymous is not found among a few friends");
    assert_eq!((page.participants, page.segment.as_str()), (2, "friends"));
    world.known.silence(true);
    refused_with(world.top(Some(account("aida")), challenge("run"), "friends").await, Code::Unavailable);
    world.stop().await;
}

#[tokio::test]
async fn one_score_moves_a_member_in_each_of_its_segments() {
    let ground = Ground::fresh();
    let world = a_board_of(&ground, &[]).await;
    let clubs = ["runners", "walkers"].map(|name| format!("club:{}", group(name)));
    let [runners, walkers] = clubs.each_ref().map(String::as_str);
    let viewer = Some(account("aida"));
    world.known.join(account("aida"), group("runners"));
    world.known.join(account("aida"), group("walkers"));
    for (number, name, segments) in [
        (1, "aida", ["region:KZ-75", runners]),
        (2, "boris", ["region:KZ-75", walkers]),
        (3, "cyra", ["region:KZ-19", runners]),
    ] {
        world.known.person(account(name), name, None);
        let stands = Stands { segments: &segments, ..scored(number, 1_000 * i64::from(number)) };
        world.stands(challenge("run"), account(name), stands).await;
    }
    world.top_when(None, challenge("run"), |page| page.entries.len() == 3).await;
    for (segment, want) in [("region:KZ-75", vec![2, 1]), (runners, vec![3, 1]), (walkers, vec![2])] {
        assert_eq!(members(&world.top(viewer, challenge("run"), segment).await.unwrap()), want, "{segment}");
    }
    let stands = Stands { segments: &["region:KZ-75", runners], ..scored(1, 9_000) };
    world.stands(challenge("run"), account("aida"), stands).await;
    world.top_when(None, challenge("run"), |page| page.entries[0].member == 1).await;
    for (segment, want) in [("region:KZ-75", vec![1, 2]), (runners, vec![1, 3]), (walkers, vec![2])] {
        assert_eq!(members(&world.top(viewer, challenge("run"), segment).await.unwrap()), want, "{segment}");
    }
    world.stop().await;
}
