//! Deleted for good, through public HTTP.

use serde_json::{Value, json};
use stadion::{
    demo::{
        cast::{ALMATY, Cast, Person},
        door::{Answer, until},
    },
    settings,
    up::Running,
};

use crate::{embedded::sources, hostile::refused};

async fn ask(cast: &Cast, person: &Person, path: &str) -> Answer {
    cast.door.get(path).with(&person.token).send().await.unwrap()
}

async fn upload(cast: &Cast, person: &Person, file: Vec<u8>) -> Value {
    let ask = cast.door.post("/v1/uploads?wait_s=20&filename=run.fit").with(&person.token);
    ask.body("application/octet-stream", file).expect(200).await.unwrap().json
}

/// Files of all accounts.
fn files(data: &std::path::Path) -> usize {
    let count =
        |folder: std::path::PathBuf| std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default();
    let accounts = ["original", "streams"].into_iter().flat_map(|room| {
        std::fs::read_dir(data.join("files/activity/blobs").join(room)).into_iter().flatten().flatten()
    });
    accounts.map(|account| count(account.path())).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_for_good_is_nowhere_and_its_file_can_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path()).flag("--restore", "activity.restore_days", Some("0".to_owned()));
    let running = Running::start(settings::load(&sources).unwrap()).await.unwrap();
    let cast = Cast::new(&format!("http://{}", running.http), folder.path().to_owned()).unwrap();
    let dana = cast.sign_up("Dana", ALMATY, &["terms", "health_data"]).await.unwrap();
    let start = "2026-05-01T01:00:00Z".parse().unwrap();
    let file = formats::write(&formats::synth::run(7, start, 3_000.0, 360.0));
    let first = upload(&cast, &dana, file.clone()).await;
    assert_eq!((&first["status"], files(folder.path())), (&json!("ready"), 2));
    let path = format!("/v1/activities/{}", first["activity_ids"][0].as_str().unwrap());
    cast.door.delete(&path).with(&dana.token).expect(204).await.unwrap();
    let again = || cast.door.post("/v1/uploads?wait_s=20&filename=run.fit").with(&dana.token);
    // While it is being destroyed the file is not taken: 503. Then it is new.
    let sent = || again().body("application/octet-stream", file.clone());
    for _ in 0..2_400 {
        if files(folder.path()) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(files(folder.path()), 0, "its file and its columns are gone");
    for of_it in ["", "/history", "/streams", "/original", "/explanation"] {
        refused(&ask(&cast, &dana, &format!("{path}{of_it}")).await, 404, "not_found", of_it);
    }
    let restore = cast.door.post(&format!("{path}/restore")).with(&dana.token).json(&json!({}));
    refused(&restore.send().await.unwrap(), 404, "not_found", "restore");
    let is_new = |answer: &Answer| answer.json["status"] == "ready";
    let second = until(sent, is_new).await.unwrap().json;
    assert_eq!(second["activity_ids"], first["activity_ids"]);
    assert_eq!(ask(&cast, &dana, &path).await.status, 200);
    running.stop().await.unwrap();
}
