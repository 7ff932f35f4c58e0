//! What the leaderboard follows, one file a topic.

pub mod challenges;
pub mod relations;
pub mod scores;
pub mod standings;
