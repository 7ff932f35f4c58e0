//! A health export: workouts with their routes, days, samples, out of one document that may be larger than memory.
//!
//! | module | what |
//! |---|---|
//! | `pass` | once through the document, on a thread of its own |
//! | `hearts` | heart rates within workouts |
//! | `days` | what records add up to: half-hours, the best source of each |
//! | `workout` | one workout as it is recorded |
//! | `plan`, `run` | what would become of it; what becomes of it |
//!
//! Days and samples are digested while it is looked through, so that a run does not read the document for them again; what a
//! run still reads it for are the workouts, and the heart rates within them. Those between workouts are not kept: five
//! samples a minute for years are of no use to anybody here.

mod days;
mod hearts;
mod pass;
mod plan;
mod run;
mod workout;

pub(super) use workout::Prepared;

/// Where its records come from, as a changeset's would.
pub(super) const SOURCE: &str = "apple_health";
