//! Login, refresh, my devices, logout.

use auth::{Config, jws, tokens::AccessClaims};
use eventing::args;
use futures::future::join_all;
use kernel::Code;
use proto::auth as p;
use testkit::fleet::Ground;

use crate::stage::{PASSWORD, Person, Stage, by, refused, stranger, told, uuid};

async fn sessions_of(stage: &Stage<'_>, person: &Person) -> Vec<p::SessionInfo> {
    let request = p::ListSessionsRequest::default();
    told(stage.client().list_sessions(by(person, request)).await).expect("a list").items
}

async fn revoked(stage: &Stage<'_>, session: &p::Session) -> bool {
    let key = format!("sid:{}", uuid(&session.session_id));
    let sql = "SELECT 1 FROM revocation WHERE key = $1";
    stage.db.fetch_one(sql, args![key]).await.expect("a query").is_some()
}

#[tokio::test]
async fn an_access_token_is_verified_offline_with_the_published_key() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let keys = told(stage.client().jwks(p::JwksRequest {}).await).expect("keys").keys;
    let public = |kid: &str| keys.iter().find(|key| key.kid == kid).map(|key| key.x.to_vec());
    let claims: AccessClaims = jws::open(&person.session.access_token, "at+jwt", public).expect("ours");
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("stadion", "stadion"));
    assert_eq!(claims.sub, person.id.to_string());
    assert_eq!(claims.sid, Some(uuid(&person.session.session_id).to_string()));
    assert_eq!((claims.exp - claims.iat, claims.scope.as_str()), (600, "account"));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_addresses_are_told_the_same() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let wrong = refused(stage.login(&person.email, "not the password").await, Code::Unauthenticated);
    for (email, password) in [
        ("nobody@example.org", PASSWORD),
        ("", ""),
        ("not an address", PASSWORD),
        (person.email.as_str(), ""),
        (person.email.as_str(), "seven hills of Almaty\0"),
        (person.email.as_str(), " seven hills of Almaty"),
    ] {
        assert_eq!(refused(stage.login(email, password).await, Code::Unauthenticated), wrong, "{email:?}");
    }
    refused(stage.login(&person.email, &"x".repeat(1_000_000)).await, Code::Unauthenticated);
    stage.login(&person.email, PASSWORD).await.expect("the right one");
}

#[tokio::test]
async fn failed_logins_are_counted_by_address_and_by_account() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { failed_logins_per_hour: 3, ..Config::default() }).await;
    let person = stage.person("Aigerim").await;
    let other = stage.person("Dana").await;
    for _ in 0..3 {
        refused(stage.login_from("198.51.100.7", &person.email, "wrong wrong").await, Code::Unauthenticated);
    }
    refused(stage.login_from("198.51.100.7", &other.email, PASSWORD).await, Code::RateLimited);
    refused(stage.login_from("203.0.113.9", &person.email, PASSWORD).await, Code::RateLimited);
    stage.login_from("203.0.113.9", &other.email, PASSWORD).await.expect("neither was counted");
    for _ in 0..3 {
        let unknown = stage.login_from("198.51.100.8", "nobody@example.org", "wrong wrong").await;
        refused(unknown, Code::Unauthenticated);
    }
    let unknown = stage.login_from("198.51.100.9", "nobody@example.org", "wrong wrong").await;
    refused(unknown, Code::RateLimited);
    stage.fleet.clock.advance_s(3601);
    stage.login_from("198.51.100.7", &person.email, PASSWORD).await.expect("an hour later");
}

#[tokio::test]
async fn parallel_guesses_do_not_slip_past_the_throttle() {
    let ground = Ground::fresh();
    let stage = Stage::with(&ground, Config { failed_logins_per_hour: 5, ..Config::default() }).await;
    let person = stage.person("Aigerim").await;
    let guesses = join_all((0..30).map(|_| stage.login(&person.email, "wrong wrong"))).await;
    let looked_at =
        guesses.iter().filter(|guess| matches!(guess, Err(no) if no.code == Code::Unauthenticated)).count();
    assert!((5..=6).contains(&looked_at), "{looked_at} of 30 were looked at");
}

#[tokio::test]
async fn a_refresh_token_changes_for_the_next_and_the_session_stays() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let mut token = person.session.refresh_token.clone();
    for _ in 0..3 {
        let next = stage.refresh(&token).await.expect("refreshed");
        assert_eq!(next.session_id, person.session.session_id);
        assert_ne!(next.refresh_token, token);
        token = next.refresh_token;
    }
    refused(stage.refresh("str_unknown").await, Code::Unauthenticated);
    refused(stage.refresh("").await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_retry_within_half_a_minute_gets_the_same_successor_three_times() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let first = stage.refresh(&person.session.refresh_token).await.expect("refreshed");
    for _ in 0..3 {
        let again = stage.refresh(&person.session.refresh_token).await.expect("a retry");
        assert_eq!(again.refresh_token, first.refresh_token);
    }
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);
    refused(stage.refresh(&first.refresh_token).await, Code::Unauthenticated);
    assert!(revoked(&stage, &person.session).await, "the fourth is theft: the family is gone");
    let mail = stage.mail_to(&person.email).expect("a mail");
    assert!(!mail.contains("X-Stadion-Code"), "its owner is told");
}

#[tokio::test]
async fn a_late_second_use_ends_the_session() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let next = stage.refresh(&person.session.refresh_token).await.expect("refreshed");
    stage.fleet.clock.advance_s(31);
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);
    refused(stage.refresh(&next.refresh_token).await, Code::Unauthenticated);
    stage.login(&person.email, PASSWORD).await.expect("another session is another family");
}

