//! NUL and its like end at the door, in the same words whatever the stores stand on.

use reqwest::Method;
use serde_json::{Value, json};
use stadion::demo::{
    cast::{ALMATY, Cast},
    door::Answer,
};

use crate::embedded::patient;

fn is_refused(answer: &Answer, pointer: &str, what: &str) {
    assert_eq!((answer.status, answer.text("/code").unwrap().as_str()), (422, "invalid_field"), "{what}");
    let field = &answer.json["errors"][0];
    assert_eq!(
        (field["pointer"].as_str(), field["code"].as_str()),
        (Some(pointer), Some("invalid_character")),
        "{what}"
    );
}

/// By several routes, each with what it would otherwise take.
pub(crate) async fn are_refused(cast: &Cast) {
    let runner = cast.sign_up("clean", ALMATY, &["terms", "health_data"]).await.unwrap();
    let door = &cast.door;
    let run = |name: &str| json!({ "sport": "running", "name": name, "start_at": "2026-05-01T06:00:00+05:00", "elapsed_time_s": 1800 });
    let made = door.post("/v1/activities").with(&runner.token).json(&run("dawn")).expect(201).await.unwrap();
    let one = format!("/v1/activities/{}", made.text("/id").unwrap());
    let account =
        json!({ "email": "a\u{0}b@example.org", "password": "long walks by the river", "display_name": "A" });
    let cases: [(Method, &str, Value, &str); 6] = [
        (Method::POST, "/v1/accounts", account, "/email"),
        (Method::POST, "/v1/activities", run("da\u{0}wn"), "/name"),
        (Method::PATCH, &one, json!({ "name": "esc\u{1b}[31m" }), "/name"),
        (Method::PATCH, "/v1/me", json!({ "display_name": "bell\u{7}" }), "/display_name"),
        (Method::POST, "/v1/groups", json!({ "name": "delete\u{7f}" }), "/name"),
        (Method::POST, "/v1/groups", json!({ "name": "club", "region": "c1\u{85}" }), "/region"),
    ];
    for (method, path, body, pointer) in cases {
        let what = format!("{method} {path} {body}");
        let ask = door.ask(method, path).with(&runner.token).json(&body);
        is_refused(&ask.send().await.unwrap(), pointer, &what);
    }
    for path in ["/v1/products?q=a%00", "/v1/people?q=a%1Bb", "/v1/activities?sport=%C2%85"] {
        let answer = door.get(path).with(&runner.token).send().await.unwrap();
        assert_eq!(
            (answer.status, answer.text("/code").unwrap().as_str()),
            (400, "malformed_query"),
            "{path}"
        );
    }
    let workout =
        |key: &str, name: &str| json!({ "key": key, "version": 1, "kind": "workout", "workout": run(name) });
    let body = json!({ "source": "healthkit", "upserts": [workout("bad", "nu\u{0}l"), workout("good", "noon")], "deletes": [] });
    let acks = door.post("/v1/sync").with(&runner.token).json(&body).expect(200).await.unwrap();
    let status = |index: usize| acks.json["acks"][index]["status"].as_str().unwrap_or_default().to_owned();
    assert_eq!((status(0).as_str(), status(1).as_str()), ("refused", "stored"), "{}", acks.json);

    let lines = json!({ "text": "two\nlines\tof it" });
    door.post(&format!("{one}/comments")).with(&runner.token).json(&lines).expect(201).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_characters_are_refused_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let running = patient(folder.path()).await;
    let cast = Cast::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
    are_refused(&cast).await;
    running.stop().await.unwrap();
}
