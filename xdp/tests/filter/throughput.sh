#!/usr/bin/env bash
# Measures what a filter of five terms costs against a program that redirects everything, on a veth pair.
#
#   xdp/tests/filter/throughput.sh [ROUNDS]
#
# Rounds of 250 ms (20 of each program unless said otherwise), in turn, with one sender and one receiver that run all the
# while; the program at work is replaced between them. Prints the medians and their ratio, which must be 0.9 or more.
# Needs root and a machine with two idle cores.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export XDP_FILTER_ROUNDS=${1:-20} XDP_TEST_REQUIRE=1
cargo test --quiet --release -p xdp --all-features --test filter -- --exact --nocapture \
    throughput::a_filter_of_five_terms_receives_at_least_nine_tenths_of_what_redirect_all_does
