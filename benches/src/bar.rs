//! The bars: what ours may cost, beside the same by hand in the same run.

/// The most that a group may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// What is done.
    pub group: &'static str,
    /// Entries a batch.
    pub batch: u32,
    /// What by hand it is compared to.
    pub hand: &'static str,
    /// How often that, at most.
    pub most: f64,
    /// For information: what `hand` costs over a ring that the kernel has mapped, with pointers, masks and offsets
    /// that are known only at run time, in instructions a descriptor (Linux 6.18, rustc 1.95, x86-64).
    pub mapped: Option<f64>,
}

const fn bulk(group: &'static str, mapped: f64) -> Bar {
    Bar { group, batch: 64, hand: "slice", most: 1.1, mapped: Some(mapped) }
}

const fn single(group: &'static str) -> Bar {
    Bar { group, batch: 1, hand: "floor", most: 1.2, mapped: None }
}

/// All of them.
pub const BARS: [Bar; 10] = [
    bulk("xdp-core/fill", 1.9),
    bulk("xdp-core/completion", 2.6),
    bulk("xdp-core/tx", 2.7),
    bulk("xdp-core/rx", 4.5),
    single("xdp-core/fill"),
    single("xdp-core/completion"),
    single("xdp-core/tx"),
    single("xdp-core/rx"),
    Bar { group: "xdp/borrowed", batch: 64, hand: "floor", most: 1.2, mapped: None },
    Bar { group: "xdp/owned", batch: 64, hand: "floor", most: 1.5, mapped: None },
];
