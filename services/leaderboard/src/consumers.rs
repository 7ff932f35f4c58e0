//! What the leaderboard follows, one file a topic.

pub mod challenges;
pub mod erased;
pub mod relations;
pub mod scores;
pub mod standings;
