//! The key by which services know each other is changed while they serve.

use platform::installation::InstallationKey;
use proto::auth::JwksRequest;

use crate::{
    crowd::Crowd,
    embedded::binary,
    fleet::{Engines, Fleet},
    replicas::{REPLICAS, start_all},
};

/// Whether each replica of auth believes who holds this key.
async fn is_believed(fleet: &Fleet, key: &InstallationKey) -> Vec<bool> {
    let mut believed = Vec::new();
    for replica in 0..REPLICAS {
        let auth = fleet.replica("auth", replica, key);
        let answer = auth.peers.auth().jwks(JwksRequest {}).await;
        let refused = answer.err().map(|status| status.code());
        assert!(refused.is_none_or(|code| code == tonic::Code::Unauthenticated), "{refused:?}");
        believed.push(refused.is_none());
    }
    believed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_changed_while_the_fleet_runs_no_request_fails_and_the_old_one_is_refused() {
    let Some(engines) = Engines::of("a change of the installation's key") else { return };
    let fleet = Fleet::on(engines, REPLICAS);
    let mut parts = start_all(&fleet);
    let crowd = Crowd::gather(&fleet).await;
    let stolen = fleet.key_file().with_extension("old");
    std::fs::copy(fleet.key_file(), &stolen).unwrap();
    let old = InstallationKey::load_or_create(&stolen).unwrap();
    assert_eq!(is_believed(&fleet, &old).await, [true; REPLICAS]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut rotate = binary("keys rotate", elsewhere.path());
    rotate.arg("--config").arg(fleet.config(fleet.part_of("auth")));
    let rotating = async move {
        let said = tokio::task::spawn_blocking(move || rotate.output().unwrap()).await.unwrap();
        // Until the last step is read, and a while longer: were somebody still signing with the old key, it would show.
        tokio::time::sleep(stadion::keys::REREAD_EACH * 2).await;
        said
    };
    let said = crowd.during(rotating).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    crowd.is_content().await;
    let new = InstallationKey::load_or_create(&fleet.key_file()).unwrap();
    assert_eq!(is_believed(&fleet, &old).await, [false; REPLICAS]);
    assert_eq!(is_believed(&fleet, &new).await, [true; REPLICAS]);
    // Its stores know the installation by the new key too: who starts from here on finds them its own.
    let auth = fleet.part_of("auth");
    let ended = parts[auth].remove(0);
    assert!(tokio::task::spawn_blocking(move || ended.stop()).await.unwrap().success());
    fleet.start(auth, 0).ready();
}
