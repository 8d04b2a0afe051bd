//! A small runtime on `xdp-core` against kernels that break the protocol.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xdp_models::hostile_rings::model(&xdp_models::words_of(bytes)));
