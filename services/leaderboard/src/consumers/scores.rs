//! Where participants stand.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Follower, StateValue, Topic};
use platform::{
    spans::{self, Side, Taking},
    trace::Trace,
};
use privacy::BoardName;

use crate::{boards::Boards, kept::Keeper, metrics::Measured, wire};

pub struct Scores {
    pub boards: Arc<Boards>,
    pub kept: Arc<Keeper>,
    pub measured: Measured,
}

#[async_trait]
impl Follower for Scores {
    fn name(&self) -> &'static str {
        "scores"
    }

    fn topic(&self) -> Topic {
        Topic::state("gamification", "scores")
    }

    async fn kept(&self, ends: &[i64]) -> Vec<(u32, i64)> {
        let (kept, ends) = (self.kept.clone(), ends.to_vec());
        let places = tokio::task::spawn_blocking(move || kept.restore(&ends)).await;
        let places =
            places.inspect_err(|error| tracing::error!(%error, "boards that were kept are not read"));
        self.measured.members(self.boards.members());
        self.measured.boards(self.boards.len());
        places.unwrap_or_default()
    }

    fn has(&self, key: &str, revision: u64) -> Option<bool> {
        let (challenge, account) = key.split_once('/')?;
        let (challenge, account) = (challenge.parse().ok()?, account.parse().ok()?);
        let cell = self.boards.get(challenge);
        Some(cell.is_some_and(|cell| cell.board().has(account, revision)))
    }

    async fn apply(&self, value: &StateValue) {
        match wire::told(value) {
            Ok((challenge, mut told)) => {
                let account = told.account;
                let gone = self.boards.is_gone(account);
                if gone {
                    (told.score, told.show_as) = (None, BoardName::Anonymous);
                    told.segments.clear();
                }
                let moved = self.boards.at(challenge, value.part).tell(told, || push_of(&value.trace_parent));
                self.measured.score(moved);
                self.measured.boards(self.boards.len());
                // Whose keys were destroyed meanwhile was looked for before this score was there.
                if !gone && self.boards.is_gone(account) {
                    self.boards.vanish(account);
                    self.kept.forget(value.part);
                }
            }
            Err(error) => {
                tracing::error!(key = value.key, %error, "a score is not understood");
                self.kept.distrust(value.part);
            }
        }
        self.kept.heard(value.part, value.offset + 1);
    }

    fn missed(&self, part: u32) {
        self.kept.distrust(part);
    }
}

/// The step from a score that came to those who watch the board.
fn push_of(trace_parent: &str) -> Taking {
    match trace_parent.parse::<Trace>() {
        Ok(cause) => spans::take("leaderboard", cause.child(), Side::Producer, || "push board".to_owned()),
        Err(_) => Taking::none(),
    }
}
