//! All boards in this process' memory. Followers write, everybody else reads; one lock a board.

mod signals;
mod teamed;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use kernel::{AccountId, Id};
use platform::spans::Taking;
use tokio::{sync::watch, time::Instant};

pub use self::{signals::Signals, teamed::Teamed};
use crate::domain::{
    board::{Board, Key, Move, Told},
    places::Ties,
    teams::Combining,
};

/// What names a challenge.
pub enum Challenge {}
pub type ChallengeId = Id<Challenge>;

/// A challenge's last scores and its end come by two topics: streams wait so long for the scores.
const LAST_SCORES_WITHIN: Duration = Duration::from_secs(1);

/// Changes of a board that are followed at once: of more in one tick, some are enough.
const PUSHES_MAX: usize = 64;

/// What a board needs to know of its challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub metric: String,
    pub ascending: bool,
    pub ties: Ties,
    /// Strangers may look.
    pub public: bool,
    /// Of a challenge that is not public: the group whose members alone know of it.
    pub circle: Option<String>,
    pub author: Option<AccountId>,
    /// How teams come to their scores, where they compete.
    pub teams: Option<Combining>,
    pub phase: Phase,
    pub revision: u64,
}

impl Terms {
    pub fn door(&self) -> Door {
        Door { public: self.public, circle: self.circle.clone(), author: self.author }
    }
}

/// Of the terms, what decides who may look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    public: bool,
    circle: Option<String>,
    author: Option<AccountId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// For its author and staff, who do not look for it here.
    Draft,
    Running,
    Settled,
    Stopped,
}

/// How each member stood before it moved.
pub type Moves = HashMap<u32, Option<Key>>;

/// One board and what surrounds it. Who needs both locks takes the terms' first.
pub struct Cell {
    pub id: ChallengeId,
    /// Who stands on it are teams, not accounts.
    pub of_teams: bool,
    board: RwLock<Board>,
    terms: RwLock<Option<Known>>,
    /// Of the log of scores: where this board's stand.
    part: OnceLock<u32>,
    /// Since the last look, while anybody watches.
    moves: Mutex<Option<Moves>>,
    /// Followed changes on their way to those who watch; they have arrived when the next look is published.
    pushes: Mutex<Vec<Taking>>,
    changed: watch::Sender<u64>,
    /// To those who stand here: that they moved.
    moved: Signals,
    /// Where members compete for teams: made with the first of them.
    teams: OnceLock<Teamed>,
}

#[derive(Clone)]
struct Known {
    terms: Arc<Terms>,
    /// When it was heard that nothing moves any more.
    over_since: Option<Instant>,
}

impl Cell {
    fn new(id: ChallengeId) -> Self {
        Self {
            id,
            of_teams: false,
            board: RwLock::default(),
            terms: RwLock::default(),
            part: OnceLock::new(),
            moves: Mutex::default(),
            pushes: Mutex::default(),
            changed: watch::Sender::new(0),
            moved: Signals::default(),
            teams: OnceLock::new(),
        }
    }

    /// One that no follower writes: of the past.
    pub fn alone(id: ChallengeId, terms: Terms) -> Self {
        let cell = Self::new(id);
        cell.rule(terms);
        cell
    }

    /// The board of its teams, where they compete.
    pub fn teams(&self) -> Option<&Teamed> {
        self.teams.get()
    }

    pub fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: a score came before its challenge.
    pub fn terms(&self) -> Option<Arc<Terms>> {
        self.known().map(|known| known.terms)
    }

    /// How it ended, once its last scores have had time to come.
    pub fn over(&self) -> Option<Phase> {
        let known = self.known()?;
        let since = known.over_since?;
        (since.elapsed() >= LAST_SCORES_WITHIN).then_some(known.terms.phase)
    }

    /// Counts changes of any kind.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Changes whenever the account moves by a score of its own.
    pub fn own_moves(&self, account: AccountId) -> watch::Receiver<u64> {
        self.moved.of(account)
    }

    /// Begins or ends to note who moves.
    pub fn note_moves(&self, wanted: bool) {
        *self.moves() = wanted.then(Moves::default);
        self.pushes().clear();
    }

