//! Ownership's promises.

use std::time::Duration;

use futures::future::join_all;

use crate::{ownership::Holder, sql::Db};

pub async fn suite(db: Db) {
    let names: Vec<String> = (0..8).map(|number| format!("holder-{number}")).collect();
    let life = Duration::from_millis(400);
    let holders: Vec<Holder> = names.iter().map(|name| Holder::new(db.clone(), name, "here")).collect();
    let epochs = join_all(holders.iter().map(|holder| holder.acquire("relay", life))).await;
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

    assert_eq!(owner.renew(life).await.expect("renewed"), 1);
    assert_eq!(other.renew(life).await.expect("asked"), 0, "nobody renews what is not theirs");
    assert_eq!(other.acquire("relay", life).await.expect("asked"), None);

    tokio::time::sleep(life * 2).await;
    assert_eq!(db_owner(owner).await, None, "an owner that fell silent owns nothing");
    let taken = other.acquire("relay", life).await.expect("asked").expect("a standby takes over");
    assert_eq!(taken, 2, "the epoch has grown");
    assert_eq!(owner.renew(life).await.expect("asked"), 0, "the one that comes back too late renews nothing");

    other.release("relay").await.expect("released");
    let again =
        owner.acquire("relay", life).await.expect("asked").expect("what was given back is free at once");
    assert_eq!(again, 3);
}

async fn db_owner(holder: &Holder) -> Option<String> {
    holder.owner("relay").await.expect("the row is readable").map(|(name, _)| name)
}
