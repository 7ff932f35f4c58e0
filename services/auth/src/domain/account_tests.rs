//! Decisions about accounts, as sentences.

use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal, time::micros};

use super::{
    account::{self, Account, AccountEvent, NewAccount, Origin},
    consent::{self, Agreement, Consent, GivenBy, Purpose},
    privacy,
    profile::{self, Locale},
    role::{Regions, Role},
    sign_up,
};

fn now() -> Timestamp {
    "2026-05-01T06:00:00Z".parse().expect("a time")
}

fn later_days(days: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + days * 86_400).expect("a time")
}

fn said(birth_year: i32, country: &str) -> sign_up::Said {
    sign_up::Said {
        email: "aigerim@example.org".to_owned(),
        profile: profile::Said {
            display_name: Some("Aigerim".to_owned()),
            birth_year: Some(birth_year),
            country: Some(country.to_owned()),
            region: Some(format!("{country}-75")),
            time_zone: Some("asia/almaty".to_owned()),
            ..profile::Said::default()
        },
        consents: vec![("terms".to_owned(), "1".to_owned())],
        guardian_email: None,
    }
}

fn consent(purpose: Purpose, version: &str) -> Consent {
    Consent {
        receipt_id: uuid::Uuid::from_u128(7),
        purpose,
        text_version: version.to_owned(),
        text_hash: vec![1; 32],
        locale: Locale::english(),
        given_by: GivenBy::Oneself,
        lawful_basis: purpose.lawful_basis().to_owned(),
        receipt: "signed".to_owned(),
        given_us: micros(now()),
        withdrawn_us: None,
    }
}

fn athlete(birth_year: i32) -> Account {
    let mut said = said(birth_year, "KZ");
    said.guardian_email = Some("parent@example.org".to_owned());
    let sign_up = sign_up::parse(&said, now()).expect("a sign-up");
    let new = NewAccount {
        id: AccountId::derived(&[b"athlete"]),
        identity: account::Identity { email: sign_up.email, profile: sign_up.profile },
        guardian: sign_up.guardian,
        origin: Origin::SignUp,
        consents: vec![consent(Purpose::Terms, "1")],
        has_password: true,
    };
    let events = account::register(&Account::default(), new).expect("registered");
    Account::default().after(&events)
}

fn adult() -> Account {
    athlete(1990)
}

fn fields(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.fields.iter().map(|field| (field.pointer.as_str(), field.code.as_str())).collect()
}

fn move_to(region: &str) -> profile::Patch {
    let said = profile::Said { region: Some(region.to_owned()), ..profile::Said::default() };
    profile::Patch::parse(&said, 2026, &mut Vec::new())
}

