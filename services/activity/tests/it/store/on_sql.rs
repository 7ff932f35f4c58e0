//! The store of activities on the service's own database: SQLite, PostgreSQL.

use std::sync::Arc;

use activity::{MIGRATIONS, store::SqlActivities};
use backends::{postgres, sqlite};
use eventing::Db;
use testkit::engines;

use super::{Engine, lists, suite};

pub(super) async fn on(db: Db) -> Engine {
    MIGRATIONS.apply(&db).await.unwrap();
    Engine { store: Arc::new(SqlActivities(db.clone())), db }
}

pub(super) async fn sqlite_in(folder: &tempfile::TempDir) -> Engine {
    on(sqlite::open(&folder.path().join("activity.db"), sqlite::Options::default()).await.unwrap()).await
}

#[tokio::test]
async fn sqlite_keeps_the_promises_of_a_store_of_activities() {
    let folder = tempfile::tempdir().unwrap();
    let engine = sqlite_in(&folder).await;
    suite(&engine).await;
    lists::ten_thousand_activities_are_walked_in_order(&engine).await;
}

#[tokio::test]
async fn postgresql_keeps_the_promises_of_a_store_of_activities() {
    let Some(server) = engines::postgres("the store of activities on PostgreSQL") else { return };
    let name = format!("stadion_activities_{}", uuid::Uuid::new_v4().simple());
    let made = postgres::create_database(&server, &name).await.unwrap();
    let engine = on(postgres::connect(&made, postgres::Options::default()).await.unwrap()).await;
    suite(&engine).await;
    lists::ten_thousand_activities_are_walked_in_order(&engine).await;
}
