//! Seeded simulation: the real spine – journal, group-commit writer, leases, relay, readers, outbox, timers – of several
//! processes, in virtual time on one thread, over doubles of the database, the log and the clock. A seed decides who
//! runs next, what fails and when; the same seed gives the same course.
//!
//! `STADION_SIMULATION_SEED=7` plays one seed, `STADION_SIMULATION_SEEDS=10000` so many: `cargo dev bench simulate`.

mod chance;
mod database;
mod log;
mod process;
mod sabotage;
mod schedule;
mod weather;
mod world;

use sabotage::Sabotage;
use world::play;

const SEED: &str = "STADION_SIMULATION_SEED";
const SEEDS: &str = "STADION_SIMULATION_SEEDS";
const SEEDS_IN_THE_SUITE: u64 = 200;
const SEEDS_TO_FIND_IT: u64 = 200;

fn named(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Plays seeds on two threads, and tells every one that broke a promise.
fn play_all(seeds: std::ops::Range<u64>) {
    let (mut events, mut answered, mut broken) = (0, 0, Vec::new());
    let threads = 2;
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                let seeds = seeds.clone().skip(part).step_by(threads);
                scope.spawn(move || {
                    seeds.map(|seed| (seed, play(seed, Sabotage::Nothing))).collect::<Vec<_>>()
                })
            })
            .collect();
        for (seed, course) in parts.into_iter().flat_map(|part| part.join().expect("played")) {
            events += course.events;
            answered += course.answered;
            if !course.breaches.is_empty() {
                broken.push(format!("{SEED}={seed}: {}", course.breaches.join("; ")));
            }
        }
    });
    println!("{} seeds: {answered} commands answered, {events} events", seeds.end - seeds.start);
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
    assert!(answered > 0 && events > 0, "something happened");
}

#[test]
fn every_seed_keeps_every_promise() {
    match named(SEED) {
        Some(seed) => play_all(seed..seed + 1),
        None => play_all(0..named(SEEDS).unwrap_or(SEEDS_IN_THE_SUITE)),
    }
}

#[test]
fn the_same_seed_gives_the_same_course() {
    for seed in 0..4 {
        let (once, again) = (play(seed, Sabotage::Nothing), play(seed, Sabotage::Nothing));
        assert_eq!(
            (once.steps, once.events, once.answered),
            (again.steps, again.events, again.answered),
            "seed {seed}"
        );
    }
}

#[test]
fn whatever_is_broken_on_purpose_is_found() {
    for (what, sabotage) in sabotage::ALL {
        let found = (0..SEEDS_TO_FIND_IT).find_map(|seed| {
            let breaches = play(seed, sabotage).breaches;
            (!breaches.is_empty()).then(|| format!("seed {seed}: {}", breaches.join("; ")))
        });
        println!("{what}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "«{what}» broke no promise in {SEEDS_TO_FIND_IT} seeds");
    }
}
