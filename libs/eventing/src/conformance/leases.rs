//! Ownership's promises.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::{
    leases::{Leases, Owned, Pace},
    ownership::Holder,
    sql::Db,
};

const LIFE: Duration = Duration::from_millis(1_500);
/// Longer than any machine takes for what is asked of it meanwhile.
const LONG_LIFE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace { life: LIFE, renew_every: Duration::from_millis(500) };

pub async fn suite(db: Db) {
    one_of_many_owns(db.clone()).await;
    who_comes_and_goes_waits_in_no_circle(db.clone()).await;
    parts_are_shared_out_and_taken_over(db.clone()).await;
    what_only_the_newer_of_two_versions_knows_is_owned_too(db).await;
}

async fn one_of_many_owns(db: Db) {
    let names: Vec<String> = (0..8).map(|number| format!("holder-{number}")).collect();
    let holders: Vec<Holder> = names.iter().map(|name| Holder::new(db.clone(), name, "here")).collect();
    // Connections are opened before a life begins.
    join_all(holders.iter().map(db_owner)).await;
    let epochs = join_all(holders.iter().map(|holder| holder.acquire("relay", LONG_LIFE))).await;
    let owners: Vec<usize> = epochs
        .iter()
        .enumerate()
        .filter(|(_, epoch)| matches!(epoch, Ok(Some(_))))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(owners.len(), 1, "of eight at once one becomes the owner");
    let (owner, other) = (&holders[owners[0]], &holders[(owners[0] + 1) % 8]);
    let owner_name = names[owners[0]].clone();
    assert_eq!(db_owner(owner).await.as_deref(), Some(owner_name.as_str()));
    assert_eq!(other.acquire("relay", LONG_LIFE).await.expect("asked"), None);

    assert_eq!(owner.acquire("short", LIFE).await.expect("asked"), Some(1));
    tokio::time::sleep(LIFE * 2).await;
    let taken = other.acquire("short", LONG_LIFE).await.expect("asked").expect("a standby takes over");
    assert_eq!(taken, 2, "the epoch has grown");
    assert_eq!(
        owner.acquire("short", LONG_LIFE).await.expect("asked"),
        None,
        "who comes back too late owns nothing"
    );

    other.release(&["short".to_owned()]).await.expect("released");
    let again =
        owner.acquire("short", LONG_LIFE).await.expect("asked").expect("what was given back is free at once");
    assert_eq!(again, 3);
    owner.leave().await.expect("left");
}

async fn who_comes_and_goes_waits_in_no_circle(db: Db) {
    let names: Vec<String> = (0..6).map(|number| format!("guest-{number}")).collect();
    let guests = names.iter().enumerate().map(|(turn, name)| {
        let guest = Holder::new(db.clone(), name, "here");
        // Each has its own order of things.
        let wanted: Vec<String> =
            (0..30).map(|part| format!("guests/{}", (part * (turn + 1)) % 31)).collect();
        async move {
            for _ in 0..20 {
                let share = guest.share(&wanted, &BTreeSet::new(), LIFE).await?;
                guest.release(&share.surplus).await?;
                guest.leave().await?;
            }
            Ok::<_, crate::sql::DbError>(())
        }
    });
    for done in join_all(guests).await {
        done.expect("nobody is sent away for the sake of others");
    }
}

async fn db_owner(holder: &Holder) -> Option<String> {
    holder.owner("relay").await.expect("the row is readable").map(|(name, _)| name)
}

