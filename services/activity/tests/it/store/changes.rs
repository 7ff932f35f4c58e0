//! One activity: its revisions, its columns, its end.

use activity::{
    store::{Range, Row},
    streams::StreamType,
    wire::Whole,
};
use kernel::Id;

use super::{DAY, Engine, MAY, all_of, chunk, revised, run, with_blob};

pub(super) async fn a_row_is_read_as_it_was_written(engine: &Engine) {
    let aida = Id::random();
    let row = run(aida, MAY);
    engine.upsert(vec![row.clone()]).await;
    assert_eq!(engine.get(row.activity_id).await, Some(row.clone()));
    assert_eq!(engine.current(row.activity_id).await, Some(row.clone()));
    assert_eq!(engine.listed(aida).await, vec![row.clone()]);
    assert_eq!(engine.of_account(aida).await, vec![row]);
    assert_eq!(engine.get(Id::random()).await, None);
    assert_eq!(engine.listed(Id::random()).await, vec![]);
}

pub(super) async fn a_lower_or_the_same_revision_changes_nothing(engine: &Engine) {
    let aida = Id::random();
    let first = run(aida, MAY);
    let (second, third) = (revised(&first, 2), revised(&first, 3));
    engine.upsert(vec![third.clone()]).await;
    engine.upsert(vec![first.clone(), second]).await;
    let other = Row { start_us: MAY + 40 * DAY, live: false, ..revised(&first, 3) };
    engine.upsert(vec![Row { whole: Whole::default(), ..other }]).await;
    assert_eq!(engine.get(first.activity_id).await, Some(third.clone()));
    assert_eq!(engine.listed(aida).await, vec![third]);
}

pub(super) async fn a_start_that_moves_moves_the_row(engine: &Engine) {
    let aida = Id::random();
    let first = run(aida, MAY);
    engine.upsert(vec![first.clone()]).await;
    // Within the month, to another one, to another year, and back to where it was.
    for (revision, start_us) in [(2, MAY + DAY), (3, MAY + 45 * DAY), (4, MAY - 400 * DAY), (5, MAY)] {
        let moved = Row { start_us, ..revised(&first, revision) };
        engine.upsert(vec![moved.clone()]).await;
        assert_eq!(engine.listed(aida).await, vec![moved.clone()]);
        assert_eq!(engine.get(first.activity_id).await, Some(moved.clone()));
        // Nothing is left where it was, and what comes late does not bring it back.
        engine.upsert(vec![first.clone(), revised(&first, revision - 1)]).await;
        assert_eq!(engine.listed(aida).await, vec![moved]);
    }
    // Several moves in one go.
    let moves = [6, 7, 8].map(|revision| Row { start_us: MAY + revision * DAY, ..revised(&first, revision) });
    engine.upsert(moves.to_vec()).await;
    assert_eq!(engine.listed(aida).await, vec![moves[2].clone()]);
}

pub(super) async fn what_is_deleted_leaves_the_list_and_comes_back_when_restored(engine: &Engine) {
    let aida = Id::random();
    let first = run(aida, MAY);
    let (kept, second) = (run(aida, MAY - DAY), revised(&first, 2));
    let deleted = Row { live: false, revision: 3, ..second.clone() };
    engine.upsert(vec![kept.clone(), first.clone(), second.clone(), deleted.clone()]).await;
    assert_eq!(engine.listed(aida).await, vec![kept.clone()]);
    assert_eq!(engine.get(first.activity_id).await, Some(deleted.clone()));
    assert_eq!(engine.of_account(aida).await.len(), 2);
    engine.upsert(vec![second]).await;
    assert_eq!(engine.listed(aida).await, vec![kept.clone()]);
    let restored = revised(&first, 4);
    engine.upsert(vec![restored.clone()]).await;
    engine.upsert(vec![deleted]).await;
    assert_eq!(engine.listed(aida).await, vec![restored.clone(), kept.clone()]);
    // Deleted and restored elsewhere in time.
    let gone = Row { live: false, revision: 5, start_us: MAY - 50 * DAY, ..restored.clone() };
    engine.upsert(vec![gone]).await;
    assert_eq!(engine.listed(aida).await, vec![kept.clone()]);
    let back = Row { start_us: MAY - 2 * DAY, ..revised(&first, 6) };
    engine.upsert(vec![back.clone()]).await;
    assert_eq!(engine.listed(aida).await, vec![kept, back]);
}

