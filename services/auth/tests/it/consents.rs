//! Consents with receipts.

use auth::jws;
use eventing::sealing::Class;
use kernel::{Code, Refusal};
use proto::auth as p;
use testkit::fleet::{Ground, eventually};
use uuid::Uuid;

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
    let ground = Ground::fresh();
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
    let ground = Ground::fresh();
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
    let ground = Ground::fresh();
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

async fn health_keys(stage: &Stage<'_>, person: &Person) -> Vec<(u32, p::KeyState)> {
    let subject = crate::stage::id_bytes(person.id);
    let names = vec![p::KeyName { subject, class: Class::Health.into() }];
    let keys = told(stage.client().keys(p::KeysRequest { names }).await).expect("keys").keys;
    keys.iter().map(|key| (key.version, key.state())).collect()
}

fn heartbeat(person: &Person) -> eventing::Plain {
    eventing::Plain::of(&proto::activity::DailyRecorded {
        account_id: crate::stage::id_bytes(person.id),
        body: Some(proto::activity::Daily { value: 61.0, ..Default::default() }),
        ..Default::default()
    })
}

#[tokio::test]
async fn withdrawing_the_health_consent_shreds_health_data_and_giving_it_again_begins_anew() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let sealer = stage.journal.sealer();
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let old = sealer.seal(&[(first, &heartbeat(&person))]).await.expect("sealed").remove(0);

    withdraw(&stage, &person, "health_data").await.expect("withdrawn");
    assert_eq!(health_keys(&stage, &person).await, [(1, p::KeyState::Destroyed)]);
    assert!(sealer.seal(&[(second, &heartbeat(&person))]).await.is_err(), "nothing new is kept");
    withdraw(&stage, &person, "health_data").await.expect("once more");

    give(&stage, &person, "health_data", "2").await.expect("given");
    give(&stage, &person, "health_data", "3").await.expect("a newer text");
    let kept = [(1, p::KeyState::Destroyed), (2, p::KeyState::Active)];
    assert_eq!(health_keys(&stage, &person).await, kept, "one new version, however often it is agreed to");
    let new = sealer.seal(&[(second, &heartbeat(&person))]).await.expect("sealed").remove(0);
    assert_eq!((old.1[0].key_version, new.1[0].key_version), (1, 2));

    withdraw(&stage, &person, "promo").await.expect("nothing to end");
    assert_eq!(health_keys(&stage, &person).await, kept, "another purpose ends no key");
}

#[tokio::test]
async fn siblings_are_told_of_the_key_that_went_with_a_consent() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    withdraw(&stage, &person, "health_data").await.expect("withdrawn");
    give(&stage, &person, "health_data", "2").await.expect("given");
    let topic = auth::key_store::destroyed_topic();
    let told = || stage.published(&topic);
    let key = format!("{}/{}", person.id, Class::Health as i32);
    eventually("the destroyed key is told", told, |values| {
        values.iter().any(|value| value.key == key && value.revision == 1)
    })
    .await;
}

#[tokio::test]
async fn consents_given_and_withdrawn_at_once_leave_a_key_exactly_when_one_is_given() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    for round in 0..12 {
        let version = round.to_string();
        let _ = tokio::join!(
            give(&stage, &person, "health_data", &version),
            withdraw(&stage, &person, "health_data")
        );
        let given = stage.standing(person.id).await.consents.contains(&"health_data".to_owned());
        let newest = health_keys(&stage, &person).await.last().map(|key| key.1);
        let expected = if given { p::KeyState::Active } else { p::KeyState::Destroyed };
        assert_eq!(newest, Some(expected), "round {round}");
    }
}
