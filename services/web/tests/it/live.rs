//! GET /live/{challenge_id}: what the page shows.

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::{CHALLENGE, Recorded, challenge, top};

#[tokio::test]
async fn the_board_is_complete_as_it_is_served() {
    let page = Recorded::running().page("en").await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_says("<html lang=\"en\">");
    page.assert_says("<h1 id=\"title\" lang=\"en\"><bdi>May in Almaty</bdi></h1>");
    page.assert_says("1 May 2026, 00:00 – 1 June 2026, 00:00 (Asia/Almaty)");
    page.assert_says("1,234 participants");
    page.assert_says("data-state=\"open\">Running</p>");
    page.assert_says("as of <time datetime=\"2026-05-02T09:05:09Z\">14:05:09 +05</time>");
    page.assert_says("Reload the page to see newer results.");
    page.assert_says(
        "<tr data-member=\"m17\" data-score=\"12345.6\"><td class=\"rank\">1</td><th scope=\"row\">\
         <bdi>Әсем Қ.</bdi></th><td class=\"score\">12.35\u{a0}km</td></tr>",
    );
    page.assert_says("<span class=\"anonymous\">anonymous</span> <span class=\"member\">m9</span>");
}

#[tokio::test]
async fn before_it_begins_the_page_says_how_many_wait_for_it() {
    let empty = json!({ "sequence": 0, "as_of": "2026-04-30T09:05:09Z", "participants": 0, "entries": [] });
    let scheduled = with(challenge(), "state", "scheduled");
    let page = Recorded::running().challenge(scheduled).top(empty.clone()).page("en").await;
    page.assert_says("Not started yet</p>");
    page.assert_says("<li id=\"participants\">3 participants</li>");
    let running = Recorded::running().top(empty).page("en").await;
    running.assert_says("<li id=\"participants\">0 participants</li>");
}

#[tokio::test]
async fn it_asks_the_api_as_a_stranger_and_hands_on_who_visits() {
    let api = Recorded::running();
    let peer: std::net::SocketAddr = "127.0.0.9:1234".parse().unwrap();
    let request = Request::get(format!("/live/{CHALLENGE}"))
        .header(header::AUTHORIZATION, "Bearer stolen")
        .header(header::COOKIE, "a=b")
        .header("x-forwarded-for", "203.0.113.7")
        .extension(ConnectInfo(peer))
        .body(Body::empty());
    api.send(request.unwrap()).await;
    let asked = api.asked();
    let paths: Vec<&str> = asked.iter().map(|(path, _, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [format!("/v1/challenges/{CHALLENGE}"), format!("/v1/boards/{CHALLENGE}/top?limit=100")]
    );
    for (_, headers, from) in &asked {
        assert!(!headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::COOKIE));
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(*from, Some(peer));
    }
}

#[tokio::test]
async fn it_speaks_the_language_that_is_asked_for() {
    let russian = Recorded::running().page("ru").await;
    russian.assert_says("<html lang=\"ru\">");
    russian.assert_says("<bdi>Май в Алматы</bdi>");
    russian.assert_says("1\u{a0}234 участника");
    russian.assert_says("12,35\u{a0}км");
    russian.assert_says("1 мая 2026 г., 00:00 – 1 июня 2026 г., 00:00");
    assert_eq!(russian.header(header::CONTENT_LANGUAGE), "ru");

    let kazakh = Recorded::running().page("kk").await;
    // There is no Kazakh name: English stands in, and says that it is English.
    kazakh.assert_says("<h1 id=\"title\" lang=\"en\"><bdi>May in Almaty</bdi></h1>");
    kazakh.assert_says("2026 ж. 1 мамыр, 00:00");
    kazakh.assert_says("<a href=\"?lang=kk\" lang=\"kk\" hreflang=\"kk\" aria-current=\"true\">Қазақша</a>");

    let accepted =
        Request::get(format!("/live/{CHALLENGE}")).header(header::ACCEPT_LANGUAGE, "de, ru-KZ;q=0.7");
    let accepted = Recorded::running().send(accepted.body(Body::empty()).unwrap()).await;
    accepted.assert_says("<html lang=\"ru\">");
    assert!(accepted.headers.get_all(header::VARY).iter().any(|value| value == "accept-language"));
}

