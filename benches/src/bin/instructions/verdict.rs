//! Ours beside the bars.

use xdp_benches::{BARS, Bar};

use crate::profile::Count;
use crate::table::find;

/// Prints ours beside the bars; returns those that are missed.
pub(crate) fn print(counts: &[Count]) -> Vec<String> {
    println!("Bars, in instructions per descriptor of this run:\n");
    println!("| operation | batch | ours | by hand | ratio | bar | | for information |");
    println!("|---|---|---|---|---|---|---|---|");
    BARS.iter().filter_map(|bar| print_bar(bar, counts)).collect()
}

/// Prints a row; tells how it is missed, if it is.
fn print_bar(bar: &Bar, counts: &[Count]) -> Option<String> {
    let Bar { group, batch, hand, most, mapped } = *bar;
    let each = |implementation| find(counts, group, implementation, batch).unwrap_or(f64::NAN);
    let (ours, by_hand) = (each("ours"), each(hand));
    let ratio = ours / by_hand;
    // What was not measured is not good.
    let is_good = ratio <= most;
    let verdict = if is_good { "good" } else { "**MISSED**" };
    let info = match (mapped, find(counts, group, "careful", batch)) {
        (Some(mapped), _) => format!("{hand} over a mapped ring {mapped:.1}"),
        (None, Some(careful)) => format!("{:.2} x careful {careful:.2}", each("ours") / careful),
        (None, None) => String::new(),
    };
    println!(
        "| {group} | {batch} | {ours:.2} | {hand} {by_hand:.2} | {ratio:.2} | {most:.1} | {verdict} | {info} |"
    );
    let miss =
        format!("{group} at batch {batch} costs {ratio:.2} x {hand} ({ours:.2}), the bar is {most:.1} x");
    (!is_good).then_some(miss)
}
