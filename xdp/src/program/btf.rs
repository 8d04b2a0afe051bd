//! The kernel's description of itself (BTF), read for one thing: the numbers of functions by their names.
//!
//! Nothing in it is believed: each offset and length is checked against the bytes that are there, and whatever does
//! not fit, or is of a kind that is not known here, ends the search without an answer. Reference: kernel
//! `Documentation/bpf/btf.rst`.

/// Where the kernel shows it. Minimum kernel: 5.4, with `CONFIG_DEBUG_INFO_BTF`.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
/// Bytes of the header that every version has, and of a type without what its kind appends.
const HEADER: usize = 24;
const TYPE: usize = 12;
/// `BTF_KIND_FUNC`
const FUNC: u32 = 12;

/// The running kernel's numbers of these functions; none where it has no such function, or does not say.
pub(super) fn kernel_functions<const N: usize>(names: [&str; N]) -> [Option<i32>; N] {
    std::fs::read(VMLINUX).map_or([None; N], |bytes| functions(&bytes, names))
}

/// The numbers of these functions.
fn functions<const N: usize>(btf: &[u8], names: [&str; N]) -> [Option<i32>; N] {
    let mut found = [None; N];
    let Some((mut types, strings)) = sections(btf) else { return found };
    // Number 0 is `void`, which is not described.
    let mut number = 0_i32;
    while let Some((name, info)) = word(types, 0).zip(word(types, 4)) {
        let Some(next) = number.checked_add(1) else { break };
        number = next;
        let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        if kind == FUNC {
            for (found, wanted) in found.iter_mut().zip(names) {
                if found.is_none() && is_named(strings, name as usize, wanted) {
                    *found = Some(number);
                }
            }
        }
        let Some(rest) = appended(kind, members).and_then(|bytes| types.get(TYPE + bytes..)) else { break };
        types = rest;
    }
    found
}

/// Types and strings.
fn sections(btf: &[u8]) -> Option<(&[u8], &[u8])> {
    let magic = u16::from_ne_bytes(*btf.first_chunk()?);
    let header = word(btf, 4)? as usize;
    if magic != MAGIC || header < HEADER {
        return None;
    }
    let body = btf.get(header..)?;
    let section = |at: usize| {
        let (offset, len) = (word(btf, at)? as usize, word(btf, at + 4)? as usize);
        body.get(offset..offset.checked_add(len)?)
    };
    Some((section(8)?, section(16)?))
}

/// How many bytes a kind appends to its type.
fn appended(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structs, unions, sections of data, enums of 64 bits.
        4 | 5 | 15 | 19 => 12 * members,
        // Enums, and what functions take.
        6 | 13 => 8 * members,
        // Pointers, forward declarations, type definitions, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

fn is_named(strings: &[u8], at: usize, name: &str) -> bool {
    let rest = strings.get(at..).and_then(|text| text.strip_prefix(name.as_bytes()));
    rest.is_some_and(|rest| rest.first() == Some(&0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every kind once, with two members, and a function `f` at the end; its number.
    fn every_kind() -> (Vec<u8>, i32) {
        let mut types = Vec::new();
        let mut push = |name: u32, kind: u32, members: u32| {
            for word in [name, kind << 24 | members, 0] {
                types.extend(word.to_ne_bytes());
            }
            let bytes = appended(kind, members as usize).unwrap();
            types.extend(std::iter::repeat_n(0xff, bytes));
        };
        for kind in (1..20).filter(|&kind| kind != FUNC) {
            push(1, kind, 2);
        }
        push(3, FUNC, 0);
        push(1, FUNC, 0);
        let strings = b"\0f\0ff\0";
        let mut btf = Vec::new();
        btf.extend(MAGIC.to_ne_bytes());
        btf.extend([1, 0]);
        for word in [HEADER, 0, types.len(), types.len(), strings.len()] {
            btf.extend((word as u32).to_ne_bytes());
        }
        btf.extend(&types);
        btf.extend(strings);
        (btf, 20)
    }

    #[test]
    fn a_function_is_found_behind_every_kind_of_type_and_by_its_whole_name() {
        let (btf, number) = every_kind();
        assert_eq!(functions(&btf, ["f", "ff", "g", "fff"]), [Some(number), Some(number - 1), None, None]);
    }

    #[test]
    fn a_kind_that_is_not_known_ends_the_search() {
        let (mut btf, _) = every_kind();
        btf[HEADER + 7] = 31;
        assert_eq!(functions(&btf, ["f"]), [None]);
    }

    #[test]
    fn truncated_bytes_answer_nothing_that_is_wrong() {
        let (btf, number) = every_kind();
        for len in 0..btf.len() {
            let [answer] = functions(&btf[..len], ["f"]);
            assert!(answer.is_none_or(|answer| answer == number), "{len}: {answer:?}");
        }
    }

    /// A function that every kernel with its own description describes.
    #[test]
    fn the_running_kernel_s_description_is_read_to_a_function() {
        if std::fs::exists(VMLINUX).is_ok_and(|exists| exists) {
            let [found, missing] = kernel_functions(["schedule", "no_such_function"]);
            assert!(found.is_some_and(|number| number > 0) && missing.is_none(), "{found:?} {missing:?}");
        }
    }

    proptest! {
        #[test]
        fn changed_bytes_are_read_without_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let (mut btf, _) = every_kind();
            for (at, byte) in changes {
                let at = at.index(btf.len());
                btf[at] = byte;
            }
            let _ = functions(&btf, ["f", ""]);
        }

        #[test]
        fn arbitrary_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = functions(&bytes, ["f"]);
            if bytes.len() >= 8 {
                bytes[..2].copy_from_slice(&MAGIC.to_ne_bytes());
                bytes[4..8].copy_from_slice(&24_u32.to_ne_bytes());
                let _ = functions(&bytes, ["f"]);
            }
        }
    }
}
