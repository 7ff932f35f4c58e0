//! A reader of a live board: it folds the frames, as an app does.

use std::{collections::BTreeMap, time::Duration};

use proto::leaderboard::{BoardPage, LiveFrame};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Stream {
    frames: tonic::Streaming<LiveFrame>,
    /// member → (rank, score)
    pub(crate) rows: BTreeMap<String, (u64, f64)>,
    /// member → name; `None`: anonymous
    pub(crate) names: BTreeMap<String, Option<String>>,
    pub(crate) me: Option<(u64, f64)>,
    pub(crate) overtaken_by: Vec<String>,
    pub(crate) closed: Option<String>,
    /// Of the newest frame that has one.
    pub(crate) sequence: u64,
    pub(crate) participants: u64,
    /// Of the newest snapshot.
    pub(crate) segment: String,
    /// What came, in order.
    pub(crate) events: Vec<String>,
}

impl Stream {
    pub(crate) fn new(frames: tonic::Streaming<LiveFrame>) -> Self {
        Self {
            frames,
            rows: BTreeMap::new(),
            names: BTreeMap::new(),
            me: None,
            overtaken_by: Vec::new(),
            closed: None,
            sequence: 0,
            participants: 0,
            segment: String::new(),
            events: Vec::new(),
        }
    }

    /// Reads until what was read is as wanted.
    ///
    /// # Panics
    /// When it never is (60 s), or the stream ends before.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            let frame = tokio::time::timeout(Duration::from_secs(60), self.frames.message()).await;
            let Ok(frame) = frame else { panic!("never {what}: {:?} {:?}", self.events, self.rows) };
            let frame = frame.unwrap().unwrap_or_else(|| panic!("ended before {what}: {:?}", self.events));
            self.take(&frame);
        }
    }

    /// Whether nothing comes any more.
    pub(crate) async fn is_ended(&mut self) -> bool {
        self.frames.message().await.unwrap().is_none()
    }

    fn take(&mut self, frame: &LiveFrame) {
        let body: Value = serde_json::from_slice(&frame.data).unwrap();
        if let Some(participants) = body["participants"].as_u64() {
            self.participants = participants;
        }
        if frame.sequence > 0 {
            self.sequence = frame.sequence;
        }
        match frame.event.as_str() {
            "snapshot" => {
                self.rows.clear();
                body["segment"].as_str().unwrap().clone_into(&mut self.segment);
                self.put(&body["entries"]);
            }
            "delta" => {
                self.put(&body["changes"]);
                for member in body["left"].as_array().unwrap() {
                    self.rows.remove(member.as_str().unwrap());
                }
            }
            "names" => {
                for (member, named) in body.as_object().unwrap() {
                    let name = named.get("display_name").and_then(Value::as_str).map(str::to_owned);
                    self.names.insert(member.clone(), name);
                }
            }
            "me" => {
                self.me = body["rank"].as_u64().map(|rank| (rank, body["score"].as_f64().unwrap()));
                assert_eq!(self.me.is_some(), body.get("member").is_some(), "all of it or nothing");
            }
            "overtaken" => {
                let by = body["by"].as_array().unwrap().iter();
                self.overtaken_by.extend(by.map(|member| member.as_str().unwrap().to_owned()));
            }
            "closed" => {
                assert!(body["retry_ms"].as_u64().unwrap() > 0);
                self.closed = Some(body["code"].as_str().unwrap().to_owned());
            }
            other => panic!("a frame of an unknown kind: {other}"),
        }
        self.events.push(frame.event.clone());
    }

    fn put(&mut self, rows: &Value) {
        for row in rows.as_array().unwrap() {
            let place = (row["rank"].as_u64().unwrap(), row["score"].as_f64().unwrap());
            self.rows.insert(row["member"].as_str().unwrap().to_owned(), place);
        }
    }

    /// Whether the rows are the first ten of the page.
    pub(crate) fn shows(&self, page: &BoardPage) -> bool {
        let row = |entry: &proto::leaderboard::Entry| {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let score = entry.score as f64 / 1_000.0;
            (format!("m{}", entry.member), (u64::from(entry.rank), score))
        };
        self.rows == page.entries.iter().take(10).map(row).collect()
    }

    pub(crate) fn name(&self, member: &str) -> Option<&str> {
        self.names.get(member).and_then(Option::as_deref)
    }

    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|one| *one == event).count()
    }
}
