use core::mem::offset_of;

use proptest::option;
use proptest::prelude::*;
use xdp_sys::Plain;
use xdp_sys::if_xdp::{
    XDP_TXMD_FLAGS_CHECKSUM, XDP_TXMD_FLAGS_LAUNCH_TIME, XDP_TXMD_FLAGS_TIMESTAMP, xsk_tx_metadata,
    xsk_tx_metadata_request,
};

use super::*;
use crate::desc::{Addr, Desc, Options};
use crate::layout::{ChunkSize, UmemLayout};

fn any_request() -> impl Strategy<Value = TxRequest> {
    (option::of(any::<(u16, u16)>()), option::of(any::<u64>()), option::of(any::<u64>())).prop_map(
        |(checksum, token, launch_time)| {
            let request =
                checksum.map_or(TxRequest::new(), |(start, offset)| TxRequest::new().checksum(start, offset));
            let request = token.map_or(request, |token| request.timestamp(token));
            launch_time.map_or(request, |time| request.launch_time(time))
        },
    )
}

/// What `xsk_build_skb` of Linux 6.18 does with the metadata of a frame of `len` bytes.
fn kernel_takes(metadata: &TxMetadata, len: u32) -> bool {
    let flags = u64::from_ne_bytes(metadata[..8].try_into().unwrap());
    let request = xsk_tx_metadata_request::read(&metadata[offset_of!(xsk_tx_metadata, body)..]).unwrap();
    let known = XDP_TXMD_FLAGS_TIMESTAMP | XDP_TXMD_FLAGS_CHECKSUM | XDP_TXMD_FLAGS_LAUNCH_TIME;
    let end = u32::from(request.csum_start) + u32::from(request.csum_offset) + 2;
    flags & !known == 0 && (flags & XDP_TXMD_FLAGS_CHECKSUM == 0 || end <= len)
}

proptest! {
    /// D1, and no request is refused without need.
    #[test]
    fn what_passes_the_check_is_what_the_kernel_takes(
        request in any_request(), len in 1u32..=4096, room in 0u32..64,
    ) {
        let fits = request.is_empty() || room >= TX_METADATA_LEN;
        prop_assert_eq!(request.check(len, room).is_ok(), fits && kernel_takes(&request.metadata(), len));
    }

    #[test]
    fn the_kernel_finds_what_was_asked_for(request in any_request()) {
        let bytes = request.metadata();
        let flags = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
        let body = xsk_tx_metadata_request::read(&bytes[offset_of!(xsk_tx_metadata, body)..]).unwrap();
        let checksum = request.wants_checksum();
        prop_assert_eq!(flags & XDP_TXMD_FLAGS_CHECKSUM != 0, checksum.is_some());
        prop_assert_eq!(body.csum_start, checksum.map_or(0, |checksum| checksum.start));
        prop_assert_eq!(body.csum_offset, checksum.map_or(0, |checksum| checksum.offset));
        prop_assert_eq!(flags & XDP_TXMD_FLAGS_TIMESTAMP != 0, request.wants_timestamp().is_some());
        prop_assert_eq!(flags & XDP_TXMD_FLAGS_LAUNCH_TIME != 0, request.wants_launch_time().is_some());
        prop_assert_eq!(body.launch_time, request.wants_launch_time().unwrap_or(0));
        prop_assert_eq!(flags == 0, request.is_empty());
    }

    /// The timestamp takes the place of the checksum's numbers: they are never taken for one.
    #[test]
    fn a_timestamp_is_told_from_what_stood_there(request in any_request(), time in 1u64 << 32..) {
        let sent = request.metadata();
        prop_assert_eq!(request.timestamp_in(&sent), None);
        let mut completed = sent;
        completed[8..16].copy_from_slice(&time.to_ne_bytes());
        prop_assert_eq!(request.timestamp_in(&completed), Some(time));
    }

    #[test]
    fn hints_are_read_as_they_were_written(
        timestamp in option::of(any::<u64>()),
        hash in option::of(any::<(u32, u32)>()),
        vlan in option::of(any::<(u16, u16)>()),
    ) {
        let hash = hash.map(|(value, kind)| RxHash { value, kind: HashType(kind) });
        let vlan = vlan.map(|(tci, protocol)| RxVlan { tci, protocol });
        let hints = RxHints { timestamp, hash, vlan };
        prop_assert_eq!(RxHints::from_metadata(&hints.metadata()), Some(hints));
    }

    /// Bytes that nobody wrote hints to are no hints, but for one chance in half a billion.
    #[test]
    fn arbitrary_bytes_are_read_without_panic_and_only_the_mark_makes_them_hints(bytes: [u8; 24], len in 0usize..24) {
        let mark = u32::from_ne_bytes(bytes[20..].try_into().unwrap()) & !7;
        prop_assert_eq!(RxHints::from_metadata(&bytes).is_some(), mark == RxHints::MARK);
        prop_assert_eq!(RxHints::from_metadata(&bytes[..len]), None);
        prop_assert_eq!(<(u32, u64)>::from_metadata(&bytes[..len]).is_some(), len == 12);
        prop_assert_eq!(<[u8; 8]>::from_metadata(&bytes[..len]).is_some(), len == 8);
    }

    /// Metadata lies in the chunk of its frame, behind the headroom that is the user's.
    #[test]
    fn metadata_is_read_from_the_frame_s_own_chunk_only(
        headroom in 0u32..=1344, addr: u64, near in 0u64..8 * 2048, parts in (0u64..8 * 2500, 0u16..2500),
        len in 0u32..=4096, metadata in 0u32..=252, is_unaligned: bool,
    ) {
        let size = if is_unaligned { ChunkSize::Unaligned(2500) } else { ChunkSize::K2 };
        let layout = UmemLayout::new(size, 8, headroom).unwrap();
        for addr in [addr, near, Addr::unaligned(parts.0, parts.1).0] {
            let desc = Desc { addr: Addr(addr), len, options: Options::NONE };
            let start = rx_start(&layout, desc, metadata);
            if let Some(start) = start {
                let plain = if is_unaligned { Addr(addr).data() } else { addr };
                prop_assert_eq!(start + u64::from(metadata), plain);
                prop_assert!(layout.place(desc).is_some());
                prop_assert!(start >= layout.chunk_start(addr) + u64::from(headroom));
            }
            let offset = layout.offset(addr);
            prop_assert_eq!(start.is_some(), layout.place(desc).is_some() && offset >= headroom + metadata);
        }
    }
}

