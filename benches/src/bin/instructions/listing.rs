//! Locked instructions: those that ran, and those in the code of the functions that ran, by disassembly and profile
//! together.

use crate::profile::Count;

/// One function of the program.
#[derive(Debug)]
struct Function<'a> {
    name: &'a str,
    start: u64,
    end: u64,
    locked: Vec<Locked<'a>>,
}

/// An instruction that holds a cache line against all other processors.
#[derive(Debug)]
struct Locked<'a> {
    address: u64,
    text: &'a str,
}

/// Prints, for each group, the functions of ours that ran and their locked instructions; whether the ring operations
/// have none.
pub(crate) fn print(counts: &[Count], listing: &str) -> bool {
    let functions = parse(listing);
    println!("Locked instructions of ours (prefix `lock`, or `xchg` with memory), at all batches:\n");
    println!("| operation | function that ran | in its code | run per descriptor, at most |");
    println!("|---|---|---|---|");
    let mut is_good = true;
    let ours: Vec<&Count> = counts.iter().filter(|count| count.implementation == "ours").collect();
    for cases in ours.chunk_by(|one, next| one.group == next.group) {
        let group = cases[0].group;
        let has_run = |function: &&Function<'_>| cases.iter().any(|case| case.has_run(function.range()));
        let ran: Vec<&Function<'_>> = functions.iter().filter(has_run).collect();
        let is_free = !ran.is_empty() && ran.iter().all(|function| function.locked.is_empty());
        is_good &= is_free || !group.starts_with("xdp-core/");
        ran.iter().for_each(|function| print_function(group, function, cases));
    }
    println!();
    is_good
}

fn print_function(group: &str, function: &Function<'_>, cases: &[&Count]) {
    let runs = |case: &&Count| function.locked.iter().map(|locked| case.runs(locked.address)).sum::<f64>();
    let most = cases.iter().map(runs).fold(0.0, f64::max);
    let texts: Vec<&str> = function.locked.iter().map(|locked| locked.text).collect();
    let texts = if texts.is_empty() { "none".to_owned() } else { format!("`{}`", texts.join("`, `")) };
    println!("| {group} | `{}` | {texts} | {most:.3} |", function.name);
}

impl Function<'_> {
    fn range(&self) -> std::ops::Range<u64> {
        self.start..self.end
    }
}

/// The functions of a listing by `objdump --disassemble --demangle --no-show-raw-insn`, in the order of their
/// addresses.
fn parse(listing: &str) -> Vec<Function<'_>> {
    let mut functions: Vec<Function<'_>> = Vec::new();
    for line in listing.lines() {
        if let Some((start, name)) = header(line) {
            functions.push(Function { name, start, end: start, locked: Vec::new() });
        } else if let Some((address, text)) = instruction(line)
            && let Some(function) = functions.last_mut()
        {
            function.end = address + 1;
            if is_locked(text) {
                function.locked.push(Locked { address, text });
            }
        }
    }
    functions
}

/// `0000000000072820 <name>:`
fn header(line: &str) -> Option<(u64, &str)> {
    let (start, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(start, 16).ok()?, name))
}

/// `   72820:<tab>add    $0x100,%rdi`
fn instruction(line: &str) -> Option<(u64, &str)> {
    let (address, text) = line.split_once(":\t")?;
    Some((u64::from_str_radix(address.trim(), 16).ok()?, text))
}

/// An exchange with memory is locked without the prefix.
fn is_locked(text: &str) -> bool {
    text.starts_with("lock") || (text.starts_with("xchg") && text.contains('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_instructions_are_found_in_their_function() {
        let listing = "0000000000001000 <one>:\n    1000:\tlock cmpxchg %rcx,(%rdx)\n    1004:\txchg   %ax,%ax\n\n\
                       0000000000002000 <two::<A>>:\n    2000:\txchg   %eax,(%rdi)\n    2002:\tret\n";
        let functions = parse(listing);
        let locked = |i: usize| functions[i].locked.iter().map(|locked| locked.address).collect::<Vec<_>>();
        assert_eq!((functions[0].name, locked(0)), ("one", vec![0x1000]));
        assert_eq!(
            (functions[1].name, locked(1), functions[1].range()),
            ("two::<A>", vec![0x2000], 0x2000..0x2003)
        );
    }
}
