//! Activities of an account, newest first: all of one's own, of others what they show.

use jiff::tz::Offset;
use kernel::{AccountId, ActivityId, Code, Refusal, Sport, time};
use platform::{Caller, Look};
use privacy::{DataClass, FieldMask};

use super::{App, Seen, page, sight};
use crate::store::{Range, Row};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub account: AccountId,
    /// The viewer's own, as this account would see them.
    pub seen_by: Option<AccountId>,
    pub sport: Option<Sport>,
    /// Start ≥.
    pub after_us: Option<i64>,
    /// Start <.
    pub before_us: Option<i64>,
    /// The last of the page before.
    pub behind: Option<ActivityId>,
    pub limit: u32,
}

pub struct Page {
    pub items: Vec<Seen>,
    /// Behind what more is found. Of another's, only where something is shown, and where more that is shown was found or
    /// no further was looked: that there are hidden ones is told by nothing.
    pub next: Option<ActivityId>,
}

/// Looks for one page of another's activities, most of which may be hidden; and rows of each but the first.
const LOOKS_MAX: u32 = 10;
const ROWS: u32 = 100;
const DAY_US: i64 = 86_400_000_000;

impl App {
    pub async fn list_activities(&self, caller: &Caller, wanted: Wanted) -> Result<Page, Refusal> {
        let viewer = caller.viewer().ok_or_else(Refusal::not_found)?;
        let limit = page(wanted.limit);
        let after_us = wanted.after_us.unwrap_or(0);
        let before_us = wanted.before_us.unwrap_or(i64::MAX);
        let range = Range {
            account_id: wanted.account,
            sport: wanted.sport,
            after_us,
            before_us,
            behind: wanted.behind,
            limit,
        };
        if wanted.seen_by.is_some() && wanted.account != viewer {
            return Err(Refusal::new(Code::Forbidden, "only one's own are shown as another sees them"));
        }
        if wanted.account == viewer && wanted.seen_by.is_none() {
            let rows = self.activities.range(range).await.map_err(eventing::Error::from)?;
            let full = rows.len() == limit as usize;
            let next = rows.last().filter(|_| full).map(|row| row.activity_id);
            return Ok(Page { items: rows.into_iter().map(Seen::by_owner).collect(), next });
        }
        let look = match wanted.seen_by {
            Some(other) => self.look_of(caller, other, viewer).await?,
            None => self.sight.look(Some(viewer), wanted.account).await?,
        };
        // Of somebody who is gone, or shares a block, nothing is asked.
        if look.relation.blocked || !look.is_present() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        // A day more on both ends: where the time of day is hidden, only the day may decide.
        let wide = Range {
            after_us: after_us.saturating_sub(DAY_US),
            before_us: before_us.saturating_add(DAY_US),
            ..range
        };
        self.scan(wide, &look, after_us..before_us).await
    }

    async fn scan(
        &self,
        mut range: Range,
        look: &Look,
        starts_us: std::ops::Range<i64>,
    ) -> Result<Page, Refusal> {
        let wanted = range.limit as usize;
        let mut items: Vec<Seen> = Vec::new();
        // A page of which nothing is hidden takes one look.
        range.limit = range.limit.saturating_add(1);
        for _ in 0..LOOKS_MAX {
            let rows = self.activities.range(range).await.map_err(eventing::Error::from)?;
            let full = rows.len() >= range.limit as usize;
            for row in rows {
                range.behind = Some(row.activity_id);
                let mask = sight::mask(look, &row);
                if !mask.shows(DataClass::Summary) {
                    continue;
                }
                // By the start that is shown: what is asked for between two times must not tell of another.
                let seen = self.cut(Seen { row, mask, own: false }, &look.areas).await?;
                if !starts_us.contains(&known_start(&seen.row, mask)) {
                    continue;
                }
                if items.len() == wanted {
                    let next = items.last().map(|last| last.row.activity_id);
                    return Ok(Page { items, next });
                }
                items.push(seen);
            }
            if !full {
                return Ok(Page { items, next: None });
            }
            range.limit = range.limit.max(ROWS);
        }
        let next = range.behind.filter(|_| !items.is_empty());
        Ok(Page { items, next })
    }
}

/// The start, or, for those who may not know the time of day, the beginning of its day.
fn known_start(row: &Row, mask: FieldMask) -> i64 {
    if mask.shows(DataClass::StartTime) {
        return row.start_us;
    }
    let offset_s = row.whole.facts.as_ref().map_or(0, |facts| facts.utc_offset_s);
    let offset = Offset::from_seconds(offset_s).unwrap_or(Offset::UTC);
    let midnight =
        offset.to_datetime(time::from_micros(row.start_us)).date().to_datetime(jiff::civil::Time::midnight());
    offset.to_timestamp(midnight).map_or(row.start_us, time::micros)
}
