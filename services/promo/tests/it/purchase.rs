//! What can go otherwise between a reservation and its order.

use kernel::Code;
use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{World, by, code, draft, tenge};

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_reservation_gives_its_budget_back_and_a_late_payment_is_kept() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(2_000)).await;
    let athlete = world.athlete();
    let offer = world.granted(athlete).await;
    world.reserve(athlete, &offer, "A-1", 20_000).await.unwrap();
    let other = world.athlete();
    world.unlocks(other, crate::world::BADGE).await;
    world.fleet.clock.advance_s(1_801);
    let live = || async { world.live(&promo.id).await };
    eventually("released", live, |live| live.released == 1).await;
    assert_eq!(live().await.budget_left.unwrap().amount_minor, 2_000);
    assert_eq!(world.offers(athlete).await[0].state, "held");
    let late = world.order("A-1", "paid", 20_000).await.unwrap().into_inner();
    assert_eq!(late.redemption.unwrap().status, "needs_reconciliation");
    assert_eq!(live().await.needs_reconciliation, 1);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mismatched_stale_and_strange_orders_are_refused_and_change_nothing() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(100_000)).await;
    let athlete = world.athlete();
    let offer = world.granted(athlete).await;
    world.reserve(athlete, &offer, "A-1", 20_000).await.unwrap();
    assert_eq!(code(world.reserve(athlete, &offer, "A-1", 20_001).await), Code::OrderMismatch);
    assert_eq!(code(world.reserve(athlete, &offer, "A-2", 20_000).await), Code::Conflict);
    assert_eq!(code(world.order("A-1", "paid", 1).await), Code::OrderMismatch);
    assert_eq!(code(world.order("A-1", "refunded", 20_000).await), Code::Conflict);
    assert_eq!(code(world.order("A-1", "shipped", 20_000).await), Code::InvalidField);
    assert_eq!(code(world.order("A-9", "paid", 0).await), Code::InvalidField);
    let with = |order_id: &str, click_token: &str, code: &str| p::RecordOrderRequest {
        order_id: order_id.to_owned(),
        status: "placed".to_owned(),
        amount: tenge(20_000),
        click_token: click_token.to_owned(),
        code: code.to_owned(),
        ..Default::default()
    };
    assert_eq!(code(world.order_with(with("A-3", "forged", "")).await), Code::InvalidField);
    assert_eq!(code(world.order_with(with("A-3", "", "ABCD-EFGH-JKMN")).await), Code::CodeRefused);
    assert_eq!(
        code(world.order_with(with("A-3", "", &offer.code)).await),
        Code::CodeRefused,
        "reserved elsewhere"
    );
    let live = world.live(&promo.id).await;
    assert_eq!((live.reserved, live.redeemed), (1, 0));

    let cancel = p::CancelReservationRequest {
        reservation_id: world.reserve(athlete, &offer, "A-1", 20_000).await.unwrap().into_inner().id,
    };
    let stranger = world.athlete();
    assert_eq!(code(world.promo().cancel_reservation(by(stranger, cancel.clone())).await), Code::NotFound);
    world.promo().cancel_reservation(by(athlete, cancel.clone())).await.unwrap();
    world.promo().cancel_reservation(by(athlete, cancel)).await.unwrap();
    assert_eq!(world.offers(athlete).await[0].state, "held");

    let paid =
        p::RecordOrderRequest { status: "paid".to_owned(), ..with("A-4", "", &offer.code.to_lowercase()) };
    let order = world.order_with(paid).await.unwrap().into_inner();
    assert_eq!(
        (order.attribution.as_str(), order.redemption.unwrap().status.as_str()),
        ("code", "confirmed")
    );
    let refund = world.order("A-4", "refunded", 20_000).await.unwrap().into_inner();
    assert_eq!(refund.redemption.unwrap().status, "reversed");
    assert_eq!(world.live(&promo.id).await.budget_left.unwrap().amount_minor, 100_000);
    let plain = world.order("A-5", "paid", 7_000).await.unwrap().into_inner();
    assert_eq!((plain.attribution.as_str(), plain.redemption), ("", None), "nothing of ours led to it");
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_stopped_and_expired_offers_cannot_be_used() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(100_000)).await;
    let operator = world.staff("operator", &[]);
    let athlete = world.athlete();
    let offer = world.granted(athlete).await;
    let action = || by(operator, p::PromoActionRequest { promo_id: promo.id.clone() });
    world.promo().pause_promo(action()).await.unwrap();
    assert_eq!(code(world.reserve(athlete, &offer, "A-1", 20_000).await), Code::Conflict);
    world.promo().resume_promo(action()).await.unwrap();
    world.reserve(athlete, &offer, "A-1", 20_000).await.unwrap();
    let second = world.athlete();
    let held = world.granted(second).await;
    let stop = p::StopPromoRequest { promo_id: promo.id.clone(), reason: String::new() };
    world.promo().stop_promo(by(operator, stop)).await.unwrap();
    assert_eq!(code(world.reserve(second, &held, "A-2", 20_000).await), Code::OfferExpired);
    assert_eq!(world.offers(second).await[0].state, "expired");
    let paid = world.order("A-1", "paid", 20_000).await.unwrap().into_inner();
    assert_eq!(paid.redemption.unwrap().status, "confirmed", "what was promised before the stop is kept");
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_meets_the_rule_is_told_which_clause_fails() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    world.running(draft(100_000)).await;
    let athlete = world.athlete();
    let offer = world.granted(athlete).await;
    world.known.earned(proto::gamification::AccountFacts {
        account_id: crate::world::bytes_of(athlete),
        level: 1,
        ..Default::default()
    });
    let refused = world.reserve(athlete, &offer, "A-1", 20_000).await.unwrap_err();
    let refused = platform::refusal(&refused);
    assert_eq!(refused.code, Code::NotEligible);
    assert_eq!(refused.reasons, [r#"{"clause":{"level_at_least":2},"met":false}"#]);
    world.fleet.stop().await;
}
