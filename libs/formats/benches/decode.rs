//! Megabytes a second and core: FIT and GPX into columns, on made-up runs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stadion_formats as formats;

fn decode(criterion: &mut Criterion) {
    let start = "2026-03-01T07:30:00Z".parse().expect("a time");
    let marathon = formats::synth::run(42, start, 42_195.0, 330.0);
    let ultra = formats::synth::run(43, start, 200_000.0, 500.0);
    let mut group = criterion.benchmark_group("read");
    for (name, bytes) in [
        ("fit/marathon", formats::write(&marathon)),
        ("fit/ultra", formats::write(&ultra)),
        ("gpx/marathon", formats::gpx::write(&marathon).into_bytes()),
        ("gpx/ultra", formats::gpx::write(&ultra).into_bytes()),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| formats::read(black_box(&bytes))));
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
