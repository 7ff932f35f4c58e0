//! Campaigns for the members of a group.

use kernel::{AccountId, Code};
use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{BADGE, World, by, bytes_of, code, draft};

const GROUP: uuid::Uuid = uuid::Uuid::from_u128(7);

async fn for_the_group(world: &World<'_>) -> p::Campaign {
    world.shop().await;
    let rule = format!(r#"{{"all":[{{"level_at_least":2}},{{"group":"{GROUP}"}}]}}"#);
    world.running(p::Draft { eligibility_json: Some(rule), ..draft(100_000) }).await
}

async fn why_not(world: &World<'_>, promo: &p::Campaign, account: AccountId) -> Vec<String> {
    let operator = world.staff("operator", &[]);
    let why = p::WhyNotRequest { promo_id: promo.id.clone(), account_id: bytes_of(account) };
    world.promo().why_not(by(operator, why)).await.unwrap().into_inner().reasons
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_granted_the_offer_and_others_learn_why_not() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let promo = for_the_group(&world).await;
    let (member, other) = (world.athlete(), world.athlete());
    world.known.member(member, GROUP);
    world.known.member(other, uuid::Uuid::from_u128(8));

    world.unlocks(other, BADGE).await;
    world.granted(member).await;
    assert!(why_not(&world, &promo, member).await.is_empty());
    assert!(world.offers(other).await.is_empty(), "it was asked before the member was");
    let clause = format!(r#"{{"clause":{{"group":"{GROUP}"}},"met":false}}"#);
    assert_eq!(why_not(&world, &promo, other).await, [clause]);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_hears_of_groups_nothing_is_decided_and_nothing_is_lost() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let promo = for_the_group(&world).await;
    let member = world.athlete();
    world.known.member(member, GROUP);
    world.known.part(true);
    world.unlocks(member, BADGE).await;
    let why = p::WhyNotRequest { promo_id: promo.id.clone(), account_id: bytes_of(member) };
    let asked = world.promo().why_not(by(world.staff("operator", &[]), why)).await;
    assert_eq!(code(asked), Code::Unavailable);
    assert!(world.offers(member).await.is_empty());

    world.known.part(false);
    let offers = || world.offers(member);
    let offer = eventually("granted", offers, |offers| !offers.is_empty()).await.remove(0);
    // Used by a member only: the rule is asked again.
    world.known.leave(member);
    assert_eq!(code(world.reserve(member, &offer, "A1", 5_000).await), Code::NotEligible);
    world.known.member(member, GROUP);
    world.reserve(member, &offer, "A1", 5_000).await.unwrap();
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_without_a_group_asks_nobody_for_groups() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(100_000)).await;
    let athlete = world.athlete();
    world.known.part(true);
    world.granted(athlete).await;
    assert!(why_not(&world, &promo, athlete).await.is_empty());
    assert_eq!(world.known.groups_asked(), 0);
    world.fleet.stop().await;
}
