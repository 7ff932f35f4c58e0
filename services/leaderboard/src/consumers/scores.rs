//! Where participants stand.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{Follower, StateValue, Topic};
use platform::{
    spans::{self, Side, Taking},
    trace::Trace,
};

use crate::{boards::Boards, metrics::Measured, wire};

pub struct Scores {
    pub boards: Arc<Boards>,
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

    async fn apply(&self, value: &StateValue) {
        match wire::told(value) {
            Ok((challenge, told)) => {
                let moved = self.boards.of(challenge).tell(told, || push_of(&value.trace_parent));
                self.measured.score(moved);
                self.measured.boards(self.boards.len());
            }
            Err(error) => tracing::error!(key = value.key, %error, "a score is not understood"),
        }
    }
}

/// The step from a score that came to those who watch the board.
fn push_of(trace_parent: &str) -> Taking {
    match trace_parent.parse::<Trace>() {
        Ok(cause) => spans::take("leaderboard", cause.child(), Side::Producer, || "push board".to_owned()),
        Err(_) => Taking::none(),
    }
}
