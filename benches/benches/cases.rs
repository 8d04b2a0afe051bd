//! The time of every case; the crate says what is inside. `cargo bench -p xdp-benches -- fill/` picks, `-- --test`
//! runs each once.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use xdp_benches::{BATCHES, groups, steps_of_round};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for group in groups() {
        let mut bench = criterion.benchmark_group(group.name);
        for implementation in &group.by {
            let mut subject = implementation.make();
            for batch in BATCHES {
                bench.throughput(Throughput::Elements(batch.into()));
                bench.bench_function(BenchmarkId::new(implementation.name, batch), |bencher| {
                    // Rounds are run whole: their time is that of so many batches.
                    bencher.iter_custom(|batches| {
                        let steps = u64::from(steps_of_round(batch));
                        let rounds = batches.div_ceil(steps);
                        let mut time = Duration::ZERO;
                        for _ in 0..rounds {
                            subject.prepare();
                            let start = Instant::now();
                            subject.round(batch);
                            time += start.elapsed();
                        }
                        time.mul_f64(batches as f64 / (rounds * steps) as f64)
                    });
                });
            }
        }
        bench.finish();
    }
    criterion.final_summary();
}
