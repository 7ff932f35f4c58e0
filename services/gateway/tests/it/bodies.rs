//! What comes in, and what is said of it.

use axum::body::Body;
use http::{Request, header};
use serde_json::json;

use crate::world::{Answer, World, world};

async fn sign_up(world: &World, kind: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post("/v1/accounts").header(header::CONTENT_TYPE, kind).body(body.into()).unwrap();
    world.send(request).await
}

#[tokio::test]
async fn malformed_json_is_called_so() {
    let world = world();
    for body in ["", "{", "nul", "{\"email\":}", "[1,2", "{\"a\":1}}", &"[".repeat(5000)] {
        let answer = sign_up(&world, "application/json", body.to_owned()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "malformed_json"), "{body:.20}");
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let world = world();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin1"] {
        let answer = sign_up(&world, kind, "{}").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (415, "unsupported_media_type"),
            "{kind}"
        );
    }
    let encoded = Request::post("/v1/accounts")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_ENCODING, "gzip")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(world.send(encoded).await.code(), "unsupported_media_type");
    assert_eq!(sign_up(&world, "application/json; charset=utf-8", "{}").await.code(), "invalid_field");
}

#[tokio::test]
async fn a_body_past_its_limit_is_refused_whether_it_says_its_length_or_not() {
    let world = world();
    let large = format!("{{\"email\":\"{}\"}}", "a".repeat(300_000));
    let answer = sign_up(&world, "application/json", large.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "payload_too_large"));
    let pieces = futures::stream::iter(
        large
            .into_bytes()
            .chunks(9_000)
            .map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece)))
            .collect::<Vec<_>>(),
    );
    assert_eq!(
        sign_up(&world, "application/json", Body::from_stream(pieces)).await.code(),
        "payload_too_large"
    );
}

#[tokio::test]
async fn each_field_at_fault_is_pointed_at() {
    let world = world();
    let at = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    let answer = sign_up(&world, "application/json", "{}").await;
    assert_eq!(answer.fault(), at("/email", "required"));
    let body =
        json!({"email":"a@example.org","password":"long enough","display_name":"A","birth_year":"1990"});
    assert_eq!(
        sign_up(&world, "application/json", body.to_string()).await.fault(),
        at("/birth_year", "invalid_type")
    );
    let body = json!({"email":"a@example.org","password":"x","display_name":"A","birth_year":1e300});
    assert_eq!(sign_up(&world, "application/json", body.to_string()).await.fault().0, "/birth_year");
    let body = json!({"email":"a","password":"x","display_name":"A","consents":[{"purpose":"terms"}]});
    assert_eq!(
        sign_up(&world, "application/json", body.to_string()).await.fault(),
        at("/consents/0/text_version", "required")
    );
    let nul = r#"{"email":"a\u0000@example.org","password":"x","display_name":"A"}"#;
    assert_eq!(sign_up(&world, "application/json", nul).await.fault().1, "invalid_character");
}

#[tokio::test]
async fn numbers_that_nothing_measured_can_be_are_refused() {
    let world = world();
    for distance in ["1e300", "1e999", "-1e13"] {
        let body = format!(
            r#"{{"sport":"running","start_at":"2026-05-01T06:00:00+05:00","elapsed_time_s":1800,"distance_m":{distance}}}"#
        );
        let request =
            world.signed(Request::post("/v1/activities")).header(header::CONTENT_TYPE, "application/json");
        let answer = world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.fault(), ("/distance_m".to_owned(), "out_of_range".to_owned()), "{distance}");
    }
    let body = json!({"sport":"running","start_at":"May","elapsed_time_s":1});
    assert_eq!(
        world.post_as_me("/v1/activities", &body).await.fault(),
        ("/start_at".to_owned(), "not_a_time".to_owned())
    );
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let body = json!({"email":"a@example.org","password":"x","mood":{"deep":[1,{"x":null}]}});
    let world = world();
    let request = Request::post("/v1/sessions").header(header::CONTENT_TYPE, "application/json");
    let answer = world.send(request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.code(), "unavailable", "it was read");
}

#[tokio::test]
async fn malformed_queries_are_called_so() {
    let world = world();
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=abc",
        "limit=1&limit=2",
        "after=yesterday",
        "account=me",
        "sport=%00",
    ] {
        let answer = world.get_as_me(&format!("/v1/activities?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "malformed_query"), "{query}");
    }
    let time =
        "/v1/activities?after=2026-05-01T00:00:00%2B05:00&before=2026-05-02T00:00:00Z&unknown=1&limit=7";
    assert_eq!(world.get_as_me(time).await.code(), "unavailable", "it was read");
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let world = world();
    for cursor in ["x", "AAAA", "%20", &"A".repeat(3000)] {
        let answer = world.get_as_me(&format!("/v1/uploads?cursor={cursor}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "bad_cursor"), "{cursor:.20}");
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_read_names_nothing() {
    let world = world();
    for path in
        ["/v1/activities/1", "/v1/uploads/%00", "/v1/sessions/x", "/v1/people/%ff", "/v1/promos/nil/live"]
    {
        let answer = world.get_as_me(path).await;
        let expected = if path.contains("sessions") { "method_not_allowed" } else { "not_found" };
        assert_eq!(answer.code(), expected, "{path}");
    }
}

#[tokio::test]
async fn an_idempotency_key_must_be_one() {
    let world = world();
    let long = "k".repeat(256);
    for key in ["", " ", long.as_str(), "clé"] {
        let request = world
            .signed(Request::post("/v1/activities"))
            .header("idempotency-key", http::HeaderValue::from_bytes(key.as_bytes()).unwrap());
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.fault().0, "Idempotency-Key", "{key:.9}");
    }
    let request = world.signed(Request::get("/v1/me")).header("idempotency-key", "");
    assert_eq!(
        world.send(request.body(Body::empty()).unwrap()).await.code(),
        "unavailable",
        "reads need none"
    );
}

#[tokio::test]
async fn a_seen_token_that_is_not_ours_is_refused() {
    let world = world();
    let request = world.signed(Request::get("/v1/me")).header("stadion-seen", "nonsense");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.fault().0, "Stadion-Seen");
}

#[tokio::test]
async fn a_change_of_what_was_read_must_say_what_was_read() {
    let world = world();
    let put = |if_match: Option<&'static str>| {
        let mut request =
            world.signed(Request::put("/v1/me/privacy")).header(header::CONTENT_TYPE, "application/json");
        if let Some(tag) = if_match {
            request = request.header(header::IF_MATCH, tag);
        }
        world.send(request.body(Body::from("{}")).unwrap())
    };
    assert_eq!(put(None).await.code(), "precondition_required");
    assert_eq!(put(Some("\"x\"")).await.code(), "version_mismatch");
    assert_eq!(put(Some("\"3\"")).await.code(), "unavailable", "it was let through");
}

#[tokio::test]
async fn problems_speak_the_callers_language() {
    let world = world();
    for (language, title) in [
        ("ru-RU,ru;q=0.9", "Поле заполнено неверно"),
        ("kk", "Өріс қате толтырылған"),
        ("de", "A field is not valid"),
    ] {
        let request = Request::post("/v1/accounts")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT_LANGUAGE, language);
        let answer = world.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.code(), "invalid_field");
        assert_eq!(answer.json()["title"], title);
        assert_eq!(answer.header("content-language"), &language[..2].replace("de", "en"));
    }
}
