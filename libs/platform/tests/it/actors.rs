use std::sync::Arc;

use bytes::Bytes;
use kernel::{AccountId, Id, time::ManualClock};
use platform::{
    Actor,
    actor::{ActorError, ActorSigner, ActorVerifier},
    installation::InstallationKey,
};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-05-01T06:00:00Z".parse().unwrap()))
}

fn account() -> Actor {
    Actor::Account {
        account_id: AccountId::random(),
        session_id: Id::random(),
        scopes: vec!["activity:ingest".to_owned()],
    }
}

#[test]
fn every_kind_of_actor_is_read_back_from_its_token() {
    let key = InstallationKey::ephemeral().unwrap();
    let signer = ActorSigner::new("gateway", &key, clock());
    let verifier = ActorVerifier::new(&key, clock());
    let actors = [
        account(),
        Actor::Partner { partner_id: Id::random() },
        Actor::service("promo"),
        Actor::anonymous("203.0.113.7"),
    ];
    for actor in actors {
        assert_eq!(*verifier.verify(&signer.token(&actor)).unwrap(), actor);
    }
}

#[test]
fn a_token_of_another_installation_is_forged() {
    let signer = ActorSigner::new("gateway", &InstallationKey::ephemeral().unwrap(), clock());
    let verifier = ActorVerifier::new(&InstallationKey::ephemeral().unwrap(), clock());
    assert_eq!(verifier.verify(&signer.token(&account())), Err(ActorError::Forged));
}

#[test]
fn a_token_with_any_bit_changed_is_not_believed() {
    let key = InstallationKey::ephemeral().unwrap();
    let token = ActorSigner::new("gateway", &key, clock()).token(&Actor::service("auth"));
    let verifier = ActorVerifier::new(&key, clock());
    for at in 0..token.len() {
        let mut changed = token.to_vec();
        changed[at] ^= 1;
        assert!(verifier.verify(&Bytes::from(changed)).is_err(), "byte {at}");
    }
    for length in 0..token.len() {
        assert!(verifier.verify(&token.slice(..length)).is_err(), "cut at {length}");
    }
}

#[test]
fn a_token_lives_for_two_minutes_even_when_it_was_verified_before() {
    let key = InstallationKey::ephemeral().unwrap();
    let clock = clock();
    let token = ActorSigner::new("gateway", &key, clock.clone()).token(&account());
    let verifier = ActorVerifier::new(&key, clock.clone());
    clock.advance_s(119);
    assert!(verifier.verify(&token).is_ok());
    clock.advance_s(1);
    assert_eq!(verifier.verify(&token), Err(ActorError::Expired));
}

#[test]
fn a_minted_token_is_used_again() {
    let signer = ActorSigner::new("gateway", &InstallationKey::ephemeral().unwrap(), clock());
    let actor = account();
    assert_eq!(signer.token(&actor).as_ptr(), signer.token(&actor).as_ptr());
}
