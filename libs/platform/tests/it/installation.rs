use std::{os::unix::fs::PermissionsExt, sync::Arc};

use kernel::SystemClock;
use platform::{
    Actor,
    actor::{ActorError, ActorSigner, ActorVerifier},
    installation::{InstallationKey, KeyError, Step, step},
};

#[test]
fn the_key_is_made_once_and_read_by_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/actor.key");
    let made = InstallationKey::load_or_create(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let read = InstallationKey::load_or_create(&path).unwrap();
    let token = ActorSigner::new("a", &made, Arc::new(SystemClock)).token(&Actor::service("a"));
    assert!(ActorVerifier::new(&read, Arc::new(SystemClock)).verify(&token).is_ok());
}

#[test]
fn a_damaged_key_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.key");
    std::fs::write(&path, "half a key").unwrap();
    assert!(matches!(InstallationKey::load_or_create(&path), Err(KeyError::Malformed { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "half a key");
}

#[test]
fn while_the_key_changes_the_first_signs_and_all_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        InstallationKey::load_or_create(&path).unwrap()
    };
    let (old, new) = ("11".repeat(32), "22".repeat(32));
    let (old, new) = (old.as_str(), new.as_str());
    let steps = [
        file("before", &[old]),
        file("added", &["# the new one is believed from now on", old, new]),
        file("turned", &[new, "", old]),
        file("after", &[new]),
    ];
    let signed = |key| ActorSigner::new("a", key, Arc::new(SystemClock)).token(&Actor::service("a"));
    let believes = |key: &InstallationKey, token: &bytes::Bytes| {
        ActorVerifier::new(key, Arc::new(SystemClock)).verify(token).is_ok()
    };
    for (one, next) in steps.iter().zip(&steps[1..]) {
        assert!(believes(next, &signed(one)) && believes(one, &signed(next)), "side by side");
    }
    assert!(!believes(&steps[3], &signed(&steps[0])), "in the end the old one is forgotten");
}

#[test]
fn a_key_is_changed_step_by_step_while_those_who_hold_it_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.key");
    // Two processes of one installation, with what they sign and believe.
    let keys = [(); 2].map(|()| InstallationKey::load_or_create(&path).unwrap());
    let signers = keys.each_ref().map(|key| ActorSigner::new("a", key, Arc::new(SystemClock)));
    let verifiers = keys.each_ref().map(|key| ActorVerifier::new(key, Arc::new(SystemClock)));
    let first = signers[0].token(&Actor::service("a"));
    for one in [Step::Add, Step::Turn, Step::Retire] {
        step(&path, one).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // One reads it before the other does.
        for key in &keys {
            assert!(key.reread(&text, &path).unwrap(), "{one:?} is news");
            assert!(!key.reread(&text, &path).unwrap(), "and once");
            let tokens = signers.each_ref().map(|signer| signer.token(&Actor::service("a")));
            let believed = |token| verifiers.iter().all(|verifier| verifier.verify(token).is_ok());
            assert!(tokens.iter().all(believed), "{one:?}");
        }
    }
    assert_eq!(keys[0].marks().len(), 1);
    for verifier in &verifiers {
        assert_eq!(verifier.verify(&first), Err(ActorError::Forged), "also where it was believed before");
    }
    assert!(matches!(step(&path, Step::Turn), Err(KeyError::WrongStep(_))));
    assert!(matches!(step(&path, Step::Retire), Err(KeyError::WrongStep(_))));
    assert!(keys[0].reread("half a key", &path).is_err() && keys[0].reread("", &path).is_err());
    assert!(
        verifiers[0].verify(&signers[0].token(&Actor::service("a"))).is_ok(),
        "a damaged file changes nothing"
    );
}

#[test]
fn a_file_without_a_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.key");
    std::fs::write(&path, "# nothing yet\n").unwrap();
    assert!(matches!(InstallationKey::load_or_create(&path), Err(KeyError::Empty { .. })));
}

#[test]
fn processes_that_start_together_end_up_with_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/actor.key");
    let keys: Vec<InstallationKey> = std::thread::scope(|scope| {
        let making: Vec<_> =
            (0..8).map(|_| scope.spawn(|| InstallationKey::load_or_create(&path).unwrap())).collect();
        making.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let token = ActorSigner::new("a", &keys[0], Arc::new(SystemClock)).token(&Actor::service("a"));
    assert!(keys.iter().all(|key| ActorVerifier::new(key, Arc::new(SystemClock)).verify(&token).is_ok()));
    assert_eq!(std::fs::read_dir(folder.path().join("keys")).unwrap().count(), 1, "no draft is left");
}
