#!/bin/sh
# What the library costs on this machine, as Markdown: instructions per descriptor, bars, locked instructions (all three exact),
# then time, then cycles where the processor's counters can be read. Needs no privileges.
# Fails when an exact bar is missed, unless by a GROUP that is an argument ("xdp/owned" for example).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
status=0
"$here/instructions.sh" "$@" || status=$?
[ "$status" -le 1 ] || exit "$status"

cd "$here/.."
cargo build --quiet --release --package xdp-benches --bin times
program=${CARGO_TARGET_DIR:-target}/release/times

# The last processor that we may use: the first is the one that interrupts come to.
pin='' place='no processor in particular'
for cpu in $(seq $(($(nproc) - 1)) -1 0); do
    if taskset -c "$cpu" true 2>/dev/null; then
        pin="taskset -c $cpu" place="processor $cpu"
        break
    fi
done
echo "- time taken on: $place"
echo
$pin "$program"

# EVENT is for machines without counters that want to try the rest of this.
event=${EVENT:-cycles:u}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/control" "$work/acknowledge"

# counted GROUP IMPLEMENTATION BATCH: prints how often the event came, and the entries that went through.
counted() {
    perf stat --delay=-1 --event="$event" --field-separator=, --output="$work/stat" \
        --control="fifo:$work/control,$work/acknowledge" -- \
        $pin "$program" counted "$1" "$2" "$3" "$work/control" "$work/acknowledge" \
        >"$work/entries" 2>"$work/errors" || return
    echo "$(grep ",$event," "$work/stat" | cut -d , -f 1) $(cat "$work/entries")"
}

echo "Cycles per descriptor (event \`$event\`; counting by itself taken off): floor / slice / **ours**"
echo
why_not=
if ! command -v perf >/dev/null; then
    why_not="perf is not installed"
elif ! perf stat --event="$event" true 2>&1 | grep -q "^ *[0-9].* $event"; then
    why_not="the processor's counters cannot be read"
elif ! counted xdp-core/fill nobody 1 >/dev/null; then
    why_not="this perf cannot be told when to count"
fi
if [ -n "$why_not" ]; then
    echo "Not available here: $why_not."
    exit "$status"
fi
echo "| operation | batch 1 | batch 8 | batch 64 |"
echo "|---|---|---|---|"
for group in xdp-core/fill xdp-core/completion xdp-core/tx xdp-core/rx xdp/borrowed xdp/sent xdp/owned xdp/recycled; do
    printf '| %s |' "$group"
    for batch in 1 8 64; do
        none=$(counted "$group" nobody "$batch")
        cell=
        for implementation in floor slice ours; do
            if some=$(counted "$group" "$implementation" "$batch"); then
                number=$(echo "$some $none" | awk '{ printf "%.2f", ($1 - $3) / $2 }')
            else
                number=-
            fi
            cell="$cell $number"
        done
        echo "$cell" | awk '{ printf " %s / %s / **%s** |", $1, $2, $3 }'
    done
    echo
done
exit "$status"
