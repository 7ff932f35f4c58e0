//! What an account has earned, decided from the facts of its activities. Sync, clockless, no I/O.
//!
//! | file | decides |
//! |---|---|
//! | [`fact`] | what the rules look at of one activity, and which local day it belongs to |
//! | [`rules`] | the declarative rules and what makes them valid |
//! | [`rulebook`] | every set of rules that was in force, and the one that is |
//! | [`standing`] | the fold: rules over facts in canonical order → XP, level, badges, streak |
//! | [`streak`] | runs of days, and the freezes that carry them across missed ones |
//! | [`challenge`] | a challenge from draft to settlement: its terms, its window, who may do what when |
//! | [`seats`] | how many take part, and their numbers |
//! | [`participation`] | one account's part in one challenge |
//! | [`segments`] | boards that somebody stands on by what they told of themselves |
//! | [`teams`] | for whom somebody competes, and what teams have reached |
//! | [`scoring`] | what counts for a challenge, and what it amounts to |
//! | [`placing`] | the final order |
//! | [`points`] | the ledger of points |
//! | [`league`] | weekly leagues: weeks, tiers, who rises and who falls |
//! | [`daily`] | a day's steps, as one source tells them |
//! | [`visibility`] | whether an account shows its activities to anybody |
//! | [`progress`] | the stream of one account: what was said, what changes now |

pub mod challenge;
pub mod daily;
pub mod fact;
pub mod league;
pub mod participation;
pub mod placing;
pub mod points;
pub mod progress;
pub mod rulebook;
pub mod rules;
pub mod scoring;
pub mod seats;
pub mod segments;
pub mod standing;
pub mod streak;
pub mod teams;
pub mod visibility;

pub use challenge::{Challenge, ChallengeId, Terms};
pub use fact::Fact;
pub use participation::Participation;
pub use progress::{Event, Observation, Progress};
pub use rulebook::Rulebook;
pub use rules::Rules;
pub use standing::Standing;

/// Kind of an achievement's id.
pub enum Achievement {}
pub type AchievementId = kernel::Id<Achievement>;

/// The id of a badge as held by an account: won again after a revocation, it is the same.
pub fn achievement_id(account: kernel::AccountId, badge: &str) -> AchievementId {
    AchievementId::derived(&[b"achievement", account.as_bytes(), badge.as_bytes()])
}
