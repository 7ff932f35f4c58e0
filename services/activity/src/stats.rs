//! What activities add up to: sums by period, streaks, records, comparisons. Pure, over what was kept of each activity.

pub mod calendar;
pub mod compare;
pub mod contribution;
pub mod records;
pub mod region;
pub mod streak;
pub mod sums;

pub use calendar::{Calendar, Interval};
pub use contribution::{Barred, Part};
pub use sums::{DaySums, Period, Sums};
