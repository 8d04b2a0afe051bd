#!/usr/bin/env bash
# Runs each program for a while in a lab, and fails if it grows, loses a chunk, or does not end well on Ctrl-C.
#
#   xdp-examples/soak.sh [SECONDS]      60 seconds for each program if not said; needs root and about 20 seconds at least
set -euo pipefail
cd "$(dirname "$0")/.."

readonly seconds=${1:-60}
readonly growth=512                # KiB that resident memory may differ between the first look and any later one
readonly out=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null; rm -rf "$out"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

cargo build --quiet --release -p xdp-examples --bins
readonly target=${CARGO_TARGET_DIR:-target}

for program in rxdrop txonly l2fwd; do
    SECONDS=0
    "$target/release/$program" --json >"$out/$program.json" 2>"$out/$program.log" &
    pid=$!
    sleep 5                        # everything that is allocated once is allocated by then
    first=$(resident $pid) first_fds=$(descriptors $pid) least=$first most=$first
    while ((SECONDS < seconds)); do
        sleep 1
        now=$(resident $pid) || fail "$program ended early: $(tail -n 1 "$out/$program.log")"
        ((now >= least)) || least=$now
        ((now <= most)) || most=$now
    done
    last_fds=$(descriptors $pid)

    kill -INT $pid
    wait $pid || fail "$program ended with exit code $?: $(tail -n 1 "$out/$program.log")"
    pid=
    json=$(cat "$out/$program.json")
    number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$json"; }
    printf '%-7s %6.1f s %14s packets %11.0f packets/s %7.4f calls/packet  VmRSS %s to %s KiB  %s descriptors\n' \
        "$program" "$(number seconds)" "$(grep -o '"packets":[0-9]*' <<<"$json" | cut -d: -f2)" \
        "$(number packets_per_second)" "$(number system_calls_per_packet)" "$least" "$most" "$last_fds"

    [[ $json == *'"lost_chunks":0,"balanced":true'* ]] || fail "$program lost chunks: $json"
    ((most - first <= growth)) || fail "$program grew from $first to $most KiB"
    ((first_fds == last_fds)) || fail "$program had $first_fds descriptors and now has $last_fds"

    # What kill -9 leaves behind would show in the next run.
    "$target/release/$program" 2>"$out/$program.log" >/dev/null &
    pid=$!
    until grep -q 'packets/s' "$out/$program.log"; do
        kill -0 $pid 2>/dev/null || fail "$program ended early: $(tail -n 1 "$out/$program.log")"
        sleep 0.1
    done
    kill -KILL $pid
    wait $pid 2>/dev/null || true
    pid=
    "$target/release/$program" --duration 1 --json >"$out/$program.json" 2>/dev/null ||
        fail "$program does not run after kill -9"
done
echo "all programs ran for $seconds s each, neither grew nor lost a chunk, and ended well"
