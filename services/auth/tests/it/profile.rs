//! My profile, and others'.

use kernel::Code;
use platform::context::Ambient;
use proto::auth as p;
use testkit::fleet::Ground;

use crate::stage::{Stage, by, refused, refused_field, stranger, told};

#[tokio::test]
async fn a_profile_changes_where_it_is_said_to() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let request = p::ChangeMeRequest {
        display_name: Some("Aigerim K.".to_owned()),
        sex: Some(String::new()),
        time_zone: Some("europe/berlin".to_owned()),
        ..p::ChangeMeRequest::default()
    };
    let me = told(stage.client().change_me(by(&person, request)).await).expect("changed");
    assert_eq!((me.display_name.as_str(), me.time_zone.as_str()), ("Aigerim K.", "Europe/Berlin"));
    assert_eq!((me.sex, me.region.as_deref()), (None, Some("KZ-75")));
    let read = told(stage.client().get_me(by(&person, p::GetMeRequest {})).await).expect("read");
    assert_eq!(read.display_name, "Aigerim K.");
    assert_eq!(stage.standing(person.id).await.time_zone, "Europe/Berlin", "at the head");
    refused(told(stage.client().get_me(stranger(p::GetMeRequest {})).await), Code::Unauthenticated);
}

#[tokio::test]
async fn a_handle_moves_with_its_owner_and_the_old_one_is_free() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let other = stage.person("Dana").await;
    let handle = |handle: &str| p::ChangeMeRequest { handle: Some(handle.to_owned()), ..Default::default() };
    refused_field(told(stage.client().change_me(by(&other, handle("A1gerim"))).await), "/handle", "taken");
    told(stage.client().change_me(by(&person, handle("runner_77"))).await).expect("moved");
    told(stage.client().change_me(by(&other, handle("aigerim"))).await).expect("free by now");
    refused_field(
        told(stage.client().change_me(by(&other, handle("no spaces"))).await),
        "/handle",
        "not_a_handle",
    );
}

#[tokio::test]
async fn the_same_command_twice_is_done_once_and_another_body_is_a_mismatch() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let change = |name: &str, hash: &'static [u8]| {
        let request = p::ChangeMeRequest { display_name: Some(name.to_owned()), ..Default::default() };
        let mut ambient = Ambient::new();
        let key =
            eventing::command::Key { key: "k1".to_owned(), request_hash: bytes::Bytes::from_static(hash) };
        ambient.idempotency = Some(key);
        let (mut client, request) = (stage.client(), by(&person, request));
        ambient.scope(async move { client.change_me(request).await })
    };
    let first = change("One", b"a").await.expect("changed");
    assert!(first.metadata().get("stadion-replayed").is_none());
    assert!(first.metadata().get("stadion-seen").is_some());
    let again = change("One", b"a").await.expect("replayed");
    assert!(again.metadata().get("stadion-replayed").is_some());
    refused(told(change("Two", b"b").await), Code::IdempotencyMismatch);
}
