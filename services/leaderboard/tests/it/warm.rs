//! Boards that were kept over a restart: a shortcut through the log, and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kernel::time::micros;
use proto::leaderboard::BoardPage;
use testkit::fleet::{Ground, eventually};

use crate::{
    siblings::Known,
    world::{self, Stands, World, account, challenge, members, scored},
};

type Spoil = Box<dyn Fn(&[u8]) -> Vec<u8>>;

const NAMES: [&str; 4] = ["aida", "boris", "cyra", "dara"];

async fn begin<'a>(ground: &'a Ground, known: &Known) -> World<'a> {
    let world = world::start(ground, known).await;
    for of in ["run", "ride"] {
        world.challenge(challenge(of), "open", |_| {}).await;
        for (number, name) in (1..).zip(NAMES) {
            known.person(account(name), name, None);
            let stands = Stands { segments: &["region:KZ-75"], ..scored(number, i64::from(number) * 1_500) };
            world.stands(challenge(of), account(name), stands).await;
        }
        world.top_when(None, challenge(of), |page| page.entries.len() == NAMES.len()).await;
    }
    world
}

fn files(ground: &Ground) -> Vec<PathBuf> {
    let folder = ground.folder().join("leaderboard").join("boards");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What the files say now, to be put back as if nothing had been written since.
fn copied(ground: &Ground) -> Vec<(PathBuf, Vec<u8>)> {
    files(ground).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn put_back(files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
}

async fn both(world: &World<'_>) -> Vec<BoardPage> {
    let mut pages = Vec::new();
    for of in ["run", "ride"] {
        for segment in ["", "region:KZ-75"] {
            let page = world.top(None, challenge(of), segment).await.unwrap();
            pages.push(BoardPage { as_of_us: 0, ..page });
        }
    }
    pages
}

#[tokio::test]
async fn killed_between_what_was_kept_and_what_the_log_said_behind_it_nothing_is_lost_or_twice() {
    let (ground, known) = (Ground::fresh(), Known::default());
    begin(&ground, &known).await.stop().await;
    let early = copied(&ground);
    assert_eq!(early.len(), 2, "each on a partition of its own");

    // Behind it: a better score, a worse one (a run was voided), one who leaves, one who comes.
    let world = world::start(&ground, &known).await;
    world.stands(challenge("run"), account("aida"), scored(1, 9_000)).await;
    world.stands(challenge("run"), account("cyra"), scored(3, 100)).await;
    world.stands(challenge("run"), account("dara"), Stands { state: "left", ..scored(4, 0) }).await;
    known.person(account("erlan"), "erlan", None);
    world.stands(challenge("run"), account("erlan"), scored(5, 2_000)).await;
    world.top_when(None, challenge("run"), |page| members(page) == [1, 2, 5, 3]).await;
    let wanted = both(&world).await;
    world.stop().await;

    // As if it had been killed then: what was kept is older than the log. Then as if one file had been written and the
    // other not, and as if the machine had stopped in the middle of writing.
    let late = copied(&ground);
    let torn = early[0].0.with_extension("77.new");
    for kept in [&early[..], &[early[0].clone(), late[1].clone()], &[late[0].clone(), early[1].clone()]] {
        put_back(kept);
        fs::write(&torn, &early[0].1[..early[0].1.len() / 2]).unwrap();
        let world = world::start(&ground, &known).await;
        assert_eq!(both(&world).await, wanted);
        assert!(!torn.exists());
        world.stop().await;
    }
}

#[tokio::test]
async fn what_is_damaged_too_old_or_of_another_log_is_thrown_away_and_made_anew() {
    let (ground, known) = (Ground::fresh(), Known::default());
    let world = begin(&ground, &known).await;
    let wanted = both(&world).await;
    world.stop().await;
    let good = copied(&ground);
    let now_us = micros(testkit::fleet::NOW.parse().unwrap());
    let spoiled: [(&str, Spoil); 6] = [
        ("empty", Box::new(|_| Vec::new())),
        ("cut off", Box::new(|bytes| bytes[..bytes.len() - 40].to_vec())),
        (
            "a bit is another",
            Box::new(|bytes| changed(bytes, bytes.len() / 2, &[bytes[bytes.len() / 2] ^ 1])),
        ),
        ("of another format", Box::new(|bytes| summed(changed(bytes, 15, b"9")))),
        ("of a longer log", Box::new(|bytes| summed(changed(bytes, 21, &1_000_000_i64.to_le_bytes())))),
        (
            "of last week",
            Box::new(move |bytes| summed(changed(bytes, 29, &(now_us - 8 * 86_400_000_000).to_le_bytes()))),
        ),
    ];
    for (what, spoil) in spoiled {
        let spoiled: Vec<_> = good.iter().map(|(path, bytes)| (path.clone(), spoil(bytes))).collect();
        put_back(&spoiled);
        let world = world::start(&ground, &known).await;
        assert!(spoiled.iter().all(|(path, _)| !path.exists()), "{what}: it is gone at once");
        assert_eq!(both(&world).await, wanted, "{what}");
        world.stop().await;
        assert_eq!(files(&ground).len(), 2, "{what}: and kept anew");
    }
    // What is whole is believed: that is how it is seen that the others were not.
    put_back(&good);
    let world = world::start(&ground, &known).await;
    assert!(good.iter().all(|(path, _)| path.exists()));
    world.stop().await;
}

fn changed(bytes: &[u8], at: usize, by: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + by.len()].copy_from_slice(by);
    bytes
}

/// With the sum that it would have been written with.
fn summed(bytes: Vec<u8>) -> Vec<u8> {
    use sha2::Digest;
    let body = &bytes[..bytes.len() - 32];
    [body, &sha2::Sha256::digest(body)[..]].concat()
}

#[tokio::test]
async fn who_is_erased_is_off_every_board_at_once_and_in_no_file() {
    let (ground, known) = (Ground::fresh(), Known::default());
    begin(&ground, &known).await.stop().await;
    let world = world::start(&ground, &known).await;
    let mut watched = world.live(None, challenge("run"), None).await;
    watched.until("all four", |seen| seen.rows.len() == 4).await;
    world.said_erased(account("dara")).await;
    for of in ["run", "ride"] {
        world.top_when(None, challenge(of), |page| members(page) == [3, 2, 1]).await;
    }
    watched.until("that she is gone", |seen| !seen.rows.contains_key("m4")).await;
    // What is told of her later changes nothing.
    world.stands(challenge("run"), account("dara"), scored(4, 90_000)).await;
    world.stands(challenge("run"), account("aida"), scored(1, 80_000)).await;
    world.top_when(None, challenge("run"), |page| members(page) == [1, 3, 2]).await;
    let hers = |folder: &Path| {
        let has = |path: PathBuf| holds(&fs::read(path).unwrap(), &6_000_i64.to_le_bytes());
        fs::read_dir(folder).unwrap().any(|entry| has(entry.unwrap().path()))
    };
    let folder = ground.folder().join("leaderboard").join("boards");
    eventually("her score is in no file", || async { hers(&folder) }, |hers| !hers).await;
    world.stop().await;

    // Erased while nobody was there to hear it.
    let world = world::start(&ground, &known).await;
    assert_eq!(members(&world.top(None, challenge("run"), "").await.unwrap()), [1, 3, 2]);
    world.stop().await;
    let kept = copied(&ground);
    let world = world::start(&ground, &known).await;
    world.erased(account("cyra")).await;
    world.top_when(None, challenge("ride"), |page| members(page) == [2, 1]).await;
    world.stop().await;
    put_back(&kept);
    let world = world::start(&ground, &known).await;
    assert_eq!(members(&world.top(None, challenge("ride"), "").await.unwrap()), [2, 1]);
    world.stop().await;
}

#[tokio::test]
async fn who_comes_back_after_somebody_vanished_is_shown_the_board_anew() {
    let (ground, known) = (Ground::fresh(), Known::default());
    let world = world::start(&ground, &known).await;
    world.challenge(challenge("run"), "open", |_| {}).await;
    for number in 1..=12 {
        let name = format!("runner {number}");
        known.person(account(&name), &name, None);
        world.stands(challenge("run"), account(&name), scored(number, i64::from(number) * 1_500)).await;
    }
    let mut watched = world.live(None, challenge("run"), None).await;
    watched.until("all of them", |seen| seen.participants == 12 && seen.rows.len() == 10).await;
    let seen = watched.sequence;
    world.said_erased(account("runner 5")).await;
    watched.until("that one is gone", |seen| !seen.rows.contains_key("m5")).await;
    // The log has said nothing of it to the board: the sequence is the same.
    let mut back = world.live(None, challenge("run"), Some(seen)).await;
    back.until("ten of the others", |seen| seen.rows.len() == 10).await;
    assert!(!back.rows.contains_key("m5"), "{:?}", back.rows);
    world.stop().await;
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|some| some == wanted)
}
