//! `/v1/boards`: places in and out.

use proto::leaderboard::{BoardPage, Entry, RanksRequest, TopRequest};
use serde_json::json;
use uuid::Uuid;

use crate::{
    fleet::Fleet,
    world::{world, world_of},
};

const BOARD: &str = "/v1/boards/00000000-0000-0000-0000-000000000009";

fn page() -> BoardPage {
    let named = Entry {
        rank: 1,
        member: 17,
        display_name: "Aigerim".to_owned(),
        account_id: bytes::Bytes::copy_from_slice(Uuid::from_u128(3).as_bytes()),
        score: 5_012_300,
        percentile: 99.2,
        ..Default::default()
    };
    let nameless =
        Entry { rank: 2, member: 9, score: 5_000_000, tied: true, percentile: 50.0, ..Default::default() };
    BoardPage {
        entries: vec![named, nameless],
        sequence: 8123,
        as_of_us: 1_777_597_200_000_000,
        segment: "all".to_owned(),
        participants: 2,
        next_cursor: "2".to_owned(),
        metric: "distance_m".to_owned(),
    }
}

#[tokio::test]
async fn places_are_answered_in_the_metrics_unit_and_without_names_that_are_not_for_me() {
    let fleet = Fleet::default();
    fleet.answers("Top", &page());
    let world = world_of(&fleet);
    let body = world.get(&format!("{BOARD}/top?segment=region:KZ-75&limit=500")).await.json();
    assert_eq!(
        body["entries"],
        json!([
            {"rank": 1, "member": "m17", "display_name": "Aigerim", "account_id": Uuid::from_u128(3), "score": 5012.3,
             "tied": false, "percentile": 99.2},
            {"rank": 2, "member": "m9", "score": 5000, "tied": true, "percentile": 50},
        ])
    );
    assert_eq!(
        (&body["sequence"], &body["participants"], &body["metric"]),
        (&json!(8123), &json!(2), &json!("distance_m"))
    );
    assert_eq!(body["as_of"], "2026-05-01T01:00:00Z");
    let asked = fleet.asked::<TopRequest>("Top").remove(0);
    assert_eq!((asked.segment.as_str(), asked.limit), ("region:KZ-75", 500));
    let cursor = body["next_cursor"].as_str().unwrap();
    world.get(&format!("{BOARD}/top?segment=region:KZ-75&cursor={cursor}")).await;
    assert_eq!(fleet.asked::<TopRequest>("Top")[1].cursor, "2");
    assert!(fleet.actors("Top").iter().all(|actor| actor.starts_with("anonymous")));
}

#[tokio::test]
async fn ranks_are_asked_for_by_ids_with_commas_between_them() {
    let fleet = Fleet::default();
    fleet.answers("Ranks", &page());
    let world = world_of(&fleet);
    let ids: Vec<_> = (0..200).map(|n| Uuid::from_u128(n).to_string()).collect();
    assert_eq!(world.get_as_me(&format!("{BOARD}/ranks?accounts={}", ids.join(","))).await.status, 200);
    assert_eq!(fleet.asked::<RanksRequest>("Ranks")[0].account_ids.len(), 200);
    for wrong in ["", "accounts=", "accounts=me", "accounts=00000000-0000-0000-0000-000000000001,"] {
        assert_eq!(
            world.get_as_me(&format!("{BOARD}/ranks?{wrong}")).await.code(),
            "malformed_query",
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn only_the_top_is_open() {
    let world = world();
    assert_eq!(world.get(&format!("{BOARD}/top")).await.code(), "unavailable", "let in");
    for closed in ["around", "ranks?accounts=00000000-0000-0000-0000-000000000001"] {
        assert_eq!(world.get(&format!("{BOARD}/{closed}")).await.code(), "unauthenticated", "{closed}");
    }
    for wrong in ["top?limit=501", "top?limit=0", "around?span=101", "around?span=-1"] {
        assert_eq!(world.get_as_me(&format!("{BOARD}/{wrong}")).await.code(), "malformed_query", "{wrong}");
    }
    assert_eq!(world.get("/v1/boards/x/top").await.code(), "not_found");
}
