//! The geometry of a UMEM, aligned and unaligned: the first byte says which.

#![no_main]

use xdp_models::{layout, words_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes {
    [first, rest @ ..] if first % 2 == 0 => layout::aligned(&words_of(rest)),
    [_, rest @ ..] => layout::unaligned(&words_of(rest)),
    [] => {}
});