#[tokio::test]
async fn no_phrase_is_missing_in_any_language_state_or_metric() {
    for language in ["en", "ru", "kk"] {
        for state in ["draft", "scheduled", "open", "ended", "settling", "settled", "stopped"] {
            let page = Recorded::running().challenge(with(challenge(), "state", state)).page(language).await;
            page.assert_silent_on("⟦");
            page.assert_silent_on(&format!("data-state=\"{state}\">{state}</p>"));
        }
        for metric in
            ["distance_m", "moving_time_s", "ascent_m", "count", "steps", "longest_m", "fastest_s", "xp"]
        {
            let page =
                Recorded::running().challenge(with(challenge(), "metric", metric)).page(language).await;
            page.assert_silent_on("⟦");
            page.assert_silent_on(&format!(">{metric}<"));
        }
    }
}

#[tokio::test]
async fn values_that_no_page_knows_yet_are_shown_as_they_came() {
    let strange = with(with(challenge(), "state", "postponed"), "metric", "calories");
    let page = Recorded::running().challenge(strange).page("kk").await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_says("data-state=\"postponed\">postponed</p>");
    page.assert_says("calories");
}

#[tokio::test]
async fn an_answer_with_the_least_that_it_may_hold_is_a_page() {
    let least = Recorded::default().challenge(json!({"id": CHALLENGE})).top(json!({"entries": []}));
    let page = least.page("en").await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_says("<bdi>Challenge</bdi>");
    page.assert_says("Nobody has a place yet.");
}

#[tokio::test]
async fn a_challenge_without_a_board_yet_has_an_empty_page() {
    let scheduled = Recorded::default().challenge(with(challenge(), "state", "scheduled"));
    let page = scheduled.page("en").await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_says("Not started yet");
    page.assert_says("3 participants");
}

#[tokio::test]
async fn final_results_do_not_ask_to_reload() {
    let page = Recorded::running().challenge(with(challenge(), "state", "settled")).page("en").await;
    page.assert_says("Final results");
    page.assert_silent_on("id=\"reload\"");
    page.assert_says("&#34;closed&#34;:true");
}

#[tokio::test]
async fn a_local_window_says_that_it_is_everyones_own() {
    let mut local = challenge();
    local["window"]["clock"] = json!("local");
    let page = Recorded::running().challenge(local).page("en").await;
    page.assert_says("(in everyone&#39;s local time)");
}

#[tokio::test]
async fn nasty_names_are_text() {
    let names = [
        "<img src=x onerror=alert(1)>",
        "\"><script>alert(1)</script>",
        "\u{202e}gnp.exe",
        "{{ settings }}",
        "{name}",
    ];
    for name in names {
        let mut board = top();
        board["entries"][0]["display_name"] = json!(name);
        let mut titled = challenge();
        titled["name"]["en"] = json!(name);
        let page = Recorded::running().challenge(titled).top(board).page("en").await;
        assert_eq!(page.status, StatusCode::OK);
        page.assert_silent_on("<img");
        page.assert_silent_on("<script>");
        assert_eq!(page.text().matches("<script").count(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_name_that_shows_nothing_is_anonymous() {
    for name in ["", "  ", "\u{200b}\u{200d}\u{feff}", "\u{202e}\u{2066}", "\u{3164}"] {
        let mut board = top();
        board["entries"][2]["display_name"] = json!(name);
        let page = Recorded::running().top(board).page("en").await;
        page.assert_says("<span class=\"member\">m4</span>");
    }
}

fn with(mut value: Value, field: &str, to: &str) -> Value {
    value[field] = json!(to);
    value
}
