//! The caller's place and those around it; of teams, that of the caller's.

use kernel::Refusal;

use super::{
    App,
    access::{Opened, Viewer},
    page::Page,
    teams,
};
use crate::{boards::ChallengeId, domain::board::Board};

const SPAN: usize = 5;
const SPAN_MAX: usize = 100;

pub struct Around {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    /// Places on either side. 0: 5; at most 100.
    pub span: usize,
}

impl App {
    /// Nothing when the caller is not on the board.
    ///
    /// # Errors
    /// As [`App::open`]; `unauthenticated` for strangers.
    pub async fn around(&self, viewer: Viewer, asked: Around) -> Result<Page, Refusal> {
        let Opened { cell, terms, .. } = self.open(asked.challenge, viewer).await?;
        let me = viewer.account()?;
        let span = if asked.span == 0 { SPAN } else { asked.span.min(SPAN_MAX) };
        if let Some(teams) = teams::asked(&cell, &terms, &asked.segment) {
            let mine = teams.of(me);
            let pick =
                |board: &Board| mine.map_or_else(Vec::new, |mine| board.around(teams::EVERY, mine, span));
            return Ok(self.teams((teams, &terms), viewer, pick).await);
        }
        let wanted = self.wanted(&cell, viewer, &asked.segment).await?;
        self.page((&cell, &terms), viewer, &wanted, |board| board.around(wanted.scope(), me, span)).await
    }
}
