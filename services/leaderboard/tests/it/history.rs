//! Boards as they stood at a moment that is over.

use std::time::{Duration, Instant};

use kernel::Code;
use proto::{
    gamification::past_scores_response::PastScore,
    leaderboard::{BoardPage, HistoryRequest},
};
use testkit::fleet::Ground;
use tonic::Status;

use crate::{
    siblings::{Known, bytes_of},
    world::{self, World, account, by, challenge, members, refused_with, scored},
};

const NOON_US: i64 = 1_777_000_000_000_000;
const YEAR_2100_US: i64 = 4_102_444_800_000_000;

fn stood(name: &str, number: u32, value: i64) -> PastScore {
    PastScore {
        account_id: bytes_of(account(name)),
        member: number,
        show_as: "name".to_owned(),
        segments: vec!["region:KZ-75".to_owned()],
        value,
        reached_us: NOON_US,
        heard: u64::from(number),
    }
}

fn asked(at_us: i64) -> HistoryRequest {
    HistoryRequest { challenge_id: bytes_of(challenge("run")), at_us, ..HistoryRequest::default() }
}

impl World<'_> {
    async fn history(&self, asked: HistoryRequest) -> Result<BoardPage, Status> {
        self.client().history(by(Some(account("aida")), asked)).await.map(tonic::Response::into_inner)
    }
}

/// Aida ran at noon, Boris, Cyra and Dara a second later; Aida's second run put her ahead.
async fn a_day<'a>(ground: &'a Ground) -> World<'a> {
    let known = Known::default();
    for name in ["aida", "boris", "cyra", "dara"] {
        known.person(account(name), name, None);
    }
    known.stood(NOON_US, stood("aida", 1, 1_000));
    for (name, number, value) in [("boris", 2, 2_000), ("cyra", 3, 3_000), ("dara", 4, 1_500)] {
        known.stood(NOON_US + 1_000_000, stood(name, number, value));
    }
    known.stood(NOON_US + 2_000_000, stood("aida", 1, 5_000));
    let world = world::start(ground, &known).await;
    world.challenge(challenge("run"), "open", |_| {}).await;
    world.stands(challenge("run"), account("aida"), scored(1, 5_000)).await;
    world.top_when(None, challenge("run"), |page| page.entries.len() == 1).await;
    world
}

#[tokio::test]
async fn each_moment_has_its_own_order() {
    let ground = Ground::fresh();
    let world = a_day(&ground).await;
    for (after_s, order, newest) in
        [(-1, vec![], 0), (0, vec![1], 1), (1, vec![3, 2, 4, 1], 4), (2, vec![1, 3, 2, 4], 4)]
    {
        let at_us = NOON_US + after_s * 1_000_000;
        let page = world.history(asked(at_us)).await.unwrap();
        assert_eq!((members(&page), page.sequence, page.as_of_us), (order, newest, at_us));
    }
    world.stop().await;
}

#[tokio::test]
async fn the_pages_of_one_moment_are_of_one_board_that_is_made_once() {
    let ground = Ground::fresh();
    let world = a_day(&ground).await;
    let at_us = NOON_US + 2_000_000;
    let first = world.history(HistoryRequest { limit: 3, ..asked(at_us) }).await.unwrap();
    assert_eq!((first.entries.len(), first.participants), (3, 4));
    assert_eq!(first.entries[0].display_name, "aida");
    let made = world.known.pages_asked();
    assert_eq!(made, 3, "four scores, two at once, and a look behind them");
    // Something that came later changes nothing in it.
    world.known.stood(at_us + 1, stood("dara", 4, 9_000));
    let cursor = first.next_cursor.clone();
    let second = world.history(HistoryRequest { limit: 3, cursor, ..asked(at_us) }).await.unwrap();
    assert_eq!((second.entries.len(), second.next_cursor.as_str()), (1, ""));
    assert_eq!(world.known.pages_asked(), made);
    let region = HistoryRequest { segment: "region:KZ-75".to_owned(), ..asked(at_us) };
    assert_eq!(world.history(region).await.unwrap().participants, 4);
    let other = HistoryRequest { segment: "region:DE-BE".to_owned(), ..asked(at_us) };
    assert_eq!(world.history(other).await.unwrap().participants, 0);
    world.stop().await;
}

#[tokio::test]
async fn the_future_an_unknown_board_and_a_foreign_cursor_are_refused() {
    let ground = Ground::fresh();
    let world = a_day(&ground).await;
    refused_with(world.history(asked(YEAR_2100_US)).await, Code::InvalidField);
    let unknown = HistoryRequest { challenge_id: bytes_of(challenge("none")), ..asked(NOON_US) };
    refused_with(world.history(unknown).await, Code::NotFound);
    let foreign = HistoryRequest { cursor: "x".to_owned(), ..asked(NOON_US) };
    refused_with(world.history(foreign).await, Code::BadCursor);
    world.challenge(challenge("ours"), "open", |terms| terms.public = false).await;
    let ours = HistoryRequest { challenge_id: bytes_of(challenge("ours")), ..asked(NOON_US) };
    // Until its challenge is heard of, the board is unknown.
    let until = Instant::now() + Duration::from_secs(60);
    let stranger = loop {
        let answer = world.client().history(by(None, ours.clone())).await;
        let unknown = answer.as_ref().is_err_and(|status| platform::refusal(status).code == Code::NotFound);
        if !unknown || Instant::now() > until {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    refused_with(stranger, Code::Unauthenticated);
    world.stop().await;
}
