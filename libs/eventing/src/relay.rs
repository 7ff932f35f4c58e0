//! The relay: the journal's events to the bus, at least once, in order, and word of how far it has come.

use std::time::Duration;

use crate::{
    args,
    bus::{Routed, Topic},
    consume::{Ground, Pace, while_owned},
    event::Position,
    sql::{DbError, quick},
};
use proto::envelope::{Record, record::Body};

/// Events published in one go.
const BATCH: usize = 512;
/// How often a relay tells every partition how far it has come: also those to which nothing of the news belongs.
const WATERMARK_EVERY: Duration = Duration::from_secs(1);

/// The relay's resource.
pub(crate) const RELAY: &str = "relay";

/// Publishes while it is owned here, until the process stops.
pub(crate) async fn relay(ground: Ground) {
    while_owned(&ground, RELAY, |epoch| run(&ground, epoch)).await;
}

async fn run(ground: &Ground, epoch: i64) -> Result<(), String> {
    let topic = Topic::events(ground.service);
    let mut news = ground.store.watch();
    let mut published = open_cursor(ground, epoch).await.map_err(|error| error.to_string())?;
    let mut marked = 0;
    let mut look = true;
    let mut pace = Pace::default();
    let mut marks = tokio::time::interval(WATERMARK_EVERY);
    marks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !ground.shutdown.is_cancelled() {
        // Word of news may be lost: with each mark it is looked for.
        let page = if look || *news.borrow_and_update() > published {
            ground.store.read_all(published, BATCH).await.map_err(|error| error.to_string())?
        } else {
            Vec::new()
        };
        look = false;
        let Some(last) = page.last().map(|event| event.position) else {
            let is_time = tokio::select! {
                biased;
                () = ground.shutdown.cancelled() => return Ok(()),
                _ = news.changed() => false,
                _ = marks.tick() => true,
            };
            look = is_time;
            // Everything is published: tell it, unless that was told already.
            if is_time && marked < published {
                let watermarks = Routed::watermarks(ground.service, published);
                ground.bus.publish(&topic, &watermarks).await.map_err(|error| error.to_string())?;
                marked = published;
            }
            continue;
        };
        let stepping = pace.begin();
        let records: Vec<Routed> = page
            .iter()
            .map(|event| {
                let body = Some(Body::Event(event.to_proto()));
                Routed::by_key(Record { source: ground.service.to_owned(), body })
            })
            .collect();
        let began_us = ground.now_us();
        ground.bus.publish(&topic, &records).await.map_err(|error| error.to_string())?;
        if let Some(witness) = &ground.witness {
            witness.published(ground.service, &page, began_us);
        }
        move_cursor(ground, epoch, (published, last)).await?;
        published = last;
        stepping.rest(page.len(), &ground.shutdown).await;
    }
    Ok(())
}

async fn open_cursor(ground: &Ground, epoch: i64) -> Result<Position, DbError> {
    let service = ground.service;
    ground
        .db
        .transact(move |tx| {
            Box::pin(async move {
                tx.execute(
                    "INSERT INTO es_cursor (consumer, source, part, log_offset, source_pos, epoch)
                     VALUES ('relay', $1, 0, 0, 0, $2) ON CONFLICT (consumer, source, part) DO NOTHING",
                    args![service, epoch],
                )
                .await?;
                tx.execute(
                    "UPDATE es_cursor SET epoch = $2 WHERE consumer = 'relay' AND source = $1 AND epoch < $2",
                    args![service, epoch],
                )
                .await?;
                let row = tx
                    .fetch_one(
                        "SELECT source_pos, epoch FROM es_cursor WHERE consumer = 'relay' AND source = $1",
                        args![service],
                    )
                    .await?;
                let Some(row) = row else { return Ok(0) };
                if row.get::<i64>(1)? > epoch {
                    return Err(DbError::RolledBack("another relay owns this journal".to_owned()));
                }
                row.get(0)
            })
        })
        .await
}

async fn move_cursor(ground: &Ground, epoch: i64, (from, to): (Position, Position)) -> Result<(), String> {
    let sql = format!(
        "UPDATE es_cursor SET source_pos = $1 FROM {}
         WHERE consumer = 'relay' AND source = $2 AND source_pos = $3 AND epoch = $4 RETURNING source_pos",
        quick(ground.db.engine())
    );
    let moved = ground.db.settle(&sql, args![to, ground.service, from, epoch]).await;
    if moved.map_err(|error| error.to_string())?.len() == 1 {
        Ok(())
    } else {
        Err("another relay owns this journal".to_owned())
    }
}
