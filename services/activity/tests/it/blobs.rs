//! What a place for blobs promises: one suite, in the same words for a folder and a bucket.

use activity::{
    blobs::{BlobError, Blobs},
    config::Files,
};
use bytes::Bytes;
use formats::archive::ReadAt;
use futures::future::join_all;
use kernel::{AccountId, Id};
use testkit::engines;

async fn suite(blobs: &Blobs) {
    what_is_put_is_got(blobs).await;
    what_is_there_stays_as_it_is(blobs).await;
    the_same_file_from_many_is_kept_once(blobs).await;
    parts_become_one_file(blobs).await;
    an_erasure_takes_all_of_one_account(blobs).await;
    assert_eq!(blobs.identity().await.unwrap(), blobs.identity().await.unwrap());
    it_is_one_installations_whose_key_may_change(blobs).await;
}

async fn it_is_one_installations_whose_key_may_change(blobs: &Blobs) {
    let marks = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(blobs.owner().await.unwrap(), None);
    blobs.belongs(&marks(&["aa"])).await.unwrap();
    blobs.belongs(&marks(&["aa", "bb"])).await.unwrap();
    let refused = blobs.belongs(&marks(&["bb"])).await;
    assert!(
        matches!(refused, Err(BlobError::Foreign(owner, ours)) if (owner.as_str(), ours.as_str()) == ("aa", "bb"))
    );
    blobs.belongs(&marks(&["bb", "aa"])).await.unwrap();
    blobs.belongs(&marks(&["bb"])).await.unwrap();
    assert_eq!(blobs.owner().await.unwrap().as_deref(), Some("bb"));
}

fn key(account: AccountId) -> String {
    Blobs::original_key(account, &[7; 32])
}

async fn what_is_put_is_got(blobs: &Blobs) {
    let (small, large) = (Bytes::from_static(b"a run"), Bytes::from(vec![7; 20 * 1024 * 1024]));
    for file in [small, large] {
        let key = key(Id::random());
        blobs.put(&key, file.clone()).await.unwrap();
        assert!(blobs.get(&key).await.unwrap() == file);
    }
    let missing = key(Id::random());
    assert!(matches!(blobs.get(&missing).await, Err(BlobError::Missing(key)) if key == missing));
}

async fn what_is_there_stays_as_it_is(blobs: &Blobs) {
    let key = key(Id::random());
    blobs.put(&key, Bytes::from_static(b"first")).await.unwrap();
    blobs.put(&key, Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "first");
    // Half a file is no file.
    blobs.put(&key, Bytes::from_static(b"a whole file")).await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "a whole file");
}

async fn the_same_file_from_many_is_kept_once(blobs: &Blobs) {
    let account = Id::random();
    let (key, file) = (key(account), Bytes::from(vec![1; 100_000]));
    for outcome in join_all((0..20).map(|_| blobs.put(&key, file.clone()))).await {
        outcome.unwrap();
    }
    assert!(blobs.get(&key).await.unwrap() == file);
    assert_eq!(blobs.erase(account).await.unwrap(), 1);
}

async fn parts_become_one_file(blobs: &Blobs) {
    let (account, file) = (Id::random(), Id::random());
    let pieces: Vec<Bytes> = (0..3_u8).map(|number| vec![number; 4_000_001].into()).collect();
    let (mut keys, mut at) = (Vec::new(), 0);
    for piece in &pieces {
        keys.push(blobs.put_part(account, file, at, piece.clone()).await.unwrap());
        at += piece.len() as i64;
    }
    let (key, parts) = (key(account), keys.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..2 {
        blobs.join(&key, &parts, at).await.unwrap();
        assert!(blobs.get(&key).await.unwrap() == pieces.concat());
    }
    let read_at = blobs.file(&key).await.unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = [9; 4];
        let count = ReadAt::read_at(&read_at, 3_999_999, &mut bytes).unwrap();
        (read_at.size(), bytes[..count].to_vec())
    });
    assert_eq!(read.await.unwrap(), (12_000_003, vec![0, 0, 1, 1]));
    blobs.drop_parts(account, file).await.unwrap();
    assert!(matches!(blobs.get(&keys[0]).await, Err(BlobError::Missing(_))));
    assert_eq!(blobs.erase(account).await.unwrap(), 1);
}

