//! Many at once at the same budget.

use std::sync::Arc;

use futures::future::join_all;
use kernel::Code;
use testkit::fleet::Ground;

use crate::world::{World, draft};

const CLIENTS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_the_last_budget_exactly_one_wins() {
    let ground = Ground::fresh();
    let world = Arc::new(World::on(&ground).await);
    world.shop().await;
    // One reservation of 1 000 takes it all.
    let promo = world.running(draft(1_000)).await;
    let mut held = Vec::new();
    for _ in 0..CLIENTS {
        let athlete = world.athlete();
        held.push((athlete, world.granted(athlete).await));
    }
    let tries = held.iter().enumerate().map(|(index, (athlete, offer))| {
        let world = world.clone();
        async move { world.reserve(*athlete, offer, &format!("A-{index}"), 10_000).await }
    });
    let answers = join_all(tries).await;
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(crate::world::code(answer), Code::BudgetExhausted);
    }
    let live = world.live(&promo.id).await;
    assert_eq!((live.budget_left.unwrap().amount_minor, live.reserved), (0, 1));
    assert!(live.ledger.unwrap().balanced);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_budget_for_all_nobody_is_turned_away() {
    let ground = Ground::fresh();
    let world = Arc::new(World::on(&ground).await);
    world.shop().await;
    let promo = world.running(draft(1_000 * 32)).await;
    let mut held = Vec::new();
    for _ in 0..32 {
        let athlete = world.athlete();
        held.push((athlete, world.granted(athlete).await));
    }
    let buys = held.iter().enumerate().map(|(index, (athlete, offer))| {
        let world = world.clone();
        async move {
            let order = format!("A-{index}");
            world.reserve(*athlete, offer, &order, 10_000).await.unwrap();
            world.order(&order, "paid", 10_000).await.unwrap()
        }
    });
    for order in join_all(buys).await {
        assert_eq!(order.into_inner().redemption.unwrap().status, "confirmed");
    }
    let live = world.live(&promo.id).await;
    assert_eq!(live.budget_confirmed.unwrap().amount_minor, 32_000);
    assert!(live.ledger.unwrap().balanced);
}
