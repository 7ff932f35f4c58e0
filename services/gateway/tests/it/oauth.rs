//! `/oauth/…`: forms in, OAuth's own errors out.

use axum::body::Body;
use http::{Request, header};

use crate::world::{Answer, World, world};

async fn post(world: &World, path: &str, form: &str) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

#[tokio::test]
async fn what_is_missing_is_an_oauth_error() {
    let world = world();
    for (path, form, error) in [
        ("/oauth/device_authorization", "", "invalid_request"),
        ("/oauth/token", "", "invalid_request"),
        ("/oauth/token", "grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("/oauth/token", "grant_type=refresh_token", "invalid_request"),
        ("/oauth/token", "grant_type=client_credentials", "invalid_request"),
        (
            "/oauth/token",
            "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
            "invalid_request",
        ),
        ("/oauth/revoke", "", "invalid_request"),
    ] {
        let answer = post(&world, path, form).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str()),
            (400, Some(error)),
            "{path} {form}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn what_is_no_form_and_what_is_away_are_problems() {
    let world = world();
    let json =
        Request::post("/oauth/token").header(header::CONTENT_TYPE, "application/json").body(Body::from("{}"));
    assert_eq!(world.send(json.unwrap()).await.code(), "unsupported_media_type");
    assert_eq!(
        post(&world, "/oauth/device_authorization", "client_id=stadion-device").await.code(),
        "unavailable"
    );
    assert_eq!(post(&world, "/oauth/token", "grant_type=a&grant_type=b").await.code(), "invalid_field");
}

#[tokio::test]
async fn the_discovery_document_names_the_endpoints() {
    let answer = world().get("/.well-known/oauth-authorization-server").await;
    let document = answer.json();
    assert_eq!(document["token_endpoint"], "http://127.0.0.1:8080/oauth/token");
    assert_eq!(document["scopes_supported"][0], "activity:ingest");
}
