//! One reader of a live board: server-sent events, folded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, bail, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::task::AbortHandle;

use super::runners::{Runners, SAME};
use crate::{calls::Ask, generator::wire::Lines};

/// More than any frame of ours; a line without an end is a fault.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Newest shared payloads that are kept parsed.
const PARSED_MAX: usize = 8;

/// One place of a board.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Place {
    pub(super) rank: u64,
    pub(super) member: String,
    pub(super) score: f64,
}

/// One's own place, or that there is none any more.
#[derive(Deserialize)]
struct Me {
    score: Option<f64>,
}

#[derive(Deserialize)]
struct Snapshot {
    entries: Vec<Place>,
}

#[derive(Deserialize)]
struct Delta {
    changes: Vec<Place>,
    left: Vec<String>,
}

#[derive(Deserialize)]
struct Named {
    account_id: String,
}

#[derive(Deserialize)]
struct Closed {
    code: String,
}

/// What all readers get alike is parsed once: two thousand of them share a machine with the server.
#[derive(Default)]
pub(super) struct Parsed(Mutex<VecDeque<(Bytes, Arc<Delta>)>>);

impl Parsed {
    fn delta(&self, data: &Bytes) -> anyhow::Result<Arc<Delta>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, delta)) = known.iter().find(|(bytes, _)| bytes == data) {
            return Ok(delta.clone());
        }
        let delta: Arc<Delta> = Arc::new(serde_json::from_slice(data).context("a delta")?);
        known.push_front((data.clone(), delta.clone()));
        known.truncate(PARSED_MAX);
        Ok(delta)
    }
}

/// The board as one reader knows it.
#[derive(Default)]
struct Board {
    entries: HashMap<String, (u64, f64)>,
    /// Member → account; those without a name are absent.
    names: HashMap<String, String>,
    me: Option<f64>,
    /// Why it ended, if it did.
    over: Option<String>,
}

impl Board {
    fn take(&mut self, places: &[Place]) {
        for Place { rank, member, score } in places {
            match self.entries.get_mut(member) {
                Some(known) => *known = (*rank, *score),
                None => drop(self.entries.insert(member.clone(), (*rank, *score))),
            }
        }
    }

    fn window(&self, places: usize) -> Vec<Place> {
        let mut window: Vec<Place> = self
            .entries
            .iter()
            .map(|(member, (rank, score))| Place { rank: *rank, member: member.clone(), score: *score })
            .collect();
        window.sort_by(|one, other| (one.rank, &one.member).cmp(&(other.rank, &other.member)));
        window.truncate(places);
        window
    }
}

