//! Many activities: order, bounds, pages.

use activity::store::{Range, Row};
use kernel::{AccountId, Id, Sport};

use super::{DAY, Engine, MAY, SECOND, all_of, revised, run};

pub(super) async fn a_list_is_newest_first_within_its_bounds(engine: &Engine) {
    let aida = Id::random();
    // Both sides of the ends of months and of a year.
    let starts = [-121, -120, -31, -30, -1, 0, 1, 30, 31, 244, 245].map(|day| MAY + day * DAY);
    let mut rows = starts.map(|start_us| run(aida, start_us)).to_vec();
    engine.upsert(rows.clone()).await;
    engine.upsert(vec![run(Id::random(), MAY)]).await;
    rows.reverse();
    assert_eq!(engine.listed(aida).await, rows);
    assert_eq!(engine.range(Range { limit: 4, ..all_of(aida) }).await, rows[..4]);
    for from in 0..rows.len() {
        for to in from..rows.len() {
            // From its start on, up to but without the other's.
            let (after_us, before_us) = (rows[to].start_us, rows[from].start_us);
            let found = engine.range(Range { after_us, before_us, ..all_of(aida) }).await;
            let wanted: Vec<Row> =
                rows.iter().filter(|row| (after_us..before_us).contains(&row.start_us)).cloned().collect();
            assert_eq!(found, wanted);
        }
    }
    let backwards = Range { after_us: MAY, before_us: MAY - DAY, ..all_of(aida) };
    assert_eq!(engine.range(backwards).await, vec![]);
}

pub(super) async fn pages_pass_over_equal_starts_without_loss_or_repeat(engine: &Engine) {
    let aida = Id::random();
    let mut rows = Vec::new();
    for (start_us, count) in [(MAY, 7), (MAY - SECOND, 1), (MAY - 2 * SECOND, 5), (MAY - 70 * DAY, 4)] {
        rows.extend((0..count).map(|_| run(aida, start_us)));
    }
    engine.upsert(rows.clone()).await;
    rows.sort_by_key(|row| (std::cmp::Reverse(row.start_us), row.activity_id));
    for limit in 1..=rows.len() + 1 {
        let range = Range { limit: u32::try_from(limit).unwrap(), ..all_of(aida) };
        assert_eq!(engine.walked(range).await, rows, "in pages of {limit}");
    }
    let bounded = Range { after_us: MAY - SECOND, before_us: MAY, limit: 2, ..all_of(aida) };
    assert_eq!(engine.walked(bounded).await, rows[7..8]);
}

pub(super) async fn a_cursor_holds_while_rows_come_and_go(engine: &Engine) {
    let aida: AccountId = Id::random();
    let rows: Vec<Row> = (0..6).map(|day| run(aida, MAY - day * DAY)).collect();
    engine.upsert(rows.clone()).await;
    let behind = |row: &Row| Range { behind: Some(row.activity_id), limit: 2, ..all_of(aida) };
    // New ones before it, and the one that it names deleted: the page behind it is the same.
    engine.upsert(vec![run(aida, MAY + DAY), Row { live: false, ..revised(&rows[1], 2) }]).await;
    assert_eq!(engine.range(behind(&rows[1])).await, rows[2..4]);
    // One that moves takes its page along.
    let moved = Row { start_us: MAY - 3 * DAY - SECOND, ..revised(&rows[0], 2) };
    engine.upsert(vec![moved]).await;
    assert_eq!(engine.range(behind(&rows[0])).await, rows[4..6]);
    // Of nobody's, and of somebody else's, there is no page.
    assert_eq!(engine.range(behind(&run(aida, MAY))).await, vec![]);
    let other = run(Id::random(), MAY);
    engine.upsert(vec![other.clone()]).await;
    assert_eq!(engine.range(behind(&other)).await, vec![]);
}

pub(super) async fn a_rare_sport_is_found_over_years(engine: &Engine) {
    let aida = Id::random();
    let cycling = Sport::Cycling.as_str().to_owned();
    let rows: Vec<Row> = (0..400)
        .map(|at| {
            let row = run(aida, MAY - at * 3 * DAY);
            if at % 75 == 10 { Row { sport: cycling.clone(), ..row } } else { row }
        })
        .collect();
    engine.upsert(rows.clone()).await;
    let rides: Vec<Row> = rows.iter().filter(|row| row.sport == cycling).cloned().collect();
    let range = Range { sport: Some(Sport::Cycling), limit: 2, ..all_of(aida) };
    assert_eq!(engine.range(range).await, rides[..2]);
    assert_eq!(engine.walked(range).await, rides);
    // A sport that was wrong is corrected: it is in one list, not in both.
    let corrected = Row { sport: cycling, ..revised(&rows[0], 2) };
    engine.upsert(vec![corrected.clone()]).await;
    assert_eq!(engine.range(range).await[0], corrected);
    let runs = Range { sport: Some(Sport::Running), limit: 1, ..all_of(aida) };
    assert_eq!(engine.range(runs).await, rows[1..2]);
    // Many of one month, of which few are wanted.
    let boris = Id::random();
    let mut crowd: Vec<Row> = (0..300).map(|at| run(boris, MAY - at * 60 * SECOND)).collect();
    crowd[299].sport = Sport::Cycling.as_str().to_owned();
    engine.upsert(crowd.clone()).await;
    let range = Range { sport: Some(Sport::Cycling), limit: 10, ..all_of(boris) };
    assert_eq!(engine.range(range).await, crowd[299..]);
}

pub(super) async fn several_are_shown_at_once(engine: &Engine) {
    let (aida, boris) = (Id::random(), Id::random());
    let rows = vec![run(aida, MAY), run(boris, MAY), Row { live: false, ..run(aida, MAY + DAY) }];
    engine.upsert(rows.clone()).await;
    let ids = [rows[2].activity_id, Id::random(), rows[0].activity_id, rows[1].activity_id];
    let mut found = engine.store.among(&ids).await.unwrap();
    found.sort_by_key(|row| rows.iter().position(|known| known == row));
    assert_eq!(found, rows);
    assert_eq!(engine.store.among(&[]).await.unwrap(), vec![]);
}

/// A long-standing account; also what the figures are taken from.
pub(super) fn ten_thousand(account: AccountId) -> Vec<Row> {
    (0..10_000_i64).map(|at| run(account, MAY - at * DAY / 3)).collect()
}

pub(super) async fn ten_thousand_activities_are_walked_in_order(engine: &Engine) {
    let aida = Id::random();
    let rows = ten_thousand(aida);
    for some in rows.chunks(1_000) {
        engine.upsert(some.to_vec()).await;
    }
    assert_eq!(engine.walked(Range { limit: 200, ..all_of(aida) }).await, rows);
    assert_eq!(engine.erase(aida).await, 10_000);
    assert_eq!(engine.listed(aida).await, vec![]);
}
