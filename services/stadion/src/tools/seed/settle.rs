//! Waiting until everything that was written has arrived everywhere.

use std::time::{Duration, Instant};

use anyhow::bail;
use eventing::{Row, Topic, args, sql::DbError};
use platform::Resources;

use crate::installation::Installation;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So long nothing may move before we say that it is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Looks in a row that find everything at rest: what one reader did may give another something to do.
const AT_REST: usize = 2;

/// Waits until every relay, projection and reactor has seen the heads of what it reads and no state waits to be sent.
///
/// # Errors
/// A store that cannot be read; nothing moved for a minute.
pub async fn settled(installation: &Installation) -> anyhow::Result<()> {
    let (mut best, mut moved, mut rested) = (u64::MAX, Instant::now(), 0);
    while rested < AT_REST {
        let waiting = waiting(installation).await?;
        rested = if waiting == 0 { rested + 1 } else { 0 };
        if waiting < best {
            (best, moved) = (waiting, Instant::now());
        }
        if moved.elapsed() > STUCK_AFTER {
            bail!("the readers are {waiting} records behind and nothing moves: see `stadion doctor`");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Records that somebody still has to see.
async fn waiting(installation: &Installation) -> anyhow::Result<u64> {
    let mut waiting = 0;
    for service in installation.services() {
        let head = *service.journal.store().watch().borrow();
        let unsent = service.db.fetch_one("SELECT COUNT(*) FROM es_outbox", args![]).await?;
        waiting += unsent.map_or(Ok(0), |row| row.get::<u64>(0))?;
        let sql = "SELECT consumer, source, part, log_offset, source_pos FROM es_cursor";
        for row in service.db.fetch(sql, args![]).await? {
            waiting += behind(service, head, &Cursor::read(&row)?).await?;
        }
    }
    Ok(waiting)
}

struct Cursor {
    consumer: String,
    source: String,
    part: usize,
    log_offset: i64,
    source_pos: i64,
}

impl Cursor {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            consumer: row.get(0)?,
            source: row.get(1)?,
            part: row.get::<u32>(2)? as usize,
            log_offset: row.get(3)?,
            source_pos: row.get(4)?,
        })
    }
}

async fn behind(service: &Resources, head: i64, cursor: &Cursor) -> anyhow::Result<u64> {
    let (at, end) = match cursor.source.strip_prefix("topic:") {
        Some(of) => {
            let ends = service.bus.ends(&Topic::events(of)).await?;
            (cursor.log_offset, ends.get(cursor.part).copied().unwrap_or_default())
        }
        None if cursor.consumer == "relay" || cursor.source.starts_with("journal:") => {
            (cursor.source_pos, head)
        }
        None => (0, 0),
    };
    Ok(u64::try_from(end - at).unwrap_or_default())
}
