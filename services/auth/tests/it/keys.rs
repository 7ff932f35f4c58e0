//! The key store: served, destroyed, never made by reading.

use auth::{Config, domain::account::Account, key_store::KeyStore, secrets::Secrets};
use bytes::Bytes;
use eventing::{Error, Loaded, StreamId, sealing::Class, sealing::SealingError};
use kernel::Code;
use proto::auth::{self as p, KeyState};
use testkit::fleet::Ground;
use uuid::Uuid;

use crate::stage::{Stage, by, refused, told};

fn name(subject: Uuid, class: Class) -> p::KeyName {
    p::KeyName { subject: Bytes::copy_from_slice(subject.as_bytes()), class: class.into() }
}

async fn ask(stage: &Stage<'_>, subject: Uuid, class: Class) -> p::DataKey {
    let request = p::KeysRequest { names: vec![name(subject, class)] };
    let mut answer = told(stage.client().keys(request).await).expect("keys");
    assert_eq!(answer.keys.len(), 1);
    answer.keys.pop().expect("one")
}

fn store(stage: &Stage<'_>) -> KeyStore {
    let secrets = Secrets::load_or_create(&Config::default().kek_path(&stage.data)).expect("secrets");
    KeyStore::new(stage.db.clone(), secrets)
}

#[tokio::test]
async fn every_class_has_a_key_of_its_own_from_sign_up_on() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let mut keys = Vec::new();
    for class in [Class::Identity, Class::Activity, Class::Health, Class::Content, Class::Device] {
        let key = ask(&stage, person.id.uuid(), class).await;
        assert_eq!((key.state(), key.version, key.key.len()), (KeyState::Active, 1, 32));
        keys.push(key.key);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
    let rows = stage.db.fetch("SELECT wrapped FROM subject_key", vec![]).await.expect("rows");
    let wrapped: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0).expect("bytes")).collect();
    assert!(keys.iter().all(|key| !wrapped.iter().any(|row| row.windows(32).any(|part| part == &key[..]))));
}

#[tokio::test]
async fn reading_makes_no_key_and_only_siblings_read() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let stranger = Uuid::new_v4();
    assert_eq!(ask(&stage, stranger, Class::Identity).await.state(), KeyState::Unknown);
    assert_eq!(ask(&stage, stranger, Class::Identity).await.state(), KeyState::Unknown);
    let request = p::KeysRequest { names: vec![name(person.id.uuid(), Class::Health)] };
    refused(told(stage.client().keys(by(&person, request)).await), Code::Forbidden);
}

#[tokio::test]
async fn a_destroyed_class_reads_as_erased_and_its_key_never_comes_back() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let subject = person.id.uuid();
    let stream = StreamId::of("account", person.id);
    let before: Loaded<Account> = stage.journal.load(&stream).await.expect("loaded");
    assert!(!before.state.is_erased());

    store(&stage).destroy(subject, &[Class::Identity], 1).await.expect("destroyed");
    let after: Loaded<Account> = stage.journal.load(&stream).await.expect("loaded");
    assert!(after.state.is_erased(), "its events are there and say nothing personal");
    assert_eq!(after.version, before.version);
    assert_eq!(ask(&stage, subject, Class::Identity).await.state(), KeyState::Destroyed);
    assert!(ask(&stage, subject, Class::Identity).await.key.is_empty());
    assert_eq!(ask(&stage, subject, Class::Activity).await.state(), KeyState::Active);

    store(&stage).create(subject, 2).await.expect("no new key");
    assert_eq!(ask(&stage, subject, Class::Identity).await.state(), KeyState::Destroyed);
    let plain = eventing::Plain::of(&p::ProfileChanged {
        account_id: Bytes::copy_from_slice(subject.as_bytes()),
        profile: Some(p::Profile { display_name: "again".to_owned(), ..p::Profile::default() }),
        place_changed_us: None,
    });
    let sealed = stage.journal.sealer().seal(&[(Uuid::new_v4(), &plain)]).await.map_err(Error::from);
    assert!(
        matches!(sealed, Err(Error::Sealing(SealingError::Destroyed { .. }))),
        "nothing new is sealed for it"
    );
}

#[tokio::test]
async fn destruction_is_told_once_through_the_outbox() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let keys = store(&stage);
    keys.destroy(person.id.uuid(), &[Class::Health, Class::Device], 1).await.expect("destroyed");
    keys.destroy(person.id.uuid(), &[Class::Health], 2).await.expect("once more");
    let page = keys.destroyed_page("", 10).await.expect("a page");
    assert_eq!(page.iter().map(p::DestroyedKey::class).collect::<Vec<_>>(), [Class::Health, Class::Device]);
    let first = format!("{}/{}", person.id, Class::Health as i32);
    assert_eq!(keys.destroyed_page(&first, 10).await.expect("a page").len(), 1);

    let request = proto::journal::StateReadAllRequest {
        topic: "stadion.auth.destroyed_keys.v1".to_owned(),
        after_key: String::new(),
        max: 10,
    };
    let mut state = stage.fleet.peers("activity").state("auth");
    let values = state.read_all(request).await.expect("a page").into_inner().values;
    assert_eq!(values.len(), 2);
    assert_eq!(values[0].key, first);
}

#[tokio::test]
async fn the_same_tables_under_another_key_encryption_key_open_nothing() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let other = Secrets::load_or_create(&stage.data.join("other.kek")).expect("secrets");
    assert!(KeyStore::new(stage.db.clone(), other).read(&[person.id.uuid()]).await.is_err());
}