#[test]
fn a_checksum_may_end_with_the_frame_and_not_behind_it() {
    let request = TxRequest::new().checksum(34, 6);
    assert_eq!(request.check(42, 24), Ok(()));
    assert_eq!(request.check(41, 24), Err(RequestError::Checksum { at: 40, len: 41 }));
    let far = TxRequest::new().checksum(u16::MAX, u16::MAX);
    assert_eq!(far.check(4096, 24), Err(RequestError::Checksum { at: 131_070, len: 4096 }));
    assert_eq!(TxRequest::new().timestamp(1).check(1, 23), Err(RequestError::Room { needed: 24, room: 23 }));
    assert_eq!(TxRequest::new().check(1, 0), Ok(()), "nothing needs no room");
}

#[test]
fn the_message_says_where_the_checksum_would_be() {
    let error = TxRequest::new().checksum(34, 6).check(41, 24).unwrap_err();
    let text = alloc::string::ToString::to_string(&error);
    assert!(text.contains("bytes 40 and 41") && text.contains("41 bytes"), "{text}");
}

/// What `RxHints` leaves to programs: places that are aligned to what is stored there, and none twice.
#[test]
fn the_hints_lie_one_behind_the_other() {
    let places = [
        (RxHints::TIMESTAMP_AT, 8),
        (RxHints::HASH_AT, 4),
        (RxHints::HASH_TYPE_AT, 4),
        (RxHints::VLAN_TCI_AT, 2),
        (RxHints::VLAN_PROTOCOL_AT, 2),
        (RxHints::VALID_AT, 4),
    ];
    let end = places.iter().fold(0, |next, &(at, bytes)| {
        assert_eq!((at, at % bytes), (next, 0));
        at + bytes
    });
    assert_eq!(end, RxHints::LEN);
    assert_eq!(RxHints::MARK & 7, 0);
}

#[test]
fn the_metadata_is_as_long_as_the_kernel_s() {
    assert_eq!(TX_METADATA_LEN as usize, size_of::<xsk_tx_metadata>());
}
