//! Whole sockets over kernels that keep the protocol.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xdp_models::sockets::model(&xdp_models::words_of(bytes)));
