//! The bar: what a ring operation may cost.

use crate::profile::Count;
use crate::table::find;

/// What a ring operation costs over rings that the kernel has mapped, with pointers, masks and offsets that are known
/// only at run time, in instructions a descriptor (Linux 6.18, rustc 1.95, x86-64): the same loops as `floor` and
/// `slice` here.
struct Bar {
    group: &'static str,
    /// The masked loop at batch 64. Above it is a failure.
    floor: f64,
    /// The contiguous loop at batch 64: the target.
    slice: f64,
    /// The masked loop at batch 1: the target.
    single: f64,
}

#[expect(clippy::approx_constant, reason = "6.28 instructions are not two pi")]
const BARS: [Bar; 4] = [
    Bar { group: "xdp-core/fill", floor: 6.28, slice: 1.87, single: 41.0 },
    Bar { group: "xdp-core/completion", floor: 4.51, slice: 2.62, single: 37.0 },
    Bar { group: "xdp-core/tx", floor: 7.54, slice: 2.68, single: 44.0 },
    Bar { group: "xdp-core/rx", floor: 8.48, slice: 4.51, single: 32.0 },
];

/// Prints ours beside the bars; whether it is below both floors at batch 64, the one given and the one measured.
pub(crate) fn print(counts: &[Count]) -> bool {
    println!(
        "Bar: at batch 64 at most the floor, the mapped ring's and the one measured here. Targets are reported.\n"
    );
    println!("| operation | ours, batch 64 | floor (mapped, here) | target | ours, batch 1 | target | |");
    println!("|---|---|---|---|---|---|---|");
    let mut is_good = true;
    for Bar { group, floor, slice, single } in BARS {
        let each = |implementation, batch| find(counts, group, implementation, batch).unwrap_or(f64::NAN);
        let (ours, here) = (each("ours", 64), each("floor", 64));
        let is_below = ours <= floor && ours <= here;
        is_good &= is_below;
        let verdict = if is_below { "good" } else { "**ABOVE THE BAR**" };
        let one = each("ours", 1);
        println!(
            "| {group} | {ours:.2} | {floor:.2}, {here:.2} | {slice:.2} | {one:.2} | {single:.2} | {verdict} |"
        );
    }
    println!();
    is_good
}
