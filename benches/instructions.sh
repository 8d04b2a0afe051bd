#!/bin/sh
# Exact instructions per descriptor of every ring operation and journey, ours beside the same by hand. Needs no privileges.
# Fails when ours misses a bar or uses a locked instruction where none may be.
#
#   benches/instructions.sh [GROUP...]     groups whose misses are known and only told, "xdp/owned" for example
set -eu

need() {
    command -v "$1" >/dev/null && return
    echo "$1 is missing: install it (Debian and Ubuntu: apt-get install $2; Fedora: dnf install $2)" >&2
    exit 2
}
need valgrind valgrind
need objdump binutils

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The v0 names tell the implementations of a generic function apart.
target=${CARGO_TARGET_DIR:-target}/instructions
RUSTFLAGS="${RUSTFLAGS:-} -C symbol-mangling-version=v0" CARGO_TARGET_DIR=$target \
    cargo build --quiet --release --package xdp-benches --bin instructions
program=$target/release/instructions

echo "- processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -m), $(nproc) of them"
echo "- kernel: $(uname -sr)"
echo "- compiler: $(rustc --version)"
echo "- commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "- instructions counted by: $(valgrind --version), callgrind"
echo

valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*xdp_benches*measured*' \
    --dump-before='*end_of_part*' --dump-instr=yes --compress-strings=no --compress-pos=no \
    --callgrind-out-file="$work/out" "$program" run 2>"$work/log" || {
    cat "$work/log" >&2
    exit 2
}
objdump --dynamic-reloc --disassemble --demangle --no-show-raw-insn "$program" >"$work/listing"
"$program" report "$work" "$work/listing" "$@"
