//! What the kernel says of unaligned chunks, judged: a chunk is found by a division rather than a mask.
//!
//! All of it works with aligned chunks, too, at a higher price than the methods of [`CustodyView`](super::CustodyView).

use super::{Custody, CustodyView, GRAIN, Holder, Seat};
use crate::desc::{Addr, Desc};

impl Custody {
    /// A view that knows of no chunk: whoever judges by it believes nothing.
    pub fn blind_view(&self) -> CustodyView<'_> {
        CustodyView { holders: &[], starts: u64::MAX }
    }

    /// The address of the first byte of the chunk of a seat.
    #[inline]
    pub fn start(&self, seat: Seat) -> u64 {
        if self.layout.is_unaligned() { self.unaligned_start(seat) } else { seat.addr() }
    }

    /// Apart, so that aligned chunks pay for nothing but the question.
    #[inline(never)]
    fn unaligned_start(&self, seat: Seat) -> u64 {
        // The one chunk that begins in the 2 KiB of the seat: no chunk is smaller.
        let last = seat.addr() + u64::from(GRAIN) - 1;
        self.layout.chunk_start(last)
    }

    /// Who has the chunk of this plain address, if there is such a chunk.
    pub fn holder_at(&self, addr: u64) -> Option<Holder> {
        self.view().holder_of(self.layout.addr(self.layout.chunk(addr)?))
    }

    /// Whether a descriptor with a plain address can be believed: its bytes lie inside one chunk of the UMEM, and
    /// `holder` has that chunk.
    pub fn vouches_for(&self, desc: Desc, holder: Holder) -> bool {
        self.place(desc).is_some_and(|start| self.view().is(start, holder))
    }

    /// Passes the chunk of a descriptor with a plain address on if the descriptor can be believed.
    pub fn pass_frame(&self, desc: Desc, from: Holder, to: Holder) -> Option<Seat> {
        let start = self.place(desc)?;
        self.view().pass(start, from, to).then_some(Seat((start / u64::from(GRAIN)) as u32))
    }

    /// How many of `descs`, whose addresses are plain, can be believed, from the front; the addresses of their chunks
    /// are written to `starts`, which is as long.
    pub fn vouch(&self, descs: &[Desc], holder: Holder, starts: &mut [u64]) -> usize {
        let mut vouched = 0;
        for (desc, start) in descs.iter().zip(starts) {
            match self.place(*desc).filter(|start| self.view().is(*start, holder)) {
                Some(found) => *start = found,
                None => break,
            }
            vouched += 1;
        }
        vouched
    }

    /// Passes the chunks of these addresses, plain or not, on, from the front to the first that `from` does not have,
    /// and writes the addresses of the chunks to `starts`, which is as long; returns how many.
    pub fn pass_all(&self, addrs: &[u64], [from, to]: [Holder; 2], starts: &mut [u64]) -> usize {
        let mut passed = 0;
        for (addr, start) in addrs.iter().zip(starts) {
            let Some(chunk) = self.layout.chunk(*addr) else { break };
            *start = self.layout.addr(chunk);
            if !self.view().pass(*start, from, to) {
                break;
            }
            passed += 1;
        }
        passed
    }

    /// The address of the chunk that a descriptor's bytes lie in; none if its address is not plain, as whoever asks goes
    /// on to take it for an offset into the UMEM.
    fn place(&self, desc: Desc) -> Option<u64> {
        let is_plain = !self.layout.is_unaligned() || desc.addr.offset() == 0;
        let place = self.layout.place(desc).filter(|_| is_plain)?;
        Some(self.layout.addr(place.chunk))
    }
}