async fn parts_are_shared_out_and_taken_over(db: Db) {
    let wanted: Vec<String> = (0..7).map(|part| format!("reader/topic:t/{part}")).collect();
    let leases = |name: &str, pace: Pace| Leases::shared(Holder::new(db.clone(), name, "here"), pace);
    let long = Pace { life: LIFE * 20, ..PACE };
    let (one, other, third) = (leases("one", PACE), leases("other", long), leases("third", PACE));
    let (stop, vanish) = (CancellationToken::new(), CancellationToken::new());

    let checked = async {
        owns(&one, &wanted, 7).await;
        let alone = one.owned().borrow().clone();
        let newcomer = other.keep(&wanted, &stop);
        let watched = async {
            owns(&other, &wanted, 3).await;
            owns(&one, &wanted, 4).await;
            assert_eq!(common(&one, &other, &wanted), BTreeSet::new(), "nothing has two owners");
            let grown = |part: &&String| {
                other.owned().borrow().epoch(part).is_some_and(|epoch| Some(epoch) > alone.epoch(part))
            };
            assert_eq!(wanted.iter().filter(grown).count(), 3, "under a newer epoch than before");
            vanish.cancel();
            owns(&other, &wanted, 7).await;
            stop.cancel();
        };
        tokio::join!(newcomer, watched);
        assert_eq!(*other.owned().borrow(), Owned::default(), "who stops owns nothing any more");
    };
    let never = CancellationToken::new();
    let first = async {
        tokio::select! {
            () = one.keep(&wanted, &never) => {}
            // As by kill -9: nothing is given back.
            () = vanish.cancelled() => {}
        }
    };
    tokio::join!(first, checked);

    // What was given back is free at once: long before a life is over.
    let stop = CancellationToken::new();
    let taking = async {
        tokio::time::timeout(LIFE * 10, owns(&third, &wanted, 7)).await.expect("free at once");
        stop.cancel();
    };
    tokio::join!(third.keep(&wanted, &stop), taking);
}

/// In the middle of a rolling upgrade.
async fn what_only_the_newer_of_two_versions_knows_is_owned_too(db: Db) {
    let wanted: Vec<String> = (0..12).map(|part| format!("reader/topic:u/{part}")).collect();
    let of_old = &wanted[..4];
    let leases = |name: &str| Leases::shared(Holder::new(db.clone(), name, "here"), PACE);
    let (old, new, newer) = (leases("old"), leases("new"), leases("newer"));
    let (stop, upgraded) = (CancellationToken::new(), CancellationToken::new());
    let watched = async {
        owns(&old, of_old, 4).await;
        let coming = new.keep(&wanted, &stop);
        let watched = async {
            all_owned(&[&old, &new], &wanted).await;
            assert!(new.owned().borrow().count(&wanted) >= 8, "what the old one does not know");
            let coming = newer.keep(&wanted, &stop);
            let watched = async {
                all_owned(&[&old, &new, &newer], &wanted).await;
                upgraded.cancel();
                owns(&new, &wanted, 6).await;
                owns(&newer, &wanted, 6).await;
                stop.cancel();
            };
            tokio::join!(coming, watched);
        };
        tokio::join!(coming, watched);
    };
    tokio::join!(old.keep(of_old, &upgraded), watched);
}

/// Waits until each of them has an owner, and never two.
async fn all_owned(leases: &[&Leases], wanted: &[String]) {
    let owners =
        |part: &String| leases.iter().filter(|one| one.owned().borrow().epoch(part).is_some()).count();
    let all = async {
        while !wanted.iter().all(|part| owners(part) == 1) {
            tokio::time::sleep(PACE.renew_every / 4).await;
        }
    };
    let waited = tokio::time::timeout(LIFE * 100, all).await;
    let owned: Vec<usize> = wanted.iter().map(owners).collect();
    assert!(waited.is_ok(), "owners: {owned:?}");
}

/// Waits until exactly so many of them are owned.
async fn owns(leases: &Leases, wanted: &[String], many: usize) {
    let mut owned = leases.owned();
    let counted = |owned: &Owned| wanted.iter().filter(|part| owned.epoch(part).is_some()).count();
    let waited = owned.wait_for(|owned| counted(owned) == many);
    let waited = tokio::time::timeout(LIFE * 100, waited).await;
    assert!(waited.is_ok(), "{many} wanted, {} owned", counted(&leases.owned().borrow()));
}

fn common(one: &Leases, other: &Leases, wanted: &[String]) -> BTreeSet<String> {
    let has = |leases: &Leases, part: &String| leases.owned().borrow().epoch(part).is_some();
    wanted.iter().filter(|part| has(one, part) && has(other, part)).cloned().collect()
}
