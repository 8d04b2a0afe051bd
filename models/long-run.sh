#!/bin/sh
# Runs the models of models/src for a long time: 10^7 steps a subject unless told otherwise.
#
#   models/long-run.sh                                   all subjects, a new seed each time
#   models/long-run.sh --steps 1000000 rings sockets     fewer steps, these subjects
#   models/long-run.sh --seed 0x1234 rings               the same steps as the run that printed this seed
#
# Overflow checks and debug assertions are on. Ends with an error, the seed and the fewest words that fail if anything
# does not hold; such words become a test in models/tests/regressions.rs.
set -eu
cd "$(dirname "$0")/.."
export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
exec cargo run --quiet --release --package xdp-models --bin long-run -- "$@"
