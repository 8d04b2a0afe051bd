//! Whole sockets against kernels that break the protocol.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xdp_models::hostile_socket::model(&xdp_models::words_of(bytes)));
