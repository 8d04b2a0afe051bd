#!/bin/sh
# Captures what the running kernel says of interfaces, for the fuzz target `netlink` to begin with: fuzz/seeds/netlink.
#
# Runs the tests of the devices as root in a private network namespace, so that nothing of this machine is in it; one
# datagram is kept of each protocol, type, command and length. Those of an earlier run are replaced.
set -eu
cd "$(dirname "$0")/.."
mkdir -p fuzz/seeds/netlink
XDP_SEEDS=$PWD/fuzz/seeds/netlink
export XDP_SEEDS
unshare --net sh -c 'ip link set lo up && ip route add default dev lo && cargo test -q -p xdp --features lab --lib device::'
ls fuzz/seeds/netlink | wc -l
