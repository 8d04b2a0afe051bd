//! Huge pages: the kernel unmaps them only by whole pages, so a length that is no multiple of one would stay mapped, and
//! its pages lost, until the process ends.

#![allow(unsafe_code, reason = "locks a file, which the standard library cannot do before Rust 1.89")]

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

use xdp::{HugePages, Mode, Socket, Umem};

use crate::{QUEUE, enter, lab};

const SETTING: &str = "/proc/sys/vm/nr_hugepages";

/// Chunks of 4 KiB: one huge page and a part of another.
const CHUNKS: u32 = 700;

/// Sets huge pages aside for as long as it lives.
struct SetAside {
    before: u64,
    /// Locked, so that of two runs at once the second begins when the first has restored what it found.
    _lock: File,
}

impl SetAside {
    fn more(pages: u64) -> Result<Self, String> {
        let lock = File::open(SETTING).map_err(|error| format!("{SETTING}: {error}"))?;
        // SAFETY: flock(2) touches no memory, and the descriptor is open: `lock` owns it.
        if unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) } != 0 {
            return Err(format!("{SETTING}: {}", io::Error::last_os_error()));
        }
        let before = number(SETTING)?;
        let wanted = before + pages;
        fs::write(SETTING, wanted.to_string()).map_err(|error| format!("{SETTING}: {error}"))?;
        let guard = Self { before, _lock: lock };
        match number(SETTING)? {
            got if got >= wanted => Ok(guard),
            got => Err(format!("the kernel has set {got} huge pages aside, not {wanted}")),
        }
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        // Pages that are in use stay until they are given back.
        if let Err(error) = fs::write(SETTING, self.before.to_string()) {
            eprintln!("{SETTING} was {} before, and cannot be set back: {error}", self.before);
        }
    }
}

fn number(path: &str) -> Result<u64, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.trim().parse().map_err(|error| format!("{path}: {error}"))
}

/// Kilobytes of huge pages that this process has.
fn in_use() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("HugetlbPages:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_umem_that_ends_inside_a_huge_page_gives_every_page_back() {
    const TEST: &str = "a_umem_that_ends_inside_a_huge_page_gives_every_page_back";
    let Some(lab) = lab(TEST) else { return };
    let (_inside, a, _b) = enter(&lab);
    assert_eq!(in_use(), 0, "no other test of this program uses huge pages");
    let set_aside = match SetAside::more(4) {
        Ok(set_aside) => set_aside,
        Err(why) => return eprintln!("SKIPPED {TEST}: {why}"),
    };
    let build = |chunks| Umem::builder().chunks(chunks).huge_pages(HugePages::Require).build().unwrap();
    for round in 0..3 {
        let umem = build(CHUNKS);
        assert!(umem.has_huge_pages() && umem.layout().bytes() % (2 << 20) != 0);
        let mut tx = Socket::builder(&umem).mode(Mode::Copy).bind_tx(&*a, QUEUE).unwrap();
        assert!(tx.report().huge_pages);
        // Bound, so that all pages are there; and the last chunk is as good as any other.
        assert_eq!(in_use(), 4096, "round {round}");
        let mut frames: Vec<_> = std::iter::from_fn(|| tx.alloc()).collect();
        let last = frames.iter_mut().find(|frame| frame.chunk().0 == CHUNKS - 1).unwrap();
        last.set_len(last.tailroom() as usize).unwrap();
        last.fill(0xff);
        drop(frames);
        crate::fill_addresses::send(&mut tx, 64);
        drop((tx, umem));
        assert_eq!(in_use(), 0, "round {round}");
    }
    // What was taken while there were pages is given back after they were set aside no more.
    let umem = build(CHUNKS);
    drop(set_aside);
    drop(umem);
    assert_eq!(in_use(), 0);
}
