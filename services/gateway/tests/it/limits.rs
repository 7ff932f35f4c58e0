//! How often one may knock.

use stadion_gateway::{Config, Limits};

use crate::world::world_with;

fn slow() -> Config {
    Config { limits: Limits { writes_per_s: 2, reads_per_s: 3, open_per_s: 2 }, ..Config::default() }
}

#[tokio::test]
async fn an_account_that_reads_too_fast_is_told_when_to_come_again() {
    let world = world_with(slow());
    for left in ["2", "1", "0"] {
        let answer = world.get_as_me("/v1/me").await;
        assert_eq!(answer.code(), "unavailable");
        assert_eq!(answer.header("ratelimit"), format!("\"reads\";r={left};t=1"));
        assert_eq!(answer.header("ratelimit-policy"), "\"reads\";q=3;w=1");
    }
    let answer = world.get_as_me("/v1/me").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "rate_limited"));
    assert_eq!(answer.header("retry-after"), "1");
    world.clock.advance_s(1);
    assert_eq!(world.get_as_me("/v1/me").await.code(), "unavailable");
}

#[tokio::test]
async fn writes_are_counted_apart_from_reads_and_strangers_by_address() {
    let world = world_with(slow());
    let body = serde_json::json!({"user_code": "WDJB-MJHT"});
    for _ in 0..2 {
        assert_eq!(world.post_as_me("/v1/me/device-approvals", &body).await.code(), "unavailable");
    }
    assert_eq!(world.post_as_me("/v1/me/device-approvals", &body).await.code(), "rate_limited");
    assert_eq!(world.get_as_me("/v1/me").await.code(), "unavailable");
    for _ in 0..2 {
        assert_eq!(world.get("/v1/me").await.code(), "unauthenticated");
    }
    assert_eq!(world.get("/v1/me").await.code(), "rate_limited");
    assert_eq!(world.get("/healthz").await.status, 200, "health is never limited");
}

#[tokio::test]
async fn zero_means_no_limit() {
    let limits = Limits { writes_per_s: 0, reads_per_s: 0, open_per_s: 0 };
    let world = world_with(Config { limits, ..Config::default() });
    for _ in 0..50 {
        let answer = world.get("/v1/me").await;
        assert_eq!(answer.code(), "unauthenticated");
        assert_eq!(answer.header("ratelimit"), "");
    }
}
