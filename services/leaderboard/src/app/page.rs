//! Places, with what the caller may know of who holds them: asked anew for each page.

use std::sync::Arc;

use jiff::Timestamp;
use kernel::{AccountId, Refusal};
use platform::Person;
use privacy::BoardName;

use super::{App, access::Viewer, audience::Wanted, named::Stands};
use crate::{
    boards::{Cell, Terms},
    domain::{board::Board, places::Place},
};

/// Some places of a board at one moment.
#[derive(Clone, Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub sequence: u64,
    pub as_of: Timestamp,
    pub segment: String,
    /// All who stand there, whether they have a row here or not.
    pub participants: usize,
    /// Where the next page begins.
    pub next: Option<usize>,
    pub metric: String,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub place: Place,
    pub number: u32,
    /// Thousandths of the metric's unit.
    pub score: i64,
    /// `None`: anonymous to the caller.
    pub named: Option<Named>,
    /// Of a board of teams.
    pub team: Option<OfTeam>,
}

/// A row that is a team's.
#[derive(Clone, Debug)]
pub struct OfTeam {
    /// The group that it is.
    pub id: AccountId,
    /// The group's name; `None`: the caller may not know of the group.
    pub title: Option<String>,
    /// Who have a score for it.
    pub members: u32,
}

#[derive(Clone, Debug)]
pub struct Named {
    pub account: AccountId,
    pub display_name: String,
}

/// A place before anybody is named.
struct Row {
    place: Place,
    account: AccountId,
    number: u32,
    show_as: BoardName,
    score: i64,
}

fn row(board: &Board, place: Place) -> Option<Row> {
    let member = board.member(place.slot);
    let score = member.score?.value;
    Some(Row { place, account: member.account, number: member.number, show_as: member.show_as, score })
}

impl App {
    /// The page of what `pick` finds. All of it is of one moment; names are asked for afterwards. Where few stand, who
    /// is anonymous to the viewer keeps the place and gets no row.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn page(
        &self,
        (cell, terms): (&Cell, &Terms),
        viewer: Viewer,
        wanted: &Wanted,
        pick: impl FnOnce(&Board) -> Vec<Place>,
    ) -> Result<Page, Refusal> {
        let (rows, sequence, participants, needs_names) = {
            let board = cell.board();
            let rows: Vec<Row> = pick(&board).into_iter().filter_map(|place| row(&board, place)).collect();
            (rows, board.sequence(), board.count(wanted.scope()), wanted.needs_names(&board))
        };
        let people: Vec<Stands> = rows.iter().map(|row| (row.account, row.show_as)).collect();
        let names = self.named(viewer.account, &people).await?;
        let entry = |(row, named): (Row, Option<Arc<Person>>)| {
            let named = named.map(|person| Named {
                account: row.account,
                display_name: person.standing.display_name.clone(),
            });
            Entry { place: row.place, number: row.number, score: row.score, named, team: None }
        };
        let shown = |entry: &Entry| entry.named.is_some() || !needs_names;
        Ok(Page {
            entries: rows.into_iter().zip(names).map(entry).filter(shown).collect(),
            sequence,
            as_of: self.clock.now(),
            segment: wanted.name().to_owned(),
            participants,
            next: None,
            metric: terms.metric.clone(),
        })
    }
}
