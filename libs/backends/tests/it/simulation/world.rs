//! The course of one seed: clients ask, processes come, go, sleep and die, engines fail; then all heals, and is judged.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventing::{
    StreamId,
    bus::Topic,
    conformance::history::{Found, History, Logged},
    event::Recorded,
    migrate::SPINE,
};
use proto::envelope::record::Body;
use tokio::{sync::oneshot, time::timeout};

use super::{
    chance::Chance,
    database::Server,
    log::Log,
    process::{Life, Process, proclaim},
    sabotage::Sabotage,
    schedule::{Owner, Schedule},
    weather::{Time, Weather},
};
use crate::ring::{self, SERVICE, UNDONE, Wish, counts};

const CLIENTS: usize = 4;
const STREAMS: usize = 6;
/// After everything healed, all must be done within this (virtual) time.
const PATIENCE: Duration = Duration::from_secs(90);

/// What processes stand on.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) server: Arc<Server>,
    pub(super) log: Arc<Log>,
    pub(super) time: Time,
    pub(super) schedule: Schedule,
    pub(super) history: Arc<Mutex<History>>,
    chance: Chance,
    weather: Arc<Weather>,
}

/// How a seed's course ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Equal for two runs that were the same, step by step.
    pub(super) steps: u64,
    pub(super) events: usize,
    pub(super) answered: usize,
    pub(super) breaches: Vec<String>,
}

/// Plays a seed, in a world where something may be broken on purpose.
pub(super) fn play(seed: u64, sabotage: Sabotage) -> Course {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of its own");
    runtime.block_on(async {
        let (chance, weather, time) = (Chance::of(seed), Arc::new(Weather::default()), Time::begin());
        let schedule = Schedule::new(chance.clone());
        let server = Server::new(time, chance.clone(), weather.clone(), schedule.clone(), sabotage)
            .expect("a database");
        let log = Log::new(chance.clone(), weather.clone(), schedule.clone(), sabotage);
        let history = Arc::default();
        let ground = Ground { server, log, time, schedule, history, chance, weather };
        let course = Arc::new(Mutex::new(Course::default()));
        let (played, told) = (ground.clone(), course.clone());
        ground
            .schedule
            .run(async move { *told.lock().expect("not poisoned") = World::play(played).await })
            .await;
        let mut course = course.lock().expect("not poisoned").clone();
        course.steps = ground.schedule.course();
        course
    })
}

struct World {
    ground: Ground,
    /// Those that clients may ask.
    running: Arc<Mutex<Vec<Process>>>,
    last_owner: Owner,
    busy: Arc<AtomicUsize>,
}

impl World {
    async fn play(ground: Ground) -> Course {
        let db = ground.server.link(Life::new());
        SPINE.apply(&db).await.expect("the spine's tables");
        let effects = "CREATE TABLE effect (id INTEGER PRIMARY KEY, reader TEXT, position INTEGER, who TEXT)";
        ground.server.ask(effects, &[]).expect("made");
        let busy = Arc::new(AtomicUsize::new(CLIENTS));
        let mut world = Self { ground, running: Arc::default(), last_owner: 0, busy };
        for name in ["a", "b"] {
            world.start(name).await;
        }
        for client in 0..CLIENTS {
            let asking = ask(world.ground.clone(), world.running.clone(), client, world.busy.clone());
            world.ground.schedule.spawn(0, asking);
        }
        while world.busy.load(Ordering::Relaxed) > 0 {
            world.disturb().await;
        }
        world.heal().await;
        let stuck = world.settle().await;
        world.judge(stuck)
    }

    async fn start(&mut self, name: &str) {
        self.last_owner += 1;
        if let Some(process) = Process::start(&self.ground, self.last_owner, name).await {
            let ahead_us = i64::try_from(self.ground.chance.below(4_000_000)).expect("small") - 2_000_000;
            process.ahead_us.store(ahead_us, Ordering::Relaxed);
            self.running.lock().expect("not poisoned").push(process);
        }
    }

    fn takes(&self) -> Option<Process> {
        let mut running = self.running.lock().expect("not poisoned");
        if running.is_empty() {
            return None;
        }
        let one = self.ground.chance.below(running.len());
        Some(running.swap_remove(one))
    }

