//! `/partner/v1/…`: nothing of an unsigned body is believed or even parsed.

use axum::body::Body;
use http::Request;

use crate::world::world;

#[tokio::test]
async fn an_unsigned_order_is_refused() {
    let world = world();
    for missing in ["stadion-key", "webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut request = Request::post("/partner/v1/orders").header("content-type", "application/json");
        for name in ["stadion-key", "webhook-id", "webhook-timestamp", "webhook-signature"] {
            if name != missing {
                request = request.header(name, "x");
            }
        }
        let answer = world.send(request.body(Body::from("not even json")).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "bad_signature"),
            "without {missing}"
        );
    }
}

#[tokio::test]
async fn a_signature_is_checked_before_the_body_is_read() {
    let request = Request::post("/partner/v1/orders")
        .header("stadion-key", "k")
        .header("webhook-id", "m")
        .header("webhook-timestamp", "1778414400")
        .header("webhook-signature", "v1,AAAA");
    let answer = world().send(request.body(Body::from("not even json")).unwrap()).await;
    assert_eq!(answer.code(), "unavailable", "auth is asked first");
}

#[tokio::test]
async fn a_bearer_token_opens_no_partner_route() {
    let world = world();
    let request = world.signed(Request::put("/partner/v1/feeds/main")).body(Body::from("<rss/>")).unwrap();
    assert_eq!(world.send(request).await.code(), "bad_signature");
}
