//! The caller's own bests, each with how it came about.

use eventing::Error;
use kernel::{AccountId, Refusal, Sport};

use super::App;
use crate::{
    stats::records::{Kind, Steps, find},
    store::contributions,
};

pub struct Best {
    pub sport: Sport,
    pub kind: Kind,
    /// Oldest first, at least one.
    pub steps: Steps,
}

impl App {
    pub async fn records(&self, account: AccountId, sport: Option<Sport>) -> Result<Vec<Best>, Refusal> {
        let done = contributions::done(&self.db, account, sport).await.map_err(Error::from)?;
        let found = find(done.iter().map(|(id, part)| (*id, part)));
        Ok(found.into_iter().map(|((sport, kind), steps)| Best { sport, kind, steps }).collect())
    }
}
