//! What gamification reads.
//!
//! | file | kind | reads | does |
//! |---|---|---|---|
//! | [`activities`] | reactor | topic `activity` | tells the account's progress what an activity now is |
//! | [`own_progress`] | projection | own journal | the read models |
//! | [`scores`] | projection | own journal | contributions, scores, and both as state for others |

pub mod activities;
pub mod own_progress;
pub mod scores;
