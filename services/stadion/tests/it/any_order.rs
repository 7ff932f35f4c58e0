//! Any interleaving of join, score, edit, void, leave, block and restart: the board equals a fold of what was
//! acknowledged, and names are where they may be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stadion::{
    demo::{
        cast::{ALMATY, Cast, Person},
        door::until,
    },
    up::Running,
};

use crate::{embedded::patient, hostile_contest::terms};

const ATHLETES: usize = 5;
const ACTS: usize = 70;

/// SplitMix64: the same acts for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).unwrap()
    }
}

/// A workout as its sender knows it.
struct Workout {
    key: String,
    version: u32,
    distance_m: u32,
}

/// Everything that was acknowledged, kept the simplest way.
#[derive(Default)]
struct Model {
    members: BTreeMap<usize, String>,
    taking_part: BTreeSet<usize>,
    workouts: Vec<(usize, Workout)>,
    blocks: BTreeSet<(usize, usize)>,
}

impl Model {
    /// (rank, score, member): shared places, "1224".
    fn fold(&self) -> Vec<(u64, u32, String)> {
        let score = |who: usize| -> u32 {
            let own = self.workouts.iter().filter(|(owner, _)| *owner == who);
            own.map(|(_, workout)| workout.distance_m).sum()
        };
        let mut scores: Vec<(u32, String)> =
            self.taking_part.iter().map(|who| (score(*who), self.members[who].clone())).collect();
        scores.retain(|(score, _)| *score > 0);
        let rank = |score: u32| 1 + scores.iter().filter(|(other, _)| *other > score).count() as u64;
        let mut places: Vec<_> =
            scores.iter().map(|(score, member)| (rank(*score), *score, member.clone())).collect();
        places.sort();
        places
    }

    fn hides(&self, viewer: usize, other: usize) -> bool {
        self.blocks.contains(&(viewer, other)) || self.blocks.contains(&(other, viewer))
    }
}

