//! The geometry of a UMEM against its definition, in numbers that cannot overflow.

use xdp_core::layout::{ChunkSize, LayoutError, Place, UmemLayout, UnalignedLayout};
use xdp_core::{Addr, Chunk, Desc, Options};

use crate::Word;

/// The definition: the bytes lie in one chunk of `size` bytes, and that chunk is one of `chunks`.
fn place(first: u128, len: u32, size: u32, chunks: u32) -> Option<Place> {
    let (size, len) = (u128::from(size), u128::from(len));
    let (chunk, offset) = (first / size, first % size);
    let is_inside = chunk < u128::from(chunks) && offset + len <= size;
    is_inside.then_some(Place { chunk: Chunk(chunk as u32), offset: offset as u32, len: len as u32 })
}

/// A byte near the places where things go wrong: the borders of chunks, the end of the UMEM, the ends of a `u64`.
fn any_byte(word: &mut Word, size: u32, bytes: u64) -> u64 {
    match word.below(6) {
        0 => (u64::from(word.below(((bytes / u64::from(size)) as u32).saturating_add(2))) * u64::from(size))
            .wrapping_add(u64::from(word.below(5)))
            .wrapping_sub(2),
        1 => bytes.wrapping_add(u64::from(word.below(9))).wrapping_sub(4),
        2 => u64::MAX - u64::from(word.amount(1 << 16)),
        3 => (1u64 << 48).wrapping_add(u64::from(word.below(9))).wrapping_sub(4),
        4 => word.rest(),
        _ => word.rest() % bytes,
    }
}

fn any_len(word: &mut Word) -> u32 {
    match word.below(8) {
        0 => u32::MAX - word.below(9),
        1 => 1 << word.below(32),
        _ => word.below(4100),
    }
}

/// Aligned chunks: every word is an address and a length.
pub fn aligned(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let size = if word.once_in(2) { ChunkSize::K4 } else { ChunkSize::K2 };
    let (mut chunks, headroom) = (1 + word.amount(u32::MAX - 1), word.amount(1344));
    let layout = UmemLayout::new(size, chunks, headroom).or_else(|error| match error {
        LayoutError::Chunks { most, .. } => {
            assert!(most < chunks, "no more than what is too many");
            chunks = most;
            UmemLayout::new(size, chunks, headroom)
        }
        _ => Err(error),
    });
    let layout = layout.expect("a geometry that works");
    let bytes = u64::from(chunks) * u64::from(size.bytes());
    assert_eq!(layout.bytes() as u64, bytes);
    for word in steps {
        let mut word = Word::new(*word);
        let len = any_len(&mut word);
        let addr = any_byte(&mut word, size.bytes(), bytes);
        let found = layout.place(Desc { addr: Addr(addr), len, options: Options::NONE });
        let expected = place(addr.into(), len, size.bytes(), chunks);
        assert_eq!(found, expected, "{addr:#x} {len}");
        let start = addr - addr % u64::from(size.bytes());
        assert_eq!((layout.chunk_start(addr), u64::from(layout.offset(addr))), (start, addr - start));
        assert_eq!(layout.chunk_number(addr), addr / u64::from(size.bytes()));
        assert_eq!(layout.chunk(addr).is_some(), addr < bytes);
        if let Some(chunk) = layout.chunk(addr) {
            assert_eq!(layout.addr(chunk), start);
        }
        // The other encoding is of no meaning here, but its parts are kept.
        let (base, offset) = (addr & ((1 << 48) - 1), len as u16);
        let encoded = Addr::unaligned(addr, offset);
        assert_eq!((encoded.base(), encoded.offset()), (base, offset));
        assert_eq!(encoded.data(), base + u64::from(offset));
    }
}

/// Unaligned chunks, in both encodings: every word is an address and a length.
pub fn unaligned(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let size = 2048 + word.below(2049);
    let (chunks, headroom) = (1 + word.amount(u32::MAX - 2), word.amount(size - 704));
    let layout = UnalignedLayout::new(size, chunks, headroom).expect("a geometry that works");
    let bytes = u64::from(chunks) * u64::from(size);
    assert_eq!((layout.bytes() as u64, layout.rx_offset() + layout.rx_capacity()), (bytes, size));
    for word in steps {
        let mut word = Word::new(*word);
        let len = any_len(&mut word);
        let (is_split, offset) = (word.once_in(2), word.amount(u16::MAX.into()) as u16);
        let byte = any_byte(&mut word, size, bytes) & ((1 << 48) - 1);
        // The byte in one part; or in two, the base before it or, if there is nothing before it, anywhere.
        let addr = match byte.checked_sub(offset.into()) {
            Some(base) if is_split => Addr::unaligned(base, offset),
            None if is_split => Addr::unaligned(byte, offset),
            _ => Addr(byte),
        };
        let data = u128::from(addr.base()) + u128::from(addr.offset());
        let desc = Desc { addr, len, options: Options::NONE };
        let found = layout.place(desc);
        assert_eq!(found, place(data, len, size, chunks), "{addr} {len}");
        assert_eq!(u128::from(layout.chunk_number(addr.0)), data / u128::from(size), "{addr}");
        assert_eq!(u128::from(layout.chunk_start(addr.0)), data - data % u128::from(size), "{addr}");
        assert_eq!(u128::from(layout.offset(addr.0)), data % u128::from(size), "{addr}");
        assert_eq!(layout.chunk(addr.0).is_some(), data < bytes.into(), "{addr}");
        assert_eq!(
            layout.fits(desc),
            data % u128::from(size) + u128::from(len) <= size.into(),
            "{addr} {len}"
        );
        let Some(place) = found else { continue };
        // What is filled or sent by this geometry is what the kernel takes (`xp_check_unaligned`,
        // `xp_unaligned_validate_desc`), and means the same in either encoding.
        assert!(layout.addr(place.chunk) + u64::from(size) <= bytes, "{addr} {len}");
        assert!(len <= size && data + u128::from(len) <= bytes.into(), "{addr} {len}");
        let at = layout.addr_at(place.chunk, place.offset).filter(|_| place.offset < size);
        if let Some(at) = at {
            assert_eq!((at.base(), u128::from(at.data())), (layout.addr(place.chunk), data));
            assert_eq!(layout.place(Desc { addr: at, ..desc }), found);
        }
        assert_eq!(at.is_some(), place.offset < size);
    }
}
