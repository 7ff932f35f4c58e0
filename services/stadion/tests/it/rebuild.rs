//! `stadion replay --rebuild`, as it is typed, while the service runs.

use std::{path::Path, process::Command};

use backends::{postgres, sqlite};
use eventing::{Db, args};
use stadion::demo::{cast::Cast, contest::Contest, journey::Journey, story::Story};

use crate::{
    embedded::{Process, binary},
    fleet::{Engines, Fleet, PARTS},
};

/// All that can be made anew, by one reader of each.
const MODELS: [(&str, &[&str]); 5] = [
    ("auth", &["standings"]),
    ("activity", &["activity.rows.1"]),
    ("social", &["social-own", "social-people"]),
    (
        "gamification",
        &["gamification-challenges", "gamification-ledger", "gamification-progress", "gamification-scores"],
    ),
    ("promo", &["promo-own"]),
];

fn said(mut command: Command) -> (bool, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn typed(model: &str, data: &Path) -> (bool, String, String) {
    said(binary(&format!("replay --rebuild {model}"), data))
}

fn took(model: &str, data: &Path) -> String {
    let (ok, out, err) = typed(model, data);
    assert!(ok, "{model}: {out}{err}");
    out
}

async fn play<S: Story>(base: &str, data: &Path) -> S {
    let mut story = S::begin(Cast::new(base, data.to_owned()).unwrap());
    for step in S::STEPS {
        let said = story.take(*step).await;
        said.unwrap_or_else(|error| panic!("{}: {error:#}", S::name(*step)));
    }
    story
}

/// After the story itself: nothing tells better whether the rows were the ones that people had seen.
async fn holds(story: &impl Story) {
    story.holds().await.unwrap_or_else(|error| panic!("{error:#}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_model_is_made_anew_while_it_is_served_and_equals_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let owner = Process::start(data);
    let journey = play::<Journey>(&owner.base, data).await;
    let contest = play::<Contest>(&owner.base, data).await;
    let listed = took("list", data);
    assert!(
        listed.contains("social/social-people, social/social-posts\n    tables activity_sport, name_word")
    );
    assert!(listed.contains("auth/end-sessions\n    cannot be made anew: sessions"), "{listed}");
    for (service, readers) in MODELS {
        for reader in readers {
            made_anew(&took(&format!("{service}/{reader} --flip --yes"), data));
        }
    }
    holds(&journey).await;
    holds(&contest).await;
    a_fault_is_found_healed_and_can_come_back(data).await;
    drop(owner);
    // Nobody runs: the tool opens the folder itself.
    assert!(took("promo/promo-own --forget", data).contains("is gone"));
    assert!(took("promo/promo-own", data).contains("nothing was flipped; --flip serves the new one"));
    assert!(took("promo/promo-own --flip", data).contains("it goes on with what was begun at"));
}

async fn a_fault_is_found_healed_and_can_come_back(data: &Path) {
    const MODEL: &str = "gamification/gamification-progress";
    let (ok, out, err) = typed(&format!("{MODEL} --flip"), data);
    assert!(!ok && err.contains("go back to it or forget it first"), "{out}{err}");
    assert!(took(&format!("{MODEL} --forget"), data).contains("is gone"));
    let db = sqlite::open(&data.join("stores/gamification.db"), sqlite::Options::default()).await.unwrap();
    assert!(db.execute("UPDATE progress SET xp = xp + 999", vec![]).await.unwrap() > 0);
    assert!(took(MODEL, data).contains("xp differs in"), "a difference is no error");
    let (ok, out, err) = typed(&format!("{MODEL} --flip"), data);
    assert!(!ok && out.contains("differs in xp") && err.contains("--flip --yes"), "{out}{err}");
    assert!(faulty(&db, "progress").await > 0);
    assert!(took(&format!("{MODEL} --flip --yes"), data).contains("the new one is served"));
    assert_eq!(faulty(&db, "progress").await, 0);
    assert!(took(&format!("{MODEL} --back"), data).contains("is served again"));
    assert!(faulty(&db, "progress").await > 0, "the old one, with its fault");
    assert!(took(&format!("{MODEL} --back"), data).contains("is served again"));
    assert_eq!(faulty(&db, "progress").await, 0);
    let (ok, _, err) = typed("gamification/nobody", data);
    assert!(!ok && err.contains("there is no read model gamification/nobody"), "{err}");
    let (ok, _, err) = typed("auth/end-sessions", data);
    assert!(!ok && err.contains("cannot be made anew: sessions"), "{err}");
}

/// Both had the same rows. One column may differ, a score's revision: it counts the batches in which it was worked out.
fn made_anew(said: &str) {
    let differing =
        said.lines().filter_map(|line| line.trim().split_once(" differs in ")).map(|(column, _)| column);
    let differing: Vec<&str> = differing.filter(|column| !column.contains(' ')).collect();
    let same = said.contains("both are equal") || differing == ["revision"];
    assert!(same && !said.contains("is only in") && said.contains("the new one is served"), "{said}");
}

/// Rows that were spoilt by hand.
async fn faulty(db: &Db, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE xp >= $1");
    db.fetch_one(&sql, args![999]).await.unwrap().unwrap().get(0).unwrap()
}

/// Two processes of every service, one of which is asked; readers of others' topics among them, and people who go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flip_reaches_every_replica_of_a_fleet() {
    let Some(engines) = Engines::of("a read model made anew in a fleet") else { return };
    let fleet = Fleet::on(engines, 2);
    let start = |part| [fleet.start(part, 0), fleet.start(part, 1)];
    let mut parts: Vec<_> = (0..PARTS.len()).map(start).collect();
    parts.iter_mut().flatten().for_each(|part| {
        part.ready();
    });
    let journey = play::<Journey>(&fleet.base(), &fleet.data()).await;
    let ask = |service: &str, what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stadion"));
        command.env("STADION_LOG__FILTER", "warn").args(["replay", "--rebuild"]).args(what.split(' '));
        command.arg("--config").arg(fleet.config(fleet.part_of(service)));
        let (ok, out, err) = said(command);
        assert!(ok, "{what}: {out}{err}");
        out
    };
    for (service, readers) in MODELS {
        for reader in readers {
            made_anew(&ask(service, &format!("{service}/{reader} --flip --yes")));
        }
    }
    holds(&journey).await;
    // A second story over the new rows, in whichever process each step ends.
    let contest = play::<Contest>(&fleet.base(), &fleet.data()).await;
    let out = ask("social", "social/social-posts --back");
    assert!(out.contains("is served again"), "{out}");
    holds(&journey).await;
    holds(&contest).await;
    let db = postgres::connect(&fleet.store("social"), postgres::Options::default()).await.unwrap();
    let parked = db.fetch_one("SELECT COUNT(*) FROM es_dlq", vec![]).await.unwrap().unwrap();
    assert_eq!(parked.get::<i64>(0).unwrap(), 0);
}
