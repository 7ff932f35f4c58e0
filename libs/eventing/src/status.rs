//! How a spine stands: asked when somebody looks, from the rows that the work itself keeps. Nothing is counted for it on
//! the way of a command, but what only the writer knows ([`crate::store::Writer`]).
//!
//! Lags are the store's, not the process': every process of a service that shares a store says the same.

mod lengths;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;

use crate::{
    args,
    bus::Topic,
    consume::{Ground, source_name},
    event::Position,
    readers::Source,
    relay::RELAY,
    sql::{DbError, Load},
    store::{StoreError, Writer},
};

pub(crate) use lengths::Lengths;

/// A log that does not say where it ends within this time is taken for silent.
const LOG_WITHIN: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Status {
    /// The position of the journal's last event.
    pub head: Position,
    /// What the relay has not published yet.
    pub relay: Lag,
    /// State values that wait to be published.
    pub outbox: u64,
    pub timers: TimersStatus,
    pub readers: Vec<ReaderStatus>,
    pub parked: Vec<ParkedStatus>,
    pub followers: Vec<FollowerStatus>,
    /// Of the service's resources, how many there are and how many are this process' own.
    pub resources: usize,
    pub owned: usize,
    /// `None` where the writer does not count.
    pub writer: Option<Writer>,
    /// `None` where the engine does not tell.
    pub database: Option<Load>,
    /// Whether the log answered; `None` when nobody here reads it.
    pub log_answers: Option<bool>,
}

