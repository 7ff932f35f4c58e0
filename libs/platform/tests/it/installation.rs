use std::{os::unix::fs::PermissionsExt, sync::Arc};

use kernel::SystemClock;
use platform::{
    Actor,
    actor::{ActorSigner, ActorVerifier},
    installation::{InstallationKey, KeyError},
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