#[test]
fn a_sign_up_is_told_every_field_at_fault_at_once() {
    let said = sign_up::Said {
        email: "nobody".to_owned(),
        profile: profile::Said {
            display_name: Some("\u{202e}evil".to_owned()),
            birth_year: Some(9999),
            country: Some("XX".to_owned()),
            time_zone: Some("Mars/Olympus".to_owned()),
            locale: Some("klingon!".to_owned()),
            sex: Some("q".to_owned()),
            region: Some("Almaty".to_owned()),
            handle: Some("!".to_owned()),
        },
        consents: vec![("world_domination".to_owned(), "1".to_owned())],
        guardian_email: Some("x".to_owned()),
    };
    let refused = sign_up::parse(&said, now()).expect_err("refused");
    let pointers: Vec<&str> = fields(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    let wanted = [
        "/email",
        "/display_name",
        "/handle",
        "/birth_year",
        "/sex",
        "/region",
        "/country",
        "/time_zone",
        "/locale",
        "/consents/0/purpose",
        "/consents",
        "/guardian_email",
    ];
    assert_eq!(pointers, wanted);
}

#[test]
fn a_zone_is_kept_in_its_canonical_spelling() {
    let sign_up = sign_up::parse(&said(1990, "KZ"), now()).expect("a sign-up");
    assert_eq!(sign_up.profile.time_zone.as_str(), "Asia/Almaty");
}

#[test]
fn a_region_must_lie_in_the_country() {
    let mut said = said(1990, "KZ");
    said.profile.region = Some("DE-BE".to_owned());
    let refused = sign_up::parse(&said, now()).expect_err("refused");
    assert_eq!(fields(&refused), [("/region", "not_in_country")]);
}

#[test]
fn under_thirteen_is_refused_even_with_a_guardian() {
    let mut said = said(2014, "KZ");
    said.guardian_email = Some("parent@example.org".to_owned());
    assert_eq!(fields(&sign_up::parse(&said, now()).expect_err("refused")), [("/birth_year", "too_young")]);
}

#[test]
fn under_the_age_of_consent_a_guardian_is_required_and_it_is_somebody_else() {
    let refused = sign_up::parse(&said(2011, "KZ"), now()).expect_err("refused");
    assert_eq!(refused.code, Code::GuardianRequired);

    let mut with = said(2011, "KZ");
    with.guardian_email = Some("Aigerim@Example.org".to_owned());
    assert_eq!(
        fields(&sign_up::parse(&with, now()).expect_err("refused")),
        [("/guardian_email", "own_email")]
    );

    with.guardian_email = Some("parent@example.org".to_owned());
    assert!(sign_up::parse(&with, now()).expect("a sign-up").guardian.is_some());

    let of_age = sign_up::parse(&said(2011, "SE"), now()).expect("a sign-up");
    assert!(of_age.guardian.is_none(), "in Sweden fourteen is enough");
}

#[test]
fn an_account_registers_once() {
    let again = NewAccount {
        id: AccountId::random(),
        identity: adult().alive().expect("alive").1.clone(),
        guardian: None,
        origin: Origin::SignUp,
        consents: Vec::new(),
        has_password: false,
    };
    assert_eq!(account::register(&adult(), again).expect_err("refused").code, Code::Conflict);
}

#[test]
fn a_profile_that_stays_the_same_is_no_event() {
    let patch = move_to("KZ-75");
    assert_eq!(profile::change(&adult(), &patch, now()), Ok(Vec::new()));
}

#[test]
fn a_region_changes_three_times_in_thirty_days_and_then_stays() {
    let mut account = adult();
    for (day, region) in [(0, "KZ-71"), (1, "KZ-75"), (2, "KZ-71")] {
        let events = profile::change(&account, &move_to(region), later_days(day)).expect("changed");
        account = account.after(&events);
    }
    let refused = profile::change(&account, &move_to("KZ-75"), later_days(3)).expect_err("refused");
    assert_eq!((refused.code, refused.retry_after_s), (Code::Conflict, Some(27 * 86_400)));
    assert!(profile::change(&account, &move_to("KZ-75"), later_days(30)).is_ok());
}

#[test]
fn moving_to_another_country_leaves_the_old_region_behind() {
    let said = profile::Said { country: Some("DE".to_owned()), ..profile::Said::default() };
    let patch = profile::Patch::parse(&said, 2026, &mut Vec::new());
    let moved = adult().after(&profile::change(&adult(), &patch, now()).expect("changed"));
    assert_eq!(moved.alive().expect("alive").1.profile.region, None);
}

#[test]
fn a_minor_does_not_become_an_adult_by_a_new_birth_year() {
    let older = profile::Patch { birth_year: Some(1990), ..profile::Patch::default() };
    let refused = profile::change(&athlete(2010), &older, now()).expect_err("refused");
    assert_eq!(fields(&refused), [("/birth_year", "locked")]);
}

#[test]
fn a_consent_given_again_keeps_its_receipt_and_a_newer_text_replaces_it() {
    let account = adult();
    assert_eq!(consent::give(&account, consent(Purpose::Terms, "1")), Ok(Vec::new()));
    let newer = account.after(&consent::give(&account, consent(Purpose::Terms, "2")).expect("given"));
    assert_eq!(newer.consent(Purpose::Terms).map(|current| current.text_version.as_str()), Some("2"));
    assert_eq!(newer.consents.len(), 2);
    assert!(newer.consents[0].withdrawn_us.is_some());
}

#[test]
fn a_consent_ends_by_withdrawal_and_the_terms_only_with_the_account() {
    let given = adult();
    let given = given.after(&consent::give(&given, consent(Purpose::Promo, "1")).expect("given"));
    let events = consent::withdraw(&given, Purpose::Promo, now()).expect("withdrawn");
    let withdrawn = given.after(&events);
    assert_eq!(withdrawn.consent(Purpose::Promo), None);
    assert_eq!(consent::withdraw(&withdrawn, Purpose::Promo, now()), Ok(Vec::new()), "once is enough");
    assert_eq!(consent::withdraw(&given, Purpose::Terms, now()).expect_err("refused").code, Code::Conflict);
    assert!(Agreement::parse("/x", "promo", "").is_err());
}

fn audience(class: &str, words: &[&str]) -> privacy::Said {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    privacy::Said { audiences: vec![(class.to_owned(), words)], ..privacy::Said::default() }
}

#[test]
fn privacy_changes_only_at_the_revision_that_was_read() {
    let patch = privacy::Patch::parse(&audience("map", &["everyone"])).expect("a patch");
    let account = adult();
    let refused = |revision| privacy::change(&account, &patch, revision, now()).expect_err("refused").code;
    assert_eq!(refused(None), Code::PreconditionRequired);
    assert_eq!(refused(Some(1)), Code::VersionMismatch);
    let changed = account.after(&privacy::change(&account, &patch, Some(0), now()).expect("changed"));
    assert_eq!(changed.privacy_revision, 1);
    assert_eq!(
        privacy::change(&changed, &patch, Some(1), now()),
        Ok(Vec::new()),
        "the same again is no change"
    );
}

#[test]
fn a_minor_may_not_go_above_the_ceiling() {
    let minor = athlete(2010);
    let change = |said: &privacy::Said| {
        privacy::change(&minor, &privacy::Patch::parse(said).expect("a patch"), Some(0), now())
    };
    let refused = change(&audience("summary", &["followers"])).expect_err("refused");
    assert_eq!(fields(&refused), [("/audiences/summary", "above_ceiling")]);
    assert!(change(&audience("summary", &["friends"])).is_ok());
    assert!(change(&audience("profile", &["followers"])).is_ok());
    let shown = privacy::Said { board_name: Some("shown".to_owned()), ..privacy::Said::default() };
    assert_eq!(fields(&change(&shown).expect_err("refused")), [("/board_name", "above_ceiling")]);
}

#[test]
fn what_is_no_privacy_setting_is_pointed_at() {
    let pointer =
        |said: &privacy::Said| privacy::Patch::parse(said).expect_err("refused").fields[0].pointer.clone();
    assert_eq!(pointer(&audience("soul", &[])), "/audiences/soul");
    assert_eq!(pointer(&audience("map", &["friends", "world"])), "/audiences/map/1");
    let zone =
        ::privacy::Zone { name: "home".to_owned(), latitude: f64::NAN, longitude: 0.0, radius_m: 400.0 };
    let zones = privacy::Said { zones: Some(vec![zone]), ..privacy::Said::default() };
    assert_eq!(pointer(&zones), "/zones/0/latitude");
}

#[test]
fn roles_are_granted_with_regions_and_nobody_takes_the_operators_role_from_himself() {
    let account = adult();
    let regions = Regions::parse("/regions", &["KZ-75".to_owned()]).expect("regions");
    let events = account::grant_role(&account, Role::Marketer, &regions, "account:x").expect("granted");
    let marketer = account.after(&events);
    assert_eq!(account::grant_role(&marketer, Role::Marketer, &regions, "account:x"), Ok(Vec::new()));
    let revoked = account::revoke_role(&marketer, Role::Marketer, "account:x").expect("revoked");
    assert!(marketer.after(&revoked).roles.is_empty());

    let operator = account.after(
        &account::grant_role(&account, Role::Operator, &Regions::default(), "service:tool").expect("granted"),
    );
    let itself = format!("account:{}", operator.id().expect("an id"));
    assert_eq!(
        account::revoke_role(&operator, Role::Operator, &itself).expect_err("refused").code,
        Code::Conflict
    );
}

#[test]
fn an_erased_account_is_like_none() {
    let erased = adult().after(&account::erase(&adult()));
    assert!(erased.is_erased() && erased.roles.is_empty());
    assert_eq!(erased.alive().expect_err("refused").code, Code::NotFound);
    assert_eq!(account::erase(&erased), Vec::new());

    let account_id = AccountId::random();
    let unreadable = AccountEvent::Registered {
        account_id,
        identity: None,
        home_cell: "main".to_owned(),
        guardian: None,
        origin: Origin::SignUp,
    };
    assert!(Account::default().after(&[unreadable]).is_erased(), "a destroyed key alone makes it so");
}
