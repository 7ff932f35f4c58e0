//! Activities that were listed elsewhere, as far as the viewer may see each.

use std::collections::HashMap;

use kernel::{AccountId, ActivityId, Refusal};
use privacy::DataClass;

use super::{App, Seen, sight};
use crate::store::Row;

pub const ACTIVITIES_MAX: usize = 100;

impl App {
    /// In the order asked; what is unknown, deleted or hidden is left out.
    pub async fn show_activities(&self, viewer: AccountId, ids: &[ActivityId]) -> Result<Vec<Seen>, Refusal> {
        if ids.len() > ACTIVITIES_MAX {
            return Err(Refusal::field("/activity_ids", "too_many", "at most 100 activities at once"));
        }
        let rows = self.activities.among(ids).await.map_err(eventing::Error::from)?;
        let rows = rows.into_iter().filter(|row| row.live);
        let rows: HashMap<ActivityId, Row> = rows.map(|row| (row.activity_id, row)).collect();
        let owners = rows.values().map(|row| row.account_id).filter(|owner| *owner != viewer);
        let owners: Vec<AccountId> = owners.collect();
        let looks = self.sight.looks(Some(viewer), &owners).await?;
        let shown = |id: &ActivityId| {
            let row = rows.get(id)?.clone();
            if row.account_id == viewer {
                return Some(Seen::by_owner(row));
            }
            let mask = sight::mask(looks.get(&row.account_id)?, &row);
            mask.shows(DataClass::Summary).then_some(Seen { row, mask, own: false })
        };
        let mut all = Vec::with_capacity(ids.len());
        for seen in ids.iter().filter_map(shown) {
            let areas = looks.get(&seen.row.account_id).map(|look| look.areas.as_slice()).unwrap_or_default();
            all.push(self.cut(seen, areas).await?);
        }
        Ok(all)
    }
}