    /// One thing goes wrong, or right again.
    async fn disturb(&mut self) {
        let (chance, weather) = (self.ground.chance.clone(), self.ground.weather.clone());
        tokio::time::sleep(chance.between_ms(50, 700)).await;
        let name = chance.one_of(&["a", "b", "c", "d"]).unwrap_or_default();
        match chance.below(8) {
            0 => {
                if let Some(process) = self.takes() {
                    process.kill();
                    self.start(name).await;
                }
            }
            1 => {
                if let Some(process) = self.takes() {
                    process.stop();
                    self.start(name).await;
                }
            }
            2 => self.freeze_one(),
            3 if self.running.lock().expect("not poisoned").len() < 4 => self.start(name).await,
            4 => self.away_for_a_while(true),
            5 => self.away_for_a_while(false),
            6 => {
                weather.faults.store(chance.one_of(&[0, 5, 30, 120]).unwrap_or_default(), Ordering::Relaxed);
                weather.late.store(chance.one_of(&[0, 2, 10, 40]).unwrap_or_default(), Ordering::Relaxed);
            }
            _ => self.ground.log.forget(&Topic::events(SERVICE)),
        }
    }

    /// Past its leases' life, or not; asleep it is asked by nobody, and stays among those who run.
    fn freeze_one(&self) {
        let chance = &self.ground.chance;
        let running = self.running.lock().expect("not poisoned").clone();
        let Some(process) = chance.one_of(&running) else { return };
        process.freeze();
        let for_ms = chance.between_ms(50, 2_500);
        self.ground.schedule.spawn(0, async move {
            tokio::time::sleep(for_ms).await;
            process.thaw();
        });
    }

    fn away_for_a_while(&self, store: bool) {
        let (weather, for_ms) = (self.ground.weather.clone(), self.ground.chance.between_ms(20, 2_000));
        self.ground.schedule.spawn(0, async move {
            let away = if store { &weather.store_away } else { &weather.log_away };
            away.store(true, Ordering::Relaxed);
            tokio::time::sleep(for_ms).await;
            away.store(false, Ordering::Relaxed);
        });
    }

    /// Everybody wakes, what is on its way arrives, and nothing fails any more.
    async fn heal(&mut self) {
        self.ground.weather.calm();
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        for process in self.running.lock().expect("not poisoned").iter() {
            process.ahead_us.store(0, Ordering::Relaxed);
        }
        if self.running.lock().expect("not poisoned").is_empty() {
            self.start("last").await;
        }
    }

    /// Waits until nothing is left to do; what still was when patience ended.
    async fn settle(&self) -> Option<String> {
        let waiting = async {
            let mut quiet = 0;
            while quiet < 2 {
                tokio::time::sleep(Duration::from_millis(700)).await;
                quiet = if self.undone().is_empty() { quiet + 1 } else { 0 };
            }
        };
        timeout(PATIENCE, waiting).await.err().map(|_| format!("stuck: {:?}", self.undone()))
    }

    fn number(&self, sql: &str) -> i64 {
        let rows = self.ground.server.ask(sql, &[]).expect("asked");
        rows.first().and_then(|row| row.get(0).ok()).unwrap_or_default()
    }

    fn undone(&self) -> Vec<String> {
        let asked = UNDONE.iter().map(|(what, sql)| (*what, self.number(sql)));
        let left: Vec<String> =
            asked.filter(|(_, many)| *many != 0).map(|(what, many)| format!("{many} {what}")).collect();
        // The last to know, and the dearest to ask.
        if left.is_empty() { self.followed(&self.journal()) } else { left }
    }

    fn judge(&self, stuck: Option<String>) -> Course {
        let journal = self.journal();
        let log = self.ground.log.all(&Topic::events(SERVICE)).into_iter().filter_map(|(part, record)| {
            let Some(Body::Event(event)) = record.body else { return None };
            Some(Logged { part, position: i64::try_from(event.position).ok()? })
        });
        let effects = self.ground.server.ask("SELECT reader, position FROM effect ORDER BY id", &[]);
        let found = Found {
            journal: ring::kept(&journal),
            log: Some(log.collect()),
            readers: ring::effects(&effects.expect("asked")),
        };
        let mut history = self.ground.history.lock().expect("not poisoned").clone();
        ring::promises(&mut history, &journal);
        let breaches = history.judge(&found).into_iter().map(|breach| breach.to_string());
        let breaches = stuck.into_iter().chain(breaches).chain(self.counts(&journal));
        let breaches = breaches.chain(self.followed(&journal)).chain(reigns(&journal));
        Course { steps: 0, events: journal.len(), answered: history.answered(), breaches: breaches.collect() }
    }

    fn journal(&self) -> Vec<Recorded> {
        let sql = "SELECT position, stream_id, version, event_id, partition_key, payload FROM es_event ORDER BY position";
        let rows = self.ground.server.ask(sql, &[]).expect("asked");
        let read = |row: &eventing::Row| {
            Ok::<_, eventing::sql::DbError>(Recorded {
                position: row.get(0)?,
                stream: StreamId::named(&row.get::<String>(1)?),
                version: row.get(2)?,
                event_id: row.get(3)?,
                partition_key: row.get(4)?,
                kind: String::new(),
                schema_ver: 1,
                payload: row.get(5)?,
                meta: proto::envelope::Meta::default(),
                at_us: 0,
            })
        };
        rows.iter().map(|row| read(row).expect("an event")).collect()
    }

