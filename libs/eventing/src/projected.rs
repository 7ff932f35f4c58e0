//! Waiting until the own read models have seen a position, wherever their projections run.

use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use crate::{
    args,
    event::Position,
    leases::Owned,
    sql::{Db, DbError},
};

/// How long a projection may be nobody's while it changes hands: a round of leases, and what has piled up meanwhile.
const CHANGES_HANDS: Duration = Duration::from_secs(5);
/// Between two looks at how far other processes have projected: each twice as far apart, while a part changes hands.
const LOOK_ELSEWHERE: Duration = Duration::from_millis(5);
const LOOK_ELSEWHERE_MAX: Duration = Duration::from_millis(100);

/// Tells when a position has been seen by the service's own read models.
#[derive(Clone)]
pub struct Projected {
    pub(crate) progress: watch::Receiver<Option<watch::Receiver<Position>>>,
    pub(crate) head: watch::Receiver<Position>,
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// Where other processes may project what this one does not: their cursors tell.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    pub(crate) db: Db,
    pub(crate) source: String,
    pub(crate) projections: Vec<&'static str>,
    /// By which each of them is owned.
    pub(crate) resources: Vec<String>,
    pub(crate) owned: watch::Receiver<Owned>,
}

impl Elsewhere {
    /// Ends when every projection has seen the position, wherever it runs. While all of them are this process' own nobody
    /// is asked: it would know first.
    async fn reached(&self, position: Position) {
        let mut owned = self.owned.clone();
        let mut pause = LOOK_ELSEWHERE;
        loop {
            if owned.borrow_and_update().count(&self.resources) == self.resources.len() {
                match owned.changed().await {
                    Ok(()) => continue,
                    // The leases' end is the process' end.
                    Err(_) => return std::future::pending().await,
                }
            }
            match self.position().await {
                Ok(at) if at >= position => return,
                Ok(_) => {}
                Err(error) => warn!(%error, "it cannot be known how far the projections have come"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_ELSEWHERE_MAX);
        }
    }

    /// The least position of all of them.
    async fn position(&self) -> Result<Position, DbError> {
        let sql = "SELECT consumer, source_pos FROM es_cursor WHERE source = $1 AND part = 0";
        let rows = self.db.fetch(sql, args![&self.source]).await?;
        let mut least = Position::MAX;
        for name in &self.projections {
            let row = rows.iter().find(|row| row.get::<String>(0).is_ok_and(|consumer| consumer == *name));
            least = least.min(row.map_or(Ok(0), |row| row.get(1))?);
        }
        Ok(least)
    }
}

impl Projected {
    /// Waits until `position` has been projected, at most `patience`. `false`: it has not, yet.
    pub async fn reached(&self, position: Position, patience: Duration) -> bool {
        let running = self.progress.borrow().clone();
        let mut positions = running.unwrap_or_else(|| self.head.clone());
        let here = async { positions.wait_for(|at| *at >= position).await.is_ok() };
        let waited = async {
            let Some(elsewhere) = self.elsewhere.as_ref().filter(|_| !self.is_past(position)) else {
                return here.await;
            };
            tokio::select! {
                biased;
                reached = here => reached,
                () = elsewhere.reached(position) => true,
            }
        };
        tokio::time::timeout(patience, waited).await.unwrap_or_default()
    }

    /// How long whoever must see a position waits for it: longer where a projection may be on its way to another process.
    pub fn patience(&self, alone: Duration) -> Duration {
        if self.elsewhere.is_some() { alone.max(CHANGES_HANDS) } else { alone }
    }

    fn is_past(&self, position: Position) -> bool {
        self.position() >= position
    }

    /// How far they are now, as far as this process knows.
    pub fn position(&self) -> Position {
        let running = self.progress.borrow().clone();
        *running.unwrap_or_else(|| self.head.clone()).borrow()
    }
}
