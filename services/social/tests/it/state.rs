//! The state topic: whoever holds relations hears that they changed.

use proto::social as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{World, bytes_of};

#[tokio::test(flavor = "multi_thread")]
async fn changed_relations_are_told_and_the_table_says_the_same() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (anna, bek) = (world.person("Anna").await, world.person("Bek").await);
    world.befriend(anna, bek).await.unwrap();
    let all = || async { states(&world).await };
    let first = eventually("told", all, |states| states.len() == 2).await;
    world.block(anna, bek).await;
    let second = eventually("told again", all, |states| states[0].1 > first[0].1).await;
    let mut ids = [anna.to_string(), bek.to_string()];
    ids.sort();
    assert_eq!(second.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), ids);
}

async fn states(world: &World<'_>) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut after_key = String::new();
    loop {
        let request = proto::journal::StateReadAllRequest {
            topic: "stadion.social.relations.v1".to_owned(),
            after_key,
            max: 1,
        };
        let page = world.fleet.peers("leaderboard").state("social").read_all(request).await.unwrap();
        let page = page.into_inner();
        found.extend(page.values.into_iter().map(|value| (value.key, value.revision)));
        after_key = page.next_key;
        if after_key.is_empty() {
            return found;
        }
    }
}

#[test]
fn the_value_of_the_state_topic_is_golden() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/state");
    let account = kernel::AccountId::derived(&[b"golden"]);
    testkit::golden::check_message(folder, "first", &p::RelationsChanged { account_id: bytes_of(account) });
}
