//! What a fleet stands on goes away under load and comes back: the broker, the database, auth. The processes are never
//! started anew.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use stadion::demo::{
    cast::{ALMATY, Cast},
    door::Door,
};

use crate::{
    broker::{self, Broker},
    faults_engines::Server,
    faults_judge::{Diary, counted, journal, judge, until},
    fleet::{Engines, Fleet, PARTS, Part},
};

/// How long each is away. `cargo dev bench faults` says thirty seconds.
const AWAY: &str = "STADION_OUTAGE_S";
const AWAY_IN_THE_SUITE_S: u64 = 6;

fn away() -> Duration {
    let said = std::env::var(AWAY).ok().map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(said.unwrap_or(AWAY_IN_THE_SUITE_S))
}

/// A number of a process' page for operators.
async fn number(admin: &str, name: &str) -> Option<f64> {
    let page = reqwest::get(format!("{admin}/metrics")).await.ok()?.text().await.ok()?;
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let line = page.lines().find(is_it)?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Looks on for so long; what the greatest lag of the relay was.
async fn lag_while_away(admin: &str, for_so_long: Duration) -> f64 {
    let (since, mut greatest) = (Instant::now(), 0_f64);
    while since.elapsed() < for_so_long {
        greatest = greatest.max(number(admin, "stadion_activity_relay_lag_events").await.unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    greatest
}

struct Outages {
    fleet: Fleet,
    parts: Vec<Part>,
    server: Server,
    broker: Broker,
}

impl Outages {
    async fn broker_killed(&mut self, diary: &Diary) {
        let (before, refused) = (diary.count(), diary.refusals());
        self.broker.kill();
        let admin = self.fleet.admin("activity");
        let lag = lag_while_away(&admin, away()).await;
        let written = diary.count() - before;
        assert!(written > 5, "commands go on while the log is away: {written}");
        assert!(lag > 3.0, "and what waits for the log is shown: {lag}");
        assert_eq!(diary.refusals(), refused, "and nobody is refused");
        tokio::task::block_in_place(|| self.broker.back());
        let back = Instant::now();
        let name = "stadion_activity_relay_lag_events";
        until("the relay has caught up", async || number(&admin, name).await.filter(|lag| *lag < 20.0)).await;
        println!(
            "broker away {:?}: {written} commands acknowledged meanwhile, relay lag up to {lag} events, caught up {:.1} s behind its return",
            away(),
            back.elapsed().as_secs_f64()
        );
    }

    /// It holds its connections and says nothing.
    async fn broker_hangs(&self, diary: &Diary) {
        let before = diary.count();
        self.broker.signal("STOP");
        tokio::time::sleep(away() / 3).await;
        self.broker.signal("CONT");
        println!("broker hangs {:?}: {} commands acknowledged meanwhile", away() / 3, diary.count() - before);
    }

    async fn database_restarted(&mut self, diary: &Diary) {
        let before = diary.count();
        tokio::task::block_in_place(|| self.server.stop_at_once());
        tokio::time::sleep(away() / 2).await;
        let meanwhile = diary.count() - before;
        tokio::task::block_in_place(|| self.server.back());
        let (back, before) = (Instant::now(), diary.count());
        until("commands go on", async || (diary.count() > before + 5).then_some(())).await;
        println!(
            "database away {:?}: {meanwhile} commands acknowledged meanwhile, five more {:.1} s behind its return, refusals so far {:?}, longest answer {:.1} s",
            away() / 2,
            back.elapsed().as_secs_f64(),
            diary.refusals(),
            diary.longest().as_secs_f64()
        );
    }

    async fn auth_killed(&mut self, diary: &Diary, cast: &Cast) {
        let part = self.fleet.part_of("auth");
        // Killed by being dropped.
        drop(self.parts.remove(part));
        let before = diary.count();
        let refused = cast.sign_up("stranger", ALMATY, &["terms"]).await;
        let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("answered 503"), "who is not known is refused: {said}");
        tokio::time::sleep(away() / 2).await;
        let meanwhile = diary.count() - before;
        let mut anew = self.fleet.start(part, 0);
        anew = tokio::task::spawn_blocking(move || {
            anew.ready();
            anew
        })
        .await
        .unwrap();
        self.parts.insert(part, anew);
        println!(
            "auth away {:?}: {meanwhile} commands of a known account acknowledged meanwhile",
            away() / 2
        );
        let before = diary.count();
        until("commands go on", async || (diary.count() > before + 5).then_some(())).await;
        cast.sign_up("newcomer", ALMATY, &["terms"]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_outlives_its_broker_its_database_and_its_auth() {
    let what = "a fleet whose engines go away";
    let Some(jars) = broker::jars() else { return };
    let Some(server) = Server::start(what) else { return };
    let broker = Broker::start(jars);
    let fleet = Fleet::on(Engines::at(&server.address(), broker.address()), 1);
    let mut parts: Vec<Part> = (0..PARTS.len()).map(|part| fleet.start(part, 0)).collect();
    parts.iter_mut().for_each(|part| drop(part.ready()));
    let cast = Cast::new(&fleet.base(), fleet.data()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap();
    let (diary, base) = (Diary::default(), fleet.base());
    let mut outages = Outages { fleet, parts, server, broker };
    let door = Door::new(&base).unwrap();
    let playing = async {
        until("it runs", async || (diary.count() > 20).then_some(())).await;
        outages.broker_killed(&diary).await;
        outages.broker_hangs(&diary).await;
        outages.database_restarted(&diary).await;
        outages.auth_killed(&diary, &cast).await;
        diary.enough.store(true, Ordering::Relaxed);
    };
    tokio::join!(diary.keep(|| door.clone(), &runner), playing);
    let written = diary.written.lock().unwrap().clone();
    let [activity, gamification] = ["activity", "gamification"].map(|service| outages.fleet.store(service));
    let kept = journal(&activity).await;
    let effects = until("everything is counted", async || {
        let effects = journal(&gamification).await;
        (counted(&kept, &effects).applied.len() >= written.len()).then_some(effects)
    })
    .await;
    for service in ["auth", "gamification", "social"] {
        let (admin, name) = (outages.fleet.admin(service), format!("stadion_{service}_outbox_depth"));
        until("state is sent too", async || number(&admin, &name).await.filter(|depth| *depth < 1.0)).await;
    }
    let seen = judge(&written, &kept, &effects);
    println!(
        "{seen}; refusals {:?}, longest answer {:.1} s",
        diary.refusals(),
        diary.longest().as_secs_f64()
    );
    for mut part in outages.parts {
        assert!(part.runs(), "nobody was started anew, or ended");
    }
}