/// Makes addresses plain: one of two parts is replaced by their sum. A plain address stays as it is.
///
/// A sum beyond 48 bits becomes the last address that has no more, which lies in no UMEM (L5 in `layout`): it would be
/// taken for one of two parts again.
pub fn make_plain(descs: &mut [Desc]) {
    const LAST: u64 = (1 << 48) - 1;
    for desc in descs {
        desc.addr = Addr(desc.addr.data().min(LAST));
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::desc::Options;
    use crate::layout::{Chunk, ChunkSize, UmemLayout};

    fn custody(chunk_bytes: u32, chunks: u32) -> (UmemLayout, Custody) {
        let layout = UmemLayout::new(ChunkSize::Unaligned(chunk_bytes), chunks, 0).unwrap();
        (layout, Custody::new(layout))
    }

    fn desc(addr: Addr, len: u32) -> Desc {
        Desc { addr, len, options: Options::NONE }
    }

    /// For every size of a chunk: no two chunks share a byte of the table, and each is found again from its own.
    #[test]
    fn every_chunk_of_every_size_has_a_seat_of_its_own() {
        for chunk_bytes in 2048..=4096 {
            let (layout, custody) = custody(chunk_bytes, 300);
            let mut seats = Vec::new();
            for chunk in (0..300).map(Chunk) {
                let start = layout.addr(chunk);
                let seat = custody.view().give(start, Holder::HANDS).unwrap();
                assert_eq!(custody.start(seat), start, "chunk {} of {chunk_bytes} bytes", chunk.0);
                seats.push(seat.addr());
            }
            seats.dedup();
            assert_eq!(seats.len(), 300, "chunks of {chunk_bytes} bytes");
            assert_eq!(custody.counts()[usize::from(Holder::HANDS.byte())], 300);
        }
    }

    /// The sum of the parts of a forged address can be an address of two parts again.
    #[test]
    fn a_sum_beyond_the_umem_stays_beyond_it() {
        let (layout, custody) = custody(3000, 8);
        for chunk in 0..8 {
            custody.view().set(layout.addr(Chunk(chunk)), Holder::receiving(0));
        }
        let mut descs = [
            desc(Addr::unaligned((1 << 48) - 100, 200), 1),
            desc(Addr::unaligned((1 << 48) - 1, u16::MAX), 1),
            desc(Addr::unaligned(3000, 256), 60),
        ];
        make_plain(&mut descs);
        assert_eq!(descs[2].addr, Addr(3256));
        let again = descs;
        make_plain(&mut descs);
        assert_eq!(descs, again);
        assert!(!custody.vouches_for(descs[0], Holder::receiving(0)));
        assert!(!custody.vouches_for(descs[1], Holder::receiving(0)));
        assert!(custody.vouches_for(descs[2], Holder::receiving(0)));
        // What was not made plain is not believed, whatever it means.
        assert!(!custody.vouches_for(desc(Addr::unaligned(3000, 256), 60), Holder::receiving(0)));
    }

    proptest! {
        /// Against a list of owners and plain divisions.
        #[test]
        fn a_descriptor_is_believed_if_its_bytes_lie_in_a_chunk_that_the_kernel_has(
            chunk_bytes in 2048u32..=4096,
            owners in prop::collection::vec(any::<bool>(), 1..40),
            base in 0u64..200_000,
            offset in prop_oneof![Just(0u16), any::<u16>()],
            len in prop_oneof![0u32..5000, any::<u32>()],
        ) {
            let (layout, custody) = custody(chunk_bytes, owners.len() as u32);
            let (kernel, others) = (Holder::receiving(3), Holder::sending(3));
            for (chunk, is_ours) in (0..).map(Chunk).zip(&owners) {
                custody.view().set(layout.addr(chunk), if *is_ours { kernel } else { others });
            }
            let mut descs = [desc(Addr::unaligned(base, offset), len)];
            make_plain(&mut descs);
            let (size, data) = (u64::from(chunk_bytes), base + u64::from(offset));
            let (chunk, end) = (data / size, data + u64::from(len));
            let expected = owners.get(chunk as usize).is_some_and(|is_ours| *is_ours) && end <= (chunk + 1) * size;
            let mut starts = [u64::MAX];
            prop_assert_eq!(custody.vouches_for(descs[0], kernel), expected);
            prop_assert_eq!(custody.vouch(&descs, kernel, &mut starts), usize::from(expected));
            prop_assert_eq!(starts[0], if expected { chunk * size } else { u64::MAX });
            let seat = custody.pass_frame(descs[0], kernel, Holder::HANDS);
            prop_assert_eq!(seat.map(|seat| custody.start(seat)), expected.then_some(chunk * size));
            prop_assert!(!custody.vouches_for(descs[0], kernel), "it was passed on");
            prop_assert_eq!(custody.blind_view().pass_frame(descs[0], Holder::HANDS, kernel), None);
        }

        /// A completion is the address that was sent, plain or in two parts.
        #[test]
        fn a_completion_names_its_chunk_by_any_byte_of_it(
            chunk_bytes in 2048u32..=4096,
            picks in prop::collection::vec((0u32..40, 0u16..2048, any::<bool>()), 0..40),
        ) {
            let (layout, custody) = custody(chunk_bytes, 40);
            let pass = [Holder::sending(1), Holder::FREE];
            (0..40).for_each(|chunk| custody.view().set(layout.addr(Chunk(chunk)), pass[0]));
            let addrs: Vec<u64> = picks
                .iter()
                .map(|(chunk, offset, is_plain)| {
                    let addr = Addr::unaligned(layout.addr(Chunk(*chunk)), *offset);
                    if *is_plain { addr.data() } else { addr.0 }
                })
                .collect();
            let mut seen = [false; 40];
            let new = picks.iter().take_while(|(chunk, ..)| !std::mem::replace(&mut seen[*chunk as usize], true));
            let (expected, mut starts) = (new.count(), std::vec![0; addrs.len()]);
            prop_assert_eq!(custody.pass_all(&addrs, pass, &mut starts), expected);
            for (start, (chunk, ..)) in starts.iter().zip(&picks).take(expected) {
                prop_assert_eq!(*start, layout.addr(Chunk(*chunk)));
            }
        }
    }
}
