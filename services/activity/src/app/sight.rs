//! What of an activity a viewer may see: the owner's choices and what the two are to each other, through one function.
//! One's own is never asked about.

use kernel::{AccountId, ActivityId, Refusal};
use platform::Look;
use privacy::{Area, DataClass, FieldMask};

use super::{App, Seen};
use crate::{store::Row, wire};

impl App {
    /// The live activity and what this viewer may see of it; `not_found` when that is nothing.
    pub async fn look(&self, id: ActivityId, viewer: AccountId) -> Result<Seen, Refusal> {
        let (seen, areas) = self.look_at_track(id, viewer).await?;
        self.cut(seen, &areas).await
    }

    /// The whole activity, with the areas that are yet to be cut from it for this viewer.
    pub async fn look_at_track(
        &self,
        id: ActivityId,
        viewer: AccountId,
    ) -> Result<(Seen, Vec<Area>), Refusal> {
        let row = self.activities.get(id).await.map_err(eventing::Error::from)?;
        // What is told of by another is there for its owner, and nowhere else.
        let is_there = |row: &Row| row.live || (row.account_id == viewer && row.is_there());
        let row = row.filter(is_there).ok_or_else(Refusal::not_found)?;
        if row.account_id == viewer {
            return Ok((Seen::by_owner(row), Vec::new()));
        }
        let look = self.sight.look(Some(viewer), row.account_id).await?;
        let mask = mask(&look, &row);
        if !mask.shows(DataClass::Summary) {
            return Err(Refusal::not_found());
        }
        Ok((Seen { row, mask, own: false }, look.areas.clone()))
    }
}

/// What a look shows of one of the owner's activities.
pub(super) fn mask(look: &Look, row: &Row) -> FieldMask {
    look.mask(wire::visibility_of(&row.whole).as_ref())
}
