//! How long it takes until 50 boards of 50 000 stand again, as a start does it: from the files that were kept; and from the
//! log, of which only what no start can save is counted here – decoding each score and putting it in its place. Reading the
//! log, fetching the participants' keys and opening each score come on top.

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventing::{Plain, StateValue};
use kernel::{AccountId, Id, SystemClock};
use leaderboard::{boards::Boards, kept::Keeper, wire};
use platform::spans::Taking;
use proto::gamification::{Score, ScoreState};

const BOARDS: u32 = 50;
const MEMBERS: u32 = 50_000;
const PARTS: u32 = 24;

/// A participant's score as gamification tells it: in a region, of a level, of a sex and an age.
fn value(board: u32, member: u32) -> StateValue {
    let account: AccountId = Id::derived(&[&member.to_le_bytes()]);
    let challenge: AccountId = Id::derived(&[b"board", &board.to_le_bytes()]);
    // Spread, and the same on every run.
    let dice = u64::from(member).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(board) >> 40;
    let segments = [
        format!("age:{0}0-{0}9", 2 + dice % 4),
        format!("level:{}", dice % 9),
        format!("region:KZ-{}", dice % 17),
        format!("sex:{}", ["f", "m"][usize::try_from(dice % 2).unwrap_or(0)]),
    ];
    let score = Score {
        segments: segments.into(),
        scored: true,
        value: i64::try_from(dice).unwrap_or(i64::MAX),
        reached_us: i64::from(member),
    };
    let state = ScoreState {
        challenge_id: Bytes::copy_from_slice(challenge.as_bytes()),
        account_id: Bytes::copy_from_slice(account.as_bytes()),
        member,
        state: "active".to_owned(),
        show_as: "name".to_owned(),
        score: Some(score),
    };
    StateValue {
        key: format!("{challenge}/{account}"),
        revision: 1,
        part: board % PARTS,
        offset: i64::from(member),
        trace_parent: String::new(),
        plain: Plain::of(&state),
    }
}

fn tell(boards: &Boards, value: &StateValue) {
    if let Ok((challenge, told)) = wire::told(value) {
        black_box(boards.at(challenge, value.part).tell(told, Taking::none));
    }
}

fn warm_start(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let boards = Arc::new(Boards::default());
    let keeper = |boards: &Arc<Boards>| Keeper::new(folder.path(), boards.clone(), Arc::new(SystemClock), 60);
    let kept = keeper(&boards);
    for board in 0..BOARDS {
        for member in 0..MEMBERS {
            let value = value(board, member);
            tell(&boards, &value);
            kept.heard(value.part, i64::MAX);
        }
    }
    kept.write();
    let (ends, of_log) = ([i64::MAX; PARTS as usize], (0..MEMBERS).map(|member| value(0, member)));
    let of_log: Vec<StateValue> = of_log.collect();

    let mut group = criterion.benchmark_group("warm start");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(BOARDS) * u64::from(MEMBERS)));
    group.bench_function("50 boards of 50 000 from files", |bencher| {
        bencher.iter_with_large_drop(|| {
            let boards = Arc::new(Boards::default());
            black_box(keeper(&boards).restore(&ends));
            assert_eq!(boards.members(), (BOARDS * MEMBERS) as usize);
            boards
        });
    });
    group.bench_function("50 boards of 50 000 into files", |bencher| {
        bencher.iter(|| {
            (0..PARTS).for_each(|part| kept.heard(part, i64::MAX));
            kept.write();
        });
    });
    group.throughput(Throughput::Elements(u64::from(MEMBERS)));
    group.bench_function("one board of 50 000 from a log in the clear", |bencher| {
        bencher.iter_with_large_drop(|| {
            let boards = Boards::default();
            of_log.iter().for_each(|value| tell(&boards, value));
            boards
        });
    });
    group.finish();
}

criterion_group!(benches, warm_start);
criterion_main!(benches);
