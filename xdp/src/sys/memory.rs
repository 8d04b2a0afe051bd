//! Memory that unmaps itself: the rings that are shared with the kernel, and the pages of a UMEM.
#![allow(unsafe_code, reason = "proves to mmap(2) and munmap(2) what the types of this file keep true")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use xdp_sys::{Errno, Result, syscall};

use super::Process;

/// Size of the huge pages that [`Mapping`] uses, in bytes.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// One ring of a socket, shared with the kernel; unmapped on drop.
///
/// A ring that stays mapped keeps the socket bound after its descriptor is closed: drop this first.
#[derive(Debug)]
pub(crate) struct RingMapping {
    range: Range,
}

impl RingMapping {
    /// Maps `len` bytes of the ring that `page_offset` (`XDP_PGOFF_RX_RING` and its neighbours) chooses.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize, page_offset: u64) -> Result<Self> {
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        Ok(Self { range: Range::map(len, flags, Some(fd), page_offset)? })
    }

    /// The first byte. The kernel writes here: atomics and raw reads only, no references.
    pub(crate) fn ptr(&self) -> NonNull<u8> {
        self.range.ptr
    }
}

/// The pages of a [`Mapping`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// The machine's usual ones.
    Normal,
    /// [`HUGE_PAGE`] each, from those that the administrator has set aside (`vm.nr_hugepages`).
    Huge,
}

impl Pages {
    /// Bytes of a page; of usual ones the fewest that any machine has.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Normal => 4096,
            Self::Huge => HUGE_PAGE,
        }
    }
}

/// The memory of a UMEM: zeroed and anonymous, aligned to its pages, unmapped on drop; or somebody else's.
#[derive(Debug)]
pub(crate) struct Mapping {
    ptr: NonNull<u8>,
    len: usize,
    /// Keeps the memory mapped.
    _backing: Backing,
}

/// What keeps the memory of a [`Mapping`].
enum Backing {
    Own(#[expect(dead_code, reason = "is there to be dropped")] Range),
    Lent(#[expect(dead_code, reason = "is there to be dropped")] Box<dyn Send + Sync>),
}

impl std::fmt::Debug for Backing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Own(_) => "Own",
            Self::Lent(_) => "Lent",
        })
    }
}

// SAFETY: a `Mapping` gives no access to the memory but a raw pointer; what keeps the memory may go to any thread.
unsafe impl Send for Mapping {}
// SAFETY: shared access reads numbers that never change.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps at least `len` bytes. `ENOMEM` with [`Pages::Huge`] means that too few are set aside.
    pub(crate) fn anonymous(len: usize, pages: Pages) -> Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let (mapped, flags) = match pages {
            Pages::Normal => (len, flags),
            // munmap(2) of huge pages fails unless the length is a multiple of them, so it is rounded here for both.
            Pages::Huge => (
                len.checked_next_multiple_of(HUGE_PAGE).ok_or(Errno::ENOMEM)?,
                flags | libc::MAP_HUGETLB | libc::MAP_HUGE_2MB,
            ),
        };
        let range = Range::map(mapped, flags, None, 0)?;
        Ok(Self { ptr: range.ptr, len, _backing: Backing::Own(range) })
    }

    /// Memory that `owner` keeps mapped; nothing is looked at here.
    pub(crate) fn lent(ptr: NonNull<u8>, len: usize, owner: Box<dyn Send + Sync>) -> Self {
        Self { ptr, len, _backing: Backing::Lent(owner) }
    }

    /// The first byte. The kernel may write here: raw access only, no references to what it holds.
    #[inline]
    pub(crate) fn ptr(&self) -> NonNull<u8> {
        self.ptr
    }

    /// Length that was asked for, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// A mapped range that we own; unmapped on drop. A forked child does not get it: see the header of `sys`.
#[derive(Debug)]
struct Range {
    ptr: NonNull<u8>,
    len: usize,
    maker: Process,
}

impl Range {
    fn map(len: usize, flags: i32, fd: Option<BorrowedFd<'_>>, offset: u64) -> Result<Self> {
        let fd = fd.map_or(-1, |fd| fd.as_raw_fd());
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the descriptor is -1, or kept open during the call by its `BorrowedFd`.
        let ptr = unsafe { syscall::mmap(len, protection, flags, fd, offset) }?;
        // From here on unmapped on every way out.
        let range = Self { ptr, len, maker: Process::this() };
        // SAFETY: the range came from `mmap` with this length, one line above. In a forked child nothing of it is
        // used: no forked child may touch a socket or its frames, as `sys` says, and the drop does nothing there.
        unsafe { syscall::madvise_dontfork(ptr, len) }?;
        Ok(range)
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if !self.maker.is_this() {
            // A forked child's copy: nothing of ours is mapped here, but something else may be by now.
            return;
        }
        // SAFETY: the range came from `mmap` in this process with this length (`map` is the only constructor, the
        // fields are private and never change), and whoever holds pointers into it keeps its owner alive.
        let result = unsafe { syscall::munmap(self.ptr, self.len) };
        // The kernel may lack memory for the bookkeeping (ENOMEM): then the range stays until the process ends. Any
        // other answer says that the range is not what was mapped.
        debug_assert!(
            matches!(result, Ok(()) | Err(Errno::ENOMEM)),
            "a range that we mapped can be unmapped"
        );
    }
}

