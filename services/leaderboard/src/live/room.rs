//! A watched board: one loop, as many windows as are watched.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use kernel::{AccountId, Code, Refusal};
use platform::{Look, Task, spans::Taking};
use privacy::Relation;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    Grounds, Heard,
    window::{Cut, Tick, Who, Window},
};
use crate::{
    app::{
        titles::{Titles, titles},
        top::LIMIT,
    },
    boards::{Cell, Moves},
    domain::board::{ALL, Scope},
};

/// A tick is at least so long, and at most.
const TICK_MIN: Duration = Duration::from_millis(250);
const TICK_MAX: Duration = Duration::from_millis(1_500);
/// Ticks may take a twentieth of one core…
const TICK_SHARE: u32 = 20;
/// …and what each watcher does when it is woken, with its frames' way to the socket (40 µs), a quarter of one.
const WATCHER_REST: Duration = Duration::from_micros(4 * 40);
/// What cannot wait for the next tick waits so long, so that several such things share one.
const SOON: Duration = Duration::from_millis(25);
/// A window that nobody watches is kept so long: whoever lost the connection goes on where it was.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Different windows of one board, at most…
const WINDOWS_MAX: usize = 1_024;
/// …and so many while those that nobody watches are kept at all.
const WINDOWS_CALM: usize = 128;
/// The segment of the window for all segments that nobody is in: no segment has this name.
const NOBODY: &str = "";
/// Ticks whose moves are kept.
const MOVES_KEPT: usize = 8;
/// What a group is called is asked for anew so often.
const TITLES_FOR: Duration = Duration::from_secs(60);
/// How long names wait for auth; the places do not wait.
const LOOKS_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Room {
    pub(super) cell: Arc<Cell>,
    grounds: Grounds,
    heard: Arc<OnceLock<Heard>>,
    windows: Mutex<Windows>,
    people: Mutex<People>,
    nudge: Notify,
}

/// A segment, and how many of its places.
type Shown = (String, usize);

#[derive(Default)]
struct Windows {
    open: HashMap<Shown, Arc<Window>>,
    running: bool,
    ticks: u64,
    moves: VecDeque<(u64, Arc<Moves>)>,
}

impl Windows {
    /// Lets another window in. The one that nearly everybody watches is always let in: nobody takes it from others by
    /// watching many.
    fn admit(&mut self, (segment, limit): &Shown) -> Result<(), Refusal> {
        if self.open.len() >= WINDOWS_CALM {
            self.open.retain(|_, window| window.watchers() > 0);
        }
        if self.open.len() < WINDOWS_MAX || (segment.as_str(), *limit) == (ALL, LIMIT) {
            return Ok(());
        }
        Err(Refusal::new(Code::Overloaded, "too many views of this board at once").retry_after_s(5))
    }

    fn forget_idle(&mut self) {
        let calm = self.open.len() <= WINDOWS_CALM;
        self.open.retain(|_, window| {
            let idle = window.idle();
            window.watchers() > 0 || (calm && idle < IDLE_MAX)
        });
    }
}

/// What auth says of those who are shown.
#[derive(Default)]
struct People {
    looks: HashMap<AccountId, Arc<Look>>,
    /// Being shown, whether known or not.
    shown: HashSet<AccountId>,
    /// To be asked for anew.
    stale: HashSet<AccountId>,
    /// Of teams: what anybody may call them, which of them were asked for, and since when that holds.
    titles: Titles,
    titled: HashSet<AccountId>,
    titled_at: Option<Instant>,
}

impl Room {
    pub(super) fn new(grounds: Grounds, heard: Arc<OnceLock<Heard>>, cell: Arc<Cell>) -> Self {
        Self {
            cell,
            grounds,
            heard,
            windows: Mutex::default(),
            people: Mutex::default(),
            nudge: Notify::new(),
        }
    }

    /// The window, with somebody in it from now on.
    pub(super) fn enter(self: &Arc<Self>, segment: &str, limit: usize) -> Result<Entered, Refusal> {
        let mut windows = self.windows();
        let key = if self.is_empty(segment) { (NOBODY.to_owned(), 1) } else { (segment.to_owned(), limit) };
        if !windows.open.contains_key(&key) {
            windows.admit(&key)?;
            let (tick, rules) = (self.tick_of(&windows), self.rules());
            let window = Window::open(&key.0, key.1, (&self.cell.board(), rules), tick);
            windows.open.insert(key.clone(), Arc::new(window));
            self.nudge.notify_one();
        }
        if !std::mem::replace(&mut windows.running, true) {
            self.cell.note_moves(true);
            let room = self.clone();
            let task = Task::new(format!("leaderboard/live/{}", self.cell.id), async move {
                room.run().await;
                Ok(())
            });
            self.grounds.tasks.spawn(task);
        }
        let window = windows.open[&key].clone();
        let published = window.subscribe();
        Ok(Entered { window, published })
    }

