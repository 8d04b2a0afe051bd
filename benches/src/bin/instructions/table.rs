//! The tables, in Markdown.

use crate::profile::Count;

use xdp_benches::BATCHES;

/// The count of one case.
pub(crate) fn find(counts: &[Count], group: &str, implementation: &str, batch: u32) -> Option<f64> {
    let is_it = |count: &&Count| {
        count.group == group && count.implementation == implementation && count.batch == batch
    };
    counts.iter().find(is_it).map(Count::each)
}

/// Prints every group by batch: each implementation, and what ours is to the floor.
pub(crate) fn print(counts: &[Count]) {
    println!("Instructions per descriptor: floor / slice / **ours** (ours : floor)\n");
    println!("| operation |{}", BATCHES.map(|batch| format!(" batch {batch} |")).concat());
    println!("|---|{}", "---|".repeat(BATCHES.len()));
    let mut groups: Vec<&str> = counts.iter().map(|count| count.group).collect();
    groups.dedup();
    for group in groups {
        println!("| {group} |{}", BATCHES.map(|batch| cell(counts, group, batch)).concat());
    }
    println!();
}

fn cell(counts: &[Count], group: &str, batch: u32) -> String {
    let each = |implementation| find(counts, group, implementation, batch);
    let number = |each: Option<f64>| each.map_or("-".to_owned(), |each| format!("{each:.2}"));
    let (floor, slice, ours) = (each("floor"), each("slice"), each("ours"));
    let ratio = floor.zip(ours).map(|(floor, ours)| ours / floor);
    format!(" {} / {} / **{}** ({}) |", number(floor), number(slice), number(ours), number(ratio))
}
