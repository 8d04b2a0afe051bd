//! Packets of several frames, read and checked: the first byte says which.

#![no_main]

use xdp_models::{packets, words_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes {
    [first, rest @ ..] if first % 2 == 0 => packets::reading(&words_of(rest)),
    [_, rest @ ..] => packets::checking(&words_of(rest)),
    [] => {}
});
