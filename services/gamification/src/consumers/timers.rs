//! What time brings: a challenge is to be settled.

use async_trait::async_trait;
use eventing::{Failure, TimerHandler, store::DueTimer};

use crate::app::{App, challenges::SETTLE, settle};

pub struct Timers {
    app: App,
}

impl Timers {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl TimerHandler for Timers {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure> {
        if timer.command_id == SETTLE {
            settle::settle(&self.app, timer).await?;
        }
        Ok(())
    }
}
