//! What gamification reads.
//!
//! | file | kind | reads | does |
//! |---|---|---|---|
//! | [`activities`] | reactor | topic `activity` | tells the account's progress what an activity now is |
//! | [`erasures`] | reactor | topic `auth` | an erased account is shown in no challenge |
//! | [`own_challenges`] | projection | own journal | challenges, and who takes part |
//! | [`own_progress`] | projection | own journal | the read models |
//! | [`scores`] | projection | own journal | contributions, scores, and both as state for others |

pub mod activities;
pub mod erasures;
pub mod own_challenges;
pub mod own_progress;
pub mod scores;
