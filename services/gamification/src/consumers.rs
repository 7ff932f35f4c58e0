//! What gamification reads.
//!
//! | file | kind | reads | does |
//! |---|---|---|---|
//! | [`activities`] | reactor | topic `activity` | tells the account's progress what an activity now is; days of steps too |
//! | [`adjustments`] | reactor | own journal | what is heard too late for a settlement is said beside it |
//! | [`erasures`] | reactor | topic `auth` | an erased account is shown in no challenge and no league |
//! | [`own_challenges`] | projection | own journal | challenges, and who takes part |
//! | [`own_progress`] | projection | own journal | the read models |
//! | [`ledger`] | projection | own journal | both sides of each entry of points |
//! | [`leagues`] | projection | own journal | XP by week, who sits in which cohort, how weeks ended |
//! | [`privacy`] | reactor | topic `auth` | whether activities are for nobody unless one says otherwise |
//! | [`rewards`] | reactor | own journal | places fixed → points and badges |
//! | [`scores`] | projection | own journal | contributions, scores, and both as state for others |
//! | [`timers`] | timers | | a challenge is to be settled, a week of the leagues to be closed |

pub mod activities;
pub mod adjustments;
pub mod erasures;
pub mod leagues;
pub mod ledger;
pub mod own_challenges;
pub mod own_progress;
pub mod privacy;
pub mod rewards;
pub mod scores;
pub mod timers;