/// An open stream with what it has told so far; the reading ends with it.
pub(super) struct Reader {
    who: usize,
    places: usize,
    board: Arc<Mutex<Board>>,
    reading: AbortHandle,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Reader {
    /// # Errors
    /// The door answers with something else than a stream.
    pub(super) async fn open(
        lines: &Lines,
        ask: Ask,
        places: usize,
        parsed: Arc<Parsed>,
        runners: Arc<Runners>,
    ) -> anyhow::Result<Arc<Self>> {
        let answer = lines.send(&ask).await.context("a stream was not opened")?;
        ensure!(answer.status().as_u16() == 200, "a stream was answered {}", answer.status());
        let board = Arc::new(Mutex::new(Board::default()));
        let reading = Reading { who: ask.who, board: board.clone(), parsed, runners, event: String::new() };
        let mut tasks = tokio::task::JoinSet::new();
        let handle = tasks.spawn(reading.read(answer.into_body()));
        tasks.detach_all();
        Ok(Arc::new(Self { who: ask.who, places, board, reading: handle }))
    }

    pub(super) fn who(&self) -> usize {
        self.who
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the member has a place in the window.
    pub(super) fn shows(&self, member: &str) -> bool {
        self.board().entries.contains_key(member)
    }

    /// Whether a name stands at the member.
    pub(super) fn names(&self, member: &str) -> bool {
        self.board().names.contains_key(member)
    }

    /// Members with the accounts that they are named after.
    pub(super) fn seen_names(&self) -> Vec<(String, String)> {
        self.board().names.iter().map(|(member, account)| (member.clone(), account.clone())).collect()
    }

    /// What of this stream is not the final state, in words.
    pub(super) fn differs(&self, top: &[Place], runners: &Runners) -> Option<String> {
        let board = self.board();
        if let Some(why) = &board.over {
            return Some(format!("stream {} ended: {why}", self.who));
        }
        let own = runners.score(self.who);
        let me = board.me.unwrap_or_default();
        if (me - own).abs() > SAME {
            return Some(format!("stream {} was told {me} of itself instead of {own}", self.who));
        }
        let mut sorted = top.to_vec();
        sorted.sort_by(|one, other| (one.rank, &one.member).cmp(&(other.rank, &other.member)));
        (board.window(self.places) != sorted).then(|| format!("stream {} shows another board", self.who))
    }
}

/// The board of `GET /v1/boards/{id}/top`.
pub(super) fn window_of(answer: &serde_json::Value) -> anyhow::Result<Vec<Place>> {
    Vec::<Place>::deserialize(&answer["entries"]).with_context(|| format!("no board: {answer}"))
}

struct Reading {
    who: usize,
    board: Arc<Mutex<Board>>,
    parsed: Arc<Parsed>,
    runners: Arc<Runners>,
    event: String,
}

impl Reading {
    async fn read(mut self, body: Incoming) {
        let ended = match self.frames(body).await {
            Ok(()) => "without a word".to_owned(),
            Err(error) => error.to_string(),
        };
        self.board().over.get_or_insert(ended);
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn frames(&mut self, mut body: Incoming) -> anyhow::Result<()> {
        let mut waiting = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            waiting.extend_from_slice(&data);
            while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
                let line = waiting.split_to(end + 1).freeze();
                self.line(&line.slice(..end))?;
            }
            ensure!(waiting.len() <= LINE_BYTES_MAX, "a line without an end");
        }
        Ok(())
    }

    fn line(&mut self, line: &Bytes) -> anyhow::Result<()> {
        if let Some(event) = line.strip_prefix(b"event: ") {
            self.event = String::from_utf8_lossy(event).into_owned();
            return Ok(());
        }
        let prefix = b"data: ";
        if !line.starts_with(prefix) {
            return Ok(());
        }
        let data = line.slice(prefix.len()..);
        self.frame(&data).with_context(|| format!("a frame `{}`", self.event))
    }

    fn frame(&mut self, data: &Bytes) -> anyhow::Result<()> {
        match self.event.as_str() {
            "snapshot" => {
                let snapshot: Snapshot = serde_json::from_slice(data)?;
                let mut board = self.board();
                board.entries.clear();
                board.take(&snapshot.entries);
            }
            "delta" => {
                let delta = self.parsed.delta(data)?;
                let mut board = self.board();
                for member in &delta.left {
                    board.entries.remove(member);
                    // Whoever comes back is named anew.
                    board.names.remove(member);
                }
                board.take(&delta.changes);
            }
            "names" => {
                let named: HashMap<String, Option<Named>> = serde_json::from_slice(data)?;
                let mut board = self.board();
                for (member, who) in named {
                    match who {
                        Some(named) => board.names.insert(member, named.account_id),
                        None => board.names.remove(&member),
                    };
                }
            }
            "me" => {
                let me: Me = serde_json::from_slice(data)?;
                self.board().me = me.score;
                if let Some(score) = me.score {
                    self.runners.told(self.who, score);
                }
            }
            "closed" => {
                let closed: Closed = serde_json::from_slice(data)?;
                bail!("closed, {}", closed.code);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            who: 0,
            board: Arc::default(),
            parsed: Arc::default(),
            runners: Arc::new(Runners::of(1).unwrap()),
            event: String::new(),
        }
    }

    fn tell(reading: &mut Reading, event: &str, data: &str) {
        for line in [format!("event: {event}"), "id: 7".to_owned(), format!("data: {data}"), String::new()] {
            reading.line(&Bytes::from(line)).unwrap();
        }
    }

    #[test]
    fn frames_fold_to_the_board() {
        let mut one = reading();
        let first =
            r#"{"entries":[{"rank":1,"member":"m1","score":9},{"rank":2,"member":"m2","score":8.5}]}"#;
        tell(&mut one, "snapshot", first);
        tell(&mut one, "names", r#"{"m1":{"account_id":"a","display_name":"A"},"m2":null}"#);
        let delta = r#"{"changes":[{"rank":1,"member":"m3","score":11},{"rank":2,"member":"m1","score":9}],"left":["m2"]}"#;
        tell(&mut one, "delta", delta);
        tell(&mut one, "me", r#"{"sequence":7,"rank":4,"member":"m9","score":2,"as_of":"…"}"#);
        let board = one.board();
        let window = board.window(10);
        assert_eq!(window.iter().map(|place| place.member.as_str()).collect::<Vec<_>>(), ["m3", "m1"]);
        assert_eq!(board.names.get("m1").map(String::as_str), Some("a"));
        assert_eq!(board.me, Some(2.0));
    }

    #[test]
    fn what_all_get_alike_is_parsed_once() {
        let parsed = Parsed::default();
        let data = Bytes::from_static(br#"{"changes":[],"left":["m1"]}"#);
        let (one, other) = (parsed.delta(&data).unwrap(), parsed.delta(&data).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn a_closed_stream_says_why() {
        let mut one = reading();
        one.event = "closed".to_owned();
        let closed = one.line(&Bytes::from_static(br#"data: {"code":"shutdown","retry_ms":1}"#));
        assert!(format!("{:#}", closed.unwrap_err()).contains("shutdown"));
    }
}
