//! What changes with time: signing keys, dated hashes, dated rows.

use auth::{
    Config, jws,
    secrets::Secrets,
    signing::Signing,
    store::{accounts, sweep::sweep},
};
use eventing::args;
use kernel::Clock;
use proto::auth as p;
use testkit::fleet::{Ground, eventually};

use crate::stage::{PASSWORD, Stage, by, sign_up, told};

const DAY_S: i64 = 86_400;

#[tokio::test]
async fn the_next_signing_key_is_published_a_day_before_it_signs() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let secrets = Secrets::load_or_create(&Config::default().kek_path(&stage.data)).expect("secrets");
    let now_us = || stage.fleet.clock.now().as_microsecond();
    let signing = Signing::open(stage.db.clone(), secrets, now_us()).await.expect("keys");
    let signer = |signing: &Signing| {
        let token = signing.sign("test", &serde_json::json!({}), now_us()).expect("signed");
        let keys = signing.published();
        let signed_by = keys.iter().position(|key| {
            let public = |kid: &str| (kid == key.kid).then(|| key.public.clone());
            jws::open::<serde_json::Value>(&token, "test", public).is_some()
        });
        (keys.len(), signed_by)
    };
    assert_eq!(signer(&signing), (1, Some(0)));
    stage.fleet.clock.advance_s(29 * DAY_S);
    signing.maintain(now_us()).await.expect("looked after");
    assert_eq!(signer(&signing), (2, Some(0)), "published, and not yet used");
    stage.fleet.clock.advance_s(DAY_S);
    signing.maintain(now_us()).await.expect("looked after");
    assert_eq!(signer(&signing), (2, Some(1)));
    stage.fleet.clock.advance_s(2 * DAY_S);
    signing.maintain(now_us()).await.expect("looked after");
    assert_eq!(signer(&signing), (2, Some(1)), "the old public half stays for receipts");
    let kept =
        stage.db.fetch("SELECT 1 FROM signing_key WHERE wrapped IS NOT NULL", vec![]).await.expect("rows");
    assert_eq!(kept.len(), 1, "its secret half is gone");
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_renewed_at_the_next_login() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let salt = b"sixteen bytes ok";
    let params = argon2::Params::new(8 * 1024, 1, 1, None).expect("parameters");
    let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: argon2::PasswordHash =
        argon2::PasswordHasher::hash_password_with_salt(&weak, PASSWORD.as_bytes(), salt).expect("hashed");
    let sql = "UPDATE credential SET hash = $2 WHERE account_id = $1";
    stage.db.execute(sql, args![person.id, hash.to_string()]).await.expect("weakened");
    stage.login(&person.email, PASSWORD).await.expect("logged in");
    let renewed = accounts::credential(&stage.db, person.id).await.expect("a row").expect("a credential");
    assert!(renewed.hash.contains("m=19456,t=2,p=1"), "{}", renewed.hash);
    stage.login(&person.email, PASSWORD).await.expect("and again");
}

#[tokio::test]
async fn dated_rows_are_forgotten_and_living_ones_stay() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    stage.register(sign_up("Waiting")).await.expect("registered");
    stage.fleet.clock.advance_s(3 * 3600);
    sweep(&stage.db, stage.fleet.clock.now().as_microsecond()).await.expect("swept");
    for table in ["registration", "throttle"] {
        let rows = stage.db.fetch(&format!("SELECT 1 FROM {table}"), vec![]).await.expect("rows");
        assert!(rows.is_empty(), "{table}");
    }
    stage.refresh(&person.session.refresh_token).await.expect("the session goes on");
}

#[tokio::test]
async fn an_ended_session_is_told_on_the_log() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    told(stage.client().end_current_session(by(&person, p::EndCurrentSessionRequest {})).await)
        .expect("ended");
    let told_keys = || async {
        let values = stage.published(&auth::store::revocations::topic()).await;
        values.into_iter().map(|value| value.key).collect::<Vec<_>>()
    };
    let key = format!("sid:{}", crate::stage::uuid(&person.session.session_id));
    eventually("the revocation is on the log", told_keys, |keys| *keys == [key.clone()]).await;
}
