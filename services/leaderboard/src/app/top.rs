//! The best of a segment, page by page. A cursor is a number of places: a board that moves between two pages may show
//! somebody twice or not at all, and each page is right when it is read.

use kernel::{Code, Refusal};

use super::{
    App,
    access::{Opened, Viewer},
    page::Page,
    teams,
};
use crate::{
    boards::{Cell, ChallengeId, Terms},
    domain::board::Board,
};

pub const LIMIT: usize = 100;
pub const LIMIT_MAX: usize = 500;

pub struct Top {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    /// 0: [`LIMIT`]; at most [`LIMIT_MAX`].
    pub limit: usize,
    pub cursor: String,
}

/// How many places are meant.
pub fn limit(asked: usize) -> usize {
    if asked == 0 { LIMIT } else { asked.min(LIMIT_MAX) }
}

impl App {
    /// # Errors
    /// As [`App::open`], `bad_cursor`.
    pub async fn top(&self, viewer: Viewer, asked: Top) -> Result<Page, Refusal> {
        let Opened { cell, terms, .. } = self.open(asked.challenge, viewer).await?;
        self.listed((&cell, &terms), viewer, asked).await
    }

    /// The page of a board that the viewer may look at.
    ///
    /// # Errors
    /// As [`App::wanted`] and [`App::page`], `bad_cursor`.
    pub(super) async fn listed(
        &self,
        (cell, terms): (&Cell, &Terms),
        viewer: Viewer,
        asked: Top,
    ) -> Result<Page, Refusal> {
        let from: usize = if asked.cursor.is_empty() {
            0
        } else {
            let own = asked.cursor.parse();
            own.map_err(|_| Refusal::new(Code::BadCursor, "the cursor does not belong to this board"))?
        };
        let take = limit(asked.limit);
        let mut page = if let Some(teams) = teams::asked(cell, terms, &asked.segment) {
            self.teams((teams, terms), viewer, |board| board.list(teams::EVERY, from, take)).await
        } else {
            let wanted = self.wanted(cell, viewer, &asked.segment).await?;
            let pick = |board: &Board| board.list(wanted.scope(), from, take);
            self.page((cell, terms), viewer, &wanted, pick).await?
        };
        // Places, not rows: of a few, some are not shown.
        let upto = from.saturating_add(take);
        page.next = (upto < page.participants).then_some(upto);
        Ok(page)
    }
}
