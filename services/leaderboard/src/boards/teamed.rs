//! The board of a challenge's teams: one like any other, told by what the members of the teams are told to have.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::AccountId;
use platform::spans::Taking;
use privacy::BoardName;

use super::{Cell, ChallengeId, Terms};
use crate::domain::{
    board::{Board, Score, Told},
    teams::{TeamId, Teams},
};

/// The segment of a team's own members, before the team's id.
const SEGMENT: &str = "team:";

pub struct Teamed {
    /// Teams stand on it as members do elsewhere, each under its own id.
    pub cell: Arc<Cell>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    teams: Teams,
    /// Counts what the board was told.
    revision: u64,
    /// Where the newest of it stands in the log.
    sequence: u64,
}

/// What is told of a member, as far as its team goes.
pub(super) struct Member {
    pub(super) account: AccountId,
    now: Option<(TeamId, Score)>,
    sequence: u64,
}

impl Member {
    pub(super) fn of(told: &Told) -> Self {
        let team = told.segments.iter().find_map(|segment| segment.strip_prefix(SEGMENT)?.parse().ok());
        Self { account: told.account, now: team.zip(told.score), sequence: told.sequence }
    }

    /// Nothing of theirs counts any more.
    pub(super) fn gone(account: AccountId) -> Self {
        Self { account, now: None, sequence: 0 }
    }

    /// Everybody on a board who has a score for a team.
    pub(super) fn all(board: &Board) -> impl Iterator<Item = Self> {
        board.within(SEGMENT).filter_map(|(member, team)| {
            let now = (team.parse().ok()?, member.score?);
            Some(Self { account: member.account, now: Some(now), sequence: board.sequence() })
        })
    }

    pub(super) fn has_team(&self) -> bool {
        self.now.is_some()
    }
}

impl Teamed {
    /// An id of its own: who watches teams watches another board than its members'.
    pub(super) fn beside(challenge: ChallengeId) -> Self {
        let id = ChallengeId::derived(&[b"teams", challenge.as_bytes()]);
        Self { cell: Arc::new(Cell { of_teams: true, ..Cell::new(id) }), inner: Mutex::default() }
    }

    pub(super) fn tell(&self, member: &Member) {
        let mut inner = self.inner();
        inner.sequence = inner.sequence.max(member.sequence);
        for team in inner.teams.tell(member.account, member.now) {
            self.moved(&mut inner, team);
        }
    }

    /// `sequence`: of the members' board.
    pub(super) fn rule(&self, terms: &Terms, sequence: u64) {
        self.cell.rule(Terms { teams: None, ..terms.clone() });
        let mut inner = self.inner();
        inner.sequence = inner.sequence.max(sequence);
        for team in inner.teams.rule(terms.teams.unwrap_or_default()) {
            self.moved(&mut inner, team);
        }
    }

    fn moved(&self, inner: &mut Inner, team: TeamId) {
        inner.revision += 1;
        let told = Told {
            account: row_of(team),
            number: number_of(team),
            show_as: BoardName::Anonymous,
            score: inner.teams.score(team),
            segments: Vec::new(),
            revision: inner.revision,
            sequence: inner.sequence,
        };
        self.cell.tell(told, Taking::none);
    }

    /// The row of the team that somebody has a score for.
    pub fn of(&self, account: AccountId) -> Option<AccountId> {
        self.inner().teams.of(account).map(row_of)
    }

    /// How many have a score for the team of a row.
    pub fn members(&self, row: AccountId) -> u32 {
        self.inner().teams.members(TeamId::new(row.uuid()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a team is called among the rows of a board.
fn row_of(team: TeamId) -> AccountId {
    AccountId::new(team.uuid())
}

/// Told apart in live frames: the same for a team in every process, made of its id.
fn number_of(team: TeamId) -> u32 {
    kernel::id::derived(&[b"team number", team.as_bytes()]).as_fields().0
}
