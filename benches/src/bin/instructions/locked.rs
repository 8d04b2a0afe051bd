//! Locked instructions on the paths that must have none: those that ran, those in the code of the functions that ran,
//! and those in the functions that these call and that did not run. By disassembly and profile together.

use std::collections::BTreeSet;

use crate::listing::{Function, Listing};
use crate::profile::Count;

/// The groups that must have none. Frames that are dropped one by one pay one each, and say so.
fn must_be_free(group: &str) -> bool {
    const RINGS: [&str; 6] = [
        "xdp-core/fill",
        "xdp-core/completion",
        "xdp-core/tx",
        "xdp-core/rx",
        "xdp-core/tx+completion",
        "xdp-core/rx+fill",
    ];
    RINGS.contains(&group)
        || ["xdp/borrowed", "xdp/sent", "xdp/owned", "xdp/owned-each", "xdp/recycled"].contains(&group)
}

/// Prints for each group of ours what ran and what is locked; returns how the bar is missed.
pub(crate) fn print(counts: &[Count], listing: &Listing<'_>) -> Vec<String> {
    println!("\nLocked instructions of ours (prefix `lock`, or `xchg` with memory), at all batches:\n");
    println!("| operation | functions that ran | locked instructions in their code | run per descriptor | |");
    println!("|---|---|---|---|---|");
    let (mut missed, mut free) = (Vec::new(), Vec::new());
    let ours: Vec<&Count> = counts.iter().filter(|count| count.implementation == "ours").collect();
    for cases in ours.chunk_by(|one, next| one.group == next.group) {
        let ran = |function: &&Function<'_>| cases.iter().any(|case| case.has_run(function.range()));
        let hot: Vec<&Function<'_>> = listing.functions().iter().filter(ran).collect();
        missed.extend(print_group(cases, &hot));
        if must_be_free(cases[0].group) {
            free.extend(hot);
        }
    }
    println!(
        "\nOut of line and cold: called on the paths that are to have none, never run there, with locked"
    );
    println!("instructions:\n");
    let cold = cold_callees(listing, &free);
    cold.iter().for_each(|function| println!("- {}", describe(function)));
    if cold.is_empty() {
        println!("- none");
    }
    println!();
    missed
}

/// Prints a row; tells how the bar is missed, if it is.
fn print_group(cases: &[&Count], hot: &[&Function<'_>]) -> Option<String> {
    let group = cases[0].group;
    let most = cases.iter().map(|case| runs(case, hot)).fold(0.0, f64::max);
    let texts: Vec<String> =
        hot.iter().filter(|function| !function.locked.is_empty()).map(describe).collect();
    let is_free = !hot.is_empty() && texts.is_empty() && most == 0.0;
    let verdict = match (must_be_free(group), is_free) {
        (true, true) => "good",
        (true, false) => "**MISSED**",
        (false, _) => "",
    };
    let all = if texts.is_empty() { "none".to_owned() } else { texts.join("; ") };
    println!("| {group} | {} | {all} | {most:.3} | {verdict} |", hot.len());
    let miss = format!("{group} has locked instructions ({most:.3} run per descriptor): {all}");
    (must_be_free(group) && !is_free).then_some(miss)
}

/// Locked instructions that ran, per entry.
fn runs(case: &Count, hot: &[&Function<'_>]) -> f64 {
    hot.iter().flat_map(|function| &function.locked).map(|locked| case.runs(locked.address)).sum()
}

fn describe(function: &&Function<'_>) -> String {
    let texts: Vec<&str> = function.locked.iter().map(|locked| locked.text).collect();
    format!("`{}`: `{}`", function.name, texts.join("`, `"))
}

/// The functions with locked instructions that can be reached from `hot`, through functions of this workspace that
/// are not among them; by name.
fn cold_callees<'l, 'a>(listing: &'l Listing<'a>, hot: &[&'l Function<'a>]) -> Vec<&'l Function<'a>> {
    let mut seen: BTreeSet<u64> = hot.iter().map(|function| function.range().start).collect();
    let mut to_look_at = hot.to_vec();
    let mut cold = Vec::new();
    while let Some(function) = to_look_at.pop() {
        for callee in listing.callees(function) {
            if !seen.insert(callee.range().start) {
                continue;
            }
            if !callee.locked.is_empty() {
                cold.push(callee);
            }
            if callee.name.contains("xdp") {
                to_look_at.push(callee);
            }
        }
    }
    cold.sort_by_key(|function| function.name);
    cold
}
