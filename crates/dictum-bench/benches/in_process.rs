//! The time of each case in process: `cargo bench -p dictum-bench [-- words of a name]`.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dictum_bench::cases;

fn in_process(c: &mut Criterion) {
    let mut group = c.benchmark_group("in_process");
    group.warm_up_time(Duration::from_millis(500));
    for (name, make) in cases::ALL {
        let mut run = make();
        group.bench_function(*name, |b| b.iter(&mut run));
    }
    group.finish();
}

criterion_group!(benches, in_process);
criterion_main!(benches);
