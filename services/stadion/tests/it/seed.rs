//! `stadion seed`, and what its people find at the public door.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use stadion::demo::door::{Answer, Door, until};

use crate::embedded::{Process, binary, serving};

const ACCOUNTS: usize = 50;

/// Seeds the folder; what it said and the sessions it signed.
fn seeded(data: &Path, accounts: usize, more: &[&str]) -> (String, Vec<(String, String)>) {
    let sessions = data.join("sessions.txt");
    let output = binary(&format!("seed --accounts {accounts} --friends 6"), data)
        .args(["--hours", "48", "--sessions"])
        .arg(&sessions)
        .args(more)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::fs::read_to_string(sessions).unwrap();
    let lines = lines.lines().map(|line| line.split_once(' ').unwrap());
    (said, lines.map(|(account, token)| (account.to_owned(), token.to_owned())).collect())
}

async fn get(door: &Door, path: &str, token: &str) -> Answer {
    door.get(path).with(token).expect(200).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeded_people_come_in_with_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (_, sessions) = seeded(folder.path(), ACCOUNTS, &[]);
    assert_eq!(sessions.len(), ACCOUNTS);
    let running = serving(folder.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    for (account, token) in &sessions {
        let me = get(&door, "/v1/me", token).await;
        assert_eq!(me.text("/id").unwrap(), *account);
        assert!(me.text("/email").unwrap().ends_with("seed-1@stadion.example"));
        assert!(["KZ", "KG", "UZ"].contains(&me.text("/country").unwrap().as_str()));
    }
    let consents = get(&door, "/v1/me/consents", &sessions[0].1).await;
    assert_eq!(consents.items().len(), 2, "{}", consents.json);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeded_people_are_friends_and_in_one_challenge() {
    let folder = tempfile::tempdir().unwrap();
    let (said, sessions) = seeded(folder.path(), ACCOUNTS, &["--challenge"]);
    let challenge = said.lines().find_map(|line| line.strip_prefix("challenge ")).unwrap().to_owned();
    let running = serving(folder.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();

    let mut friends = BTreeSet::new();
    for (account, token) in &sessions {
        let list = get(&door, "/v1/me/friends?limit=100", token).await;
        let other = |item: &Value| item["id"].as_str().unwrap().to_owned();
        friends.extend(list.items().iter().map(|item| (account.clone(), other(item))));
    }
    assert!(friends.len() > ACCOUNTS, "{} friendships, seen from both sides", friends.len());
    assert!(friends.iter().all(|(one, other)| friends.contains(&(other.clone(), one.clone()))));

    let shown = get(&door, &format!("/v1/challenges/{challenge}"), &sessions[1].1).await;
    assert_eq!(shown.json["participants"], ACCOUNTS, "{}", shown.json);
    assert_eq!(shown.text("/state").unwrap(), "open");
    let (runner, token) = &sessions[7];
    let workout = json!({
        "sport": "running", "start_at": an_hour_ago(), "elapsed_time_s": 600, "timer_time_s": 600, "distance_m": 2000,
    });
    let run = json!({"source": "test", "upserts": [
        {"key": "one", "version": 1, "kind": "workout", "workout": workout}
    ]});
    door.post("/v1/sync").with(token).json(&run).expect(200).await.unwrap();
    let top = || door.get(&format!("/v1/boards/{challenge}/top")).with(token);
    let wanted = |board: &Answer| {
        let entries = board.json["entries"].as_array().into_iter().flatten();
        let score = |one: &Value| one["score"].as_f64().unwrap_or_default();
        entries.into_iter().any(|one| one["account_id"] == runner.as_str() && score(one) > 1_999.0)
    };
    until(top, wanted).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_seated_where_joining_is_left_to_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let (said, sessions) = seeded(folder.path(), 3, &["--challenge", "--unjoined"]);
    assert!(!said.contains("participants"), "{said}");
    let challenge = said.lines().find_map(|line| line.strip_prefix("challenge ")).unwrap().to_owned();
    let running = serving(folder.path()).await;
    let door = Door::new(&format!("http://{}", running.http)).unwrap();
    let path = format!("/v1/challenges/{challenge}");
    let shown = get(&door, &path, &sessions[1].1).await;
    assert_eq!((shown.text("/state").unwrap().as_str(), &shown.json["participants"]), ("open", &json!(0)));
    let seat = door.put(&format!("{path}/participants/me")).with(&sessions[1].1).json(&json!({}));
    assert_eq!(seat.expect(200).await.unwrap().text("/member").unwrap(), "m1");
    running.stop().await.unwrap();
}

fn an_hour_ago() -> String {
    let now = kernel::Clock::now(&kernel::SystemClock);
    (now - jiff::SignedDuration::from_hours(1)).to_string()
}

#[test]
fn seeding_again_adds_only_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, before) = seeded(folder.path(), ACCOUNTS, &[]);
    assert!(first.contains("50 accounts in"), "{first}");
    let (second, after) = seeded(folder.path(), ACCOUNTS + 10, &[]);
    assert!(second.contains("10 accounts in") && second.contains("50 were there already"), "{second}");
    let ids = |sessions: &[(String, String)]| sessions.iter().map(|one| one.0.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after)[..ACCOUNTS]);
}

#[test]
fn a_folder_with_an_owner_is_not_seeded() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Process::start(folder.path());
    let refused = binary("seed --accounts 5", folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("in use by another stadion"), "{said}");
    drop(owner);
}