// SAFETY: a `Range` only owns addresses; it gives no access to the memory but a raw pointer, and unmapping works from
// any thread, so it may be dropped on another one.
unsafe impl Send for Range {}
// SAFETY: shared access reads numbers that never change.
unsafe impl Sync for Range {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_is_zero_and_writable() {
        let memory = Mapping::anonymous(3 * 4096 + 1, Pages::Normal).expect("a few pages");
        assert_eq!(memory.len(), 3 * 4096 + 1);
        let last = memory.ptr().as_ptr().wrapping_add(memory.len() - 1);
        // SAFETY: `last` lies in the mapping, which nobody else uses.
        unsafe { last.write(7) };
        // SAFETY: as above; it was written one line before.
        assert_eq!(unsafe { last.read() }, 7);
        // SAFETY: the first byte lies in the mapping, and anonymous memory is initialized to zero.
        assert_eq!(unsafe { memory.ptr().read() }, 0);
    }

    /// The flags of the mapping that holds an address, as smaps spells them; `None` if nothing is mapped there.
    fn flags_at(address: usize) -> Option<Vec<String>> {
        let smaps = std::fs::read_to_string("/proc/self/smaps").expect("proc is mounted");
        let holds = |line: &str| {
            let (start, end) = line.split(' ').next()?.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            Some((number(start)?..number(end)?).contains(&address))
        };
        let mut lines = smaps.lines().skip_while(|line| holds(line) != Some(true));
        let flags = lines.find_map(|line| line.strip_prefix("VmFlags:"))?;
        Some(flags.split_whitespace().map(str::to_owned).collect())
    }

    /// "ht": huge pages. "dc": not copied on fork. Source: Documentation/filesystems/proc.rst.
    fn is(flags: &Option<Vec<String>>, wanted: &str) -> bool {
        flags.iter().flatten().any(|flag| flag == wanted)
    }

    #[test]
    fn huge_pages_are_given_back_even_if_the_length_is_no_multiple() {
        match Mapping::anonymous(HUGE_PAGE + 4096, Pages::Huge) {
            Ok(memory) => {
                let pages = [0, HUGE_PAGE].map(|offset| memory.ptr().as_ptr().addr() + offset);
                assert_eq!(pages[0] % HUGE_PAGE, 0);
                assert!(pages.iter().all(|&page| is(&flags_at(page), "ht")), "both are there");
                drop(memory);
                assert!(!pages.iter().any(|&page| is(&flags_at(page), "ht")), "neither is left");
            }
            Err(errno) => {
                assert!(matches!(errno, Errno::ENOMEM | Errno::EINVAL | Errno::ENOSYS), "{errno}");
                eprintln!(
                    "SKIPPED huge_pages_are_given_back_even_if_the_length_is_no_multiple: {errno}: set huge pages \
                     aside with `sysctl vm.nr_hugepages=4`"
                );
            }
        }
    }

    #[test]
    fn no_mapping_is_copied_to_a_forked_child() {
        let memory = Mapping::anonymous(3 * 4096, Pages::Normal).expect("a few pages");
        let flags = flags_at(memory.ptr().as_ptr().addr());
        assert!(is(&flags, "dc"), "{flags:?}");
    }

    #[test]
    fn a_copy_in_another_process_unmaps_nothing() {
        let memory = Mapping::anonymous(4096, Pages::Normal).expect("a page");
        // What a forked child holds: the same numbers, made by somebody else.
        drop(Range { ptr: memory.ptr(), len: memory.len(), maker: Process(0) });
        assert!(flags_at(memory.ptr().as_ptr().addr()).is_some(), "still mapped");
    }

    #[test]
    fn impossible_lengths_are_errors() {
        for pages in [Pages::Normal, Pages::Huge] {
            assert!(Mapping::anonymous(usize::MAX, pages).is_err());
            assert_eq!(Mapping::anonymous(0, pages).unwrap_err(), Errno::EINVAL);
        }
    }
}
