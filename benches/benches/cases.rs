//! The time of every case; the crate says what is inside. `cargo bench -p xdp-benches -- fill/` picks, `-- --test`
//! runs each once.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use xdp_benches::each_case;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    each_case(&mut |case| {
        let steps = u64::from(case.steps());
        let mut group = criterion.benchmark_group(case.group);
        group.throughput(Throughput::Elements(case.batch.into()));
        group.bench_function(BenchmarkId::new(case.implementation, case.batch), |bencher| {
            bencher.iter_custom(|mut left| {
                let mut time = Duration::ZERO;
                while left > 0 {
                    let now = left.min(steps);
                    (case.prepare)();
                    let start = Instant::now();
                    (0..now).for_each(|_| (case.step)());
                    time += start.elapsed();
                    left -= now;
                }
                time
            });
        });
        group.finish();
    });
    criterion.final_summary();
}
