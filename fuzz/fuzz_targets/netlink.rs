//! Everything that reads what the kernel says of interfaces.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xdp::device::fuzzing::netlink(bytes));
