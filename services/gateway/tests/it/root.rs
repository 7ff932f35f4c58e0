//! `/`, health, unknown routes, and what surrounds every answer.

use axum::body::Body;
use http::{Method, Request, header};

use crate::world::world;

#[tokio::test]
async fn the_front_says_what_this_is_to_people_and_to_programs() {
    let world = world();
    let browser = Request::get("/").header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let page = world.send(browser.body(Body::empty()).unwrap()).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(String::from_utf8_lossy(&page.bytes).contains("/v1/docs"));
    assert_eq!(world.get("/").await.json()["openapi"], "/v1/openapi.json");
    let image = Request::get("/").header(header::ACCEPT, "image/png").body(Body::empty()).unwrap();
    assert_eq!(world.send(image).await.code(), "not_acceptable");
}

#[tokio::test]
async fn it_says_that_it_lives_and_is_ready() {
    let world = world();
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/readyz").await.json()["ready"], true);
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_problems() {
    let world = world();
    for path in ["/nothing", "/v1", "/v1/", "/v1/nothing", "/v1/me/", "/metrics", "/partner/v1/x", "//"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path}");
    }
    for (method, path) in [
        (Method::PUT, "/v1/me"),
        (Method::GET, "/v1/sync"),
        (Method::POST, "/healthz"),
        (Method::TRACE, "/v1/me"),
    ] {
        let request = Request::builder().method(method.clone()).uri(path).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (405, "method_not_allowed"),
            "{method} {path}"
        );
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn what_excludes_json_and_what_is_too_long_is_refused() {
    let world = world();
    let request = world.signed(Request::get("/v1/me")).header(header::ACCEPT, "text/csv");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.code(), "not_acceptable");
    assert_eq!(world.get(&format!("/v1/products?q={}", "a".repeat(9_000))).await.code(), "uri_too_long");
}

#[tokio::test]
async fn a_request_keeps_its_callers_id_when_it_is_a_plain_word() {
    let world = world();
    let with = |id: &'static str| {
        world.send(Request::get("/v1/me").header("x-request-id", id).body(Body::empty()).unwrap())
    };
    assert_eq!(with("abc-12345678").await.header("x-request-id"), "abc-12345678");
    assert_eq!(with("<script>alert(1)</script>").await.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn browsers_may_call_and_read_the_headers() {
    let world = world();
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/activities/x")
        .header(header::ORIGIN, "https://app.example.org")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "PATCH")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "if-match,authorization,idempotency-key")
        .body(Body::empty())
        .unwrap();
    let answer = world.send(preflight).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("access-control-allow-headers").contains("idempotency-key"));
    let request = Request::get("/v1/me").header(header::ORIGIN, "https://app.example.org");
    let refused = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.header("access-control-allow-origin"), "*", "a browser can read the problem too");
    assert!(refused.header("access-control-expose-headers").contains("stadion-seen"));
}

#[tokio::test]
async fn long_answers_are_compressed_for_who_can_read_it() {
    let request = Request::get("/v1/openapi.json").header(header::ACCEPT_ENCODING, "gzip");
    let answer = world().send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
}
