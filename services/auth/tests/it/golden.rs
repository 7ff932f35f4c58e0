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
use kernel::{AccountId, Id};
use privacy::{Audience, BoardName, DataClass, Settings, Zone};
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

#[test]
fn account_events_are_read_as_they_were_written() {
    testkit::golden::check("stadion.auth.v1", &format!("{FOLDER}/account"), &account_events());
}

#[test]
fn partner_events_are_read_as_they_were_written() {
    let created = PartnerEvent::Created(Partner {
        id: Id::new(Uuid::from_u128(9)),
        name: "Sport Shop".to_owned(),
        regions: Regions::parse("/regions", &["KZ-75".to_owned()]).expect("regions"),
        key_id: "pk_0011".to_owned(),
        created_by: "account:x".to_owned(),
        created_us: 1_777_593_600_000_000,
    });
    testkit::golden::check("stadion.auth.v1", &format!("{FOLDER}/partner"), &[("shop", created)]);
}
