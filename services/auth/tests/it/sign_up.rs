//! Sign-up by mailed code.

use std::collections::HashSet;

use auth::Config;
use futures::future::join_all;
use kernel::Code;
use proto::auth as p;
use testkit::fleet::Ground;
use uuid::Uuid;

use crate::stage::{PASSWORD, Stage, header, refused, refused_field, sign_up, stranger, told};

#[tokio::test]
async fn the_mailed_code_makes_an_account_with_a_session() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let registration = stage.register(sign_up("Aigerim")).await.expect("registered");
    let mail = stage.mail_to("aigerim@example.org").expect("a mail");
    assert_eq!(header(&mail, "X-Stadion-Registration"), Some(registration.to_string()));
    let code = stage.code_to("aigerim@example.org");
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");

    let answer = stage.verify(registration, &code).await.expect("verified");
    let me = answer.account.expect("an account");
    assert_eq!((me.email.as_str(), me.display_name.as_str()), ("aigerim@example.org", "Aigerim"));
    assert_eq!((me.handle.as_str(), me.region.as_deref()), ("aigerim", Some("KZ-75")));
    let session = answer.session.expect("a session");
    assert_eq!((session.token_type.as_str(), session.expires_in), ("Bearer", 600));
    assert!(session.refresh_token.starts_with("str_"));
    stage.login("AIGERIM@example.org", PASSWORD).await.expect("the password is the one that was said");
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_its_owner_another_mail() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    stage.person("Aigerim").await;
    let before = stage.mails().len();
    let request = p::RegisterRequest { display_name: "Impostor".to_owned(), ..sign_up("Aigerim") };
    let registration = stage.register(request).await.expect("the same answer");
    assert_eq!(stage.mails().len(), before + 1);
    let notice = stage.mail_to("aigerim@example.org").expect("a mail");
    assert_eq!(header(&notice, "X-Stadion-Code"), None, "no code goes out");
    for code in ["000000", "123456"] {
        refused(stage.verify(registration, code).await, Code::CodeRefused);
    }
}

#[tokio::test]
async fn fifty_sign_ups_with_one_address_make_one_account() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { sign_ups_per_hour: 0, ..Config::default() }).await;
    let registrations = join_all((0..50).map(|_| stage.register(sign_up("Aigerim")))).await;
    let registrations: HashSet<Uuid> =
        registrations.into_iter().map(|one| one.expect("registered")).collect();
    assert_eq!(registrations.len(), 50);
    let codes: Vec<(Uuid, String)> = stage
        .mails()
        .iter()
        .map(|mail| {
            let registration = header(mail, "X-Stadion-Registration").expect("a registration");
            (registration.parse().expect("a uuid"), header(mail, "X-Stadion-Code").expect("a code"))
        })
        .collect();
    let answers = join_all(codes.iter().map(|(registration, code)| stage.verify(*registration, code))).await;
    let (made, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert_eq!(others.len(), 49);
    for other in others {
        refused(other, Code::Conflict);
    }
}

#[tokio::test]
async fn one_registration_verified_twenty_times_at_once_gives_one_session() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let registration = stage.register(sign_up("Aigerim")).await.expect("registered");
    let code = stage.code_to("aigerim@example.org");
    let answers = join_all((0..5).map(|_| stage.verify(registration, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for other in answers.into_iter().filter(Result::is_err) {
        refused(other, Code::CodeRefused);
    }
}

#[tokio::test]
async fn five_wrong_codes_use_the_registration_up() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let registration = stage.register(sign_up("Aigerim")).await.expect("registered");
    let code = stage.code_to("aigerim@example.org");
    for _ in 0..5 {
        refused(stage.verify(registration, "wrong!").await, Code::CodeRefused);
    }
    refused(stage.verify(registration, &code).await, Code::CodeRefused);
    refused(stage.verify(Uuid::new_v4(), &code).await, Code::CodeRefused);
}

#[tokio::test]
async fn a_code_of_a_quarter_of_an_hour_ago_is_too_old() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let registration = stage.register(sign_up("Aigerim")).await.expect("registered");
    let code = stage.code_to("aigerim@example.org");
    stage.fleet.clock.advance_s(15 * 60);
    refused(stage.verify(registration, &code).await, Code::CodeRefused);
}

