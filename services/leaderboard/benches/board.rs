//! A new score and the rank it gives, at boards of three sizes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kernel::{AccountId, Id};
use leaderboard::domain::{
    board::{ALL, Board, Scope, Score, Told},
    places::Ties,
};
use privacy::BoardName;

/// xorshift: the same scores on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn told(account: AccountId, number: u32, value: u64, revision: u64) -> Told {
    Told {
        account,
        number,
        show_as: BoardName::Shown,
        score: Some(Score { value: i64::try_from(value).unwrap_or(i64::MAX), reached_us: 0 }),
        segments: Vec::new(),
        revision,
        sequence: revision,
    }
}

fn update_and_rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update and rank");
    for members in [1_000_u32, 50_000, 1_000_000] {
        let accounts: Vec<AccountId> = (0..members).map(|n| Id::derived(&[&n.to_le_bytes()])).collect();
        let mut dice = Dice(42);
        let mut board = Board::new(false, Ties::First);
        let mut revision = 1;
        for (number, account) in (0..).zip(&accounts) {
            board.apply(told(*account, number, dice.below(1 << 40), revision));
        }
        let mut next = || {
            let number = dice.below(u64::from(members));
            (number, dice.below(1 << 40))
        };
        group.bench_function(BenchmarkId::from_parameter(members), |bencher| {
            bencher.iter(|| {
                let (number, value) = next();
                revision += 1;
                let account = accounts[usize::try_from(number).unwrap_or(0)];
                let number = u32::try_from(number).unwrap_or(0);
                board.apply(told(account, number, value, revision));
                black_box(board.place(Scope::Segment(ALL), account))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, update_and_rank);
criterion_main!(benches);