async fn an_erasure_takes_all_of_one_account(blobs: &Blobs) {
    let (aida, boris): (AccountId, AccountId) = (Id::random(), Id::random());
    let of = |account: AccountId| {
        let mut keys: Vec<String> = (0..5).map(|hash| Blobs::original_key(account, &[hash; 32])).collect();
        keys.extend((0..5_u8).map(|at| Blobs::streams_key(account, Id::random(), &[at])));
        keys
    };
    let (mine, other) = (of(aida), of(boris));
    for key in mine.iter().chain(&other) {
        blobs.put(key, Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(blobs.erase(aida).await.unwrap(), 10);
    for key in &mine {
        assert!(matches!(blobs.get(key).await, Err(BlobError::Missing(_))));
    }
    for key in &other {
        assert_eq!(blobs.get(key).await.unwrap(), "x");
    }
    assert_eq!(blobs.erase(aida).await.unwrap(), 0);
}

#[tokio::test]
async fn a_folder_keeps_the_promises_of_a_place_for_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().join("files").display());
    let blobs = Blobs::open(&Files { url: url.clone(), ..Files::default() }, folder.path()).unwrap();
    suite(&blobs).await;
    let again = Blobs::open(&Files { url, ..Files::default() }, folder.path()).unwrap();
    assert_eq!(again.identity().await.unwrap(), blobs.identity().await.unwrap());
    let other = Blobs::open(&Files::default(), folder.path()).unwrap();
    assert_ne!(other.identity().await.unwrap(), blobs.identity().await.unwrap());
}

/// A corner of its own in the bucket that the tests' server opens with.
fn bucket(server: &str) -> Files {
    Files {
        url: format!("s3://stadion/{}", uuid::Uuid::new_v4().simple()),
        endpoint: server.trim_end_matches('/').to_owned(),
        region: "eu-central-1".to_owned(),
        access_key: "stadion".to_owned(),
        secret: "stadion-secret".to_owned(),
        ..Files::default()
    }
}

#[tokio::test]
async fn a_bucket_keeps_the_promises_of_a_place_for_blobs() {
    let Some(server) = engines::s3("blobs in a bucket") else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = bucket(&server);
    let blobs = Blobs::open(&files, folder.path()).unwrap();
    suite(&blobs).await;
    let again = Blobs::open(&files, folder.path()).unwrap();
    assert_eq!(again.identity().await.unwrap(), blobs.identity().await.unwrap());
    let nowhere = Files { url: "s3://no-such-bucket".to_owned(), ..files };
    let nowhere = Blobs::open(&nowhere, folder.path()).unwrap();
    assert!(matches!(nowhere.put("a", Bytes::new()).await, Err(BlobError::Store(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing lies in the folder");
}

#[test]
fn a_place_that_cannot_be_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["files", "file://relative/folder", "s3://", "s3:///prefix", "https://bucket", "gs://bucket"] {
        let files = Files { url: url.to_owned(), ..Files::default() };
        let error = Blobs::open(&files, folder.path()).err().unwrap_or_else(|| panic!("{url} was taken"));
        assert!(error.contains(url), "{error}");
    }
}

#[tokio::test]
async fn what_is_old_is_young_again_when_it_is_put_again() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_folder(folder.path()).unwrap();
    let (key, file) = (key(Id::random()), Bytes::from_static(b"a run"));
    blobs.put(&key, file.clone()).await.unwrap();
    let written = || std::fs::metadata(folder.path().join(&key)).unwrap().modified().unwrap();
    let first = written();
    blobs.put(&key, file.clone()).await.unwrap();
    assert_eq!(written(), first, "what is young is left as it is");
    let old = first - std::time::Duration::from_secs(86_400);
    let lies = std::fs::File::options().write(true).open(folder.path().join(&key)).unwrap();
    lies.set_modified(old).unwrap();
    blobs.put(&key, file.clone()).await.unwrap();
    assert!(written() >= first && blobs.get(&key).await.unwrap() == file);
}
