//! The same statements on PostgreSQL: one story through every table.

use kernel::Code;
use proto::auth::{self as p, token_response::Outcome};
use testkit::fleet::{Ground, eventually};

use crate::stage::{PASSWORD, Stage, by, refused, stranger, told};

#[tokio::test]
async fn the_story_of_an_account_on_postgres() {
    let Some(ground) = Ground::postgres("auth on PostgreSQL") else { return };
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let person = stage.person("Aigerim").await;
    stage
        .person_of(p::RegisterRequest {
            email: "two@example.org".to_owned(),
            ..crate::stage::sign_up("Aigerim")
        })
        .await;
    refused(stage.login(&person.email, "wrong wrong").await, Code::Unauthenticated);
    stage.login(&person.email, PASSWORD).await.expect("logged in");

    let next = stage.refresh(&person.session.refresh_token).await.expect("refreshed");
    let again = stage.refresh(&person.session.refresh_token).await.expect("a retry");
    assert_eq!(next.refresh_token, again.refresh_token);
    stage.refresh(&next.refresh_token).await.expect("refreshed");
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);

    let change = p::ChangeMeRequest { region: Some("KZ-71".to_owned()), ..p::ChangeMeRequest::default() };
    told(stage.client().change_me(by(&person, change)).await).expect("changed");
    assert_eq!(stage.standing(person.id).await.region.as_deref(), Some("KZ-71"));
    pair(&stage, &person).await;

    let create = p::CreatePartnerRequest { name: "Shop".to_owned(), regions: vec!["KZ-75".to_owned()] };
    told(stage.client().create_partner(by(&operator, create)).await).expect("a partner");
    let list = p::ListPartnersRequest::default();
    assert_eq!(told(stage.client().list_partners(by(&operator, list)).await).expect("a list").items.len(), 1);
    let sessions = p::ListSessionsRequest::default();
    let listed = told(stage.client().list_sessions(by(&person, sessions)).await).expect("a list");
    assert_eq!(listed.items.len(), 2, "the login's and the watch's");
    reset(&stage, &person).await;
    auth::store::sweep::sweep(&stage.db, i64::MAX / 2).await.expect("swept");
    stage.fleet.stop().await;
}

async fn pair(stage: &Stage<'_>, person: &crate::stage::Person) {
    let request = p::StartDeviceAuthorizationRequest {
        client_id: "stadion-device".to_owned(),
        scope: None,
        device_name: None,
    };
    let begun = told(stage.client().start_device_authorization(stranger(request)).await).expect("begun");
    let poll = p::PollDeviceTokenRequest {
        device_code: begun.device_code.clone(),
        client_id: "stadion-device".to_owned(),
    };
    let pending = told(stage.client().poll_device_token(stranger(poll.clone())).await).expect("an answer");
    assert_eq!(pending.outcome, Some(Outcome::Error("authorization_pending".to_owned())));
    let approve = p::ApproveDeviceRequest { user_code: begun.user_code };
    told(stage.client().approve_device(by(person, approve)).await).expect("approved");
    let paired = told(stage.client().poll_device_token(stranger(poll)).await).expect("an answer");
    assert!(matches!(paired.outcome, Some(Outcome::Session(_))));
}

async fn reset(stage: &Stage<'_>, person: &crate::stage::Person) {
    let ask = p::RequestPasswordResetRequest { email: person.email.clone() };
    told(stage.client().request_password_reset(stranger(ask)).await).expect("asked");
    let confirm = p::ConfirmPasswordResetRequest {
        email: person.email.clone(),
        code: stage.code_to(&person.email),
        password: "eight bridges of Astana".to_owned(),
    };
    told(stage.client().confirm_password_reset(stranger(confirm)).await).expect("changed");
    let rows = || async { stage.db.fetch("SELECT 1 FROM revocation", vec![]).await.expect("rows").len() };
    eventually("all of the sessions are revoked", rows, |count| *count == 3).await;
}
