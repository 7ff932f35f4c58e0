//! Sealing through a real store: nothing personal in the file, and nothing to read once the key is gone.

use std::sync::Arc;

use eventing::{
    Command, DecodeError, DomainEvent, Journal, Plain, StreamId,
    aggregate::Aggregate,
    sealing::{Class, Sealer, StaticKeys},
};
use kernel::{AccountId, SystemClock};
use proto::{Message, Name, auth};

use crate::fresh;

const CANARY: &str = "canary-9f3b@example.org";

#[derive(Clone, Debug, PartialEq)]
struct Registered(auth::AccountRegistered, bool);

impl DomainEvent for Registered {
    fn encode(&self) -> Plain {
        Plain::of(&self.0)
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        Ok(Self(plain.expect()?, plain.is_erased(Class::Identity)))
    }
}

#[derive(Clone, Debug, Default)]
struct Account {
    email: String,
    erased: bool,
}

impl Aggregate for Account {
    type Event = Registered;
    const KIND: &'static str = "account";

    fn evolve(&mut self, event: &Registered) {
        self.email = event.0.email.clone();
        self.erased = event.1;
    }
}

#[tokio::test]
async fn a_sealed_field_is_nowhere_in_the_file_and_unreadable_once_its_key_is_destroyed() {
    let root = tempfile::tempdir().expect("a folder");
    let keys = Arc::new(StaticKeys::default());
    let fresh = fresh::store(fresh::sqlite_db(root.path(), "test.db").await).await;
    let journal = Journal::new("auth", fresh.store.clone(), Sealer::new(keys.clone()), Arc::new(SystemClock));
    let account = AccountId::random();
    let stream = StreamId::of("account", account);
    let message = auth::AccountRegistered {
        account_id: account.as_bytes().to_vec().into(),
        email: CANARY.to_owned(),
        ..auth::AccountRegistered::default()
    };
    let events = vec![Registered(message, false)];
    let command = Command::by(format!("account:{account}"));
    journal
        .execute::<Account, _>(&command, &stream, "p", |_, _| Ok(events.clone().into()))
        .await
        .expect("appended");

    let loaded = journal.load::<Account>(&stream).await.expect("loaded");
    assert_eq!((loaded.state.email.as_str(), loaded.state.erased), (CANARY, false));
    for entry in std::fs::read_dir(root.path()).expect("listed") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("read");
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{} holds the e-mail in the clear", path.display());
    }

    keys.destroy(account.uuid(), Class::Identity);
    let loaded = journal.load::<Account>(&stream).await.expect("an erased event is still an event");
    assert_eq!((loaded.state.email.as_str(), loaded.state.erased), ("", true));
}

/// Every message of the contract: no marked field is ever in the clear bytes, and opening gives it back.
#[tokio::test]
async fn no_marked_field_of_any_message_is_written_in_the_clear() {
    use prost_reflect::{DescriptorPool, DynamicMessage, Kind, Value};
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).expect("the contract's descriptors");
    let plans = eventing::sealing::Plans::of_contract();
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    let mut walked = 0;
    for kind in plans.kinds() {
        let plan = plans.of(kind).expect("it has a plan");
        let descriptor = pool.get_message_by_name(kind).expect("it is in the contract");
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields().filter(|field| !field.is_list() && !field.is_map()) {
            match field.kind() {
                Kind::String => {
                    message.set_field(&field, Value::String(format!("{CANARY}-{}", field.number())))
                }
                Kind::Bytes => {
                    message.set_field(&field, Value::Bytes(uuid::Uuid::new_v4().as_bytes().to_vec().into()))
                }
                _ => {}
            }
        }
        let payload = message.encode_to_vec();
        let plain = Plain { kind: kind.to_owned(), schema_ver: 1, payload: payload.into(), erased: vec![] };
        let parcel = sealer.parcel(&plain).await.expect("sealed");
        let clear =
            DynamicMessage::decode(descriptor.clone(), parcel.payload.clone()).expect("still a message");
        for number in plan.marked.keys() {
            let field = descriptor.get_field(*number).expect("a marked field");
            assert!(!clear.has_field(&field), "{} is in the clear", field.full_name());
        }
        let opened = sealer.open_parcel(&parcel).await.expect("opened");
        let opened = DynamicMessage::decode(descriptor, opened.payload).expect("whole again");
        assert_eq!(opened, message, "{kind} comes back as it was");
        walked += 1;
    }
    assert!(walked > 0, "the contract marks at least {}", auth::AccountRegistered::full_name());
    assert!(auth::AccountRegistered::default().encode_to_vec().is_empty());
}

#[tokio::test]
async fn a_ciphertext_moved_to_another_event_does_not_open() {
    let sealer = Sealer::new(Arc::new(StaticKeys::default()));
    let message = auth::AccountRegistered {
        account_id: uuid::Uuid::new_v4().as_bytes().to_vec().into(),
        email: CANARY.to_owned(),
        ..auth::AccountRegistered::default()
    };
    let mut parcel = sealer.parcel(&Plain::of(&message)).await.expect("sealed");
    parcel.parcel_id = uuid::Uuid::new_v4().as_bytes().to_vec().into();
    assert!(sealer.open_parcel(&parcel).await.is_err());
}