pub(super) async fn revisions_in_any_order_come_to_the_highest(engine: &Engine) {
    // A small generator: the same orders in every run.
    let mut seed = 0x5eed_u64;
    let mut next = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..12 {
        let aida = Id::random();
        let mut revisions = Vec::new();
        let mut highest = Vec::new();
        for _ in 0..3 {
            let first = run(aida, MAY);
            let story: Vec<Row> = (1..=5)
                .map(|revision| Row {
                    start_us: MAY + i64::try_from(next(90)).unwrap() * DAY,
                    live: next(4) > 0,
                    ..revised(&first, revision)
                })
                .collect();
            highest.extend(story.last().cloned());
            revisions.extend(story);
        }
        // Each at least once, most of them more often.
        for _ in 0..20 {
            let again = revisions[usize::try_from(next(15)).unwrap()].clone();
            revisions.push(again);
        }
        for at in (1..revisions.len()).rev() {
            revisions.swap(at, usize::try_from(next(at as u64 + 1)).unwrap());
        }
        for row in revisions {
            engine.upsert(vec![row]).await;
        }
        highest.sort_by_key(|row| row.activity_id);
        assert_eq!(engine.of_account(aida).await, highest);
        let mut live: Vec<Row> = highest.into_iter().filter(|row| row.live).collect();
        live.sort_by_key(|row| (std::cmp::Reverse(row.start_us), row.activity_id));
        assert_eq!(engine.listed(aida).await, live);
    }
}

pub(super) async fn what_is_taken_away_stays_away_until_the_next_revision(engine: &Engine) {
    let aida = Id::random();
    let first = run(aida, MAY);
    let second = revised(&first, 2);
    engine.upsert(vec![first.clone(), second.clone()]).await;
    let bare = Row { whole: Whole { name: String::new(), ..second.whole.clone() }, ..second.clone() };
    engine.replace(bare.clone()).await;
    assert_eq!(engine.get(first.activity_id).await, Some(bare.clone()));
    assert_eq!(engine.listed(aida).await, vec![bare.clone()]);
    // The same revision told again does not bring it back.
    engine.upsert(vec![first.clone(), second.clone()]).await;
    assert_eq!(engine.listed(aida).await, vec![bare.clone()]);
    // More is taken away, then something else: what is there last counts, be it larger or smaller.
    for name in ["z", "", "a", "zz", "b"] {
        let bare = Row { whole: Whole { name: name.to_owned(), ..bare.whole.clone() }, ..bare.clone() };
        engine.replace(bare.clone()).await;
        assert_eq!(engine.listed(aida).await, vec![bare]);
    }
    let third = revised(&first, 3);
    engine.upsert(vec![third.clone()]).await;
    assert_eq!(engine.listed(aida).await, vec![third.clone()]);
    assert_eq!(engine.get(first.activity_id).await, Some(third));
    // Of what is not there nothing is made.
    let unknown = run(aida, MAY);
    engine.replace(unknown.clone()).await;
    assert_eq!(engine.get(unknown.activity_id).await, None);
    // A deleted one is bared too, and stays deleted.
    let gone = Row { live: false, ..revised(&first, 4) };
    engine.upsert(vec![gone.clone()]).await;
    let bare = Row { whole: Whole::default(), ..gone };
    engine.replace(bare.clone()).await;
    assert_eq!(engine.get(first.activity_id).await, Some(bare));
    assert_eq!(engine.listed(aida).await, vec![]);
}

pub(super) async fn columns_are_those_of_the_newest_blob(engine: &Engine) {
    use StreamType::{HeartRate, LatLng, Time};
    let row = with_blob(&run(Id::random(), MAY), "blob-b");
    let id = row.activity_id;
    let large: Vec<u8> = (0..128 * 1024_u32).map(|at| at.to_le_bytes()[at as usize % 4]).collect();
    let mut chunks: Vec<_> = (0..12).map(|number| chunk(Time, number, large.clone())).collect();
    chunks.push(chunk(HeartRate, 0, vec![1]));
    engine.put_streams(&row, chunks.clone()).await;
    engine.upsert(vec![row.clone()]).await;
    let ordered = [&chunks[12..], &chunks[..12]].concat();
    assert_eq!(engine.streams(id, &[Time, LatLng, HeartRate]).await, ordered);
    assert_eq!(engine.streams(id, &[HeartRate]).await, chunks[12..]);
    assert_eq!(engine.streams(id, &[LatLng]).await, vec![]);
    assert_eq!(engine.streams(id, &[]).await, vec![]);
    // Fewer chunks than before, and one kind less; the name sorts before and then behind the older one.
    for (revision, blob) in [(2, "blob-a"), (3, "blob-c")] {
        let newer = with_blob(&revised(&row, revision), blob);
        let chunks = vec![chunk(Time, 0, vec![u8::try_from(revision).unwrap()])];
        engine.put_streams(&newer, chunks.clone()).await;
        engine.upsert(vec![newer]).await;
        assert_eq!(engine.streams(id, &[Time, HeartRate]).await, chunks);
    }
    let without = with_blob(&revised(&row, 4), "");
    engine.put_streams(&without, vec![]).await;
    engine.upsert(vec![without]).await;
    assert_eq!(engine.streams(id, &[Time, HeartRate]).await, vec![]);
    assert_eq!(engine.streams(Id::random(), &[Time]).await, vec![]);
}