    /// Who has moved since this was asked last. Ask while holding the board: then it is what led to this very order.
    pub fn take_moves(&self) -> Moves {
        self.moves().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How the member moved, if it is news. `push` ends once those who watch can see it.
    pub fn tell(&self, told: Told, push: impl FnOnce() -> Taking) -> Option<Move> {
        let member = teamed::Member::of(&told);
        self.alter(&member, push, |board| board.apply(told))
    }

    /// Takes somebody off for good. How the member moved, if it stood here.
    fn vanish(&self, account: AccountId) -> Option<Move> {
        // Most boards have never heard of most people.
        self.board().slot(account)?;
        let member = teamed::Member::gone(account);
        self.alter(&member, Taking::none, |board| board.vanish(account))
    }

    /// Puts a board that was kept in the place of this one, which nobody has been told anything for.
    fn restore(&self, part: u32, kept: Board) {
        let _ = self.part.set(part);
        {
            let known = self.terms.read().unwrap_or_else(PoisonError::into_inner);
            let mut board = self.write();
            *board = kept;
            if let Some(Known { terms, .. }) = &*known {
                board.rule(terms.ascending, terms.ties);
            }
            for member in teamed::Member::all(&board) {
                self.teams.get_or_init(|| Teamed::beside(self.id)).tell(&member);
            }
        }
        self.change();
    }

    fn alter(
        &self,
        member: &teamed::Member,
        push: impl FnOnce() -> Taking,
        act: impl FnOnce(&mut Board) -> Option<Move>,
    ) -> Option<Move> {
        let mut board = self.write();
        let moved = act(&mut board);
        // While nobody else writes: teams take what members have in the same order as the board.
        if moved.is_some() && (member.has_team() || self.teams.get().is_some()) {
            self.teams.get_or_init(|| Teamed::beside(self.id)).tell(member);
        }
        if let Some(moved) = moved
            && let Some(moves) = self.moves().as_mut()
        {
            moves.entry(moved.slot).or_insert(moved.before);
            let mut pushes = self.pushes();
            if pushes.len() < PUSHES_MAX {
                pushes.push(push());
            }
        }
        drop(board);
        if moved.is_some() {
            self.moved.tell(member.account);
        }
        self.change();
        moved
    }

    /// What [`Cell::take_moves`] led to is to be followed so far. Ask while holding the board.
    pub fn take_pushes(&self) -> Vec<Taking> {
        std::mem::take(&mut *self.pushes())
    }

    pub fn rule(&self, terms: Terms) {
        {
            let mut known = self.terms.write().unwrap_or_else(PoisonError::into_inner);
            if known.as_ref().is_some_and(|known| known.terms.revision >= terms.revision) {
                return;
            }
            let over = matches!(terms.phase, Phase::Settled | Phase::Stopped);
            let before = known.as_ref().and_then(|known| known.over_since);
            let over_since = over.then(|| before.unwrap_or_else(Instant::now));
            let mut board = self.write();
            board.rule(terms.ascending, terms.ties);
            if terms.teams.is_some() {
                let teams = self.teams.get_or_init(|| Teamed::beside(self.id));
                teams.rule(&terms, board.sequence());
            }
            drop(board);
            *known = Some(Known { terms: Arc::new(terms), over_since });
        }
        self.change();
    }

    fn known(&self) -> Option<Known> {
        self.terms.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Board> {
        self.board.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn moves(&self) -> MutexGuard<'_, Option<Moves>> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pushes(&self) -> MutexGuard<'_, Vec<Taking>> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Every board, by its challenge.
#[derive(Default)]
pub struct Boards {
    cells: RwLock<HashMap<ChallengeId, Arc<Cell>>>,
    /// Those whose keys are destroyed: they stand nowhere any more.
    gone: RwLock<HashSet<AccountId>>,
}

impl Boards {
    pub fn get(&self, id: ChallengeId) -> Option<Arc<Cell>> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The board, made when this is the first that is heard of it.
    pub fn of(&self, id: ChallengeId) -> Arc<Cell> {
        if let Some(cell) = self.get(id) {
            return cell;
        }
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        cells.entry(id).or_insert_with(|| Arc::new(Cell::new(id))).clone()
    }

    /// The board of a score that stands on this partition.
    pub fn at(&self, id: ChallengeId, part: u32) -> Arc<Cell> {
        let cell = self.of(id);
        cell.part.get_or_init(|| part);
        cell
    }

    /// The boards whose scores stand on a partition.
    pub fn on(&self, part: u32) -> Vec<Arc<Cell>> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.values().filter(|cell| cell.part.get() == Some(&part)).cloned().collect()
    }

    /// Brings a board back that was kept. Whether somebody has vanished from it meanwhile.
    pub fn restore(&self, id: ChallengeId, part: u32, kept: Board) -> bool {
        let cell = self.of(id);
        cell.restore(part, kept);
        let gone: Vec<AccountId> = {
            let gone = self.gone();
            cell.board().accounts().filter(|account| gone.contains(account)).collect()
        };
        gone.into_iter().filter_map(|account| cell.vanish(account)).count() > 0
    }

    /// Takes somebody off every board, for good: where it stood, the partition of its score and how it moved.
    pub fn vanish(&self, account: AccountId) -> Vec<(u32, Move)> {
        self.gone.write().unwrap_or_else(PoisonError::into_inner).insert(account);
        let cells: Vec<Arc<Cell>> =
            self.cells.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let moved = |cell: Arc<Cell>| Some((*cell.part.get()?, cell.vanish(account)?));
        cells.into_iter().filter_map(moved).collect()
    }

    pub fn is_gone(&self, account: AccountId) -> bool {
        self.gone().contains(&account)
    }

    fn gone(&self) -> RwLockReadGuard<'_, HashSet<AccountId>> {
        self.gone.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those with a score, of all boards.
    pub fn members(&self) -> usize {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.values().map(|cell| cell.board().len()).sum()
    }
}
