//! Forgotten passwords.

use auth::Config;
use kernel::{Code, Refusal};
use proto::auth as p;
use testkit::fleet::{Ground, eventually};

use crate::stage::{PASSWORD, Stage, refused, refused_field, stranger, told};

const NEW: &str = "eight bridges of Astana";

async fn ask(stage: &Stage<'_>, email: &str) {
    let request = p::RequestPasswordResetRequest { email: email.to_owned() };
    let answer = told(stage.client().request_password_reset(stranger(request)).await).expect("always");
    assert_eq!(answer.expires_in, 900);
}

async fn confirm(stage: &Stage<'_>, email: &str, code: &str, password: &str) -> Result<(), Refusal> {
    let request = p::ConfirmPasswordResetRequest {
        email: email.to_owned(),
        code: code.to_owned(),
        password: password.to_owned(),
    };
    told(stage.client().confirm_password_reset(stranger(request)).await).map(|_| ())
}

#[tokio::test]
async fn a_mailed_code_sets_a_new_password_and_ends_every_session() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    stage.fleet.clock.advance_s(10);
    ask(&stage, "Aigerim@Example.org").await;
    let code = stage.code_to(&person.email);
    refused_field(confirm(&stage, &person.email, &code, "short").await, "/password", "too_short");
    confirm(&stage, &person.email, &code, NEW).await.expect("changed");
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);
    refused(stage.login(&person.email, PASSWORD).await, Code::Unauthenticated);
    stage.login(&person.email, NEW).await.expect("the new one");
    refused(confirm(&stage, &person.email, &code, PASSWORD).await, Code::CodeRefused);

    let sql = "SELECT key FROM revocation";
    let rows = || async { stage.db.fetch(sql, vec![]).await.expect("rows").len() };
    eventually("the old session is revoked for everybody", rows, |count| *count == 1).await;
}

#[tokio::test]
async fn an_unknown_address_is_answered_alike_and_nobody_is_mailed() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    ask(&stage, "nobody@example.org").await;
    ask(&stage, "not an address").await;
    assert!(stage.mails().is_empty());
    refused(confirm(&stage, "nobody@example.org", "000000", NEW).await, Code::CodeRefused);
}

#[tokio::test]
async fn five_wrong_codes_use_a_reset_up() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    ask(&stage, &person.email).await;
    let code = stage.code_to(&person.email);
    for _ in 0..5 {
        refused(confirm(&stage, &person.email, "wrong!", NEW).await, Code::CodeRefused);
    }
    refused(confirm(&stage, &person.email, &code, NEW).await, Code::CodeRefused);
    ask(&stage, &person.email).await;
    let fresh = stage.code_to(&person.email);
    confirm(&stage, &person.email, &fresh, NEW).await.expect("a fresh code");
}

#[tokio::test]
async fn wrong_codes_count_as_failed_logins() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { failed_logins_per_hour: 4, ..Config::default() }).await;
    for _ in 0..4 {
        refused(confirm(&stage, "nobody@example.org", "000000", NEW).await, Code::CodeRefused);
    }
    refused(confirm(&stage, "nobody@example.org", "000000", NEW).await, Code::RateLimited);
}

#[tokio::test]
async fn a_mailbox_is_not_flooded() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { mails_per_hour: 3, ..Config::default() }).await;
    let person = stage.person("Aigerim").await;
    for _ in 0..6 {
        ask(&stage, &person.email).await;
    }
    assert_eq!(stage.mails().len(), 3, "the sign-up's and two more");
}