pub(super) async fn one_column_of_an_account_can_be_dropped(engine: &Engine) {
    use StreamType::{HeartRate, Time};
    let (aida, boris) = (Id::random(), Id::random());
    let rows = [run(aida, MAY), run(aida, MAY + DAY), run(boris, MAY)].map(|row| with_blob(&row, "blob"));
    for row in &rows {
        engine.put_streams(row, vec![chunk(Time, 0, vec![1]), chunk(HeartRate, 0, vec![2])]).await;
        engine.upsert(vec![row.clone()]).await;
    }
    let deleted = Row { live: false, ..revised(&rows[1], 2) };
    engine.upsert(vec![deleted]).await;
    engine.drop_stream(aida, HeartRate).await;
    for row in &rows[..2] {
        assert_eq!(engine.streams(row.activity_id, &StreamType::ALL).await, vec![chunk(Time, 0, vec![1])]);
    }
    assert_eq!(engine.streams(rows[2].activity_id, &StreamType::ALL).await.len(), 2);
    // A newer version of the activity may bring one again.
    let newer = with_blob(&revised(&rows[0], 2), "newer");
    engine.put_streams(&newer, vec![chunk(HeartRate, 0, vec![3])]).await;
    engine.upsert(vec![newer.clone()]).await;
    assert_eq!(engine.streams(newer.activity_id, &[HeartRate]).await, vec![chunk(HeartRate, 0, vec![3])]);
}

pub(super) async fn a_purged_activity_leaves_nothing_and_may_be_recorded_anew(engine: &Engine) {
    let aida = Id::random();
    let (kept, first) = (run(aida, MAY - DAY), with_blob(&run(aida, MAY), "first"));
    engine.put_streams(&first, vec![chunk(StreamType::HeartRate, 0, "beats")]).await;
    engine.upsert(vec![kept.clone(), first.clone()]).await;
    let deleted = Row { live: false, revision: 2, ..first.clone() };
    engine.upsert(vec![deleted.clone()]).await;
    let purged = Row { revision: 3, ..deleted.clone() };
    // Twice, as after a crash.
    for _ in 0..2 {
        engine.purge(purged.clone()).await;
        assert_eq!(
            (engine.get(first.activity_id).await, engine.listed(aida).await),
            (None, vec![kept.clone()])
        );
        assert_eq!(engine.of_account(aida).await, vec![kept.clone()]);
    }
    let anew = Row { revision: 5, ..with_blob(&first, "anew") };
    engine.put_streams(&anew, vec![chunk(StreamType::Power, 0, "watts")]).await;
    engine.upsert(vec![anew.clone()]).await;
    assert_eq!(engine.listed(aida).await, vec![anew.clone(), kept]);
    let columns = engine.streams(first.activity_id, &[StreamType::HeartRate, StreamType::Power]).await;
    assert_eq!(columns, vec![chunk(StreamType::Power, 0, "watts")], "nothing of before is left");
    assert_eq!(engine.erase(aida).await, 2);
    assert_eq!(engine.get(first.activity_id).await, None);
}

pub(super) async fn an_erased_account_leaves_nothing(engine: &Engine) {
    let (aida, boris) = (Id::random(), Id::random());
    let mine: Vec<Row> = (0..40).map(|day| with_blob(&run(aida, MAY + day * 9 * DAY), "blob")).collect();
    let other = with_blob(&run(boris, MAY), "blob");
    for row in mine.iter().take(3).chain([&other]) {
        engine.put_streams(row, vec![chunk(StreamType::Time, 0, vec![1])]).await;
    }
    engine.upsert(mine.iter().chain([&other]).cloned().collect()).await;
    let gone = Row { live: false, ..revised(&mine[0], 2) };
    let moved = Row { start_us: MAY - 90 * DAY, ..revised(&mine[1], 2) };
    engine.upsert(vec![gone, moved]).await;
    assert_eq!(engine.erase(aida).await, 40);
    assert_eq!(engine.listed(aida).await, vec![]);
    assert_eq!(engine.range(Range { after_us: i64::MIN, ..all_of(aida) }).await, vec![]);
    assert_eq!(engine.of_account(aida).await, vec![]);
    for row in &mine {
        assert_eq!(engine.get(row.activity_id).await, None);
        assert_eq!(engine.streams(row.activity_id, &StreamType::ALL).await, vec![]);
    }
    assert_eq!(engine.listed(boris).await, vec![other.clone()]);
    assert_eq!(engine.streams(other.activity_id, &StreamType::ALL).await.len(), 1);
    assert_eq!(engine.erase(aida).await, 0);
}
