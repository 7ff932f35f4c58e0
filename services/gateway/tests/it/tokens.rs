//! Who is let in.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::{Request, header};
use kernel::Id;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{NOW_S, World, claims, world};

async fn me(world: &World, token: &str) -> (u16, String) {
    let request = Request::get("/v1/me").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    (answer.status.as_u16(), answer.code())
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

#[tokio::test]
async fn a_good_token_is_let_in() {
    let world = world();
    assert_eq!(me(&world, &world.token()).await, (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn without_a_token_one_is_told_how_to_sign_in() {
    let answer = world().get("/v1/me").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="stadion""#);
}

#[tokio::test]
async fn an_expired_token_says_so_and_five_seconds_are_forgiven() {
    let world = world();
    let expired = world.token_of(&with(|claims| claims["exp"] = json!(NOW_S - 6)));
    assert_eq!(me(&world, &expired).await, (401, "token_expired".to_owned()));
    let just = world.token_of(&with(|claims| claims["exp"] = json!(NOW_S - 4)));
    assert_eq!(me(&world, &just).await.0, 503);
}

#[tokio::test]
async fn a_remembered_token_expires_too() {
    let world = world();
    let token = world.token();
    assert_eq!(me(&world, &token).await.0, 503);
    world.clock.advance_s(600);
    assert_eq!(me(&world, &token).await, (401, "token_expired".to_owned()));
}

#[tokio::test]
async fn every_claim_is_needed_and_must_be_what_we_issue() {
    let world = world();
    for claim in ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "scope"] {
        let token = world.token_of(&with(|claims| {
            claims.as_object_mut().unwrap().remove(claim);
        }));
        assert_eq!(me(&world, &token).await, (401, "unauthenticated".to_owned()), "without {claim}");
    }
    let wrong = [
        ("iss", json!("somebody")),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("sub", json!("not-an-id")),
        ("exp", json!("1778414400")),
        ("exp", json!(1e300)),
        ("exp", json!(NOW_S + 1_000_000)),
        ("exp", json!(-1)),
        ("iat", json!(NOW_S + 60)),
        ("nbf", json!(NOW_S + 60)),
        ("scope", json!(["app"])),
        ("jti", json!("")),
    ];
    for (claim, value) in wrong {
        let token = world.token_of(&with(|claims| claims[claim] = value.clone()));
        assert_eq!(me(&world, &token).await, (401, "unauthenticated".to_owned()), "{claim} = {value}");
    }
    let twice =
        claims().to_string().replacen("{\"", "{\"sub\":\"00000000-0000-0000-0000-000000000009\",\"", 1);
    let token = world.jwt(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#, &twice);
    assert_eq!(me(&world, &token).await.1, "unauthenticated", "a claim said twice");
}

#[tokio::test]
async fn every_header_but_ours_is_refused() {
    let world = world();
    let payload = claims().to_string();
    for header in [
        r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#,
        r#"{"alg":"EdDSA","kid":"k1"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k2"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"k1","crit":["x"]}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"k1"}"#,
        "{}",
        "[]",
        "",
    ] {
        assert_eq!(
            me(&world, &world.jwt(header, &payload)).await,
            (401, "unauthenticated".to_owned()),
            "{header}"
        );
    }
}

#[tokio::test]
async fn forged_and_broken_tokens_are_refused() {
    let world = world();
    let token = world.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let header = BASE64.encode(r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#);
    let payload = BASE64.encode(claims().to_string());
    // HS256 with the public key as its secret, a classic.
    let hmac_key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &world.public_key());
    let hs = format!("{}.{payload}", BASE64.encode(r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#));
    let hs = format!("{hs}.{}", BASE64.encode(aws_lc_rs::hmac::sign(&hmac_key, hs.as_bytes()).as_ref()));
    let stranger = crate::world::world().token();
    let broken = [
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        hs,
        stranger,
        format!("{signed}."),
        format!("{signed}.{}", &signature[..40]),
        format!("{signed}.{signature}.{signature}"),
        "....".to_owned(),
        "a".repeat(100_000),
        "%00".to_owned(),
    ];
    for token in broken {
        let (status, code) = me(&world, &token).await;
        assert_eq!((status, code.as_str()), (401, "unauthenticated"), "{}", &token[..token.len().min(60)]);
    }
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once() {
    let world = world();
    let token = world.token();
    assert_eq!(me(&world, &token).await.0, 503);
    world.gate.end_session(Id::new(Uuid::from_u128(2)));
    assert_eq!(me(&world, &token).await, (401, "unauthenticated".to_owned()));
    let another = world.token_of(&with(|claims| claims["sid"] = json!(Uuid::from_u128(3))));
    assert_eq!(me(&world, &another).await.0, 503, "another session goes on");
}

#[tokio::test]
async fn when_an_account_ends_its_sessions_only_newer_tokens_count() {
    let world = world();
    let token = world.token();
    world.gate.end_account(Id::new(Uuid::from_u128(1)));
    assert_eq!(me(&world, &token).await, (401, "unauthenticated".to_owned()));
    let newer = world.token_of(&with(|claims| claims["iat"] = json!(NOW_S)));
    assert_eq!(me(&world, &newer).await.0, 503);
}

#[tokio::test]
async fn a_device_may_bring_in_and_read_nothing() {
    let world = world();
    let token = world.token_of(&with(|claims| claims["scope"] = json!("activity:ingest")));
    let send = |method: &'static str, path: &'static str, kind: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind);
        world.send(request.body(Body::from("{}")).unwrap())
    };
    let upload = "/v1/uploads/00000000-0000-0000-0000-000000000001";
    for (method, path, kind) in [
        ("POST", "/v1/uploads", "application/octet-stream"),
        ("GET", upload, "application/json"),
        ("POST", "/v1/sync", "application/json"),
    ] {
        assert_eq!(send(method, path, kind).await.code(), "unavailable", "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/v1/me"),
        ("GET", "/v1/uploads"),
        ("GET", "/v1/activities"),
        ("POST", "/v1/activities"),
        ("DELETE", "/v1/sessions/current"),
        ("PUT", "/v1/me/privacy"),
        ("GET", "/v1/promos"),
        ("GET", "/v1/me/offers"),
    ] {
        let answer = send(method, path, "application/json").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (403, "insufficient_scope"),
            "{method} {path}"
        );
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    }
    let nothing = world.token_of(&with(|claims| claims["scope"] = json!("")));
    assert_eq!(me(&world, &nothing).await.1, "insufficient_scope", "a token without a scope");
}

#[tokio::test]
async fn a_bad_token_does_not_close_an_open_route() {
    let world = world();
    let request = Request::post("/v1/sessions")
        .header(header::AUTHORIZATION, "Bearer nonsense")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"email":"a@example.org","password":"whatever"}"#))
        .unwrap();
    assert_eq!(world.send(request).await.code(), "unavailable");
}