struct World {
    folder: tempfile::TempDir,
    running: Running,
    cast: Cast,
    people: Vec<Person>,
    challenge: String,
    model: Model,
    made: usize,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = patient(folder.path()).await;
        let cast = Cast::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
        let operator = cast.make_operator().await.unwrap();
        let marketer = cast.appoint_marketer("organiser", &operator, ALMATY.region).await.unwrap();
        let mut people = Vec::new();
        for number in 0..ATHLETES {
            people.push(cast.sign_up(&format!("runner{number}"), ALMATY, &["terms"]).await.unwrap());
        }
        let ask = cast.door.post("/v1/challenges").with(&marketer.token);
        let draft = ask.json(&terms(json!({ "ties": "shared" }))).expect(201).await.unwrap();
        let challenge = draft.text("/id").unwrap();
        let open = cast.door.post(&format!("/v1/challenges/{challenge}/open")).with(&marketer.token);
        open.json(&json!({})).expect(200).await.unwrap();
        Self { folder, running, cast, people, challenge, model: Model::default(), made: 0 }
    }

    /// One act, chosen by the dice.
    async fn act(mut self, dice: &mut Dice) -> Self {
        let who = dice.below(ATHLETES);
        match dice.below(16) {
            0..=3 => self.join(who).await,
            4 => self.leave(who).await,
            5..=9 => self.send(who, dice).await,
            10 | 11 => self.edit(dice).await,
            12 => self.void(dice).await,
            13 => self.block(who, (who + 1 + dice.below(ATHLETES - 1)) % ATHLETES).await,
            14 => self.unblock(dice).await,
            _ => return self.restart().await,
        }
        self
    }

    fn seat(&self) -> String {
        format!("/v1/challenges/{}/participants/me", self.challenge)
    }

    async fn join(&mut self, who: usize) {
        let ask = self.cast.door.put(&self.seat()).with(&self.people[who].token);
        let seat = ask.json(&json!({ "show_as": "name" })).expect(200).await.unwrap();
        let member = seat.text("/member").unwrap();
        let known = self.model.members.entry(who).or_insert_with(|| member.clone());
        assert_eq!(*known, member, "a member keeps its number");
        self.model.taking_part.insert(who);
    }

    async fn leave(&mut self, who: usize) {
        self.cast.door.delete(&self.seat()).with(&self.people[who].token).expect(204).await.unwrap();
        self.model.taking_part.remove(&who);
    }

    async fn changeset(&self, who: usize, workout: &Workout) {
        // Today, at the same minute: which came first must not matter.
        let start = kernel::Clock::now(&kernel::SystemClock) - jiff::SignedDuration::from_hours(2);
        let upsert = json!({
            "key": workout.key, "version": workout.version, "kind": "workout",
            "workout": { "sport": "running", "start_at": start.to_string(), "elapsed_time_s": 1200,
                "distance_m": workout.distance_m },
        });
        let body = json!({ "source": "healthkit", "upserts": [upsert], "deletes": [] });
        let ask = self.cast.door.post("/v1/sync").with(&self.people[who].token).json(&body);
        let answer = ask.expect(200).await.unwrap();
        assert_eq!(answer.text("/acks/0/status").unwrap(), "stored", "{}", answer.json);
    }

    async fn send(&mut self, who: usize, dice: &mut Dice) {
        self.made += 1;
        // Few different lengths, so that places are shared.
        let distance_m = 1_000 * (1 + u32::try_from(dice.below(4)).unwrap());
        let workout = Workout { key: format!("W{}", self.made), version: 1, distance_m };
        self.changeset(who, &workout).await;
        self.model.workouts.push((who, workout));
    }

    async fn edit(&mut self, dice: &mut Dice) {
        if self.model.workouts.is_empty() {
            return;
        }
        let index = dice.below(self.model.workouts.len());
        let (who, workout) = &mut self.model.workouts[index];
        workout.version += 1;
        workout.distance_m = 1_000 * (1 + u32::try_from(dice.below(5)).unwrap());
        let who = *who;
        self.changeset(who, &self.model.workouts[index].1).await;
    }

    async fn void(&mut self, dice: &mut Dice) {
        if self.model.workouts.is_empty() {
            return;
        }
        let (who, workout) = self.model.workouts.swap_remove(dice.below(self.model.workouts.len()));
        let delete = json!({ "key": workout.key, "version": workout.version + 1 });
        let body = json!({ "source": "healthkit", "upserts": [], "deletes": [delete] });
        self.cast.door.post("/v1/sync").with(&self.people[who].token).json(&body).expect(200).await.unwrap();
    }

    async fn block(&mut self, who: usize, other: usize) {
        let path = format!("/v1/me/blocks/{}", self.people[other].account_id);
        // Whoever is blocked hears "no such account", and may block all the same only by knowing the id.
        let ask = self.cast.door.put(&path).with(&self.people[who].token).json(&json!({}));
        ask.expect(200).await.unwrap();
        self.model.blocks.insert((who, other));
    }

    async fn unblock(&mut self, dice: &mut Dice) {
        let all: Vec<_> = self.model.blocks.iter().copied().collect();
        if all.is_empty() {
            return;
        }
        let (who, other) = all[dice.below(all.len())];
        let path = format!("/v1/me/blocks/{}", self.people[other].account_id);
        self.cast.door.delete(&path).with(&self.people[who].token).expect(204).await.unwrap();
        self.model.blocks.remove(&(who, other));
    }

    async fn restart(self) -> Self {
        self.running.stop().await.unwrap();
        let running = patient(self.folder.path()).await;
        let mut cast = self.cast;
        cast.moved_to(&format!("http://{}", running.http)).unwrap();
        Self { running, cast, ..self }
    }

    /// The board is the fold; whoever looks sees every name but those of a block.
    async fn compare(&self, viewer: usize) {
        let wanted = self.model.fold();
        let path = format!("/v1/boards/{}/top", self.challenge);
        let shown = until(
            || self.cast.door.get(&path).with(&self.people[viewer].token),
            |answer| order(&answer.json) == wanted,
        );
        let shown = shown.await.unwrap_or_else(|error| panic!("wanted {wanted:?}: {error:#}"));
        for entry in shown.json["entries"].as_array().unwrap() {
            let member = entry["member"].as_str().unwrap();
            let (who, _) = self.model.members.iter().find(|(_, known)| *known == member).unwrap();
            let named = entry.get("display_name").is_some();
            assert_eq!(named, !self.model.hides(viewer, *who), "{viewer} looks at {who}: {entry}");
        }
    }
}

fn order(page: &Value) -> Vec<(u64, u32, String)> {
    let entries = page["entries"].as_array().cloned().unwrap_or_default();
    let place = |entry: &Value| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole metres were sent")]
        let score = entry["score"].as_f64().unwrap_or_default().round() as u32;
        (
            entry["rank"].as_u64().unwrap_or_default(),
            score,
            entry["member"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let mut places: Vec<_> = entries.iter().map(place).collect();
    places.sort();
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_interleaving_of_join_score_edit_void_leave_block_and_restart_equals_a_fold() {
    for seed in [3, 17, 2026] {
        let mut dice = Dice(seed);
        let mut world = World::new().await;
        for act in 0..ACTS {
            world = world.act(&mut dice).await;
            if act % 10 == 9 {
                world.compare(dice.below(ATHLETES)).await;
            }
        }
        world = world.restart().await;
        for viewer in 0..ATHLETES {
            world.compare(viewer).await;
        }
        world.running.stop().await.unwrap();
    }
}
