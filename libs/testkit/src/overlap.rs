//! Two units of work that overlap on PostgreSQL, in the order that a test says: what two processes on one store do to each
//! other, without waiting for it to happen.

use std::{future::Future, sync::Arc, time::Duration};

use eventing::{
    Db, Failure, Incoming, Plain, Projection, Tx, args,
    event::{Recorded, StreamId},
    sql::{BoxFuture, DbError},
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// What is done in one transaction.
pub type Work = Box<dyn for<'t> FnOnce(&'t mut dyn Tx) -> BoxFuture<'t, Result<(), Failure>> + Send>;

/// Between two looks at whether somebody waits.
const LOOK_EACH: Duration = Duration::from_millis(2);

/// A projection's work on some events.
pub fn applying(projection: &Arc<dyn Projection>, events: &[Incoming]) -> Work {
    let (projection, events) = (projection.clone(), events.to_vec());
    Box::new(move |tx| Box::pin(async move { projection.apply(tx, &events).await }))
}

/// Does all of `first` and leaves its transaction open until `second`, begun then, has ended or waits for it. Their
/// answers, in this order.
pub async fn overlapping<F: Future>(db: &Db, first: Work, second: F) -> (Result<(), Failure>, F::Output) {
    let (stand, stands) = oneshot::channel::<i64>();
    let (go_on, told) = oneshot::channel::<()>();
    let open = db.transact::<(), Failure, _>(move |tx| {
        Box::pin(async move {
            first(tx).await?;
            let row = tx.fetch_one("SELECT pg_backend_pid()", vec![]).await?;
            let _ = stand.send(row.map_or(Ok(0), |row| row.get(0))?);
            // Whoever was to tell is gone: all the same.
            let _ = told.await;
            Ok(())
        })
    });
    let behind = async move {
        let holder = stands.await.ok();
        let mut second = std::pin::pin!(second);
        loop {
            tokio::select! {
                biased;
                answer = &mut second => {
                    drop(go_on);
                    return answer;
                }
                () = tokio::time::sleep(LOOK_EACH) => {}
            }
            let waits = match holder {
                Some(holder) => somebody_waits_for(db, holder).await.unwrap_or(true),
                None => true,
            };
            if waits {
                drop(go_on);
                return second.await;
            }
        }
    };
    tokio::join!(open, behind)
}

async fn somebody_waits_for(db: &Db, holder: i64) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE $1::bigint = ANY(pg_blocking_pids(pid)::bigint[])";
    let row = db.fetch_one(sql, args![holder]).await?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>(0))? > 0)
}

/// An event as a reader is handed it, at a place of its source's journal.
pub fn heard(
    source: &str,
    stream: StreamId,
    partition_key: &str,
    (position, version): (i64, i64),
    plain: Plain,
) -> Incoming {
    let recorded = Recorded {
        position,
        stream,
        version,
        event_id: Uuid::new_v4(),
        partition_key: partition_key.to_owned(),
        kind: plain.kind.clone(),
        schema_ver: plain.schema_ver,
        payload: plain.payload.clone(),
        meta: Default::default(),
        at_us: position,
    };
    Incoming { source: source.to_owned(), event: recorded, plain }
}
