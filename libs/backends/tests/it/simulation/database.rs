//! The database's double: SQLite in memory, asked over a network that loses, delays and repeats nothing twice.
//! Its clock is virtual time; a unit of work is one step of the schedule.

use std::sync::{Arc, Mutex, atomic::Ordering};

use async_trait::async_trait;
use eventing::sql::{Database, Db, DbError, Engine, Job, Row, Tx, Value};
use futures::FutureExt;
use rusqlite::{Connection, types::Value as Column};
use tokio::sync::{oneshot, watch};

use super::{
    chance::Chance,
    process::Life,
    sabotage::Sabotage,
    schedule::Schedule,
    weather::{Fate, Time, Weather},
};

/// How the spine asks SQLite for the time.
const CLOCK: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

pub(super) struct Server {
    connection: Mutex<Connection>,
    time: Time,
    chance: Chance,
    weather: Arc<Weather>,
    schedule: Schedule,
    sabotage: Sabotage,
    ears: Mutex<Vec<watch::Sender<i64>>>,
}

impl Server {
    pub(super) fn new(
        time: Time,
        chance: Chance,
        weather: Arc<Weather>,
        schedule: Schedule,
        sabotage: Sabotage,
    ) -> rusqlite::Result<Arc<Self>> {
        let connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(256);
        let (connection, ears) = (Mutex::new(connection), Mutex::default());
        Ok(Arc::new(Self { connection, time, chance, weather, schedule, sabotage, ears }))
    }

    /// A process' way to it.
    pub(super) fn link(self: &Arc<Self>, life: Arc<Life>) -> Db {
        let (ear, heard) = watch::channel(0);
        self.ears.lock().expect("not poisoned").push(ear);
        Db::new(Link { server: self.clone(), life, heard })
    }

    /// Without a way, and without faults: for the judge.
    pub(super) fn ask(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, DbError> {
        let connection = self.connection.lock().expect("not poisoned");
        let failed = |error: rusqlite::Error| DbError::Statement(format!("{error}: {sql}"));
        let mut sql = sql.to_owned();
        if let Sabotage::Sql(broken) = self.sabotage {
            sql = broken.iter().fold(sql, |sql, (from, to)| sql.replace(from, to));
        }
        let sql = sql.replace('$', "?").replace(CLOCK, &self.time.now_us().to_string());
        assert!(!sql.contains("unixepoch"), "the only clock is virtual: {sql}");
        let mut prepared = connection.prepare_cached(&sql).map_err(failed)?;
        let columns = prepared.column_count();
        let mut found =
            prepared.query(rusqlite::params_from_iter(args.iter().map(column))).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            let values = (0..columns).map(|index| row.get::<_, Column>(index).map(value).map_err(failed));
            rows.push(Row(values.collect::<Result<_, _>>()?));
        }
        Ok(rows)
    }

    fn changed(&self) -> u64 {
        self.connection.lock().expect("not poisoned").changes()
    }

    /// A unit waits for nothing but its statements: it is done in one step.
    fn work(&self, job: Job, undone: bool) -> Result<(), DbError> {
        self.ask("BEGIN", &[])?;
        let mut tx = Statements { server: self };
        let result = job(&mut tx).now_or_never().expect("a unit of work waits for its statements only");
        let kept = result.is_ok() || matches!(self.sabotage, Sabotage::KeepsWhatFailed);
        let stays = kept && !undone;
        self.ask(if stays { "COMMIT" } else { "ROLLBACK" }, &[])?;
        result
    }

    fn away(&self) -> Result<(), DbError> {
        if self.weather.store_away.load(Ordering::Relaxed) {
            return Err(DbError::Unavailable("the store is away".to_owned()));
        }
        Ok(())
    }
}

struct Link {
    server: Arc<Server>,
    life: Arc<Life>,
    heard: watch::Receiver<i64>,
}

impl Link {
    async fn way(&self) {
        self.server.weather.way(&self.server.chance).await;
        self.life.wait().await;
    }
}

fn lost(what: &str) -> DbError {
    DbError::Unavailable(format!("the connection was lost {what}"))
}

#[async_trait]
impl Database for Link {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn fetch(&self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.life.check()?;
        self.way().await;
        self.server.away()?;
        let found = match self.server.weather.fate(&self.server.chance) {
            Fate::Well | Fate::Doubled => self.server.ask(sql, &args),
            _ => Err(lost("while it was asked")),
        };
        self.way().await;
        found
    }

    async fn run(&self, job: Job) -> Result<(), DbError> {
        self.life.check()?;
        self.life.wait().await;
        let server = self.server.clone();
        let (answer, answered) = oneshot::channel();
        // Some engines finish what a caller who is gone had begun, others do not.
        let goes_on = server.chance.happens(500);
        self.server.schedule.spawn(0, async move {
            server.weather.way(&server.chance).await;
            if answer.is_closed() && !goes_on {
                return;
            }
            let result = server.away().and_then(|()| match server.weather.fate(&server.chance) {
                Fate::Refused => Err(lost("before anything was done")),
                Fate::Undone if matches!(server.sabotage, Sabotage::AnswersTooEarly) => {
                    server.work(job, true)
                }
                Fate::Undone => server.work(job, true).and(Err(lost("before the commit"))),
                Fate::Unheard => server.work(job, false).and(Err(lost("behind the commit"))),
                Fate::Well | Fate::Doubled => server.work(job, false),
            });
            let _ = answer.send(result);
        });
        let result = answered.await.map_err(|_| lost("in the end"))?;
        self.way().await;
        result
    }

    fn announce(&self, news: i64) {
        let server = self.server.clone();
        if self.life.check().is_err() || server.chance.happens(300) {
            return;
        }
        self.server.schedule.spawn(0, async move {
            tokio::time::sleep(server.chance.between_ms(0, 20)).await;
            for ear in server.ears.lock().expect("not poisoned").iter() {
                ear.send_if_modified(|known| std::mem::replace(known, news.max(*known)) < news);
            }
        });
    }

    fn announced(&self) -> Option<watch::Receiver<i64>> {
        Some(self.heard.clone())
    }
}

struct Statements<'s> {
    server: &'s Server,
}

#[async_trait]
impl Tx for Statements<'_> {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn execute(&mut self, sql: &str, args: Vec<Value>) -> Result<u64, DbError> {
        self.server.ask(sql, &args)?;
        Ok(self.server.changed())
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.server.ask(sql, &args)
    }
}

fn column(value: &Value) -> Column {
    match value {
        Value::Null | Value::AppendPosition => Column::Null,
        Value::Int(int) => Column::Integer(*int),
        Value::Real(real) => Column::Real(*real),
        Value::Text(text) => Column::Text(text.clone()),
        Value::Blob(blob) => Column::Blob(blob.clone()),
    }
}

fn value(column: Column) -> Value {
    match column {
        Column::Null => Value::Null,
        Column::Integer(int) => Value::Int(int),
        Column::Real(real) => Value::Real(real),
        Column::Text(text) => Value::Text(text),
        Column::Blob(blob) => Value::Blob(blob),
    }
}
