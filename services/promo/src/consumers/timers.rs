//! What time brings: campaigns start, drain and end; reservations and offers expire. Each is decided anew.

use async_trait::async_trait;
use eventing::{Failure, TimerHandler, store::DueTimer};

use crate::app::{App, campaigns, grant, purchase};

pub struct Timers {
    app: App,
}

impl Timers {
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl TimerHandler for Timers {
    async fn fire(&self, timer: &DueTimer) -> Result<(), Failure> {
        let no_id = || Failure::Poison(format!("{} names nothing", timer.stream));
        match timer.stream.kind() {
            "campaign" => campaigns::timed(&self.app, timer, timer.stream.id().ok_or_else(no_id)?).await?,
            "redemption" => purchase::expire(&self.app, timer, timer.stream.id().ok_or_else(no_id)?).await?,
            "offer" => grant::expire(&self.app, timer, timer.stream.id().ok_or_else(no_id)?).await?,
            _ => return Err(no_id()),
        }
        Ok(())
    }
}
