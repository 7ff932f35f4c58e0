//! Pairing a watch (RFC 8628).

use auth::Config;
use kernel::{Code, Refusal};
use proto::auth::{self as p, token_response::Outcome};
use testkit::fleet::Ground;

use crate::stage::{Person, Stage, by, refused, stranger, told};

async fn start(stage: &Stage<'_>) -> p::StartDeviceAuthorizationResponse {
    let request = p::StartDeviceAuthorizationRequest {
        client_id: "stadion-device".to_owned(),
        scope: Some("activity:ingest".to_owned()),
        device_name: Some("Watch".to_owned()),
    };
    told(stage.client().start_device_authorization(stranger(request)).await).expect("started")
}

async fn poll(stage: &Stage<'_>, device_code: &str, client_id: &str) -> Outcome {
    let request =
        p::PollDeviceTokenRequest { device_code: device_code.to_owned(), client_id: client_id.to_owned() };
    told(stage.client().poll_device_token(stranger(request)).await)
        .expect("an answer")
        .outcome
        .expect("an outcome")
}

async fn approve(stage: &Stage<'_>, person: &Person, user_code: &str) -> Result<(), Refusal> {
    let request = p::ApproveDeviceRequest { user_code: user_code.to_owned() };
    told(stage.client().approve_device(by(person, request)).await).map(|_| ())
}

fn error(code: &str) -> Outcome {
    Outcome::Error(code.to_owned())
}

#[tokio::test]
async fn an_approved_watch_gets_tokens_that_only_ingest_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let begun = start(&stage).await;
    assert!(begun.user_code.len() == 9 && begun.user_code.as_bytes()[4] == b'-', "{}", begun.user_code);
    assert_eq!((begun.interval, begun.expires_in), (5, 900));
    assert_eq!(poll(&stage, &begun.device_code, "stadion-device").await, error("authorization_pending"));
    approve(&stage, &person, &begun.user_code.to_lowercase().replace('-', " ")).await.expect("approved");

    let Outcome::Session(session) = poll(&stage, &begun.device_code, "stadion-device").await else {
        panic!("no session")
    };
    assert_eq!(session.scope, "activity:ingest");
    assert_eq!(session.account_id, person.session.account_id);
    assert_eq!(poll(&stage, &begun.device_code, "stadion-device").await, error("invalid_grant"));
    refused(approve(&stage, &person, &begun.user_code).await, Code::CodeRefused);

    refused(stage.refresh(&session.refresh_token).await, Code::Unauthenticated);
    let request = p::RefreshRequest {
        refresh_token: session.refresh_token.clone(),
        client_id: Some("stadion-device".to_owned()),
    };
    let next = told(stage.client().refresh(stranger(request)).await).expect("by its own client");
    assert_eq!(next.scope, "activity:ingest");
    let list = told(stage.client().list_sessions(by(&person, p::ListSessionsRequest::default())).await)
        .expect("a list");
    assert!(list.items.iter().any(|item| item.device_name.as_deref() == Some("Watch")));
}

#[tokio::test]
async fn a_watch_that_lost_the_answer_asks_again_days_later_and_a_thief_ends_the_pairing() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let begun = start(&stage).await;
    approve(&stage, &person, &begun.user_code).await.expect("approved");
    let Outcome::Session(session) = poll(&stage, &begun.device_code, "stadion-device").await else {
        panic!("no session")
    };
    let refresh = async |token: &str| {
        let client_id = Some("stadion-device".to_owned());
        let request = p::RefreshRequest { refresh_token: token.to_owned(), client_id };
        told(stage.client().refresh(stranger(request)).await)
    };
    let lost = refresh(&session.refresh_token).await.expect("an answer that got lost");
    stage.fleet.clock.advance_s(3 * 86_400);
    let again = refresh(&session.refresh_token).await.expect("the same again");
    assert_eq!(again.refresh_token, lost.refresh_token);
    refresh(&again.refresh_token).await.expect("the successor");
    refused(refresh(&session.refresh_token).await, Code::Unauthenticated);
    refused(refresh(&again.refresh_token).await, Code::Unauthenticated);
}

#[tokio::test]
async fn an_impatient_watch_is_slowed_down() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let begun = start(&stage).await;
    let code = &begun.device_code;
    assert_eq!(poll(&stage, code, "stadion-device").await, error("authorization_pending"));
    assert_eq!(poll(&stage, code, "stadion-device").await, error("slow_down"));
    stage.fleet.clock.advance_s(6);
    assert_eq!(poll(&stage, code, "stadion-device").await, error("slow_down"), "ten seconds by now");
    stage.fleet.clock.advance_s(15);
    assert_eq!(poll(&stage, code, "stadion-device").await, error("authorization_pending"));
    stage.fleet.clock.advance_s(900);
    assert_eq!(poll(&stage, code, "stadion-device").await, error("expired_token"));
}

#[tokio::test]
async fn strangers_codes_clients_and_scopes_are_refused() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let begun = start(&stage).await;
    assert_eq!(poll(&stage, &begun.device_code, "somebody-else").await, error("invalid_client"));
    assert_eq!(poll(&stage, "unknown", "stadion-device").await, error("invalid_grant"));
    let with = |client_id: &str, scope: &str| p::StartDeviceAuthorizationRequest {
        client_id: client_id.to_owned(),
        scope: Some(scope.to_owned()),
        device_name: None,
    };
    for (client_id, scope, wanted) in
        [("stadion-app", "activity:ingest", "invalid_client"), ("stadion-device", "account", "invalid_scope")]
    {
        let answer = stage.client().start_device_authorization(stranger(with(client_id, scope))).await;
        assert_eq!(told(answer).expect("an answer").error, wanted);
    }
}

#[tokio::test]
async fn guessing_codes_is_throttled_by_account() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { failed_approvals_per_hour: 3, ..Config::default() }).await;
    let person = stage.person("Aigerim").await;
    let begun = start(&stage).await;
    for guess in ["BCDF-GHJK", "LMNP-QRST", "nonsense that is no code"] {
        refused(approve(&stage, &person, guess).await, Code::CodeRefused);
    }
    refused(approve(&stage, &person, &begun.user_code).await, Code::RateLimited);
    let other = stage.person("Dana").await;
    approve(&stage, &other, &begun.user_code).await.expect("another account");
}
