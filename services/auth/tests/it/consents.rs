//! Consents with receipts.

use auth::jws;
use kernel::{Code, Refusal};
use proto::auth as p;
use testkit::fleet::Ground;

use crate::stage::{Person, Stage, by, refused, refused_field, told};

async fn give(
    stage: &Stage<'_>,
    person: &Person,
    purpose: &str,
    version: &str,
) -> Result<p::ConsentReceipt, Refusal> {
    let request =
        p::PutConsentRequest { purpose: purpose.to_owned(), text_version: version.to_owned(), locale: None };
    told(stage.client().put_consent(by(person, request)).await)
}

async fn withdraw(stage: &Stage<'_>, person: &Person, purpose: &str) -> Result<(), Refusal> {
    let request = p::WithdrawConsentRequest { purpose: purpose.to_owned() };
    told(stage.client().withdraw_consent(by(person, request)).await).map(|_| ())
}

async fn list(stage: &Stage<'_>, person: &Person) -> Vec<p::ConsentReceipt> {
    told(stage.client().list_consents(by(person, p::ListConsentsRequest {})).await).expect("a list").items
}

#[tokio::test]
async fn a_receipt_is_signed_and_says_what_was_agreed_to() {
    let ground = Ground::sqlite();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let receipt = give(&stage, &person, "promo", "2026-04").await.expect("given");
    assert_eq!((receipt.given_by.as_str(), receipt.locale.as_str()), ("self", "kk"));
    let keys = told(stage.client().jwks(p::JwksRequest {}).await).expect("keys").keys;
    let public = |kid: &str| keys.iter().find(|key| key.kid == kid).map(|key| key.x.to_vec());
    let claims: serde_json::Value =
        jws::open(&receipt.receipt, "consent-receipt+jwt", public).expect("signed");
    assert_eq!(
        (claims["purpose"].as_str(), claims["text_version"].as_str()),
        (Some("promo"), Some("2026-04"))
    );
    assert_eq!(claims["sub"], person.id.to_string());
    assert!(
        jws::open::<serde_json::Value>(&receipt.receipt, "at+jwt", public).is_none(),
        "it is no access token"
    );
}

#[tokio::test]
async fn given_again_it_stays_and_a_newer_text_replaces_it() {
    let ground = Ground::sqlite();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let first = give(&stage, &person, "promo", "1").await.expect("given");
    let again = give(&stage, &person, "promo", "1").await.expect("given");
    assert_eq!(first.receipt_id, again.receipt_id);
    let newer = give(&stage, &person, "promo", "2").await.expect("given");
    assert_ne!(first.receipt_id, newer.receipt_id);
    let list = list(&stage, &person).await;
    assert_eq!(list.len(), 4, "terms, health_data and two of promo");
    assert_eq!((list[0].text_version.as_str(), list[0].withdrawn_us), ("2", None));
    assert!(list[1].withdrawn_us.is_some());
}

#[tokio::test]
async fn a_withdrawn_consent_is_gone_for_siblings_at_once_and_terms_stay() {
    let ground = Ground::sqlite();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    assert_eq!(stage.standing(person.id).await.consents, ["terms", "health_data"]);
    withdraw(&stage, &person, "health_data").await.expect("withdrawn");
    assert_eq!(stage.standing(person.id).await.consents, ["terms"]);
    withdraw(&stage, &person, "health_data").await.expect("once more changes nothing");
    refused(withdraw(&stage, &person, "terms").await, Code::Conflict);
    refused(withdraw(&stage, &person, "world_peace").await, Code::NotFound);
    refused(give(&stage, &person, "world_peace", "1").await, Code::NotFound);
    refused_field(give(&stage, &person, "promo", "").await, "/text_version", "malformed");
}
