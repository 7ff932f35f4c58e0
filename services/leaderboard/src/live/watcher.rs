//! One stream: it compares what it has shown with the newest, whenever its reader wants more.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, stream};
use kernel::Refusal;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    Ask, Frame, Grounds,
    frames::{Closed, Lost, Me, Overtaken, json},
    names::{self, Viewer},
    own::{Looked, Own},
    room::{Entered, Room},
    window::{Published, Window},
};
use crate::{
    app::{
        access::{self, may_look},
        audience::is_admitted,
    },
    boards::{Cell, Door, Phase},
    metrics::Watching,
};

/// When to come back: after a restart at once, all at different moments; to what is over, seldom.
const RETRY_MS: u64 = 1_000;
const RETRY_OVER_MS: u64 = 60_000;
/// A reader's own place is told no oftener, but for ticks.
const OWN_REST: Duration = Duration::from_millis(250);

pub struct Watcher {
    grounds: Grounds,
    room: Arc<Room>,
    window: Arc<Window>,
    segment: String,
    /// What frames call the segment.
    shown_as: String,
    /// Who stands here are teams: the board of their members.
    team_of: Option<Arc<Cell>>,
    limit: usize,
    /// Who reads, as the door let them in.
    reader: access::Viewer,
    /// The revision of the rules under which the reader may look, and what they say of that.
    rules: u64,
    door: Door,
    newest: watch::Receiver<Arc<Published>>,
    viewer: Option<Viewer>,
    own: Option<Own>,
    /// It goes on with an earlier stream.
    resumed: bool,
    /// That it moved by a score of its own: told without waiting for the next tick.
    own_moves: Option<watch::Receiver<u64>>,
    /// Its place was told of last, and is not again before…
    own_rests_until: Instant,
    /// The step whose rows the reader has.
    generation: Option<u64>,
    /// What the reader knows of names.
    names_epoch: u64,
    /// The reader is to be told all names, not only those that are new.
    names_whole: bool,
    /// Ready to be read: of one look, so at most three.
    ready: VecDeque<Frame>,
    /// Its last frame is among them.
    ended: bool,
    _watching: Watching,
}

/// What woke a stream.
enum Woken {
    Drained,
    Board,
    Moved,
    Relations,
    Retry,
}

impl Watcher {
    pub(super) fn new(
        grounds: Grounds,
        room: Arc<Room>,
        entered: Entered,
        ask: &Ask,
        signal: Option<watch::Receiver<u64>>,
    ) -> Self {
        let newest = entered.published;
        let generation = ask.last_sequence.and_then(|sequence| newest.borrow().generation_at(sequence));
        let watching = grounds.measured.watcher();
        let (account, resumed) = (ask.viewer.account, generation.is_some());
        let stands = account.filter(|_| ask.team_of.is_none());
        Self {
            grounds,
            window: entered.window,
            segment: ask.segment.clone(),
            shown_as: ask.shown_as.clone(),
            team_of: ask.team_of.clone(),
            limit: ask.limit,
            reader: ask.viewer,
            rules: ask.rules,
            door: ask.door.clone(),
            newest,
            viewer: account.zip(signal).map(|(account, signal)| Viewer::new(account, signal)),
            own: stands.map(|account| Own::new(account, resumed)),
            resumed,
            own_moves: stands.map(|account| room.cell.own_moves(account)),
            own_rests_until: Instant::now(),
            room,
            generation,
            names_epoch: 0,
            names_whole: true,
            ready: VecDeque::new(),
            ended: false,
            _watching: watching,
        }
    }