    /// Whether the segment is shown by the window of those that nobody is in.
    pub(super) fn is_empty(&self, segment: &str) -> bool {
        segment != ALL && self.cell.board().count(Scope::Segment(segment)) == 0
    }

    /// A member's name or settings changed, or who it is to others: it matters where it is shown.
    pub(super) fn renew(&self, account: AccountId) {
        let mut people = self.people();
        if people.shown.contains(&account) {
            people.stale.insert(account);
            self.nudge.notify_one();
        }
    }

    async fn run(&self) {
        let mut changes = self.cell.changes();
        loop {
            changes.mark_unchanged();
            let took = self.tick().await;
            self.grounds.measured.tick(took);
            if self.is_left() {
                return;
            }
            let rest = self.rest(took);
            let nudged = tokio::select! {
                () = self.grounds.drain.cancelled() => return,
                () = sleep(rest) => false,
                () = self.nudge.notified() => true,
            };
            if nudged {
                sleep(SOON).await;
                continue;
            }
            tokio::select! {
                () = self.grounds.drain.cancelled() => return,
                _ = changes.changed() => {}
                () = self.nudge.notified() => sleep(SOON).await,
                // The end of a challenge, a silent follower, a window that nobody watches: seen without a score.
                () = sleep(TICK_MAX) => {}
            }
        }
    }

    /// One look for all windows. How long the board itself was looked at.
    async fn tick(&self) -> Duration {
        let began = Instant::now();
        let (tick, cuts, pushes) = self.cut();
        let took = began.elapsed();
        let unknown = self.unknown(&cuts);
        // Places do not wait for auth, but for those of a few: who of them may be shown is not known before.
        let (few, many): (Cuts, Cuts) = cuts.into_iter().partition(|(_, cut)| cut.few.is_some());
        let mut whos = publish(many, &tick);
        if self.cell.of_teams {
            self.name_teams(whos, &unknown).await;
            drop(pushes);
            return took;
        }
        if !unknown.is_empty() {
            self.ask(&unknown).await;
        }
        let relations_heard = self.hears(|heard| heard.relations.is_fresh());
        let looks = if self.hears(|heard| heard.standings.is_fresh()) {
            self.people().looks.clone()
        } else {
            HashMap::new()
        };
        whos.extend(publish(self.cut_known(few, &looks), &tick));
        drop(pushes);
        for (window, who) in whos {
            window.name(|names| names.after(&who, &looks, relations_heard));
        }
        took
    }

    /// Teams are called what their groups are. `shown`: all of them.
    async fn name_teams(&self, whos: Vec<(Arc<Window>, Vec<Who>)>, shown: &[AccountId]) {
        let unknown: Vec<AccountId> = {
            let mut people = self.people();
            let People { titled, titled_at, .. } = &mut *people;
            if titled_at.is_none_or(|at| at.elapsed() >= TITLES_FOR) {
                // A group's new name is nowhere told.
                *titled_at = Some(Instant::now());
                titled.clear();
            }
            shown.iter().filter(|row| !titled.contains(*row)).copied().collect()
        };
        let asked = titles(&self.grounds.peers, None, &unknown);
        let told = timeout(LOOKS_WITHIN, asked).await;
        match told {
            Ok(Ok(told)) => {
                let mut people = self.people();
                people.titles.retain(|row, _| shown.contains(row) && !unknown.contains(row));
                people.titles.extend(told);
                people.titled.retain(|row| shown.contains(row));
                people.titled.extend(unknown);
            }
            _ => tracing::warn!(board = %self.cell.id, "teams cannot be named: they stay as they were"),
        }
        let titles = self.people().titles.clone();
        for (window, who) in whos {
            window.name(|names| names.after_teams(&who, &titles));
        }
    }

    /// Every window's places, all of one moment.
    fn cut(&self) -> (Tick, Cuts, Vec<Taking>) {
        let mut windows = self.windows();
        let rules = self.rules();
        let board = self.cell.board();
        windows.ticks += 1;
        let moves = (windows.ticks, Arc::new(self.cell.take_moves()));
        let pushes = self.cell.take_pushes();
        windows.moves.push_back(moves);
        if windows.moves.len() > MOVES_KEPT {
            windows.moves.pop_front();
        }
        let cuts = windows.open.values().map(|window| (window.clone(), window.cut((&board, rules))));
        let cuts = cuts.collect();
        drop(board);
        (self.tick_of(&windows), cuts, pushes)
    }

    /// The windows of a few once more, now that it is known who may be shown.
    fn cut_known(&self, few: Cuts, looks: &HashMap<AccountId, Arc<Look>>) -> Cuts {
        let rules = self.rules();
        let board = self.cell.board();
        let known = |(window, _): (Arc<Window>, Cut)| {
            let cut = window.cut_known((&board, rules), looks);
            (window, cut)
        };
        few.into_iter().map(known).collect()
    }

