//! People who go on while something is done to their fleet: nobody asks twice, and every answer that is not the right one
//! is remembered. They come in by a balancer, as they would from outside: it asks each gateway whether it is ready, and
//! sends a request to one that was.

use std::{
    future::Future,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use stadion::demo::{
    cast::{ALMATY, Cast, Person},
    door::{Answer, Ask, Door},
};

use crate::fleet::Fleet;

const PAUSE: Duration = Duration::from_millis(20);
/// How often the balancer asks who is ready.
const LOOK_EACH: Duration = Duration::from_millis(200);
/// Looks until everything that was acknowledged is listed.
const SETTLES_WITHIN: usize = 150;
const READS: [&str; 5] = ["/v1/me", "/v1/activities", "/v1/me/progress", "/v1/feed", "/v1/me/offers"];

struct Gateway {
    door: Door,
    /// For looks, so that they share no connection with requests.
    looks: Door,
    ready: AtomicBool,
}

pub(crate) struct Crowd {
    gateways: Vec<Gateway>,
    turn: AtomicUsize,
    runner: Person,
    friend: Person,
    over: AtomicBool,
    asked: AtomicUsize,
    refused: Mutex<Vec<String>>,
    written: Mutex<Vec<String>>,
}

impl Crowd {
    pub(crate) async fn gather(fleet: &Fleet) -> Self {
        let gateway = |base: &String| Gateway {
            door: Door::new(base).unwrap(),
            looks: Door::new(base).unwrap(),
            ready: AtomicBool::new(true),
        };
        let cast = Cast::new(&fleet.base(), fleet.data()).unwrap();
        Self {
            gateways: fleet.bases().iter().map(gateway).collect(),
            turn: AtomicUsize::new(0),
            runner: cast.sign_up("runner", ALMATY, &["terms", "health_data"]).await.unwrap(),
            friend: cast.sign_up("friend", ALMATY, &["terms", "health_data"]).await.unwrap(),
            over: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            refused: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// They go on until `done` is.
    pub(crate) async fn during<T>(&self, done: impl Future<Output = T>) -> T {
        let done = async {
            let outcome = done.await;
            self.over.store(true, Ordering::Relaxed);
            outcome
        };
        let (outcome, (), (), (), ()) =
            tokio::join!(done, self.balance(), self.run(), self.look_on(), self.upload());
        outcome
    }

    /// Nobody was refused, and what was acknowledged is there: every workout once, and no other.
    pub(crate) async fn is_content(&self) {
        let (asked, refused) = (self.asked.load(Ordering::Relaxed), self.refused.lock().unwrap().clone());
        println!("{asked} requests, {} of them not answered as they should be", refused.len());
        assert_eq!(refused, Vec::<String>::new());
        assert!(asked > 50, "there was something to lose: {asked}");
        let mut written = self.written.lock().unwrap().clone();
        written.sort();
        let mut kept = self.kept().await;
        // One gateway shows what was written by way of the other a moment later.
        for _ in 0..SETTLES_WITHIN {
            if kept == written {
                return;
            }
            tokio::time::sleep(LOOK_EACH).await;
            kept = self.kept().await;
        }
        assert_eq!(kept, written);
    }

    /// The runner's workouts as the public door lists them.
    async fn kept(&self) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        let mut page = "/v1/activities?limit=100".to_owned();
        loop {
            let answer = self.door().get(&page).with(&self.runner.token).expect(200).await.unwrap();
            kept.extend(answer.items().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = answer.json["next_cursor"].as_str() else { break };
            page = format!("/v1/activities?limit=100&cursor={cursor}");
        }
        kept.sort();
        kept
    }

    /// A gateway that was ready at the last look.
    fn door(&self) -> &Door {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let ready = (0..self.gateways.len())
            .map(|step| &self.gateways[(first + step) % self.gateways.len()])
            .find(|gateway| gateway.ready.load(Ordering::Relaxed));
        &ready.expect("a gateway is ready").door
    }

    async fn balance(&self) {
        while !self.over.load(Ordering::Relaxed) {
            for gateway in &self.gateways {
                let looked = gateway.looks.get("/readyz").expect(200).await;
                gateway.ready.store(looked.is_ok(), Ordering::Relaxed);
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
    }

    /// Asks once.
    async fn ask(&self, ask: Ask, status: u16) -> Option<Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = ask.expect(status).await;
        tokio::time::sleep(PAUSE).await;
        answer.map_err(|error| self.refused.lock().unwrap().push(format!("{error:#}"))).ok()
    }

    async fn run(&self) {
        for nth in 0_usize.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let run = json!({
                "sport": "running", "name": format!("round {nth}"), "elapsed_time_s": 600, "distance_m": 1_500,
                "start_at": format!("2026-05-{:02}T{:02}:{:02}:00+05:00", 1 + nth / 1_440 % 28, nth / 60 % 24, nth % 60),
            });
            let ask = self.door().post("/v1/activities").with(&self.runner.token);
            let key = uuid::Uuid::new_v4().to_string();
            if let Some(answer) = self.ask(ask.header("idempotency-key", &key).json(&run), 201).await {
                self.written.lock().unwrap().push(answer.text("/id").unwrap());
            }
        }
    }

    async fn look_on(&self) {
        for page in READS.iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            self.ask(self.door().get(page).with(&self.friend.token), 200).await;
        }
    }

    /// A request that is a stream: between services it is sent once and never again.
    async fn upload(&self) {
        for nth in 0_usize.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let file = format!(
                "<?xml version=\"1.0\"?><gpx version=\"1.1\" creator=\"x\" xmlns=\"http://www.topografix.com/GPX/1/1\"><trk><trkseg>\
                 <trkpt lat=\"43.2\" lon=\"76.9\"><time>2026-04-01T{:02}:{:02}:00Z</time></trkpt>\
                 <trkpt lat=\"43.21\" lon=\"76.9\"><time>2026-04-01T{:02}:{:02}:30Z</time></trkpt></trkseg></trk></gpx>",
                nth / 60 % 24,
                nth % 60,
                nth / 60 % 24,
                nth % 60,
            );
            let ask = self.door().post("/v1/uploads?filename=run.gpx").with(&self.friend.token);
            self.ask(ask.body("application/octet-stream", file.into_bytes()), 202).await;
            tokio::time::sleep(PAUSE * 10).await;
        }
    }
}
