//! The functions of the program, by its disassembly.

use std::collections::BTreeMap;
use std::ops::Range;

/// The whole program.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    /// In the order of their addresses.
    functions: Vec<Function<'a>>,
}

/// One function.
#[derive(Debug)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    start: u64,
    end: u64,
    pub(crate) locked: Vec<Locked<'a>>,
    /// Addresses that it calls or jumps to.
    targets: Vec<u64>,
}

/// An instruction that holds a cache line against all other processors.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    pub(crate) address: u64,
    pub(crate) text: &'a str,
}

impl Function<'_> {
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

impl<'a> Listing<'a> {
    /// Reads what `objdump --dynamic-reloc --disassemble --demangle --no-show-raw-insn` says.
    pub(crate) fn parse(listing: &'a str) -> Self {
        let pointers: BTreeMap<u64, u64> = listing.lines().filter_map(pointer).collect();
        let mut functions: Vec<Function<'_>> = Vec::new();
        for line in listing.lines() {
            if let Some((start, name)) = header(line) {
                functions.push(Function { name, start, end: start, locked: Vec::new(), targets: Vec::new() });
            } else if let Some((address, text)) = instruction(line)
                && let Some(function) = functions.last_mut()
            {
                function.end = address + 1;
                if is_locked(text) {
                    function.locked.push(Locked { address, text });
                }
                function.targets.extend(target(text, &pointers));
            }
        }
        Self { functions }
    }

    /// All functions.
    pub(crate) fn functions(&self) -> &[Function<'a>] {
        &self.functions
    }

    /// The functions that a function calls or jumps to.
    pub(crate) fn callees<'s>(
        &'s self,
        function: &'s Function<'_>,
    ) -> impl Iterator<Item = &'s Function<'a>> {
        let outside = function.targets.iter().filter(|target| !function.range().contains(target));
        outside.filter_map(|target| {
            let found = self.functions.binary_search_by_key(target, |function| function.start);
            found.ok().map(|i| &self.functions[i])
        })
    }
}

/// `0000000000072820 <name>:`
fn header(line: &str) -> Option<(u64, &str)> {
    let (start, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(start, 16).ok()?, name))
}

/// `   72820:<tab>add    $0x100,%rdi`
fn instruction(line: &str) -> Option<(u64, &str)> {
    let (address, text) = line.split_once(":\t")?;
    Some((u64::from_str_radix(address.trim(), 16).ok()?, text.trim_end()))
}

/// `0000000000081e60 R_X86_64_RELATIVE  *ABS*+0x0000000000075300`: where a pointer stands, and what it points to.
fn pointer(line: &str) -> Option<(u64, u64)> {
    let (place, rest) = line.split_once(" R_X86_64_RELATIVE")?;
    let (_, to) = rest.split_once("*ABS*+0x")?;
    Some((u64::from_str_radix(place, 16).ok()?, u64::from_str_radix(to.trim(), 16).ok()?))
}

/// Where a call or jump goes: `call   72820 <name>`, or through a pointer,
/// `call   *0xca17(%rip)        # 81e60 <_DYNAMIC+0xaa0>`.
fn target(text: &str, pointers: &BTreeMap<u64, u64>) -> Option<u64> {
    let (operation, operand) = text.split_once(' ')?;
    if operation != "call" && !operation.starts_with('j') {
        return None;
    }
    let address = |text: &str| u64::from_str_radix(text.trim().split(' ').next()?, 16).ok();
    match operand.split_once("# ") {
        Some((_, place)) => pointers.get(&address(place)?).copied(),
        None => address(operand),
    }
}

/// An exchange with memory is locked without the prefix.
fn is_locked(text: &str) -> bool {
    text.starts_with("lock") || (text.starts_with("xchg") && text.contains('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "0000000000003000 R_X86_64_RELATIVE  *ABS*+0x0000000000002000\n\n\
         0000000000001000 <one>:\n    1000:\tlock cmpxchg %rcx,(%rdx)\n    1004:\txchg   %ax,%ax\n    \
         1006:\tjne    1004 <one+0x4>\n    1008:\tcall   1100 <two::<A>>\n    \
         100c:\tcall   *0x1234(%rip)        # 3000 <_DYNAMIC+0xaa0>\n\n\
         0000000000001100 <two::<A>>:\n    1100:\txchg   %eax,(%rdi)\n    1102:\tret\n\n\
         0000000000002000 <three>:\n    2000:\tret\n";

    #[test]
    fn locked_instructions_are_found_in_their_function() {
        let listing = Listing::parse(LISTING);
        let found: Vec<_> = listing.functions().iter().flat_map(|function| &function.locked).collect();
        assert_eq!(found.iter().map(|locked| locked.address).collect::<Vec<_>>(), [0x1000, 0x1100]);
        assert_eq!(listing.functions()[1].range(), 0x1100..0x1103);
    }

    #[test]
    fn callees_are_found_through_pointers_too() {
        let listing = Listing::parse(LISTING);
        let names: Vec<_> = listing.callees(&listing.functions()[0]).map(|function| function.name).collect();
        assert_eq!(names, ["two::<A>", "three"]);
    }
}
