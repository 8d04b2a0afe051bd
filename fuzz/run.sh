#!/bin/sh
# Runs the fuzz targets, each for a number of seconds, under AddressSanitizer.
#
#   fuzz/run.sh                              all targets, 60 seconds each
#   fuzz/run.sh 600 hostile_socket           ten minutes of one
#
# Needs a nightly toolchain (rustup toolchain install nightly), a C++ compiler for libFuzzer, and cargo-fuzz, which it
# installs into cargo's own folder (cargo install cargo-fuzz --locked) if it is missing. What the fuzzer learns stays in
# fuzz/corpus, which is not part of the repository; fuzz/seeds is, where some begin (see fuzz/seeds.sh). An input that
# fails stays in fuzz/artifacts and is printed as the command that runs it again. Frames that are forgotten leak by
# design, so leaks are not looked for.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- filter hostile_rings hostile_socket layouts netlink packets sockets
# The flag of libFuzzer covers the runs, this the end of the process.
export ASAN_OPTIONS=detect_leaks=0
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
for target; do
    echo "== $target"
    # A kilobyte and a half is a set-up and some 200 steps. What the kernel really says is longer.
    seeds= longest=1600
    if [ -d "fuzz/seeds/$target" ]; then seeds=fuzz/seeds/$target longest=6144; fi
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" $seeds -- -max_total_time="$seconds" -max_len=$longest -len_control=20 -detect_leaks=0 \
        -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
done
