//! How fast stores of activities are beside each other. Informative: nothing fails for being slow. By hand:
//! `STADION_TEST_CQL=… cargo test --release -p stadion-activity --test it figures -- --ignored --nocapture`

use std::time::{Duration, Instant};

use activity::store::{Range, Row};
use futures::{StreamExt, stream};
use kernel::Id;

use super::{Engine, all_of, lists, on_cql, on_sql};

const WRITERS: usize = 32;
const LISTS: usize = 1_000;

fn at(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[index].as_secs_f64() * 1_000.0
}

async fn figures(name: &str, engine: &Engine) {
    let aida = Id::random();
    let rows = lists::ten_thousand(aida);
    // As the projection writes when it catches up: many rows a transaction.
    let began = Instant::now();
    for some in rows.chunks(500) {
        engine.upsert(some.to_vec()).await;
    }
    let together = rows.len() as f64 / began.elapsed().as_secs_f64();
    // As single workouts come in: a transaction each.
    let boris = Id::random();
    let one: Vec<Row> = lists::ten_thousand(boris).into_iter().take(2_000).collect();
    let count = one.len() as f64;
    let began = Instant::now();
    stream::iter(one).for_each_concurrent(WRITERS, |row| engine.upsert(vec![row])).await;
    let alone = count / began.elapsed().as_secs_f64();
    let mut took = Vec::new();
    let mut gets = Vec::new();
    for at in 0..LISTS {
        // A page anywhere in nine years.
        let behind = Some(rows[at * 9 % rows.len()].activity_id);
        let began = Instant::now();
        let page = engine.range(Range { behind, limit: 50, ..all_of(aida) }).await;
        took.push(began.elapsed());
        assert_eq!(page.len(), 50);
        let began = Instant::now();
        engine.get(page[0].activity_id).await.unwrap();
        gets.push(began.elapsed());
    }
    took.sort();
    gets.sort();
    println!(
        "{name}: {together:.0} rows/s in transactions of 500, {alone:.0} rows/s alone ({WRITERS} at once); \
         a page of 50 of 10 000 p50 {:.2} ms p99 {:.2} ms; one activity p50 {:.2} ms p99 {:.2} ms",
        at(&took, 0.5),
        at(&took, 0.99),
        at(&gets, 0.5),
        at(&gets, 0.99)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "figures, taken by hand"]
async fn figures_of_each_store() {
    let folder = tempfile::tempdir().unwrap();
    figures("SQLite", &on_sql::sqlite_in(&folder).await).await;
    let folder = tempfile::tempdir().unwrap();
    let Some(cql) = on_cql::migrated("figures of the store on CQL").await else { return };
    figures("CQL", &on_cql::engine(cql, &folder).await).await;
}
