//! Partners and their signatures.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Clock, Code};
use platform::context::Ambient;
use proto::auth::{self as p, token_response::Outcome};
use testkit::fleet::Ground;

use crate::stage::{Person, Stage, by, refused, refused_field, stranger, told};

async fn shop(stage: &Stage<'_>, operator: &Person) -> p::CreatePartnerResponse {
    let request =
        p::CreatePartnerRequest { name: "Sport Shop".to_owned(), regions: vec!["KZ-75".to_owned()] };
    told(stage.client().create_partner(by(operator, request)).await).expect("created")
}

fn signed(secret: &str, key_id: &str, timestamp: i64, body: &str) -> p::VerifyPartnerKeyRequest {
    let secret = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let tag = hmac::sign(&key, format!("msg_1.{timestamp}.{body}").as_bytes());
    p::VerifyPartnerKeyRequest {
        key_id: key_id.to_owned(),
        webhook_id: "msg_1".to_owned(),
        webhook_timestamp: timestamp.to_string(),
        webhook_signature: format!("v1,AAAA v1,{}", STANDARD.encode(tag.as_ref())),
        body: body.to_owned().into(),
    }
}

#[tokio::test]
async fn a_partners_signature_is_taken_within_five_minutes_and_nothing_else() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let made = shop(&stage, &operator).await;
    let partner = made.partner.expect("a partner");
    let now = stage.fleet.clock.now().as_second();
    let check = |request: p::VerifyPartnerKeyRequest| {
        let mut client = stage.client();
        async move { told(client.verify_partner_key(request).await) }
    };
    let good = signed(&made.secret, &partner.key_id, now, "{}");
    let verified = check(good.clone()).await.expect("verified");
    assert_eq!((verified.partner_id, verified.regions), (partner.partner_id, vec!["KZ-75".to_owned()]));

    let change = |change: fn(&mut p::VerifyPartnerKeyRequest)| {
        let mut request = good.clone();
        change(&mut request);
        check(request)
    };
    refused(change(|request| request.body = "{ }".into()).await, Code::BadSignature);
    refused(change(|request| request.webhook_id = "msg_2".to_owned()).await, Code::BadSignature);
    refused(change(|request| request.webhook_timestamp = "soon".to_owned()).await, Code::BadSignature);
    refused(change(|request| request.webhook_signature = String::new()).await, Code::BadSignature);
    refused(change(|request| request.key_id = "pk_unknown".to_owned()).await, Code::BadSignature);
    for off in [-301, 301, i64::MIN + 1, i64::MAX - now] {
        let stale = signed(&made.secret, &partner.key_id, now.saturating_add(off), "{}");
        refused(check(stale).await, Code::BadSignature);
    }
}

#[tokio::test]
async fn the_secret_is_shown_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let create = || {
        let mut ambient = Ambient::new();
        let key = eventing::command::Key { key: "p1".to_owned(), request_hash: bytes::Bytes::new() };
        ambient.idempotency = Some(key);
        let request = p::CreatePartnerRequest { name: "Sport Shop".to_owned(), regions: vec![] };
        let (mut client, request) = (stage.client(), by(&operator, request));
        ambient.scope(async move { told(client.create_partner(request).await) })
    };
    let made = create().await.expect("created").partner.expect("a partner");
    let refusal = refused(create().await, Code::Conflict);
    assert!(refusal.detail.contains(&crate::stage::uuid(&made.partner_id).to_string()), "{}", refusal.detail);
    let list = p::ListPartnersRequest::default();
    let listed = told(stage.client().list_partners(by(&operator, list.clone())).await).expect("a list");
    assert_eq!(listed.items, [made]);
    let person = stage.person("Aigerim").await;
    refused(told(stage.client().list_partners(by(&person, list)).await), Code::Forbidden);
    let request = p::CreatePartnerRequest { name: " ".to_owned(), regions: vec![] };
    refused_field(told(stage.client().create_partner(by(&operator, request)).await), "/name", "required");
}

#[tokio::test]
async fn key_id_and_secret_are_good_for_a_token_of_its_own() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let made = shop(&stage, &operator).await;
    let ask = |secret: &str| {
        let request = p::ClientCredentialsRequest {
            client_id: made.partner.clone().expect("a partner").key_id,
            client_secret: secret.to_owned(),
            scope: None,
        };
        let mut client = stage.client();
        async move { told(client.client_credentials(stranger(request)).await).expect("an answer").outcome }
    };
    let Some(Outcome::Session(session)) = ask(&made.secret).await else { panic!("no token") };
    assert!(session.refresh_token.is_empty() && session.scope == "partner");
    assert_eq!(ask("whsec_AAAA").await, Some(Outcome::Error("invalid_client".to_owned())));
    assert_eq!(ask("").await, Some(Outcome::Error("invalid_client".to_owned())));
}
