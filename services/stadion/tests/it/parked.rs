//! `stadion replay`, as it is typed: on the folder itself and through a running owner.

use std::path::Path;

use backends::sqlite;
use eventing::{Db, args};
use proto::Message;

use crate::embedded::{Process, binary};

const READER: &str = "social-people";

fn typed(command: &str, data: &Path) -> (bool, String, String) {
    let output = binary(command, data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// As a reader would have parked it.
async fn park(db: &Db, key: &str, pos: i64, record: Vec<u8>) {
    let sql = "INSERT INTO es_dlq (consumer, source, part, pos, key, record, error, attempts, parked_us)
         VALUES ($1, 'journal:social', 0, $2, $3, $4, 'poison: told so', 3, 1700000000000000)";
    db.execute(sql, args![READER, pos, key, record]).await.unwrap();
}

/// An event that the reader does not know, and lets pass.
fn foreign(position: u64) -> Vec<u8> {
    let event = proto::envelope::Event {
        position,
        stream: "stream-1".to_owned(),
        version: position,
        event_id: uuid::Uuid::from_u128(position.into()).as_bytes().to_vec().into(),
        partition_key: "good".to_owned(),
        r#type: "stadion.social.v1.NeverHeardOf".to_owned(),
        schema_ver: 1,
        at_us: 1_700_000_000_000_000,
        ..proto::envelope::Event::default()
    };
    event.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_listed_shown_released_and_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (ok, out, err) = typed("replay", data);
    assert!(ok && out == "nothing is parked\n", "{out}{err}");
    let store = data.join("stores/social.db");
    let db = sqlite::open(&store, sqlite::Options::default()).await.unwrap();
    park(&db, "good", 1, foreign(1)).await;
    park(&db, "good", 2, foreign(2)).await;
    park(&db, "bad", -7, vec![0xff; 80]).await;
    drop(db);

    let (_, out, err) = typed("replay", data);
    assert!(
        out.contains(
            "social-people  journal:social  key bad  records 1  since 2023-11-14T22:13:20Z  tries 3"
        )
    );
    assert!(out.contains("key good  records 2") && out.contains("poison: told so"), "{out}{err}");
    assert_eq!(typed("replay list social-people", data).1, out);
    assert_eq!(typed("replay list promo-people", data).1, "nothing is parked\n");
    let id = |key: &str| {
        let line = out.lines().find(|line| line.contains(&format!("key {key} "))).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };

    let owner = Process::start(data);
    let (_, shown, err) = typed(&format!("replay show {}", id("good")), data);
    assert!(shown.contains("stadion.social.v1.NeverHeardOf  stream-1 v2"), "{shown}{err}");
    let (_, shown, _) = typed(&format!("replay show {}", id("bad")), data);
    assert!(shown.contains("offset 7  no event  80 bytes"), "{shown}");
    let (ok, released, err) = typed("replay release social-people --key good", data);
    assert!(ok && released == "social-people: 2 released, 0 still parked\n", "{released}{err}");
    let (_, released, _) = typed("replay release", data);
    assert_eq!(released, "social-people: 0 released, 1 still parked\n");
    assert!(typed("replay", data).1.contains("tries 4"), "a try is a try");
    let (ok, _, err) = typed("replay release nobody", data);
    assert!(!ok && err.contains("no reader is called nobody"), "{err}");

    let (ok, said, err) = typed(&format!("replay drop {}", id("bad")), data);
    assert!(!ok && said.contains("1 of these would never have their effect in social-people"), "{said}");
    assert!(err.contains("--yes"), "{err}");
    let (ok, said, err) = typed(&format!("replay drop {} --yes", id("bad")), data);
    assert!(ok && said.contains("1 given up"), "{said}{err}");
    let (ok, _, err) = typed(&format!("replay show {}", id("bad")), data);
    assert!(!ok && err.contains("no parked key has the id"), "{err}");
    assert_eq!(typed("replay", data).1, "nothing is parked\n");
    drop(owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_page_shows_how_every_spine_stands() {
    let folder = tempfile::tempdir().unwrap();
    let running = crate::embedded::serving(folder.path()).await;
    let lines = [
        "stadion_auth_store_answers{service=\"auth\"} 1.0",
        "stadion_promo_relay_lag_events{service=\"promo\"} ",
        "stadion_promo_relay_lag_seconds{service=\"promo\"} ",
        "stadion_social_reader_lag_events{service=\"social\",reader=\"social-people\",source=",
        "stadion_social_reader_lag_seconds{service=\"social\",reader=\"",
        "stadion_activity_outbox_depth{service=\"activity\"} ",
        "stadion_gamification_timers_overdue{service=\"gamification\"} ",
        "stadion_gamification_leases_owned{service=\"gamification\"} ",
        "stadion_activity_append_group_bucket{service=\"activity\",le=\"1.0\"}",
        "stadion_activity_append_seconds_bucket{service=\"activity\",le=\"0.00025\"}",
        "stadion_gateway_follower_caught_up{service=\"gateway\",reader=\"",
        "stadion_leaderboard_follower_silence_seconds{service=\"leaderboard\",reader=\"",
    ];
    // Readers say where they stand once they have begun.
    let mut page = String::new();
    for _ in 0..1_200 {
        let answer = reqwest::get(format!("http://{}/metrics", running.admin)).await.unwrap();
        page = answer.text().await.unwrap();
        if lines.iter().all(|line| page.contains(line)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for line in lines {
        assert!(page.contains(line), "{line}\n{page}");
    }
    running.stop().await.unwrap();
}
