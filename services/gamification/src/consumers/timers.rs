//! What time brings: a challenge is to be settled, a week of the leagues to be closed.

use async_trait::async_trait;
use eventing::{Failure, TimerHandler, store::DueTimer};

use crate::app::{
    App,
    challenges::SETTLE,
    leagues::{self, CLOSE},
    settle,
};

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
        match timer.command_id.as_str() {
            SETTLE => settle::settle(&self.app, timer).await?,
            CLOSE => leagues::close::close(&self.app, timer).await?,
            _ => {}
        }
        Ok(())
    }
}