    /// The newest count of each stream stands last: whoever begins to follow after compaction sees nothing else.
    fn counts(&self, journal: &[Recorded]) -> Vec<String> {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for (_, record) in self.ground.log.all(&counts()) {
            let Some(Body::State(state)) = record.body else { continue };
            last.insert(state.key, i64::try_from(state.revision).expect("small"));
        }
        let wanted = ring::lengths(journal);
        let differs = |(stream, count): (&String, &i64)| {
            (last.get(stream) != Some(count))
                .then(|| format!("{stream} counts {count}, last published is {:?}", last.get(stream)))
        };
        wanted.iter().filter_map(differs).collect()
    }

    /// Whoever runs at the end has followed every count to its newest value, whatever it slept through.
    fn followed(&self, journal: &[Recorded]) -> Vec<String> {
        let wanted = ring::lengths(journal);
        let running = self.running.lock().expect("not poisoned");
        let differs = |process: &Process| {
            let known = process.counts.read();
            (known != wanted).then(|| format!("{} follows {known:?} instead of {wanted:?}", process.owner))
        };
        running.iter().filter_map(differs).collect()
    }
}

/// Epochs of owners who proclaimed themselves only grow.
fn reigns(journal: &[Recorded]) -> Vec<String> {
    let mut newest = 0;
    let mut breaches = Vec::new();
    for event in journal.iter().filter(|event| event.stream.as_str() == "owner") {
        let name = String::from_utf8_lossy(&event.payload);
        let epoch: i64 = name.split('/').nth(1).and_then(|epoch| epoch.parse().ok()).unwrap_or_default();
        if epoch < newest {
            breaches.push(format!("«{name}» was taken under epoch {newest}"));
        }
        newest = epoch.max(newest);
    }
    breaches
}

/// A client: wishes one thing after another, and asks again, whom it finds, until it is answered or tires.
async fn ask(ground: Ground, running: Arc<Mutex<Vec<Process>>>, client: usize, busy: Arc<AtomicUsize>) {
    let chance = &ground.chance;
    for number in 0..4 + chance.below(8) {
        tokio::time::sleep(chance.between_ms(0, 400)).await;
        let wish = wish(chance, &format!("{client}-{number}"));
        ground.history.lock().expect("not poisoned").attempted(&wish.key, wish.events());
        for _ in 0..1 + chance.below(12) {
            let all = running.lock().expect("not poisoned").clone();
            if let Some(process) = chance.one_of(&all)
                && asked(&ground, &process, &wish).await
            {
                break;
            }
            tokio::time::sleep(chance.between_ms(5, 300)).await;
        }
    }
    busy.fetch_sub(1, Ordering::Relaxed);
}

fn wish(chance: &Chance, key: &str) -> Wish {
    let mut streams = BTreeMap::new();
    for _ in 0..1 + chance.below(3) / 2 {
        streams.insert(format!("account-{}", chance.below(STREAMS)), 1 + chance.below(3));
    }
    let bell = streams.len() == 1 && chance.happens(250);
    let key = if bell { format!("{key} with a bell") } else { key.to_owned() };
    Wish { key, streams: streams.into_iter().collect() }
}

/// Asks one process, which may be gone before it answers.
async fn asked(ground: &Ground, process: &Process, wish: &Wish) -> bool {
    let (answer, answered) = oneshot::channel();
    let (ours, asked, history) = (process.clone(), wish.clone(), ground.history.clone());
    let proclaims = ground.chance.happens(300);
    ground.schedule.spawn(process.owner, async move {
        let _ = answer.send(asked.ask(&ours.journal).await);
        if proclaims {
            let epoch = ours.leases.owned().borrow().epoch("relay");
            let name = epoch.map(|epoch| format!("owner/{epoch}/{}", asked.key));
            if let Some(name) = name {
                history.lock().expect("not poisoned").attempted(&name, 1);
            }
            if let Some((name, Ok(position))) = proclaim(&ours, &asked.key).await {
                history.lock().expect("not poisoned").acknowledged(&name, position);
            }
        }
    });
    match timeout(Duration::from_secs(4), answered).await {
        Ok(Ok(Ok(position))) => {
            ground.history.lock().expect("not poisoned").acknowledged(&wish.key, position);
            true
        }
        _ => false,
    }
}
