//! What was written once must be read for ever.

use auth::domain::{
    account::{AccountEvent, Identity, Origin, PasswordReason},
    consent::{Consent, GivenBy, Purpose},
    email::Email,
    partner::{Partner, PartnerEvent},
    profile::{Locale, Profile},
    role::{Regions, Role},
    sign_up,
};
use bytes::Bytes;
use eventing::event::{DecodeError, DomainEvent, Plain};
use kernel::{AccountId, Id};
use privacy::{Audience, BoardName, DataClass, Settings, Zone};
use proto::{Name, auth as p};
use uuid::Uuid;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

fn account_id() -> AccountId {
    Id::new(Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef))
}

fn profile() -> Profile {
    let said = sign_up::Said {
        email: "aigerim@example.org".to_owned(),
        profile: auth::domain::profile::Said {
            display_name: Some("Айгерім".to_owned()),
            birth_year: Some(1990),
            sex: Some("f".to_owned()),
            country: Some("KZ".to_owned()),
            region: Some("KZ-75".to_owned()),
            time_zone: Some("Asia/Almaty".to_owned()),
            locale: Some("kk".to_owned()),
            handle: None,
        },
        consents: vec![("terms".to_owned(), "1".to_owned())],
        guardian_email: None,
    };
    sign_up::parse(&said, "2026-05-01T00:00:00Z".parse().expect("a time")).expect("a sign-up").profile
}

fn consent() -> Consent {
    Consent {
        receipt_id: Uuid::from_u128(7),
        purpose: Purpose::HealthData,
        text_version: "2026-04".to_owned(),
        text_hash: vec![1; 32],
        locale: Locale::english(),
        given_by: GivenBy::Guardian,
        lawful_basis: "explicit_consent_9_2_a".to_owned(),
        receipt: "e30.e30.c2ln".to_owned(),
        given_us: 1_777_593_600_000_000,
        withdrawn_us: None,
    }
}

fn settings() -> Settings {
    Settings {
        audiences: [
            (DataClass::Summary, Audience::parse(&["followers", "friends"]).expect("words")),
            (DataClass::HeartRate, Audience::only_me()),
        ]
        .into(),
        searchable: false,
        board_name: BoardName::Anonymous,
        follow_approval: true,
        zones: vec![Zone { name: "home".to_owned(), latitude: 43.2, longitude: 76.9, radius_m: 400.0 }],
    }
}

fn account_events() -> Vec<(&'static str, AccountEvent)> {
    let account_id = account_id();
    let email = |text: &str| Email::parse(text).expect("an address");
    let regions = Regions::parse("/regions", &["KZ-75".to_owned()]).expect("regions");
    let identity = Identity { email: email("aigerim@example.org"), profile: profile() };
    vec![
        (
            "guarded",
            AccountEvent::Registered {
                account_id,
                identity: Some(identity),
                home_cell: "main".to_owned(),
                guardian: Some(email("parent@example.org")),
                origin: Origin::SignUp,
            },
        ),
        (
            "moved",
            AccountEvent::ProfileChanged { account_id, profile: Some(profile()), place_changed_us: Some(7) },
        ),
        ("reset", AccountEvent::PasswordChanged { account_id, reason: PasswordReason::Reset }),
        ("guardian", AccountEvent::ConsentGiven { account_id, consent: consent() }),
        (
            "health",
            AccountEvent::ConsentWithdrawn {
                account_id,
                receipt_id: Uuid::from_u128(7),
                purpose: Purpose::HealthData,
                withdrawn_us: 8,
            },
        ),
        ("all", AccountEvent::PrivacyChanged { account_id, settings: settings(), revision: 3 }),
        (
            "marketer",
            AccountEvent::RoleGranted {
                account_id,
                role: Role::Marketer,
                regions,
                granted_by: "service:tool".to_owned(),
            },
        ),
        (
            "marketer",
            AccountEvent::RoleRevoked {
                account_id,
                role: Role::Marketer,
                revoked_by: "account:x".to_owned(),
            },
        ),
        ("plain", AccountEvent::Erased { account_id }),
    ]
}

/// Everything that auth writes down: events of both streams, and the values of its state topics.
#[derive(Clone)]
enum Written {
    Account(AccountEvent),
    Partner(PartnerEvent),
    Revocation(p::Revocation),
    DestroyedKey(p::DestroyedKey),
    StandingChanged(p::StandingChanged),
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(event) => event.fmt(f),
            Self::Partner(event) => event.fmt(f),
            Self::Revocation(value) => value.fmt(f),
            Self::DestroyedKey(value) => value.fmt(f),
            Self::StandingChanged(value) => value.fmt(f),
        }
    }
}

impl DomainEvent for Written {
    fn encode(&self) -> Plain {
        match self {
            Self::Account(event) => event.encode(),
            Self::Partner(event) => event.encode(),
            Self::Revocation(value) => Plain::of(value),
            Self::DestroyedKey(value) => Plain::of(value),
            Self::StandingChanged(value) => Plain::of(value),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if plain.kind == p::PartnerCreated::full_name() {
            return PartnerEvent::decode(plain).map(Self::Partner);
        }
        if plain.kind == p::Revocation::full_name() {
            return plain.expect().map(Self::Revocation);
        }
        if plain.kind == p::DestroyedKey::full_name() {
            return plain.expect().map(Self::DestroyedKey);
        }
        if plain.kind == p::StandingChanged::full_name() {
            return plain.expect().map(Self::StandingChanged);
        }
        AccountEvent::decode(plain).map(Self::Account)
    }
}

fn others() -> Vec<(&'static str, Written)> {
    let id = Bytes::copy_from_slice(account_id().as_bytes());
    let created = PartnerEvent::Created(Partner {
        id: Id::new(Uuid::from_u128(9)),
        name: "Sport Shop".to_owned(),
        regions: Regions::parse("/regions", &["KZ-75".to_owned()]).expect("regions"),
        key_id: "pk_0011".to_owned(),
        created_by: "account:x".to_owned(),
        created_us: 1_777_593_600_000_000,
    });
    let revocation = p::Revocation { id: id.clone(), account: true, revoke_before_us: 1_777_593_600_000_000 };
    let changed = p::StandingChanged { account_id: id.clone() };
    let destroyed = p::DestroyedKey { subject: id, class: proto::options::Class::Health.into(), version: 2 };
    vec![
        ("shop", Written::Partner(created)),
        ("account", Written::Revocation(revocation)),
        ("health", Written::DestroyedKey(destroyed)),
        ("account", Written::StandingChanged(changed)),
    ]
}

#[test]
fn what_auth_wrote_is_read_as_it_was_written() {
    let events = account_events().into_iter().map(|(case, event)| (case, Written::Account(event)));
    let written: Vec<(&str, Written)> = events.chain(others()).collect();
    testkit::golden::check("stadion.auth.v1", FOLDER, &written);
}

#[test]
fn an_account_whose_key_was_destroyed_reads_as_erased() {
    let (_, registered) = account_events().swap_remove(0);
    let mut plain = registered.encode();
    let mut message: p::AccountRegistered = plain.expect().expect("a message");
    message.profile = None;
    message.email.clear();
    plain = Plain { erased: vec![proto::options::Class::Identity], ..Plain::of(&message) };
    let erased = AccountEvent::decode(&plain).expect("readable");
    assert!(matches!(erased, AccountEvent::Registered { identity: None, .. }));
    plain.erased.clear();
    assert!(AccountEvent::decode(&plain).is_err(), "absent without a destroyed key is a fault");
}
