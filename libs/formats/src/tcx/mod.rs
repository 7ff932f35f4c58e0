//! Garmin's Training Center XML, version 2, with `ActivityExtension` v2; read leniently and bounded.
//!
//! | module | subject |
//! |---|---|
//! | `read` | elements into legs of laps and points |
//! | `assemble` | legs into activities |
//! | [`write()`] | the way back |

mod assemble;
mod read;
mod write;

pub use write::write;

use crate::activity::Activity;
use crate::reading::{Damage, Problem};

/// Reads the activities; courses and workout plans are none.
pub(crate) fn read(text: &str, damage: &mut Damage) -> Result<Vec<Activity>, Problem> {
    let document = read::document(text, damage)?;
    let (points, plan) = (document.points, document.plan);
    let activities = assemble::activities(document.legs, damage);
    if !activities.is_empty() {
        return Ok(activities);
    }
    Err(match plan {
        _ if points > 0 => Problem::not_activity("a TCX file whose track points have no time"),
        Some(plan) => Problem::not_activity(format!("a TCX file with a {plan}, which nobody has done yet")),
        None if damage.is_empty() => Problem::not_activity("a TCX file without an activity"),
        None => Problem::unreadable("a damaged TCX file without a readable track point"),
    })
}