/// How far somebody is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub events: u64,
    /// The age of the oldest record that is not taken: of the own journal by its time, of a topic by when it was first
    /// seen there.
    pub age: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimersStatus {
    pub overdue: u64,
    /// How late the first of them is.
    pub late: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderKind {
    Projection,
    Reactor,
}

#[derive(Clone, Debug)]
pub struct ReaderStatus {
    pub kind: ReaderKind,
    pub reader: &'static str,
    /// `journal:<service>` or `topic:<service>`.
    pub source: String,
    /// `None`: it has not begun yet, or the log did not say where it ends.
    pub lag: Option<Lag>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedStatus {
    pub reader: String,
    pub keys: u64,
    pub records: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    pub follower: &'static str,
    pub caught_up: bool,
    /// How long its log has been silent towards it.
    pub silence: Duration,
}

/// A reader and one of its sources.
pub(crate) struct Reader {
    pub(crate) kind: ReaderKind,
    pub(crate) reader: &'static str,
    pub(crate) source: Source,
}

/// `(log offset, source position)` by partition.
type Places = BTreeMap<u32, (i64, Position)>;
/// The ends of a topic's partitions, by the service whose events it holds.
type Ends = BTreeMap<&'static str, Option<Vec<i64>>>;

pub(crate) async fn look(
    ground: &Ground,
    readers: Vec<Reader>,
    followers: Vec<FollowerStatus>,
    resources: &[String],
    lengths: &Lengths,
) -> Result<Status, DbError> {
    let head = ground.store.head().await.map_err(|error| match error {
        StoreError::Db(error) => error,
        error => DbError::Unavailable(error.to_string()),
    })?;
    let ends = ends(ground, &readers).await;
    let now = Instant::now();
    for (of, ends) in &ends {
        if let Some(ends) = ends {
            lengths.note(of, ends, now);
        }
    }
    let places = places(ground).await?;
    let mut stand = Vec::with_capacity(readers.len());
    for Reader { kind, reader, source } in readers {
        let name = source_name(source, ground.service);
        let lag = match (places.get(&(reader.to_owned(), name.clone())), source) {
            (None, _) => None,
            (Some(places), Source::OwnJournal) => {
                let at = places.get(&0).map_or(0, |(_, position)| *position);
                Some(behind(ground, head, at).await?)
            }
            (Some(places), Source::Topic(of)) => {
                let ends = ends.get(of).and_then(Option::as_ref);
                ends.map(|ends| Lag {
                    events: unread(places, ends),
                    age: Some(lengths.age(of, |ends| unread(places, ends) > 0, now)),
                })
            }
        };
        stand.push(ReaderStatus { kind, reader, source: name, lag });
    }
    let relayed = places.get(&(RELAY.to_owned(), ground.service.to_owned()));
    let relayed = relayed.and_then(|places| places.get(&0)).map_or(0, |(_, position)| *position);
    let log_answers = (!ends.is_empty()).then(|| ends.values().all(Option::is_some));
    Ok(Status {
        head,
        relay: behind(ground, head, relayed).await?,
        outbox: outbox(ground).await?,
        timers: timers(ground).await?,
        readers: stand,
        parked: parked(ground).await?,
        followers,
        resources: resources.len(),
        owned: ground.leases.owned().borrow().count(resources),
        writer: ground.store.writer(),
        database: ground.db.load(),
        log_answers,
    })
}

/// Where every topic that is read here ends. All are asked at once.
async fn ends(ground: &Ground, readers: &[Reader]) -> Ends {
    let mut topics: Vec<&'static str> = readers
        .iter()
        .filter_map(|one| match one.source {
            Source::Topic(of) => Some(of),
            Source::OwnJournal => None,
        })
        .collect();
    topics.sort_unstable();
    topics.dedup();
    let asked = topics.into_iter().map(|of| async move {
        let topic = Topic::events(of);
        let answer = tokio::time::timeout(LOG_WITHIN, ground.bus.ends(&topic)).await;
        (of, answer.ok().and_then(Result::ok))
    });
    join_all(asked).await.into_iter().collect()
}

async fn places(ground: &Ground) -> Result<BTreeMap<(String, String), Places>, DbError> {
    let sql = "SELECT consumer, source, part, log_offset, source_pos FROM es_cursor";
    let mut all: BTreeMap<(String, String), Places> = BTreeMap::new();
    for row in ground.db.fetch(sql, vec![]).await? {
        let places = all.entry((row.get(0)?, row.get(1)?)).or_default();
        places.insert(row.get(2)?, (row.get(3)?, row.get(4)?));
    }
    Ok(all)
}

/// Positions have no gaps: the difference is the number of events.
async fn behind(ground: &Ground, head: Position, at: Position) -> Result<Lag, DbError> {
    let events = u64::try_from(head.saturating_sub(at)).unwrap_or_default();
    if events == 0 {
        return Ok(Lag { events, age: Some(Duration::ZERO) });
    }
    let sql = "SELECT at_us FROM es_event WHERE position = $1";
    let row = ground.db.fetch_one(sql, args![at + 1]).await?;
    let age = row.map(|row| row.get::<i64>(0)).transpose()?.map(|at_us| since(ground, at_us));
    Ok(Lag { events, age })
}

fn unread(places: &Places, ends: &[i64]) -> u64 {
    let unread = ends.iter().zip(0_u32..).map(|(end, part)| {
        // A partition that nobody has begun with is unread from its first record.
        let at = places.get(&part).map_or(0, |(offset, _)| *offset);
        u64::try_from(end.saturating_sub(at)).unwrap_or_default()
    });
    unread.sum()
}

fn since(ground: &Ground, at_us: i64) -> Duration {
    Duration::from_micros(u64::try_from(ground.now_us().saturating_sub(at_us)).unwrap_or_default())
}

async fn outbox(ground: &Ground) -> Result<u64, DbError> {
    let row = ground.db.fetch_one("SELECT COUNT(*) FROM es_outbox", vec![]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

async fn timers(ground: &Ground) -> Result<TimersStatus, DbError> {
    let sql = "SELECT COUNT(*), MIN(due_us) FROM es_timer WHERE state = 'waiting' AND due_us <= $1";
    let Some(row) = ground.db.fetch_one(sql, args![ground.now_us()]).await? else {
        return Ok(TimersStatus::default());
    };
    let first: Option<i64> = row.get(1)?;
    let late = first.map_or(Duration::ZERO, |due_us| since(ground, due_us));
    Ok(TimersStatus { overdue: row.get(0)?, late })
}

async fn parked(ground: &Ground) -> Result<Vec<ParkedStatus>, DbError> {
    let sql =
        "SELECT consumer, COUNT(DISTINCT key), COUNT(*) FROM es_dlq GROUP BY consumer ORDER BY consumer";
    let rows = ground.db.fetch(sql, vec![]).await?;
    let read = |row: &crate::sql::Row| {
        Ok(ParkedStatus { reader: row.get(0)?, keys: row.get(1)?, records: row.get(2)? })
    };
    rows.iter().map(read).collect()
}