#[tokio::test]
async fn a_minor_needs_the_guardians_code_too() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let minor = p::RegisterRequest { birth_year: Some(2011), ..sign_up("Dana") };
    refused(stage.register(minor.clone()).await, Code::GuardianRequired);

    let guarded = p::RegisterRequest { guardian_email: Some("parent@example.org".to_owned()), ..minor };
    let registration = stage.register(guarded).await.expect("registered");
    let code = stage.code_to("dana@example.org");
    for _ in 0..6 {
        let refusal = refused(stage.verify(registration, &code).await, Code::GuardianRequired);
        assert_eq!(refusal.fields[0].pointer, "/guardian_code");
    }
    let request = p::VerifyRegistrationRequest {
        registration_id: bytes::Bytes::copy_from_slice(registration.as_bytes()),
        code,
        guardian_code: Some(stage.code_to("parent@example.org")),
        device_name: None,
    };
    let answer = told(stage.client().verify_registration(stranger(request)).await).expect("verified");
    let id = crate::stage::uuid(&answer.account.expect("an account").account_id);
    let standing = stage.standing(kernel::Id::new(id)).await;
    assert!(standing.minor);
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_up_is_told_by_field() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let with = |change: fn(&mut p::RegisterRequest)| {
        let mut request = sign_up("Aigerim");
        change(&mut request);
        stage.register(request)
    };
    refused_field(with(|request| request.password = "password1".to_owned()).await, "/password", "weak");
    refused_field(with(|request| request.password = String::new()).await, "/password", "too_short");
    refused_field(with(|request| request.password = "x".repeat(1_000_000)).await, "/password", "too_long");
    refused_field(with(|request| request.email = "nobody".to_owned()).await, "/email", "not_an_email");
    refused_field(with(|request| request.birth_year = Some(2014)).await, "/birth_year", "too_young");
    refused_field(with(|request| request.birth_year = None).await, "/birth_year", "required");
    refused_field(with(|request| request.consents.clear()).await, "/consents", "terms_needed");
    refused_field(
        with(|request| request.display_name = "\u{202e}drowssap".to_owned()).await,
        "/display_name",
        "invisible_characters",
    );
    refused_field(
        with(|request| request.region = Some("DE-BE".to_owned())).await,
        "/region",
        "not_in_country",
    );
    refused_field(
        with(|request| request.time_zone = Some("Mars/X".to_owned())).await,
        "/time_zone",
        "unknown",
    );
    assert!(stage.mails().is_empty(), "nobody was written to");
}

#[tokio::test]
async fn the_twenty_first_sign_up_of_an_hour_from_one_address_waits() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { sign_ups_per_hour: 3, ..Config::default() }).await;
    for name in ["Aa", "Bb", "Cc"] {
        stage.register(sign_up(name)).await.expect("registered");
    }
    let refusal = refused(stage.register(sign_up("Dd")).await, Code::RateLimited);
    assert!(refusal.retry_after_s.is_some_and(|wait| wait <= 3601));
    stage.fleet.clock.advance_s(3601);
    stage.register(sign_up("Dd")).await.expect("an hour later");
}

#[tokio::test]
async fn namesakes_get_handles_of_their_own_and_a_chosen_one_is_taken_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let request = |email: &str, handle: Option<&str>| p::RegisterRequest {
        email: email.to_owned(),
        handle: handle.map(str::to_owned),
        ..sign_up("Aigerim")
    };
    let first = stage.person_of(request("one@example.org", None)).await;
    let second = stage.person_of(request("two@example.org", None)).await;
    let handles = [stage.standing(first.id).await.handle, stage.standing(second.id).await.handle];
    assert_eq!(handles[0], "aigerim");
    assert!(handles[1].starts_with("aigerim."), "{handles:?}");
    refused_field(stage.register(request("three@example.org", Some("A1ger1m"))).await, "/handle", "taken");
}

#[tokio::test]
async fn nothing_of_a_sign_up_stands_in_the_clear_in_events_or_waiting_rows() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    stage.register(sign_up("Waiting")).await.expect("registered");
    let person = stage.person("Aigerim").await;
    let mut kept = Vec::new();
    let events = stage.journal.store().read_all(0, 100).await.expect("events");
    for event in &events {
        kept.extend_from_slice(&event.payload);
        kept.extend_from_slice(event.stream.as_str().as_bytes());
        kept.extend_from_slice(event.partition_key.as_bytes());
    }
    for row in stage.db.fetch("SELECT sealed FROM registration", vec![]).await.expect("rows") {
        kept.extend(row.get::<Vec<u8>>(0).expect("bytes"));
    }
    for row in stage.db.fetch("SELECT scope, key FROM es_claim", vec![]).await.expect("rows") {
        kept.extend(
            row.get::<String>(1).expect("a key").bytes().filter(|_| row.get::<String>(0).unwrap() == "email"),
        );
    }
    assert!(events.iter().any(|event| event.stream.as_str() == format!("account-{}", person.id)));
    for canary in ["aigerim@", "Aigerim", "waiting@", "Asia/Almaty", "KZ-75"] {
        assert!(
            !kept.windows(canary.len()).any(|window| window == canary.as_bytes()),
            "{canary} is in the clear"
        );
    }
}
