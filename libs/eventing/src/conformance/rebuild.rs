//! What a read model made anew promises: the same rows, no record lost or taken twice where one goes over into the other,
//! and a way back.

mod world;

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::world::World;
use super::Fresh;
use crate::{
    bus::Bus,
    rebuild::{Begun, Difference, Error, Progress, Wanted},
};

const SERVICE: &str = "rebuild";
const STREAMS: usize = 8;
const FLIP: Wanted = Wanted { flip: true, differing: false };
const WHATEVER: Wanted = Wanted { flip: true, differing: true };

/// Every promise, each on engines of its own.
pub async fn suite<F, Fut>(fresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = (Fresh, Arc<dyn Bus>)>,
{
    it_equals_the_original_while_events_arrive(World::new(fresh().await).await).await;
    what_was_changed_by_hand_is_found_and_healed(World::new(fresh().await).await).await;
    what_was_begun_is_gone_on_with(World::new(fresh().await).await).await;
    there_is_a_way_back(World::new(fresh().await).await).await;
    what_is_parked_stays_parked(World::new(fresh().await).await).await;
    what_is_not_declared_is_refused(World::new(fresh().await).await).await;
}

async fn it_equals_the_original_while_events_arrive(world: World) {
    let served = world.serve();
    world.happen(150).await;
    world.settled().await;
    let fired = served.fired.load(Ordering::SeqCst);
    let over = CancellationToken::new();
    let writing = async {
        while !over.is_cancelled() {
            world.happen(1).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let rebuilding = async {
        for reader in ["tally", "heard"] {
            let (outcome, begun) = served.rebuild(reader, FLIP).await;
            assert_eq!(begun, Begun::Afresh);
            assert!(outcome.comparison.is_equal() && outcome.flipped, "{reader}: {outcome:?}");
            let [table] = outcome.comparison.tables.as_slice() else { panic!("one table") };
            assert!(table.served.rows == 8 && table.served.checksum != 0, "{table:?}");
        }
        over.cancel();
    };
    tokio::join!(writing, rebuilding);
    world.happen(3).await;
    world.settled().await;
    // One reaction an event: those that came meanwhile, and none again.
    let events = usize::try_from(world.fresh.store.head().await.expect("read")).expect("few");
    world.until("every event is reacted to", async || served.fired.load(Ordering::SeqCst) >= events).await;
    assert!(fired <= events && served.fired.load(Ordering::SeqCst) == events, "nothing is fired again");
    assert_eq!(
        world.indexes().await,
        BTreeSet::from(["tally_by_count".to_owned(), "tally_by_count__old".to_owned()])
    );
    served.stop().await;
}

async fn what_was_changed_by_hand_is_found_and_healed(world: World) {
    let served = world.serve();
    world.happen(20).await;
    world.settled().await;
    world.until("it is told", async || served.told("stream-1") == Some(20)).await;
    let db = &world.fresh.db;
    db.execute("UPDATE tally SET count = count + 7 WHERE stream = 'stream-1'", vec![])
        .await
        .expect("changed");
    db.execute("DELETE FROM tally WHERE stream = 'stream-2'", vec![]).await.expect("deleted");
    db.execute("INSERT INTO tally (stream, count, last) VALUES ('nobody', 1, 1)", vec![])
        .await
        .expect("made up");

    let (outcome, _) = served.rebuild("tally", FLIP).await;
    assert!(!outcome.flipped, "it differs, and nobody said that it may");
    let [Difference { served: old, made, only_served, only_made, columns, named, .. }] =
        outcome.comparison.tables.as_slice()
    else {
        panic!("one table: {outcome:?}")
    };
    assert_eq!((old.rows, made.rows, *only_served, *only_made, columns.get("count")), (8, 8, 1, 1, Some(&1)));
    assert!(named.iter().any(|row| row == "stream stream-1 differs in count"), "{named:?}");
    assert_eq!(world.count("SELECT COUNT(*) FROM es_outbox").await, 0, "nothing is published before");

    let (outcome, begun) = served.rebuild("tally", WHATEVER).await;
    assert!(outcome.flipped && matches!(begun, Begun::GoesOn { .. }), "{begun:?}");
    world.settled().await;
    // What others hold is healed too: the new value wins, and so do those that follow.
    world.until("generation 1", async || served.revision("stream-1") == Some((1 << 40) + 20)).await;
    world.happen(1).await;
    world.until("and on", async || served.revision("stream-1") == Some((1 << 40) + 21)).await;
    served.stop().await;
}

async fn what_was_begun_is_gone_on_with(world: World) {
    let served = world.serve();
    world.happen(250).await;
    world.settled().await;
    let (told, mut hears) = watch::channel(Progress::default());
    let (rebuilds, model) = served.model("tally");
    let killed =
        async { hears.wait_for(|progress| progress.done >= 1_000).await.expect("it goes on").clone() };
    tokio::select! {
        outcome = rebuilds.run(&model, "this", WHATEVER, &told) => panic!("too fast: {outcome:?}"),
        progress = killed => assert_eq!((progress.begun, progress.of), (Begun::Afresh, 2_000)),
    }
    let standing = rebuilds.standing(&model).await.expect("read");
    assert!((1_000..2_000).contains(&standing.made[0].least), "{standing:?}");
    let (outcome, begun) = served.rebuild("tally", Wanted::default()).await;
    assert!(outcome.comparison.is_equal() && !outcome.flipped && matches!(begun, Begun::GoesOn { .. }));

    let (told, _) = watch::channel(Progress::default());
    rebuilds.run(&model, "another", FLIP, &told).await.expect("made");
    assert!(matches!(told.borrow().begun, Begun::Anew { .. }), "another program trusts nothing of it");
    world.happen(2).await;
    world.settled().await;
    served.stop().await;
}

async fn there_is_a_way_back(world: World) {
    let served = world.serve();
    world.happen(30).await;
    world.settled().await;
    for reader in ["tally", "heard"] {
        let (rebuilds, model) = served.model(reader);
        let refused = rebuilds.back(&model).await.expect_err("nothing is kept");
        assert!(refused.to_string().contains("there is no way back"), "{refused}");
        world
            .fresh
            .db
            .execute(&format!("UPDATE {reader} SET count = count + 1 WHERE stream = 'stream-3'"), vec![])
            .await
            .expect("spoilt");
        assert!(served.rebuild(reader, WHATEVER).await.0.flipped);
        world.settled().await;
        world.happen(10).await;
        world.settled().await;
        let kept = rebuilds.standing(&model).await.expect("read").kept;
        assert!(
            kept[0].last < world.fresh.store.head().await.expect("read"),
            "it stands where it stood: {kept:?}"
        );
        let (told, _) = watch::channel(Progress::default());
        let refused = rebuilds.run(&model, "this", FLIP, &told).await.expect_err("one is kept");
        assert!(refused.to_string().contains("forget it first"), "{refused}");

        rebuilds.back(&model).await.expect("goes back");
        // It catches up with all that it missed, and has its fault again.
        let sql = format!("SELECT COUNT(*) FROM {reader} WHERE count = last + 1 AND stream = 'stream-3'");
        world.until("it is the old one", async || world.count(&sql).await == 1).await;
        world.until("it has caught up", async || world.least_last(reader).await == world.written()).await;
        rebuilds.back(&model).await.expect("goes back again");
        world.settled().await;
        world.happen(1).await;
        world.settled().await;
        assert!(rebuilds.forget(&model).await.expect("forgotten"));
        assert!(!rebuilds.forget(&model).await.expect("nothing to forget"));
    }
    assert_eq!(world.indexes().await, BTreeSet::from(["tally_by_count".to_owned()]));
    let (outcome, begun) = served.rebuild("tally", FLIP).await;
    assert!(outcome.flipped && begun == Begun::Afresh, "and once more from the beginning");
    served.stop().await;
}

async fn what_is_parked_stays_parked(world: World) {
    let served = world.serve();
    served.poison.lock().expect("not poisoned").insert("stream-5".to_owned());
    world.happen(12).await;
    world.until("it is parked", async || served.spine.parked(10).await.expect("listed").len() == 1).await;
    world
        .until("others go on", async || world.count("SELECT COUNT(*) FROM tally WHERE last = 12").await == 7)
        .await;
    let (outcome, _) = served.rebuild("tally", FLIP).await;
    assert!(outcome.flipped && outcome.comparison.parked_made == 12, "{outcome:?}");
    world.happen(1).await;
    served.poison.lock().expect("not poisoned").clear();
    world
        .until("others go on", async || world.count("SELECT COUNT(*) FROM tally WHERE last = 13").await == 7)
        .await;
    let released = served.spine.replay(Some("tally"), None).await.expect("released");
    assert_eq!((released.released, released.still_parked), (13, 0));
    world.settled().await;
    served.stop().await;
}

async fn what_is_not_declared_is_refused(world: World) {
    let served = world.serve();
    world.happen(1).await;
    world.settled().await;
    let rebuilds = served.spine.rebuilds();
    assert!(matches!(rebuilds.model("nobody"), Err(Error::Unknown(_))));
    let refused = rebuilds.model("silent").expect_err("it says nothing");
    assert!(refused.to_string().contains("which tables it writes"), "{refused}");
    // What it does is refused at its first step, and nothing that is served is touched.
    let (told, _) = watch::channel(Progress::default());
    let liar = rebuilds.model("liar").expect("it says something");
    let refused = rebuilds.run(&liar, "this", WHATEVER, &told).await.expect_err("it writes something else");
    assert!(refused.to_string().contains("writes heard"), "{refused}");
    assert_eq!(served.spine.parked(100).await.expect("listed"), []);
    assert!(rebuilds.forget(&liar).await.expect("forgotten"));
    world.settled().await;
    served.stop().await;
}
