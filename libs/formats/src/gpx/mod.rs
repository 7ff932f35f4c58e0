//! GPX 1.0 and 1.1, read leniently and bounded.
//!
//! | module | subject |
//! |---|---|
//! | `read` | elements into tracks of points |
//! | `tracks` | tracks into activities |
//! | [`write()`] | the way back |

mod read;
mod tracks;
mod write;

pub use write::write;

use crate::activity::Activity;
use crate::reading::{Damage, Problem};

/// Reads the tracks; routes and waypoints are no activities.
pub(crate) fn read(text: &str, damage: &mut Damage) -> Result<Vec<Activity>, Problem> {
    let document = read::document(text, damage)?;
    let points: usize = document.tracks.iter().map(|track| track.points.len()).sum();
    let mut activities = tracks::activities(document.tracks, damage);
    // Several are not what the file is called.
    if let [only] = activities.as_mut_slice() {
        only.name = only.name.take().or(document.name);
    }
    if !activities.is_empty() {
        return Ok(activities);
    }
    Err(match points {
        0 if damage.is_empty() => Problem::not_activity("a GPX file without track points"),
        0 => Problem::unreadable("a damaged GPX file without a readable track point"),
        _ => Problem::not_activity("a GPX file whose track points have no time"),
    })
}