    /// The frames, until the board is closed or nobody reads them.
    pub fn frames(self) -> impl Stream<Item = Frame> + Send {
        stream::unfold(self, |mut watcher| async move {
            let frame = watcher.next().await?;
            watcher.grounds.measured.frame();
            Some((frame, watcher))
        })
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if self.grounds.drain.is_cancelled() && !self.ended {
                self.ready.clear();
                self.close("shutdown");
            }
            let rules = self.newest.borrow().rules;
            if rules > self.rules && !self.ended {
                self.rules = rules;
                self.doubt_door().await;
            }
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let newest = self.newest.borrow().clone();
            if self.wants_names(&newest) {
                self.name(&newest, false).await;
                continue;
            }
            if let Some(phase) = newest.tick.over
                && self.generation == Some(newest.generation)
                && newest.names.epoch > 0
            {
                self.close(if phase == Phase::Settled { "settled" } else { "stopped" });
                continue;
            }
            match self.woken().await {
                Woken::Drained => {}
                Woken::Board => self.look(),
                Woken::Moved => {
                    let newest = self.newest.borrow().clone();
                    self.look_at_own(&newest);
                }
                Woken::Relations => {
                    self.doubt_reader().await;
                    if let Some(viewer) = &mut self.viewer {
                        viewer.forget();
                    }
                    self.names_whole = true;
                }
                Woken::Retry => {
                    let newest = self.newest.borrow().clone();
                    self.name(&newest, true).await;
                }
            }
        }
    }

    async fn woken(&mut self) -> Woken {
        // Who has no rows yet is told its place behind them.
        let own_moves = self.own_moves.as_mut().filter(|_| self.generation.is_some());
        let (signal, retry_at) = match &mut self.viewer {
            Some(viewer) => (Some(&mut viewer.signal), viewer.retry_at),
            None => (None, None),
        };
        tokio::select! {
            biased;
            () = self.grounds.drain.cancelled() => Woken::Drained,
            () = changed(signal) => Woken::Relations,
            _ = self.newest.changed() => Woken::Board,
            () = moved(own_moves, self.own_rests_until) => Woken::Moved,
            () = due(retry_at) => Woken::Retry,
        }
    }

    /// Who may look is one of the rules, which have another revision with everybody who joins: only when it is no longer
    /// what it was, the reader is asked about, before another word is said.
    async fn doubt_door(&mut self) {
        let terms = self.team_of.as_ref().unwrap_or(&self.room.cell).terms();
        let door = terms.map(|terms| terms.door());
        if door.as_ref() == Some(&self.door) {
            return;
        }
        if let Some(door) = door {
            self.door = door;
        }
        self.doubt_reader().await;
    }

    /// Ends the stream of a reader who may no longer look at this board and segment.
    async fn doubt_reader(&mut self) {
        let admitted = tokio::select! {
            biased;
            // Ends anyway, and says so.
            () = self.grounds.drain.cancelled() => return,
            admitted = self.is_admitted() => admitted,
        };
        if matches!(admitted, Ok(true)) {
            return;
        }
        self.ready.clear();
        // What cannot be known does not show it: whoever comes again is asked anew.
        self.ended = true;
        if admitted.is_ok() {
            self.close("revoked");
        }
    }

    async fn is_admitted(&self) -> Result<bool, Refusal> {
        let peers = &self.grounds.peers;
        let cell = self.team_of.as_ref().unwrap_or(&self.room.cell);
        let looks = match cell.terms() {
            Some(terms) => may_look(peers, (cell, &terms), self.reader).await?,
            None => false,
        };
        Ok(looks && is_admitted(peers, self.reader.account, &self.segment).await?)
    }

    /// From the window of segments that nobody is in to the segment's own, once somebody is.
    fn settle(&mut self) {
        if *self.window.segment == *self.segment || self.room.is_empty(&self.segment) {
            return;
        }
        let Ok(entered) = self.room.enter(&self.segment, self.limit) else { return };
        (self.window, self.newest) = (entered.window, entered.published);
        (self.generation, self.names_epoch, self.names_whole) = (None, 0, true);
    }

    /// What the reader does not have yet of places, its own among them.
    fn look(&mut self) {
        self.settle();
        let newest = self.newest.borrow_and_update().clone();
        if newest.generation == 0 {
            return;
        }
        let sequence = newest.sequence;
        if self.generation != Some(newest.generation) {
            let delta = self.generation.and_then(|generation| newest.delta_since(generation));
            let (event, data) =
                delta.map_or_else(|| ("snapshot", newest.snapshot(&self.shown_as)), |delta| ("delta", delta));
            self.ready.push_back(Frame { event, sequence, data });
            self.generation = Some(newest.generation);
        }
        if let (None, Some(cell), Some(viewer)) = (&self.own, &self.team_of, &self.viewer) {
            // Once the reader has a score there is a team of theirs, and it stays that one.
            let team = cell.teams().and_then(|teams| teams.of(viewer.account));
            self.own = team.map(|team| Own::new(team, self.resumed));
        }
        self.look_at_own(&newest);
    }

    /// The reader's own place, as the board has it now.
    fn look_at_own(&mut self, newest: &Published) {
        let Some(own) = &mut self.own else { return };
        self.own_rests_until = Instant::now() + OWN_REST;
        if let Some(own_moves) = &mut self.own_moves {
            own_moves.mark_unchanged();
        }
        let sequence = newest.sequence;
        let place = match own.look(&self.room.cell, &self.segment, newest) {
            Looked::Stands(place) => place,
            Looked::Lost => {
                let data = json(&Lost { sequence, as_of: self.grounds.clock.now() });
                self.ready.push_back(Frame { event: "me", sequence, data });
                return;
            }
            Looked::Nowhere => return,
        };
        let mut say = |event, data: Bytes| self.ready.push_back(Frame { event, sequence, data });
        if place.changed {
            let me = Me {
                sequence,
                rank: place.rank,
                member: place.number,
                score: place.score,
                as_of: self.grounds.clock.now(),
            };
            say("me", json(&me));
        }
        if !place.overtaken_by.is_empty() {
            let overtaken = Overtaken { sequence, rank: place.rank, by: place.overtaken_by };
            say("overtaken", json(&overtaken));
        }
    }

    fn wants_names(&self, newest: &Published) -> bool {
        let epoch = newest.names.epoch;
        // Not before the places: names of nobody who is shown would mean nothing.
        epoch > 0 && self.generation.is_some() && (self.names_whole || self.names_epoch != epoch)
    }

    /// Tells the names that the reader does not know; asked `again`, only when something could be found out.
    async fn name(&mut self, newest: &Published, again: bool) {
        let names = &newest.names;
        let whole = again || self.names_whole || self.names_epoch + 1 != names.epoch;
        if let Some(viewer) = &mut self.viewer {
            let (grounds, of_teams) = (&self.grounds, self.team_of.is_some());
            let prepare = async {
                if of_teams {
                    viewer.prepare_teams(grounds, names, whole).await
                } else {
                    viewer.prepare(grounds, names, whole).await
                }
            };
            let known = tokio::select! {
                biased;
                () = grounds.drain.cancelled() => return,
                known = prepare => known,
            };
            if again && !known {
                return;
            }
        }
        let frame = match &self.team_of {
            Some(_) => names::of_teams(self.viewer.as_ref(), names, whole),
            None => names::frame(self.viewer.as_ref(), names, whole),
        };
        if let Some(data) = frame {
            self.ready.push_back(Frame { event: "names", sequence: newest.sequence, data });
        }
        self.names_epoch = names.epoch;
        self.names_whole = false;
    }

    fn close(&mut self, code: &'static str) {
        let least_ms = if code == "shutdown" { RETRY_MS } else { RETRY_OVER_MS };
        let retry_ms = least_ms + spread(2 * least_ms);
        let data = json(&Closed { code, retry_ms });
        self.ready.push_back(Frame { event: "closed", sequence: 0, data });
        self.ended = true;
    }
}

async fn changed(signal: Option<&mut watch::Receiver<u64>>) {
    // Its other end is kept while anybody listens.
    if let Some(signal) = signal
        && signal.changed().await.is_ok()
    {
        return;
    }
    pending().await
}

/// At once, or when the place has rested, however often somebody scores. Dropped at any moment, it forgets no move.
async fn moved(own_moves: Option<&mut watch::Receiver<u64>>, rests_until: Instant) {
    sleep_until(rests_until).await;
    changed(own_moves).await;
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// A number below `most`, evenly spread over calls: those that are sent away together do not come back together.
fn spread(most: u64) -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let hash = CALLS.fetch_add(1, Ordering::Relaxed).wrapping_mul(GOLDEN);
    ((hash >> 32) * most) >> 32
}
