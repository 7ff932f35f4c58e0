//! Places of teams, where teams compete.

use kernel::AccountId;

use super::{
    App,
    access::Viewer,
    page::{Entry, OfTeam, Page},
    titles::{Titles, titles},
};
use crate::{
    boards::{Cell, Teamed, Terms},
    domain::{
        board::{ALL, Board, Scope},
        places::Place,
    },
};

/// The segment of teams: that which is shown of a challenge where teams compete, unless another is named.
pub const TEAMS: &str = "teams";

/// All that stands on a board of teams.
pub const EVERY: Scope<'static> = Scope::Segment(ALL);

/// The board of the teams, when that is what is asked for.
pub fn asked<'c>(cell: &'c Cell, terms: &Terms, segment: &str) -> Option<&'c Teamed> {
    let asked = terms.teams.is_some() && (segment.is_empty() || segment == TEAMS);
    cell.teams().filter(|_| asked)
}

impl App {
    /// The page of what `pick` finds, all of one moment. Teams are called what their groups are, asked for afterwards;
    /// while social does not answer they are ids.
    pub async fn teams(
        &self,
        (teams, terms): (&Teamed, &Terms),
        viewer: Viewer,
        pick: impl FnOnce(&Board) -> Vec<Place>,
    ) -> Page {
        let (places, sequence, participants) = {
            let board = teams.cell.board();
            let row = |place: Place| {
                let member = board.member(place.slot);
                Some((place, member.account, member.number, member.score?.value))
            };
            let places: Vec<_> = pick(&board).into_iter().filter_map(row).collect();
            (places, board.sequence(), board.count(EVERY))
        };
        let rows: Vec<AccountId> = places.iter().map(|(_, row, ..)| *row).collect();
        let titles = titles(&self.peers, viewer.account, &rows).await;
        let mut titles = titles.unwrap_or_else(|refusal| {
            tracing::warn!(%refusal, "teams cannot be named");
            Titles::new()
        });
        let entry = |(place, row, number, score)| {
            let team = OfTeam { id: row, title: titles.remove(&row), members: teams.members(row) };
            Entry { place, number, score, named: None, team: Some(team) }
        };
        Page {
            entries: places.into_iter().map(entry).collect(),
            sequence,
            as_of: self.clock.now(),
            segment: TEAMS.to_owned(),
            participants,
            next: None,
            metric: terms.metric.clone(),
        }
    }
}
