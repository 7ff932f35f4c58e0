//! The sealing codec over arbitrary bytes and arbitrary messages, and over what was sealed long ago.

use std::sync::Arc;

use proptest::prelude::*;
use proto::{Message, Name, auth::AccountRegistered, envelope::Parcel};
use stadion_eventing::{
    Class, Plain, Sealer,
    sealing::{KeyRing, KeyWanted, SealingError, StaticKeys},
};
use uuid::Uuid;

fn sealer() -> Sealer {
    Sealer::new(Arc::new(StaticKeys::default()))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

fn registered(email: &str, origin: &str) -> AccountRegistered {
    AccountRegistered {
        account_id: Uuid::from_u128(7).as_bytes().to_vec().into(),
        email: email.to_owned(),
        origin: origin.to_owned(),
        ..AccountRegistered::default()
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_the_same_message(email in ".{0,60}", origin in ".{0,60}", guardian in proptest::option::of(".{1,40}")) {
        let message = AccountRegistered { guardian_email: guardian, ..registered(&email, &origin) };
        let (parcel, opened) = block_on(async {
            let parcel = sealer().parcel(&Plain::of(&message)).await.expect("sealed");
            let opened = sealer().open_parcel(&parcel).await.expect("opened");
            (parcel, opened)
        });
        let clear = AccountRegistered::decode(parcel.payload).expect("the clear part is a message too");
        prop_assert!(clear.email.is_empty() && clear.guardian_email.is_none());
        prop_assert_eq!(clear.origin, origin);
        prop_assert_eq!(opened.expect::<AccountRegistered>().expect("the same type"), message);
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let plain = Plain { kind: AccountRegistered::full_name(), schema_ver: 1, payload: bytes.into(), erased: vec![] };
        match block_on(sealer().parcel(&plain)) {
            Ok(_) | Err(SealingError::Tampered { .. } | SealingError::NoSubject { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn a_changed_bit_does_not_open(bit in 0_usize..400) {
        let parcel = block_on(sealer().parcel(&Plain::of(&registered("a@example.org", "sign_up")))).expect("sealed");
        let mut changed = parcel;
        let mut bytes = changed.sealed[0].ciphertext.to_vec();
        let at = bit % (bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        changed.sealed[0].ciphertext = bytes.into();
        let opened = block_on(sealer().open_parcel(&changed));
        let refused = matches!(opened, Err(SealingError::Tampered { .. }));
        prop_assert!(refused);
    }
}

#[test]
fn a_marked_field_without_its_subject_is_not_written() {
    let message =
        AccountRegistered { account_id: bytes::Bytes::new(), ..registered("a@example.org", "sign_up") };
    let refused = block_on(sealer().parcel(&Plain::of(&message)));
    assert!(matches!(refused, Err(SealingError::NoSubject { .. })));
}

#[test]
fn a_destroyed_key_seals_nothing_and_opens_to_erased() {
    let keys = Arc::new(StaticKeys::default());
    let sealer = Sealer::new(keys.clone());
    let message = registered("a@example.org", "sign_up");
    let parcel = block_on(sealer.parcel(&Plain::of(&message))).expect("sealed");
    keys.destroy(Uuid::from_u128(7), Class::Identity);
    let opened = block_on(sealer.open_parcel(&parcel)).expect("erased is a value");
    assert_eq!(opened.erased, [Class::Identity]);
    let left = opened.expect::<AccountRegistered>().expect("still the message");
    assert_eq!((left.email.as_str(), left.origin.as_str()), ("", "sign_up"));
    let again = block_on(sealer.parcel(&Plain::of(&message)));
    assert!(matches!(again, Err(SealingError::Destroyed { class: Class::Identity, .. })));
}

/// Sealed on 2026-11-21 under the fixed test ring: must open for as long as the house stands.
#[test]
fn what_was_sealed_long_ago_still_opens() {
    let bytes = hex::decode(include_str!("../golden/account_registered.sealed.hex").trim()).expect("hex");
    let parcel = Parcel::decode(bytes.as_slice()).expect("a parcel");
    let opened = block_on(sealer().open_parcel(&parcel)).expect("it opens");
    let message = opened.expect::<AccountRegistered>().expect("the message of then");
    assert_eq!(message, registered("golden@example.org", "sign_up"));
}

/// The cache asks once, and again for what it was told to forget.
#[test]
fn cached_keys_are_asked_for_once_until_forgotten() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Counting(StaticKeys, AtomicUsize);
    #[async_trait::async_trait]
    impl KeyRing for Counting {
        async fn keys(
            &self,
            wanted: &[KeyWanted],
        ) -> Result<Vec<stadion_eventing::sealing::KeyAnswer>, SealingError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.keys(wanted).await
        }
    }
    let ring = Arc::new(Counting(StaticKeys::default(), AtomicUsize::new(0)));
    let cached = stadion_eventing::sealing::CachedKeys::new(ring.clone());
    let subject = Uuid::from_u128(9);
    let wanted = [KeyWanted { subject, class: Class::Health, version: None }];
    block_on(async {
        cached.keys(&wanted).await.expect("answered");
        cached.keys(&wanted).await.expect("answered");
        assert_eq!(ring.1.load(Ordering::SeqCst), 1);
        cached.forget(subject, Class::Health);
        cached.keys(&wanted).await.expect("answered");
        assert_eq!(ring.1.load(Ordering::SeqCst), 2);
    });
}
