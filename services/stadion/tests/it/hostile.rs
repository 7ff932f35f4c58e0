//! What nobody should send, through public HTTP: each gets its fixed code, and nothing changes.

use std::{path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use formats::synth;
use futures::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use stadion::{
    demo::door::{Answer, Door, ShopKey, until},
    tools::mail,
    up::Running,
};

const PASSWORD: &str = "long walks by the Ile river";
/// A JSON number that no field can mean.
const HUGE: f64 = 1e300;

async fn patient(data: &Path) -> (Running, Door) {
    let running = crate::embedded::patient(data).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    (running, door)
}

fn account(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "display_name": "Aru", "birth_year": 1990, "sex": "f",
        "country": "KZ", "region": "KZ-75", "time_zone": "Asia/Almaty", "locale": "kk",
        "consents": [{ "purpose": "terms", "text_version": "1" }, { "purpose": "health_data", "text_version": "1" }],
    })
}

async fn code_for(data: &Path, email: &str) -> String {
    for _ in 0..2_400 {
        let newest = mail::newest(&data.join("mail"), Some(email)).unwrap();
        if let Some(code) = newest.and_then(|mail| mail.header("X-Stadion-Code")) {
            return code;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no mail came to {email}");
}

/// An access token of a new account.
pub(crate) async fn somebody(door: &Door, data: &Path, email: &str) -> String {
    let registered = door.post("/v1/accounts").json(&account(email)).expect(202).await.unwrap();
    let code = code_for(data, email).await;
    let verify = json!({ "registration_id": registered.text("/registration_id").unwrap(), "code": code });
    let verified = door.post("/v1/accounts/verify").json(&verify).expect(201).await.unwrap();
    verified.text("/session/access_token").unwrap()
}

pub(crate) fn refused(answer: &Answer, status: u16, code: &str, about: &str) {
    let found = answer.json.get("code").and_then(Value::as_str).unwrap_or("no code");
    assert_eq!((answer.status, found), (status, code), "{about}: {}", answer.json);
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{about} answers as {kind}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sign_ups_with_one_email_make_one_account() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let email = "aru@example.org";
    let tries = join_all((0..50).map(|_| door.post("/v1/accounts").json(&account(email)).send())).await;
    let registrations: Vec<String> =
        tries.into_iter().map(|answer| answer.unwrap().text("/registration_id").unwrap()).collect();
    assert_eq!(registrations.len(), 50, "each is answered alike");
    let code = code_for(folder.path(), email).await;
    let verify = |id: String| {
        let body = json!({ "registration_id": id, "code": code });
        door.post("/v1/accounts/verify").json(&body).send()
    };
    let verified = join_all(registrations.into_iter().map(verify)).await;
    let made = verified.iter().filter(|answer| answer.as_ref().unwrap().status == 201).count();
    assert_eq!(made, 1, "the newest code opens its own sign-up and no other");
    let again = door.post("/v1/accounts").json(&account(email)).expect(202).await.unwrap();
    assert!(again.text("/registration_id").is_ok(), "a known address is answered like any other");
    let login = json!({ "email": email, "password": PASSWORD });
    door.post("/v1/sessions").json(&login).expect(201).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_uploads_of_one_file_make_one_activity() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let token = somebody(&door, folder.path(), "aru@example.org").await;
    let start: Timestamp = "2026-05-01T01:00:00Z".parse().unwrap();
    let file = formats::write(&synth::run(7, start, 3_000.0, 330.0));
    let upload = || {
        let ask = door.post("/v1/uploads?filename=run.fit&wait_s=20").with(&token);
        ask.body("application/octet-stream", file.clone()).send()
    };
    let answers: Vec<Answer> =
        join_all((0..50).map(|_| upload())).await.into_iter().map(Result::unwrap).collect();
    let status = |answer: &Answer| answer.text("/status").unwrap();
    let first = answers.iter().filter(|answer| status(answer) == "ready").count();
    let repeats = answers.iter().filter(|answer| status(answer) == "duplicate").count();
    assert_eq!((first, repeats), (1, 49), "one is taken, the others are recognised");
    let listed = door.get("/v1/activities").with(&token).expect(200).await.unwrap();
    assert_eq!(listed.items().len(), 1);
    let id = listed.items()[0]["id"].clone();
    for answer in &answers {
        let path = format!("/v1/uploads/{}", answer.text("/id").unwrap());
        let named = |upload: &Answer| upload.json["activity_ids"] == json!([id]);
        until(|| door.get(&path).with(&token), named).await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_mean_nothing_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let token = somebody(&door, folder.path(), "aru@example.org").await;
    let manual = |change: Value| {
        let mut body = json!({ "sport": "running", "start_at": "2026-05-01T06:00:00+05:00", "elapsed_time_s": 1800, "distance_m": 5000 });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body.to_string()
    };
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let cases: Vec<(&str, String, u16, &str)> = vec![
        ("no JSON", "{\"sport\":".to_owned(), 400, "malformed_json"),
        ("nothing", String::new(), 400, "malformed_json"),
        ("NaN", "{\"sport\":\"running\",\"distance_m\":NaN}".to_owned(), 400, "malformed_json"),
        ("too deep", deep, 400, "malformed_json"),
        ("a list", "[]".to_owned(), 422, "invalid_field"),
        ("no start", "{\"sport\":\"running\"}".to_owned(), 422, "invalid_field"),
        ("no sport of ours", manual(json!({ "sport": "chess" })), 422, "invalid_field"),
        ("a negative distance", manual(json!({ "distance_m": -1 })), 422, "invalid_field"),
        ("an endless distance", manual(json!({ "distance_m": HUGE })), 422, "invalid_field"),
        ("a text for a number", manual(json!({ "distance_m": "far" })), 422, "invalid_field"),
        ("year 1", manual(json!({ "start_at": "0001-01-01T00:00:00Z" })), 422, "invalid_field"),
        ("year 9999", manual(json!({ "start_at": "9999-12-31T23:59:59Z" })), 422, "start_in_future"),
    ];
    for (about, body, status, code) in cases {
        let ask = door.post("/v1/activities").with(&token).body("application/json", body.into_bytes());
        refused(&ask.send().await.unwrap(), status, code, about);
    }
    let text = door.post("/v1/activities").with(&token).body("text/plain", b"running".to_vec());
    refused(&text.send().await.unwrap(), 415, "unsupported_media_type", "plain text");
    let method = door.ask(Method::DELETE, "/v1/activities").with(&token);
    refused(&method.send().await.unwrap(), 405, "method_not_allowed", "a list is not deleted");
    refused(&door.get("/v1/nowhere").with(&token).send().await.unwrap(), 404, "not_found", "no such route");
    let cursor = door.get("/v1/activities?cursor=forged").with(&token);
    refused(&cursor.send().await.unwrap(), 400, "bad_cursor", "a forged cursor");
    let listed = door.get("/v1/activities").with(&token).expect(200).await.unwrap();
    assert!(listed.items().is_empty(), "nothing was kept: {}", listed.json);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ups_that_cannot_be_are_told_which_field() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let cases = [
        ("/display_name", json!("Aru\u{200b}")),
        ("/display_name", json!("\u{202e}urA")),
        ("/time_zone", json!("Mars/Olympus")),
        ("/country", json!("XX")),
        ("/region", json!("DE-BE")),
        ("/email", json!("no address")),
        ("/password", json!("short")),
        ("/birth_year", json!(1700)),
    ];
    for (pointer, value) in cases {
        let mut body = account("aru@example.org");
        body[&pointer[1..]] = value;
        let answer = door.post("/v1/accounts").json(&body).send().await.unwrap();
        refused(&answer, 422, "invalid_field", pointer);
        let told =
            answer.json["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == json!(pointer));
        assert!(told, "{pointer} is named: {}", answer.json);
    }
    let mut child = account("child@example.org");
    let year = kernel::Clock::now(&kernel::SystemClock).in_tz("UTC").unwrap().year();
    child["birth_year"] = json!(year - 14);
    let answer = door.post("/v1/accounts").json(&child).send().await.unwrap();
    refused(&answer, 422, "guardian_required", "under the age of consent");
    assert!(mail::newest(&folder.path().join("mail"), None).unwrap().is_none(), "nobody was mailed");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_none_end_as_uploads_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let token = somebody(&door, folder.path(), "aru@example.org").await;
    let upload = |bytes: Vec<u8>| {
        door.post("/v1/uploads?filename=a.fit&wait_s=20").with(&token).body("application/octet-stream", bytes)
    };
    let poem = upload(b"Kindle not the fire".to_vec()).expect(200).await.unwrap();
    assert_eq!(
        (poem.text("/status").unwrap(), poem.text("/problem/code").unwrap()),
        ("failed".into(), "file_not_activity".into())
    );
    refused(&upload(Vec::new()).send().await.unwrap(), 422, "file_unreadable", "an empty file");

    let start: Timestamp = "2026-05-02T01:00:00Z".parse().unwrap();
    let whole = formats::write(&synth::run(11, start, 5_000.0, 330.0));
    let cut = upload(whole[..whole.len() * 6 / 10].to_vec()).expect(200).await.unwrap();
    assert_eq!(cut.text("/status").unwrap(), "partial", "{}", cut.json);
    assert!(cut.number("/salvage/records_kept").unwrap() > 100.0, "{}", cut.json);
    let listed = door.get("/v1/activities").with(&token).expect(200).await.unwrap();
    assert_eq!(listed.items().len(), 1, "the good part is an activity");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_is_not_found_and_gives_no_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let mine = somebody(&door, folder.path(), "aru@example.org").await;
    let theirs = somebody(&door, folder.path(), "dana@example.org").await;
    let manual = json!({ "sport": "running", "start_at": "2026-05-01T06:00:00+05:00", "elapsed_time_s": 1800, "distance_m": 5000 });
    let made = door.post("/v1/activities").with(&mine).header("Idempotency-Key", "k1").json(&manual);
    let made = made.expect(201).await.unwrap();
    let again = door.post("/v1/activities").with(&mine).header("Idempotency-Key", "k1").json(&manual);
    let again = again.send().await.unwrap();
    assert_eq!((again.status, &again.json["id"]), (201, &made.json["id"]));
    assert!(again.headers.contains_key("idempotency-replayed"));
    let mut other = manual.clone();
    other["distance_m"] = json!(6000);
    let mismatch = door.post("/v1/activities").with(&mine).header("Idempotency-Key", "k1").json(&other);
    refused(&mismatch.send().await.unwrap(), 409, "idempotency_mismatch", "the key with another body");

    let known = format!("/v1/activities/{}", made.text("/id").unwrap());
    let unknown = format!("/v1/activities/{}", uuid::Uuid::new_v4());
    for (method, tail) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::GET, "/streams"),
        (Method::GET, "/history"),
        (Method::POST, "/restore"),
    ] {
        let ask = |path: &str| door.ask(method.clone(), &format!("{path}{tail}")).with(&theirs).send();
        let (hidden, missing) = (ask(&known).await.unwrap(), ask(&unknown).await.unwrap());
        refused(&hidden, 404, "not_found", tail);
        assert_eq!(hidden.json["detail"], missing.json["detail"], "the same words for what is not there");
    }
    let patch = door.ask(Method::PATCH, &known).with(&mine).json(&json!({ "name": "x" }));
    refused(&patch.send().await.unwrap(), 428, "precondition_required", "a change without If-Match");
    let stale = door
        .ask(Method::PATCH, &known)
        .with(&mine)
        .header("If-Match", "\"99\"")
        .json(&json!({ "name": "x" }));
    refused(&stale.send().await.unwrap(), 412, "version_mismatch", "a change of another version");
    let listed = door.get("/v1/activities").with(&mine).expect(200).await.unwrap();
    assert_eq!(listed.items().len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_signatures_that_are_not_ours_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (running, door) = patient(folder.path()).await;
    let good = somebody(&door, folder.path(), "aru@example.org").await;
    let parts: Vec<&str> = good.split('.').collect();
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#), parts[1]);
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["aud"] = json!("elsewhere");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    for (about, token) in [
        ("alg none", none),
        ("changed claims", forged),
        ("garbage", "a.b.c".to_owned()),
        ("huge", "x".repeat(9_000)),
    ] {
        let answer = door.get("/v1/me").with(&token).send().await.unwrap();
        assert!(answer.status == 401 || answer.status == 431, "{about}: {} {}", answer.status, answer.json);
    }
    refused(&door.get("/v1/me").send().await.unwrap(), 401, "unauthenticated", "no token");
    door.ask(Method::DELETE, "/v1/sessions/current").with(&good).expect(204).await.unwrap();
    let ended = door.get("/v1/me").with(&good).send().await.unwrap();
    assert_eq!(ended.status, 401, "a session that was ended is ended at once");

    let stranger =
        ShopKey { key_id: "pk_none".to_owned(), secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned() };
    let order =
        br#"{"order_id":"A-1","status":"paid","amount":{"amount_minor":1,"currency":"KZT"}}"#.to_vec();
    let signed =
        door.post("/partner/v1/orders").signed(&stranger, "application/json", order.clone()).unwrap();
    refused(&signed.send().await.unwrap(), 401, "bad_signature", "an unknown key");
    let unsigned = door.post("/partner/v1/orders").body("application/json", order);
    refused(&unsigned.send().await.unwrap(), 401, "bad_signature", "no signature");
    running.stop().await.unwrap();
}
