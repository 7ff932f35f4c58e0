//! What time brings: sessions of which nothing is heard end, what was told of ended ones is deleted, and so is what was
//! deleted and not restored in time, and the archives of imports that are over.

use async_trait::async_trait;
use eventing::{Failure, TimerHandler, store::DueTimer};

use crate::app::App;

pub struct Timers {
    pub app: App,
}

#[async_trait]
impl TimerHandler for Timers {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure> {
        let named = || Failure::Poison(format!("{} names nothing", timer.stream));
        match (timer.stream.kind(), timer.command_id.as_str()) {
            ("live", "silence") => self.app.listen_to_live(timer.stream.id().ok_or_else(named)?).await?,
            ("live", "forget") => self.app.forget_live(timer.stream.id().ok_or_else(named)?).await?,
            ("activity", what) => {
                self.app.purge_due(timer.stream.id().ok_or_else(named)?, what).await?;
            }
            ("import", "archive") => {
                self.app.purge_archive_due(timer.stream.id().ok_or_else(named)?).await?;
            }
            _ => return Err(named()),
        }
        Ok(())
    }
}