    fn tick_of(&self, windows: &Windows) -> Tick {
        Tick {
            number: windows.ticks,
            as_of: self.grounds.clock.now(),
            moves: windows.moves.iter().cloned().collect(),
            over: self.cell.over(),
        }
    }

    /// Those who are shown and of whom nothing is known; from now on, only those who are shown are remembered.
    fn unknown(&self, cuts: &[(Arc<Window>, Cut)]) -> Vec<AccountId> {
        let cuts = cuts.iter().map(|(_, cut)| cut);
        let shown =
            cuts.flat_map(|cut| cut.who.iter().map(|who| who.account).chain(cut.asked.iter().copied()));
        let shown: HashSet<AccountId> = shown.collect();
        let mut people = self.people();
        let People { looks, stale, .. } = &mut *people;
        looks.retain(|account, _| shown.contains(account) && !stale.contains(account));
        stale.clear();
        let unknown = shown.iter().filter(|account| !looks.contains_key(account)).copied().collect();
        people.shown = shown;
        unknown
    }

    async fn ask(&self, accounts: &[AccountId]) {
        let Ok(Ok(standings)) = timeout(LOOKS_WITHIN, self.grounds.sight.standings(accounts)).await else {
            tracing::warn!(board = %self.cell.id, "members cannot be asked for: they stay anonymous");
            return;
        };
        let look = |(account, person)| (account, Arc::new(Look::new(person, Relation::stranger())));
        self.people().looks.extend(standings.into_iter().map(look));
    }

    fn hears(&self, is_fresh: impl Fn(&Heard) -> bool) -> bool {
        self.heard.get().is_some_and(is_fresh)
    }

    fn rules(&self) -> u64 {
        self.cell.terms().map_or(0, |terms| terms.revision)
    }

    /// Forgets windows that nobody watches; whether none is left, and the loop with it.
    fn is_left(&self) -> bool {
        let mut windows = self.windows();
        windows.forget_idle();
        if !windows.open.is_empty() {
            return false;
        }
        windows.running = false;
        windows.moves.clear();
        self.cell.note_moves(false);
        *self.people() = People::default();
        true
    }

    /// Until the next tick.
    fn rest(&self, took: Duration) -> Duration {
        let watchers: usize = self.windows().open.values().map(|window| window.watchers()).sum();
        let watchers = u32::try_from(watchers).unwrap_or(u32::MAX);
        (took * TICK_SHARE).max(WATCHER_REST.saturating_mul(watchers)).clamp(TICK_MIN, TICK_MAX)
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Windows, each with its places at one moment.
type Cuts = Vec<(Arc<Window>, Cut)>;

/// Leaves the places for everybody. Who holds those that are shown.
fn publish(cuts: Cuts, tick: &Tick) -> Vec<(Arc<Window>, Vec<Who>)> {
    let publish = |(window, mut cut): (Arc<Window>, Cut)| {
        let who = std::mem::take(&mut cut.who);
        window.publish(cut, tick);
        (window, who)
    };
    cuts.into_iter().map(publish).collect()
}

/// A place at a window.
pub(super) struct Entered {
    pub(super) window: Arc<Window>,
    pub(super) published: tokio::sync::watch::Receiver<Arc<super::window::Published>>,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::board::Board;

    fn watched(windows: &mut Windows, key: Shown) -> Entered {
        windows.admit(&key).unwrap();
        let tick = Tick { number: 0, as_of: Timestamp::UNIX_EPOCH, moves: Arc::default(), over: None };
        let window = Arc::new(Window::open(&key.0, key.1, (&Board::default(), 0), tick));
        windows.open.insert(key, window.clone());
        Entered { published: window.subscribe(), window }
    }

    #[tokio::test]
    async fn watching_many_windows_takes_the_whole_board_from_nobody() {
        let mut windows = Windows::default();
        let other = |number: usize| (format!("level:{number}"), 10);
        let watchers: Vec<Entered> =
            (0..WINDOWS_MAX).map(|number| watched(&mut windows, other(number))).collect();
        let refused = windows.admit(&other(WINDOWS_MAX)).unwrap_err();
        assert_eq!(refused.code, Code::Overloaded);
        let everybody = watched(&mut windows, (ALL.to_owned(), LIMIT));
        drop(watchers);
        windows.admit(&other(WINDOWS_MAX)).unwrap();
        assert_eq!(windows.open.len(), 1, "those that nobody watches make room at once");
        drop(everybody);
        windows.forget_idle();
        assert_eq!(windows.open.len(), 1, "among few, a window waits for whoever lost the connection");
    }
}
