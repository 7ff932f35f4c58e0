//! Migrations: once, in order, never edited.

use eventing::migrate::{Migrations, SPINE};

use crate::fresh;

#[tokio::test]
async fn a_migration_is_applied_once_and_refused_when_edited() {
    let root = tempfile::tempdir().expect("a folder");
    let db = fresh::sqlite_db(root.path(), "test.db").await;
    assert_eq!(SPINE.apply(&db).await.expect("applied"), ["0001_create_spine"]);
    assert!(SPINE.apply(&db).await.expect("nothing to do").is_empty());
    let edited =
        Migrations { service: "spine", sqlite: &[("0001_create_spine", "SELECT 1;\n")], postgres: &[] };
    let refused = edited.apply(&db).await.expect_err("an edited file is refused").to_string();
    assert!(refused.contains("spine/0001_create_spine was edited"), "{refused}");
}
