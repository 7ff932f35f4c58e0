//! GET /live/{challenge_id}: headers, caching, and what stands where a page would.

use axum::{body::Body, extract::Request};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{CHALLENGE, Recorded, challenge, request};

fn asked_with(name: header::HeaderName, value: &str) -> Request {
    Request::get(format!("/live/{CHALLENGE}")).header(name, value).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let api = Recorded::running();
    let asset = {
        let page = api.page("en").await;
        let from = page.text().find("/assets/").unwrap();
        page.text()[from..].split('"').next().unwrap().to_owned()
    };
    for path in [&*format!("/live/{CHALLENGE}"), "/live/none", &asset, "/assets/0/board.js"] {
        let answer = api.get(path).await;
        assert_eq!(
            answer.header(header::CONTENT_SECURITY_POLICY),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(answer.header(header::REFERRER_POLICY), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let api = Recorded::running();
    let first = api.get(&format!("/live/{CHALLENGE}")).await;
    assert_eq!(first.header(header::CACHE_CONTROL), "private, no-cache");
    let tag = first.header(header::ETAG).to_owned();
    for held in [tag.clone(), format!("\"other\", {tag}"), tag.trim_start_matches("W/").to_owned()] {
        let again = api.send(asked_with(header::IF_NONE_MATCH, &held)).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{held}");
        assert_eq!(again.header(header::ETAG), tag);
        assert!(again.body.is_empty());
    }
    let other = Recorded::running().challenge({
        let mut other = challenge();
        other["state"] = json!("ended");
        other
    });
    assert_eq!(other.send(asked_with(header::IF_NONE_MATCH, &tag)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn head_answers_without_a_body() {
    let answer = Recorded::running().send(request(Method::HEAD, &format!("/live/{CHALLENGE}"))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert!(answer.body.is_empty());
    let post = Recorded::running().send(request(Method::POST, &format!("/live/{CHALLENGE}"))).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn pages_travel_compressed() {
    let answer = Recorded::running().send(asked_with(header::ACCEPT_ENCODING, "gzip")).await;
    assert_eq!(answer.header(header::CONTENT_ENCODING), "gzip");
}

#[tokio::test]
async fn what_is_not_there_or_not_for_strangers_is_the_same_page() {
    let path = format!("/v1/challenges/{CHALLENGE}");
    let private = {
        let mut private = challenge();
        private["public"] = json!(false);
        private
    };
    let mut pages = Vec::new();
    for api in [
        Recorded::default(),
        Recorded::default().answer(&path, StatusCode::UNAUTHORIZED, json!({"code": "unauthenticated"})),
        Recorded::default().answer(&path, StatusCode::FORBIDDEN, json!({"code": "forbidden"})),
        Recorded::running().challenge(private),
    ] {
        let page = api.page("ru").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
        page.assert_says("<html lang=\"ru\">");
        page.assert_says("Такой таблицы нет");
        pages.push(page.text().to_owned());
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn an_address_that_names_nothing_is_not_found() {
    for id in ["none", "0192f0c1", "%00", "%ff", "..%2f..", "%3Cscript%3E"] {
        let api = Recorded::running();
        let page = api.get(&format!("/live/{id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        page.assert_says("There is no such board");
        assert!(api.asked().is_empty(), "{id}");
    }
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_told_with_a_way_to_retry() {
    let challenge_path = format!("/v1/challenges/{CHALLENGE}");
    let board_path = format!("/v1/boards/{CHALLENGE}/top");
    for status in [500, 503, 504, 429] {
        let status = StatusCode::from_u16(status).unwrap();
        for path in [&challenge_path, &board_path] {
            let page = Recorded::running().answer(path, status, Value::Null).page("kk").await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path} {status}");
            assert_eq!(page.header(header::RETRY_AFTER), "5");
            page.assert_says("Қайталап көру");
            page.assert_says("<code>recorded-1</code>");
        }
    }
    let nonsense = Recorded::running().challenge(json!(["nonsense"])).page("en").await;
    assert_eq!(nonsense.status, StatusCode::SERVICE_UNAVAILABLE);
}
