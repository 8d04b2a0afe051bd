//! Locked instructions on the paths that must have none: those that ran, those in the code of the functions that ran,
//! and those in the functions that these call and that did not run. By disassembly and profile together.

use std::collections::BTreeMap;

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
    let mut missed = Vec::new();
    let mut cold = BTreeMap::new();
    let ours: Vec<&Count> = counts.iter().filter(|count| count.implementation == "ours").collect();
    for cases in ours.chunk_by(|one, next| one.group == next.group) {
        let group = cases[0].group;
        let ran = |function: &Function<'_>| cases.iter().any(|case| case.has_run(function.range()));
        let hot: Vec<&Function<'_>> = listing.functions().iter().filter(|function| ran(function)).collect();
        let most = cases.iter().map(|case| runs(case, &hot)).fold(0.0, f64::max);
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
        if must_be_free(group) {
            if !is_free {
                missed.push(format!("{group} has locked instructions ({most:.3} run per descriptor): {all}"));
            }
            cold_callees(listing, &hot, &ran)
                .into_iter()
                .for_each(|function| drop(cold.insert(function.name, describe(&function))));
        }
    }
    println!(
        "\nOut of line and cold: called by functions on the paths above, not run there, with locked instructions:\n"
    );
    cold.values().for_each(|text| println!("- {text}"));
    if cold.is_empty() {
        println!("- none");
    }
    println!();
    missed
}

/// Locked instructions that ran, per entry.
fn runs(case: &Count, hot: &[&Function<'_>]) -> f64 {
    hot.iter().flat_map(|function| &function.locked).map(|locked| case.runs(locked.address)).sum()
}

fn describe(function: &&Function<'_>) -> String {
    let texts: Vec<&str> = function.locked.iter().map(|locked| locked.text).collect();
    format!("`{}`: `{}`", function.name, texts.join("`, `"))
}

/// The functions with locked instructions that can be reached from `hot`, through functions of this workspace that did
/// not run.
fn cold_callees<'l, 'a>(
    listing: &'l Listing<'a>,
    hot: &[&'l Function<'a>],
    ran: &dyn Fn(&Function<'_>) -> bool,
) -> Vec<&'l Function<'a>> {
    let mut to_look_at: Vec<&Function<'_>> = hot.to_vec();
    let mut seen: Vec<&Function<'_>> = Vec::new();
    while let Some(function) = to_look_at.pop() {
        for callee in listing.callees(function) {
            let is_new = !ran(callee) && !seen.iter().any(|seen| seen.range() == callee.range());
            if is_new {
                seen.push(callee);
                if callee.name.contains("xdp") {
                    to_look_at.push(callee);
                }
            }
        }
    }
    seen.retain(|function| !function.locked.is_empty());
    seen
}