#[tokio::test]
async fn a_second_use_after_the_successor_was_used_ends_the_session_at_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let next = stage.refresh(&person.session.refresh_token).await.expect("refreshed");
    let newest = stage.refresh(&next.refresh_token).await.expect("refreshed");
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);
    refused(stage.refresh(&newest.refresh_token).await, Code::Unauthenticated);
}

#[tokio::test]
async fn fifty_parallel_refreshes_never_give_two_different_successors() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let answers = join_all((0..50).map(|_| stage.refresh(&person.session.refresh_token))).await;
    let mut successors: Vec<String> = answers.into_iter().flatten().map(|one| one.refresh_token).collect();
    assert!((1..=4).contains(&successors.len()), "{}", successors.len());
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn an_unused_session_ends_after_sixty_days_and_any_after_a_year() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let idle = stage.person("Aigerim").await;
    let used = stage.person("Dana").await;
    let mut token = used.session.refresh_token.clone();
    for _ in 0..7 {
        stage.fleet.clock.advance_s(50 * 86_400);
        token = stage.refresh(&token).await.expect("used every fifty days").refresh_token;
    }
    refused(stage.refresh(&idle.session.refresh_token).await, Code::Unauthenticated);
    assert!(!revoked(&stage, &idle.session).await, "that it is too old is no theft");
    stage.fleet.clock.advance_s(16 * 86_400);
    refused(stage.refresh(&token).await, Code::Unauthenticated);
}

#[tokio::test]
async fn my_devices_are_listed_and_signed_out() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let request = p::LoginRequest {
        email: person.email.clone(),
        password: PASSWORD.to_owned(),
        device_name: Some("Tablet".to_owned()),
    };
    stage.fleet.clock.advance_s(1);
    let tablet = told(stage.client().login(stranger(request)).await).expect("a session");
    let list = sessions_of(&stage, &person).await;
    assert_eq!(list.len(), 2);
    assert_eq!((list[0].device_name.as_deref(), list[0].current), (Some("Tablet"), false));
    assert!(list[1].current);

    let request = p::EndSessionRequest { session_id: tablet.session_id.clone() };
    let ended = told(stage.client().end_session(by(&person, request.clone())).await).expect("ended");
    assert_eq!(ended.session_ids, vec![tablet.session_id.clone()]);
    assert!(revoked(&stage, &tablet).await);
    refused(stage.refresh(&tablet.refresh_token).await, Code::Unauthenticated);
    refused(told(stage.client().end_session(by(&person, request)).await), Code::NotFound);
    assert_eq!(sessions_of(&stage, &person).await.len(), 1);
}

#[tokio::test]
async fn anothers_session_is_not_there_for_me() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let other = stage.person("Dana").await;
    let request = p::EndSessionRequest { session_id: other.session.session_id.clone() };
    refused(told(stage.client().end_session(by(&person, request)).await), Code::NotFound);
    stage.refresh(&other.session.refresh_token).await.expect("it goes on");
}

#[tokio::test]
async fn logging_out_ends_the_current_session_and_nothing_else_is_taken_for_it() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let request = p::EndCurrentSessionRequest {};
    told(stage.client().end_current_session(by(&person, request)).await).expect("ended");
    refused(stage.refresh(&person.session.refresh_token).await, Code::Unauthenticated);
    let anonymous = stage.client().end_current_session(stranger(p::EndCurrentSessionRequest {})).await;
    refused(told(anonymous), Code::Unauthenticated);
}

#[tokio::test]
async fn long_lists_of_devices_come_in_pages() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    for _ in 0..4 {
        stage.login(&person.email, PASSWORD).await.expect("a session");
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = p::ListSessionsRequest { cursor, limit: 2 };
        let page = told(stage.client().list_sessions(by(&person, request)).await).expect("a page");
        seen.extend(page.items.into_iter().map(|item| item.session_id));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "nothing comes twice");
    let request = p::ListSessionsRequest { cursor: "garbage".to_owned(), limit: 2 };
    refused(told(stage.client().list_sessions(by(&person, request)).await), Code::BadCursor);
}

#[tokio::test]
async fn a_revoked_token_ends_its_session_and_an_unknown_one_is_no_error() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let revoke = |token: &str, client_id: Option<&str>| {
        let request =
            p::RevokeTokenRequest { token: token.to_owned(), client_id: client_id.map(str::to_owned) };
        let mut client = stage.client();
        async move { told(client.revoke_token(stranger(request)).await).expect("no error").session_ids }
    };
    assert!(revoke("str_unknown", None).await.is_empty());
    assert!(revoke("eyJ.not.a-token", None).await.is_empty());
    let token = &person.session.refresh_token;
    assert!(revoke(token, Some("stadion-device")).await.is_empty(), "another client's");
    assert_eq!(revoke(token, None).await, vec![person.session.session_id.clone()]);
    let again = stage.login(&person.email, PASSWORD).await.expect("a session");
    assert_eq!(revoke(&again.access_token, None).await, vec![again.session_id.clone()]);
    refused(stage.refresh(&again.refresh_token).await, Code::Unauthenticated);
}

#[tokio::test]
async fn sessions_outlive_a_restart() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    stage.fleet.stop().await;
    let stage = Stage::on(&ground).await;
    stage.refresh(&person.session.refresh_token).await.expect("refreshed");
    stage.login(&person.email, PASSWORD).await.expect("logged in");
    let keys = told(stage.client().jwks(p::JwksRequest {}).await).expect("keys").keys;
    assert_eq!(keys.len(), 1, "the key is kept");
}
