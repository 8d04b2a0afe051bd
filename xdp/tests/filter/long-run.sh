#!/usr/bin/env bash
# Compares compiled filters in the kernel with the matcher in Rust, for longer than `cargo test` does.
#
#   xdp/tests/filter/long-run.sh [PACKETS] [SEED]
#
# 100000 packets unless said otherwise, 40 for each program; a new seed each time, which is printed, and gives the same
# rules and packets again. Needs root. The last line says how many packets met how many programs, and in what time.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export XDP_FILTER_CASES=${1:-100000} XDP_TEST_REQUIRE=1
[[ -z ${2:-} ]] || export XDP_FILTER_SEED=$2
cargo test --quiet -p xdp --all-features --test filter -- --exact --nocapture \
    differential::compiled_rules_decide_as_the_matcher_in_rust_does
