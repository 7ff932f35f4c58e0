//! Migrations: once, in order, never edited, never older than the schema; a store has one owner.

use std::future::Future;

use eventing::{
    migrate::{Migrations, SPINE, belongs},
    sql::{Db, DbError},
};

use crate::fresh;

const FIRST: (&str, &str) = ("0001_create_thing", "CREATE TABLE thing (id BIGINT PRIMARY KEY);\n");
const SECOND: (&str, &str) = ("0002_add_word", "ALTER TABLE thing ADD COLUMN word TEXT;\n");
const EDITED: (&str, &str) = ("0001_create_thing", "SELECT 1;\n");

const OLD: Migrations = Migrations { service: "things", sqlite: &[FIRST], postgres: &[FIRST] };
const NEW: Migrations =
    Migrations { service: "things", sqlite: &[FIRST, SECOND], postgres: &[FIRST, SECOND] };
const BENT: Migrations = Migrations { service: "things", sqlite: &[EDITED], postgres: &[EDITED] };

/// The same words on each engine that is there.
async fn on_each<F: Future<Output = ()>>(story: impl Fn(Db) -> F) {
    let root = tempfile::tempdir().expect("a folder");
    story(fresh::sqlite_db(root.path(), "test.db").await).await;
    if let Some(url) = fresh::postgres_url() {
        story(fresh::postgres_db(&url).await).await;
    }
}

fn unusable<T>(answer: Result<T, DbError>, word: &str) {
    let Err(DbError::Unusable(why)) = answer else { panic!("nobody was refused: {word}") };
    assert!(why.contains(word), "«{why}» says nothing of «{word}»");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_applied_once_and_refused_when_edited() {
    on_each(|db| async move {
        assert_eq!(OLD.apply(&db).await.expect("applied"), ["0001_create_thing"]);
        assert!(OLD.apply(&db).await.expect("nothing to do").is_empty());
        assert_eq!(NEW.apply(&db).await.expect("applied"), ["0002_add_word"]);
        unusable(BENT.apply(&db).await, "newer than this program: it has 0002_add_word");
        db.execute("DELETE FROM schema_migration WHERE name = '0002_add_word'", vec![])
            .await
            .expect("forgotten");
        unusable(BENT.apply(&db).await, "things/0001_create_thing was edited");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_older_than_the_schema_does_not_start() {
    on_each(|db| async move {
        NEW.apply(&db).await.expect("applied");
        unusable(OLD.apply(&db).await, "newer than this program");
        assert!(NEW.apply(&db).await.expect("unharmed").is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_migrate_once() {
    on_each(|db| async move {
        let all = futures::future::join_all((0..5).map(|_| async {
            let mut applied = SPINE.apply(&db).await.expect("applied");
            applied.extend(NEW.apply(&db).await.expect("applied"));
            applied
        }))
        .await;
        let mut applied = all.concat();
        applied.sort_unstable();
        let count = applied.len();
        applied.dedup();
        assert_eq!((applied.len(), applied.contains(&"0002_add_word")), (count, true), "each once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_belongs_to_one_installation_and_one_service() {
    let marks = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    on_each(|db| async move {
        SPINE.apply(&db).await.expect("applied");
        belongs(&db, "auth", &marks(&["ours"])).await.expect("taken");
        belongs(&db, "auth", &marks(&["ours"])).await.expect("ours still");
        unusable(belongs(&db, "promo", &marks(&["ours"])).await, "the store of auth, not of promo");
        unusable(belongs(&db, "auth", &marks(&["theirs"])).await, "belongs to the installation ours");
        // The key changes: the new one beside the old, then alone.
        belongs(&db, "auth", &marks(&["newer", "ours"])).await.expect("both are believed");
        belongs(&db, "auth", &marks(&["newer"])).await.expect("handed over");
        unusable(belongs(&db, "auth", &marks(&["ours"])).await, "belongs to the installation newer");
    })
    .await;
}
