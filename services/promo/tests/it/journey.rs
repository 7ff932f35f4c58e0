//! Badge → offer → recommendation → click → reservation → paid order → redemption, and a restart at every step.

use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{BADGE, FEED, World, by, bytes_of, draft};

#[tokio::test(flavor = "multi_thread")]
async fn an_unlocked_badge_becomes_a_confirmed_purchase() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    world.shop().await;
    let fed = world.put_feed(FEED).await.unwrap().into_inner();
    assert_eq!((fed.products, fed.rejected.len(), fed.rejected[0].line), (2, 1, 5));
    let promo = world.running(draft(1_000_000)).await;
    let athlete = world.athlete();
    let offer = world.granted(athlete).await;
    assert_eq!((offer.state.as_str(), offer.name.as_str()), ("held", "Run for shoes"));
    assert_eq!((offer.code.len(), offer.percent), (14, Some(10)));
    assert!(offer.because.contains("first run"), "{}", offer.because);

    let world = world.again(ground).await;
    world.unlocks(athlete, BADGE).await;
    let products = || async { world.offers(athlete).await.remove(0).products };
    eventually("listed", products, |products| products.len() == 1).await;
    assert_eq!(world.offers(athlete).await.len(), 1, "a badge earned again grants nothing more");

    let recommended = || async {
        let request = p::ListRecommendationsRequest::default();
        world.promo().list_recommendations(by(athlete, request)).await.unwrap().into_inner().items
    };
    let items = eventually("recommended", recommended, |items| items.len() == 2).await;
    let shoe = items[0].product.clone().unwrap();
    assert_eq!(
        (shoe.feed_product_id.as_str(), items[0].offer_id.clone()),
        ("shoe-1", Some(offer.id.clone()))
    );
    assert_eq!(items[0].reason, "−10 %: You unlocked “first run”");

    let click = p::ClickRequest { product_id: shoe.id.clone(), offer_id: Some(offer.id.clone()) };
    let click = world.promo().click(by(athlete, click)).await.unwrap().into_inner();
    assert_eq!(click.url, format!("https://shop.example/shoe?stadion_click={}", click.click_token));

    let reserved = world.reserve(athlete, &offer, "A-1", 1_999_000).await.unwrap().into_inner();
    assert_eq!(
        (reserved.status.as_str(), reserved.discount.clone()),
        ("reserved", crate::world::tenge(199_900))
    );
    let again = world.reserve(athlete, &offer, "A-1", 1_999_000).await.unwrap().into_inner();
    assert_eq!(reserved, again, "the same order answers the same");

    let world = world.again(ground).await;
    let request = p::RecordOrderRequest {
        order_id: "A-1".to_owned(),
        status: "paid".to_owned(),
        amount: crate::world::tenge(1_999_000),
        click_token: click.click_token,
        ..Default::default()
    };
    let order = world.order_with(request.clone()).await.unwrap().into_inner();
    let redemption = order.redemption.clone().unwrap();
    assert_eq!((redemption.status.as_str(), order.attribution.as_str()), ("confirmed", "reservation"));
    assert_eq!(redemption.id, reserved.id);

    let world = world.again(ground).await;
    the_same_order_changes_nothing(&world, &promo.id, request, &order).await;
    assert_eq!(world.offers(athlete).await[0].state, "redeemed");
    world.fleet.stop().await;
}

async fn the_same_order_changes_nothing(
    world: &World<'_>,
    promo: &bytes::Bytes,
    request: p::RecordOrderRequest,
    order: &p::Order,
) {
    let before = world.live(promo).await;
    let again = world.order_with(request).await.unwrap().into_inner();
    assert_eq!(again, *order);
    let live = world.live(promo).await;
    assert_eq!(before.ledger, live.ledger);
    assert_eq!((live.granted, live.redeemed, live.clicks), (1, 1, 1));
    assert_eq!(live.budget_confirmed.unwrap().amount_minor, 199_900);
    let ledger = live.ledger.unwrap();
    assert!(ledger.balanced);
    assert_eq!(ledger.accounts[0].debits_posted_minor, ledger.accounts[1].credits_posted_minor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_won_in_a_challenge_grants_once_however_often_it_is_won_or_told() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let podium = Some(p::Trigger { badge_unlocked: "podium".to_owned() });
    let promo = world.running(p::Draft { trigger: podium, ..draft(1_000_000) }).await;
    world.running(draft(1_000_000)).await;
    let (winner, other) = (world.athlete(), world.athlete());
    world.wins(winner, "podium", "may").await;
    let offers = || async { world.offers(winner).await };
    let offer = eventually("granted", offers, |offers| !offers.is_empty()).await.remove(0);
    assert!(offer.because.contains("podium"), "{}", offer.because);
    // Told again, won again, and another badge than the campaign's.
    world.wins(winner, "podium", "may").await;
    world.wins(winner, "podium", "june").await;
    world.wins(other, "finisher", "may").await;
    // Events of one account keep their order: the other campaign's offer comes last.
    for (account, held) in [(winner, 2), (other, 1)] {
        world.unlocks(account, BADGE).await;
        let offers = || async { world.offers(account).await };
        eventually("the last", offers, |offers| offers.iter().any(|one| one.promo_id != promo.id)).await;
        assert_eq!(world.offers(account).await.len(), held);
    }
    assert_eq!(world.live(&promo.id).await.granted, 1);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_agree_or_lives_elsewhere_is_granted_nothing() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    world.running(draft(1_000_000)).await;
    let (silent, elsewhere) = (world.athlete(), world.athlete());
    world.known.person(proto::auth::AccountStanding {
        consents: vec!["terms".to_owned()],
        ..World::standing(silent)
    });
    world.known.person(proto::auth::AccountStanding {
        region: Some("KZ-71".to_owned()),
        ..World::standing(elsewhere)
    });
    world.unlocks(silent, BADGE).await;
    world.unlocks(elsewhere, BADGE).await;
    world.unlocks(elsewhere, "other_badge").await;
    // Events of one topic partition keep their order; somebody who is granted an offer comes last on each.
    world.granted(world.athlete()).await;
    assert!(world.offers(silent).await.is_empty());
    assert!(world.offers(elsewhere).await.is_empty());
    let stranger = p::ReserveRequest {
        offer_id: bytes_of(kernel::Id::<()>::random()),
        order_ref: "A-1".to_owned(),
        amount: crate::world::tenge(1),
    };
    assert_eq!(crate::world::code(world.promo().reserve(by(silent, stranger)).await), kernel::Code::NotFound);
    world.fleet.stop().await;
}
